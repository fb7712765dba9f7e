//! A groutine that waits for a signal is woken by whoever sets it, on any thread; it goes on at the next open call, or
//! blocking call, of its own flow. Until then every open function is armed ([`met`]), so that the next call looks.
//!
//! # Invariants
//!
//! 1. A flag that goes from unmarked to woken is told to `met` once as woken, and once as polled when it is taken or
//!    ends.
//!
//! # Orderings
//!
//! A poll that takes a wake sees what was done before it: each change of a flag reads and writes, acquires and
//! releases, so none of several wakes is lost either.

use core::sync::atomic::{
    AtomicU8,
    Ordering::{AcqRel, Relaxed},
};
use std::task::Wake;

use crate::call::met;
use crate::primitive::Arc;

/// Was this groutine woken? Its waker.
pub(super) struct Flag(AtomicU8);

const WOKEN: u8 = 1;
const ENDED: u8 = 2;

impl Flag {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    pub(super) fn is_woken(&self) -> bool {
        self.0.load(Relaxed) & WOKEN != 0
    }

    /// Was it woken since it was asked last?
    pub(super) fn take(&self) -> bool {
        let taken = self.is_woken() && self.0.fetch_and(!WOKEN, AcqRel) == WOKEN;
        if taken {
            met::polled();
        }
        taken
    }

    /// Nobody is to be woken any more.
    pub(super) fn end(&self) {
        if self.0.fetch_or(ENDED, AcqRel) == WOKEN {
            met::polled();
        }
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.0.fetch_or(WOKEN, AcqRel) == 0 {
            met::wake();
        }
    }
}
