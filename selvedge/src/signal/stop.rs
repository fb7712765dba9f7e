//! The request to end: how a thread sees it, hides it, and says that it obeyed.

use core::fmt;
use std::error::Error;

use crate::primitive::atomic::Ordering::Relaxed;
use crate::signal::reason::Reason;
use crate::signal::record::Record;
use crate::signal::signal::Signal;

/// The calling thread's stop signal, which every blocking operation obeys.
///
/// Inside a [`shield`], and on a thread that is not part of the tree, it is never set.
///
/// # Examples
///
/// ```
/// use selvedge::signal;
/// assert!(!signal::stop().is_set());
/// ```
#[must_use]
pub fn stop() -> Signal {
    Record::with(|record| record.and_then(Record::visible_stop)).unwrap_or_else(Signal::never)
}

/// Runs `f` with stops from outside hidden, for clean-up that must wait.
///
/// Normally its waits are bounded by a [`Till`](crate::Till): nobody can interrupt them any more.
/// (trio's word and rule.)
///
/// # Panics
///
/// If `f` does; the stop is visible again.
///
/// # Examples
///
/// ```
/// use selvedge::{Till, signal, sync::Queue};
/// use std::time::Duration;
///
/// let last_words = Queue::new();
/// signal::shield(|| last_words.push_until("bye", &Till::after(Duration::from_secs(1))))?;
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub fn shield<R>(f: impl FnOnce() -> R) -> R {
    struct Lower<'r>(&'r Record);
    impl Drop for Lower<'_> {
        fn drop(&mut self) {
            self.0.shields().fetch_sub(1, Relaxed);
        }
    }
    Record::with(|record| {
        let Some(record) = record else { return f() };
        record.shields().fetch_add(1, Relaxed);
        let _lower = Lower(record);
        f()
    })
}

/// The error of a blocking operation whose thread was asked to stop: the operation did not happen.
///
/// Passed up with `?` it ends the thread as *stopped*, which is not a failure.
#[derive(Clone)]
#[doc(alias = "Cancelled")]
pub struct Stopped {
    reason: Box<Reason>,
}

impl Stopped {
    /// By a signal that is set.
    pub(crate) fn by(stop: &Signal) -> Self {
        Self {
            reason: Box::new(stop.reason().expect("the stop signal is set")),
        }
    }

    /// Who asked, why and where.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stopped({})", self.reason)
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "asked to stop: {}", self.reason)
    }
}

impl Error for Stopped {}
