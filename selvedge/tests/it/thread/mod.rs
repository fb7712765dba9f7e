//! The tree of threads: who ends when, who is told, and that nothing is left.

mod failure;
mod join;
mod names;
mod order;
mod picture;
mod results;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{Outcome, Thread};
use selvedge::{Signal, Till};

/// A bound for what should take no time at all.
pub(crate) fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

/// A body that ends when it is asked to.
pub(crate) fn until_stopped(_stop: Signal) -> Outcome<()> {
    Ok(Signal::new().wait()?)
}

/// Ends the handle without releasing the thread: its result is left to the parent.
pub(crate) fn leave<T: Send + 'static>(thread: Thread<T>) {
    static LEFT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new()); // no leak: it can be reached
    LEFT.lock().unwrap().push(Box::new(thread));
}

/// The message of the panic of `f`.
pub(crate) fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should have panicked");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().expect("a text")).to_owned(),
    }
}

/// The places of `lines` among the events of `world`, which must have each once.
#[track_caller]
pub(crate) fn places<const N: usize>(world: &World, lines: [&str; N]) -> [usize; N] {
    let events = world.events();
    lines.map(|line| {
        let at: Vec<_> = (0..events.len()).filter(|at| events[*at] == line).collect();
        assert_eq!(at.len(), 1, "`{line}` in {events:#?}");
        at[0]
    })
}
