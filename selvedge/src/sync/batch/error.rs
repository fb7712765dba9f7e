//! What a batch queue could not deliver.
//!
//! # Invariants
//!
//! 1. The items of a failure are in one place, which the errors of `serve` and `stop` share; the first who
//!    takes them has them. Dropped with items inside, it reports them.

use core::fmt;
use std::error::Error;

use crate::primitive::{Arc, Mutex};
use crate::probe::{self, Event};
use crate::signal::Stopped;
use crate::sync::batch::batch::Label;

/// The last failure of a sink, with the items that were not delivered.
///
/// [`serve`](super::BatchQueue::serve) and [`stop`](super::BatchQueue::stop) give the same one; the items go
/// to the first who takes them. Items that nobody takes are reported as a
/// [`probe::Event`](crate::probe::Event).
pub struct Undelivered<T>(Arc<Lost<T>>);

struct Lost<T> {
    failure: Box<dyn Error + Send + Sync>,
    items: Mutex<Vec<T>>,
    label: Label,
}

impl<T> Undelivered<T> {
    pub(super) fn new(failure: Box<dyn Error + Send + Sync>, items: Vec<T>, label: Label) -> Self {
        let items = Mutex::new(items);
        Self(Arc::new(Lost {
            failure,
            items,
            label,
        }))
    }

    /// The items that were not delivered, in order; nothing if they were taken before.
    #[must_use]
    pub fn take_items(&self) -> Vec<T> {
        core::mem::take(&mut *self.0.items.lock())
    }

    /// What the sink failed with.
    #[must_use]
    pub fn failure(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0.failure
    }
}

impl<T> Drop for Lost<T> {
    fn drop(&mut self) {
        let items = self.items.lock().len();
        if items > 0 {
            let queue = &self.label;
            probe::emit(&Event::Undelivered { queue, items });
        }
    }
}

impl<T> Clone for Undelivered<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Undelivered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undelivered")
            .field("failure", &self.0.failure)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Undelivered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lost { failure, label, .. } = &*self.0;
        write!(f, "the last flush of {label} failed: {failure}")
    }
}

impl<T> Error for Undelivered<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0.failure)
    }
}

/// The error of [`BatchQueue::stop`](super::BatchQueue::stop) and its `stop_until`.
#[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
pub enum StopError<T> {
    /// The last flush failed; the items are inside.
    Undelivered(Undelivered<T>),
    /// The signal was set before everything was delivered.
    Expired,
    /// The calling thread was asked to stop before everything was delivered.
    Stopped(Stopped),
}

impl<T> fmt::Debug for StopError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undelivered(lost) => fmt::Debug::fmt(lost, f),
            Self::Expired => f.write_str("Expired"),
            Self::Stopped(stopped) => fmt::Debug::fmt(stopped, f),
        }
    }
}

impl<T> fmt::Display for StopError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undelivered(lost) => fmt::Display::fmt(lost, f),
            Self::Expired => f.write_str("the wait for the last flush expired"),
            Self::Stopped(stopped) => fmt::Display::fmt(stopped, f),
        }
    }
}

impl<T: 'static> Error for StopError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Undelivered(lost) => Some(lost),
            Self::Expired => None,
            Self::Stopped(stopped) => Some(stopped),
        }
    }
}
