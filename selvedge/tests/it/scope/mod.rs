//! Scopes: what borrows ends before the borrow, on every way out; failures come as one group.

mod failures;
mod joining;
mod many;
mod place;
mod start;
mod stop;

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use selvedge::thread::{Failures, Outcome};
use selvedge::{Signal, Till};

/// A bound for what should take no time at all.
pub(crate) fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

pub(crate) fn until_stopped(_stop: Signal) -> Outcome<()> {
    Ok(Signal::new().wait()?)
}

pub(crate) fn fails(_stop: Signal) -> Outcome<()> {
    Err("no luck".into())
}

pub(crate) fn texts(failures: &Failures) -> Vec<String> {
    failures.all().iter().map(ToString::to_string).collect()
}

/// The `Stopped` in which the sources of `error` end.
pub(crate) fn root_cause<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// Notes when it is dropped, after a while in which others could notice that it is not.
pub(crate) struct Slow<'a>(pub(crate) &'a AtomicBool);

impl Drop for Slow<'_> {
    fn drop(&mut self) {
        for _ in 0..1000 {
            std::thread::yield_now();
        }
        self.0.store(true, SeqCst);
    }
}
