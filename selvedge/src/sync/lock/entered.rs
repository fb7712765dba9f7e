//! Where the holder of a lock entered it, for messages and for whoever looks at the program.
//!
//! # Invariants
//!
//! 1. The pointer is null or came from a `&'static Location`.
//!
//! # Orderings
//!
//! `Relaxed`: whoever holds the lock reads what it wrote itself, and others read a guess.

use core::panic::Location;
use core::ptr;

use crate::primitive::atomic::{AtomicPtr, Ordering::Relaxed};
use crate::primitive::const_fn;

/// Where the holder entered, or one before it.
#[derive(Debug)]
pub(super) struct Entered(AtomicPtr<Location<'static>>);

impl Entered {
    const_fn! {
        pub(super) fn new() -> Self {
            Self(AtomicPtr::new(ptr::null_mut()))
        }
    }

    #[inline]
    pub(super) fn note(&self, at: &'static Location<'static>) {
        self.0.store(ptr::from_ref(at).cast_mut(), Relaxed);
    }

    pub(super) fn get(&self) -> Option<&'static Location<'static>> {
        let entered = self.0.load(Relaxed);
        // SAFETY: null, or a location that lives for ever (invariant 1).
        #[allow(unsafe_code, reason = "see the invariants")]
        unsafe {
            entered.as_ref()
        }
    }
}
