//! The grace period: how long a shutdown waits before it ends the program by force.
//!
//! It begins when the program is asked to stop, or when the body has ended and threads or actions of tills
//! are left. A thread
//! of its own waits for it, because the main thread may be the one that is stuck.

use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::time::Duration;

use crate::primitive::{Arc, JoinHandle, Mutex, drop_caught, spawn};
use crate::program::report::{self, Report};
use crate::signal::{Signal, Timer};
use crate::thread::Node;

/// What the user wants to be told at the end.
pub(super) type OnReport = Box<dyn FnOnce(&Report) + Send>;

pub(super) struct Grace {
    shared: Arc<Shared>,
}

struct Shared {
    node: Arc<Node>,
    period: Duration,
    /// Every thread, and every action of a till, has ended.
    done: Signal,
    /// What the body returned; 1 before it has.
    status: AtomicI32,
    waiter: Mutex<Option<JoinHandle<()>>>,
    /// Taken by whoever reports: the normal end, or the end of the grace.
    on_report: Mutex<Option<OnReport>>,
    /// The program's own tills are set when its tree has been joined, before the last of it is over.
    timer: Timer,
}

impl Grace {
    pub(super) fn new(node: &Arc<Node>, period: Duration, on_report: Option<OnReport>) -> Self {
        if on_report.is_some() {
            node.want_record();
        }
        let shared = Arc::new(Shared {
            node: Arc::clone(node),
            period,
            done: Signal::named("ended"),
            status: AtomicI32::new(1),
            waiter: Mutex::new(None),
            on_report: Mutex::new(on_report),
            timer: Timer::of_its_own(),
        });
        let weak = Arc::downgrade(&shared);
        let begin = move || {
            if let Some(shared) = weak.upgrade() {
                shared.begin();
            }
        };
        node.on_asked(Box::new(begin));
        Self { shared }
    }

    /// Begins the period when the guard goes, if there are threads to wait for.
    pub(super) fn begin_when_dropped(&self) -> impl Drop + use<> {
        struct Begin(Arc<Shared>);
        impl Drop for Begin {
            fn drop(&mut self) {
                if self.0.node.has_children() {
                    self.0.begin();
                }
            }
        }
        Begin(Arc::clone(&self.shared))
    }

    pub(super) fn set_status(&self, status: ExitCode) {
        // `ExitCode` does not say its number; there are only 256.
        let number = (0..=u8::MAX).find(|number| ExitCode::from(*number) == status);
        self.shared
            .status
            .store(number.map_or(1, i32::from), SeqCst);
    }

    /// Begins the period, unless it runs.
    pub(super) fn begin(&self) {
        self.shared.begin();
    }

    /// Everything has ended: nobody has to be forced. The report is handed out.
    pub(super) fn end(&self) {
        if let Some(tell) = self.shared.tell() {
            // A panic of the user's goes no further than the hook that has told it.
            let _ = panic::catch_unwind(AssertUnwindSafe(tell)).map_err(drop_caught);
        }
        self.shared.done.set();
        let waiter = self.shared.waiter.lock().take();
        if let Some(waiter) = waiter {
            let _ = waiter.join();
        }
        self.shared.timer.shutdown();
    }
}

impl Shared {
    fn begin(self: &Arc<Self>) {
        let mut waiter = self.waiter.lock();
        if waiter.is_some() || self.done.is_set() {
            return;
        }
        let shared = Arc::clone(self);
        // Without a thread to give, the program waits for as long as its threads take.
        *waiter = spawn("selvedge-grace", None, move || shared.wait()).ok();
    }

    fn wait(&self) {
        // As without a thread.
        let Ok(over) = self.timer.try_after(self.period) else {
            return;
        };
        if self.done.wait_until(&over).is_err() {
            self.force();
        }
    }

    /// What hands out the report, to the first who asks.
    fn tell(&self) -> Option<impl FnOnce() + Send + use<>> {
        let on_report = self.on_report.lock().take()?;
        let node = Arc::clone(&self.node);
        Some(move || on_report(&Report::of(&node)))
    }

    /// Names who still runs and ends the process.
    fn force(&self) {
        let report = report::still_running(&self.node, &format!("after {:?}", self.period));
        let _ = std::io::stderr().lock().write_all(report.as_bytes());
        let (node, tell) = (Arc::clone(&self.node), self.tell());
        in_a_second("selvedge-report", move || {
            report::announce_overdue(&node);
            if let Some(tell) = tell {
                tell();
            }
        });
        flush();
        #[cfg(feature = "run")]
        {
            crate::program::interrupt::raise_again();
            signal_hook::low_level::exit(self.status.load(SeqCst))
        }
        #[cfg(not(feature = "run"))]
        std::process::exit(self.status.load(SeqCst))
    }
}

/// What was printed must arrive, also when the process ends by a signal.
pub(super) fn flush() {
    // A stuck thread may hold the lock of standard output; a broken pipe has no reader left. Neither may
    // keep the program from ending.
    in_a_second("selvedge-flush", || {
        let _ = std::io::stdout().flush();
        #[cfg(feature = "observe")]
        crate::observe::logging::flush();
    });
}

/// Runs `f` on a thread that nobody waits for longer than it should take.
fn in_a_second(name: &str, f: impl FnOnce() + Send + 'static) {
    let ended = Signal::new();
    // At the end of a run the program's own tills are born set: they would not wait.
    let timer = Timer::of_its_own();
    let end = ended.clone();
    let thread = spawn(name, None, move || {
        let _end = end.set_on_drop(); // a panic too
        f();
    });
    if let Ok(thread) = thread
        && ended
            .wait_until(&timer.after_or_at_once(Duration::from_secs(1)))
            .is_ok()
    {
        let _ = thread.join();
    }
    timer.shutdown();
}
