//! A root of its own for one test.

use core::fmt;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use crate::ambient::Ambient;
use crate::primitive::{Arc, Mutex};
use crate::probe::{self, Subscription};
use crate::shared;
use crate::signal::{Clock, MockTime, Timer};
use crate::thread::{Ended, Failure, JoinError, Node, run_body};

/// A tree of threads, a clock and an event list of its own.
///
/// # Examples
///
/// ```
/// use selvedge::{Till, testing::World, thread};
/// use std::time::{Duration, SystemTime};
///
/// let world = World::with_mock_clock();
/// world.run(|| {
///     let late = Till::after(Duration::from_secs(3600));
///     let sleeper = thread::spawn("sleeper", {
///         let late = late.clone();
///         move |_stop| Ok(late.wait()?)
///     });
///     world.advance(Duration::from_secs(3600));
///     sleeper.join().unwrap();
/// });
/// assert_eq!(world.events(), ["sleeper started", "sleeper ended: finished"]);
/// ```
pub struct World {
    name: Box<str>,
    timer: Timer,
    events: Arc<Mutex<Vec<String>>>,
    _heard: Subscription,
}

impl World {
    /// A world whose clock is the real one.
    #[must_use]
    pub fn new() -> Self {
        Self::make(Clock::Real)
    }

    /// A world whose time stands still until [`advance`](Self::advance).
    #[must_use]
    pub fn with_mock_clock() -> Self {
        Self::make(Clock::Mock(MockTime::new()))
    }

    fn make(clock: Clock) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name: Box<str> = format!("world-{}", NEXT.fetch_add(1, Relaxed)).into();
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = probe::subscribe({
            let (prefix, events) = (format!("{name}/"), Arc::clone(&events));
            move |event| {
                // Other tests' worlds tell their own.
                if let Some(line) = line_of(event, &prefix) {
                    events.lock().push(line);
                }
            }
        });
        Self {
            name,
            timer: Timer::new(clock),
            events,
            _heard: heard,
        }
    }

    /// Runs `f` as the main thread of this world, then ends its threads, and gives what `f` gave.
    ///
    /// # Panics
    ///
    /// If `f` does, or if a thread failed and nobody joined it.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        self.timer.restart();
        let node = Node::root(&self.name, self.timer.clone());
        let ended = run_body(&node, |_stop| Ok(f()));
        self.timer.shutdown();
        #[cfg(selvedge_process)]
        crate::process::linux::quiesce(false); // as at the end of `run`
        match ended {
            Ended::Finished(result) => result,
            Ended::Failed(Failure::Panic(panic)) => resume_unwind(panic.into_payload()),
            Ended::Failed(failure) => panic!("{}", JoinError::from(failure)),
            Ended::Stopped(stopped) => unreachable!("the body returned no error: {stopped}"),
        }
    }

    /// Runs `f` as [`run`](Self::run) does, with nothing bound, and with singletons of its own.
    ///
    /// What surrounds the call is not seen, and what `f` writes to a singleton is thrown away in the end. So tests
    /// that run beside each other in one process do not meet: patches, bindings of locals and contexts are in the
    /// ambient, and that is this test's. `#[selvedge::test]` is for functions that are such a test as a whole.
    ///
    /// A thread that is spawned in it belongs to its tree, and starts with nothing bound; give it what is bound
    /// here by [`inherit`](crate::Carry::inherit).
    ///
    /// # Panics
    ///
    /// As `run` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::testing::World;
    ///
    /// selvedge::local! { static USER: &'static str; }
    /// selvedge::singleton! { static VISITS: u32 = 0; }
    ///
    /// USER.bind("Ada", || World::new().test(|| {
    ///     assert!(!USER.is_bound());
    ///     VISITS.update(|visits| *visits += 1);
    ///     assert_eq!(*VISITS.get(), 1);
    /// }));
    /// assert_eq!(*VISITS.get(), 0);
    /// ```
    pub fn test<R>(&self, f: impl FnOnce() -> R) -> R {
        self.run(|| {
            let (result, changes) = Ambient::empty().run(|| shared::isolated(f));
            changes.discard();
            result
        })
    }

    /// Moves a mock clock: what was to happen by then happens. A real clock is not moved.
    pub fn advance(&self, by: Duration) {
        self.timer.advance(by);
    }

    /// Sets a mock system clock, as a person or a daemon would; the monotonic one stays where it is. A real
    /// clock is not set.
    ///
    /// ```
    /// use selvedge::{Till, testing::World};
    /// use std::time::{Duration, SystemTime};
    ///
    /// let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_800);
    /// let world = World::with_mock_clock();
    /// world.set_system_clock(noon - Duration::from_secs(60));
    /// world.run(|| {
    ///     let till = Till::at_system(noon);
    ///     world.set_system_clock(noon);
    ///     till.wait().unwrap(); // and no time has passed
    /// });
    /// ```
    pub fn set_system_clock(&self, now: SystemTime) {
        self.timer.set_system_clock(now);
    }

    /// What happened to this world's threads, a line each, in order. Paths start below the world.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        self.events.lock().clone()
    }
}

/// The events of threads below `prefix`, without what differs from run to run.
fn line_of(event: &probe::Event<'_>, prefix: &str) -> Option<String> {
    let line = match event {
        probe::Event::Started { thread, .. } => format!("{} started", thread.strip_prefix(prefix)?),
        probe::Event::StopAsked { thread, .. } => {
            format!("{} asked to stop", thread.strip_prefix(prefix)?)
        }
        probe::Event::Failed { thread, .. } => format!("{} failed", thread.strip_prefix(prefix)?),
        probe::Event::Stopped { thread, how, .. } => {
            format!("{} ended: {how}", thread.strip_prefix(prefix)?)
        }
        probe::Event::Unreceived { thread, .. } => {
            format!("{} failed, nobody joins it", thread.strip_prefix(prefix)?)
        }
        probe::Event::Restarted { thread, after, .. } => {
            format!("{} starts again in {after:?}", thread.strip_prefix(prefix)?)
        }
        probe::Event::RunFailed { schedule, .. } => {
            format!("a run of {} failed", schedule.strip_prefix(prefix)?)
        }
        probe::Event::RunOverdue { thread, .. } => {
            format!("{} is overdue", thread.strip_prefix(prefix)?)
        }
        probe::Event::Entered { context, thread } => {
            format!("{} entered {context}", thread.strip_prefix(prefix)?)
        }
        probe::Event::Left {
            context,
            thread,
            panicking,
        } => {
            let how = if *panicking { " by a panic" } else { "" };
            format!("{} left {context}{how}", thread.strip_prefix(prefix)?)
        }
        _ => return None,
    };
    Some(line)
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
