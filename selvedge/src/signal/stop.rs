//! The request to end: how a thread sees it, hides it, and says that it obeyed.

use core::fmt;
use core::panic::Location;
use std::error::Error;

use crate::primitive::atomic::Ordering::Relaxed;
use crate::signal::deadline;
use crate::signal::reason::Reason;
use crate::signal::record::Record;
use crate::signal::signal::Signal;

/// What every blocking operation of the calling thread obeys: the thread's stop signal, or the
/// [`deadline`](super::deadline()) of a block that it is in.
///
/// Inside a [`shield`] only a deadline that was entered in it counts. A thread that is not part of the tree
/// is not asked to stop, but has deadlines.
///
/// # Examples
///
/// ```
/// use selvedge::signal;
/// assert!(!signal::stop().is_set());
/// ```
#[must_use]
pub fn stop() -> Signal {
    visible_stop().unwrap_or_else(Signal::never)
}

/// The same, if there is one: threads that have none do not touch what they all share.
pub(super) fn visible_stop() -> Option<Signal> {
    deadline::with_deadlines(Record::with(|record| record.and_then(Record::visible_stop)))
}

/// Runs `f` with stops and deadlines from outside hidden, for clean-up that must wait.
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
#[track_caller]
pub fn shield<R>(f: impl FnOnce() -> R) -> R {
    struct Lower<'r>(&'r Record);
    impl Drop for Lower<'_> {
        fn drop(&mut self) {
            self.0.shields().fetch_sub(1, Relaxed);
        }
    }
    let at = Location::caller();
    Record::with(|record| {
        let _lower = record.map(|record| {
            record.shields().fetch_add(1, Relaxed);
            Lower(record)
        });
        deadline::walled(at, f)
    })
}

/// The error of a blocking operation whose thread was asked to stop, or whose deadline has passed: the
/// operation did not happen.
///
/// Passed up with `?` it ends a thread that was asked to stop as *stopped*, which is not a failure.
#[derive(Clone)]
#[doc(alias = "Cancelled")]
pub struct Stopped {
    reason: Box<Reason>,
}

impl Stopped {
    /// By what [`stop`] gave to this thread, which is set.
    pub(crate) fn by(stop: &Signal) -> Self {
        let thread = || Record::with(|record| record.and_then(Record::visible_stop)?.reason());
        // What counts is the thread's stop, then a deadline, whichever of them was noticed first.
        let reason = thread()
            .or_else(deadline::blamed)
            .or_else(|| stop.reason())
            .expect("the stop signal is set");
        Self {
            reason: Box::new(reason),
        }
    }

    /// For this reason, whoever asks.
    #[cfg(selvedge_process)]
    pub(crate) fn because(reason: Reason) -> Self {
        Self {
            reason: Box::new(reason),
        }
    }

    /// Was it a [`deadline`](super::deadline()), and not a request to stop?
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        self.reason.is_deadline()
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
        if self.is_deadline() {
            write!(f, "out of time: {}", self.reason)
        } else {
            write!(f, "asked to stop: {}", self.reason)
        }
    }
}

impl Error for Stopped {}
