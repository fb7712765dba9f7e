//! The ambient while a thread's own statics are destroyed: nothing is bound, everything works, nothing
//! aborts.
//!
//! A binary of its own: an abort here would take other tests along.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Waker};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::{Ambient, Till, Wrap, context, local, open, shared, singleton, thread};

local! {
    static BOUND: String;
    static DEFAULT: u8 = 3;
    /// Never bound before the thread ends.
    static LATE: u8;
}
context! { static WORK = "work" isolates; }
singleton! { static COUNT: u32 = 0; }

#[open]
fn number() -> u32 {
    1
}

/// What a destructor saw, a line each.
type Report = Vec<String>;

/// Uses everything when it is dropped.
struct AtExit {
    report: Sender<Report>,
    carried: Option<Ambient>,
}

impl Drop for AtExit {
    fn drop(&mut self) {
        let mut report = Report::new();
        report.push(match BOUND.get() {
            Ok(text) => format!("bound to {text}"),
            Err(error) => format!("{} is unbound", error.name().rsplit("::").next().unwrap()),
        });
        report.push(format!("default {:?}", DEFAULT.copied().ok()));
        let inner = LATE.bind(7, || {
            let ambient = Ambient::capture();
            WORK.run(|| {
                COUNT.update(|count| *count += 1); // thrown away
                (
                    WORK.is_active(),
                    LATE.copied().ok(),
                    ambient.run(|| LATE.copied().ok()),
                )
            })
        });
        report.push(format!("inside {inner:?}, after {:?}", LATE.copied().ok()));
        let exits = RefCell::new(None);
        let block = LATE
            .to(8)
            .on_exit(|| *exits.borrow_mut() = LATE.copied().ok());
        let mut future = pin!(block.wrap(async { LATE.copied().ok() }));
        let polled = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        report.push(format!("future {polled:?}, exit {:?}", exits.take()));
        let (written, changes) = shared::isolated(|| COUNT.update(|count| *count + 1));
        changes.discard();
        let patched = number::around(|args, next| next.proceed(args) + 1).run(number);
        report.push(format!(
            "isolated {written}, patched {patched}, plain {}",
            number()
        ));
        if let Some(carried) = self.carried.take() {
            let seen = carried.run(|| BOUND.with(String::clone));
            report.push(format!("carried {}", seen.unwrap_or_default()));
        }
        let panics = std::panic::catch_unwind(|| BOUND.bind("x".into(), || panic!("inside")));
        report.push(format!(
            "panicked {}, bound {}",
            panics.is_err(),
            BOUND.is_bound()
        ));
        // The receiver waits with a bound of its own; it says so if this is lost.
        let _ = self.report.send(report);
    }
}

std::thread_local! {
    static EARLY: RefCell<Option<AtExit>> = const { RefCell::new(None) };
    static LATER: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

const EXPECTED: [&str; 7] = [
    "BOUND is unbound",
    "default Some(3)",
    "inside (true, Some(7), Some(7)), after None",
    "future Ready(Some(8)), exit Some(8)",
    "isolated 1, patched 2, plain 1",
    "carried from outside",
    "panicked true, bound false",
];

/// Runs what a thread does: it leaves destructors behind, before and after its first block.
fn body(report: Sender<Report>) {
    let carried = BOUND.bind("from outside".to_owned(), Ambient::capture);
    let at_exit = |report| AtExit {
        report,
        carried: Some(carried.clone()),
    };
    EARLY.set(Some(at_exit(report.clone())));
    BOUND.bind("in the body".to_owned(), || {
        LATER.set(Some(at_exit(report)));
        assert_eq!(BOUND.with(String::clone).as_deref(), Ok("in the body"));
    });
}

#[track_caller]
fn check(reports: &std::sync::mpsc::Receiver<Report>) {
    for _ in 0..2 {
        let report = reports.recv_timeout(Duration::from_secs(10));
        assert_eq!(report.expect("both destructors ran to their end"), EXPECTED);
    }
}

#[test]
fn destructors_of_an_alien_threads_statics_may_use_the_ambient() {
    let (report, reports) = channel();
    let thread = std::thread::Builder::new().spawn(move || body(report));
    check(&reports);
    thread.unwrap().join().unwrap();
    assert_eq!(*COUNT.get(), 0);
}

#[test]
fn destructors_of_a_tree_threads_statics_may_use_the_ambient() {
    let (report, reports) = channel();
    World::new().run(|| {
        let thread = thread::spawn("exits", move |_stop| {
            body(report);
            Ok(())
        });
        thread
            .join_until(&Till::after(Duration::from_secs(10)))
            .unwrap();
    });
    check(&reports);
    assert_eq!(*COUNT.get(), 0);
}

/// A thread that never entered a block has no table yet when the destructors come.
#[test]
fn destructors_may_enter_the_first_block_of_a_thread() {
    let (report, reports) = channel();
    let carried = BOUND.bind("from outside".to_owned(), Ambient::capture);
    let thread = std::thread::Builder::new().spawn(move || {
        let carried = Some(carried);
        EARLY.set(Some(AtExit { report, carried }));
    });
    let report = reports.recv_timeout(Duration::from_secs(10));
    assert_eq!(report.unwrap(), EXPECTED);
    thread.unwrap().join().unwrap();
}
