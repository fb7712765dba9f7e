//! The tree's less common members: services, prepared threads, given parents, aliens; and who is asked when.

mod aliens;
mod many;
mod prepared;
mod services;

use std::any::Any;
use std::sync::Mutex;
use std::time::Duration;

use selvedge::thread::{Outcome, Thread};
use selvedge::{Signal, Till};

/// A bound for what should take no time at all.
pub(crate) fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

/// Ends the handle without releasing the thread: its result is left to the parent.
pub(crate) fn leave<T: Send + 'static>(thread: Thread<T>) {
    static LEFT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new()); // no leak: it can be reached
    LEFT.lock().unwrap().push(Box::new(thread));
}

/// A body that ends when it is asked to.
pub(crate) fn until_stopped(_stop: Signal) -> Outcome<()> {
    Ok(Signal::new().wait()?)
}
