//! Actions that hang on a signal: their handle, and how one is run.

use core::fmt;
use std::panic::{self, AssertUnwindSafe};

use crate::primitive::{Arc, Weak, drop_caught, message_of};
use crate::probe::{self, Event};
use crate::signal::links::{Callback, LinkId};
use crate::signal::signal::{Inner, Signal};

/// Unhooks its action when dropped, unless that has begun.
#[must_use = "dropping it takes the action back; call `forever` to keep it"]
pub struct OnSet {
    signal: Weak<Inner>,
    id: Option<LinkId>,
}

impl OnSet {
    pub(super) fn new(signal: &Signal, id: Option<LinkId>) -> Self {
        Self {
            signal: Arc::downgrade(&signal.0),
            id,
        }
    }

    /// Keeps the action for as long as the signal can be set.
    pub fn forever(mut self) {
        self.id = None;
    }
}

impl Drop for OnSet {
    fn drop(&mut self) {
        let (Some(id), Some(inner)) = (self.id, self.signal.upgrade()) else {
            return;
        };
        Signal(inner).unlink(id);
    }
}

impl fmt::Debug for OnSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnSet")
            .field("hooked", &self.id.is_some())
            .finish_non_exhaustive()
    }
}

/// Runs an action on this thread; a panic of it is reported and goes no further.
pub(super) fn run_here(signal: &Signal, action: Callback) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(action)) {
        let message = message_of(&*payload);
        probe::emit(&Event::CallbackPanicked { signal, message });
        drop_caught(payload);
    }
}
