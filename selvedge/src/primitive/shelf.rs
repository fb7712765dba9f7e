//! A counted value that is replaced now and then, and lent to every call.
//!
//! To lend it takes one exchange, and so does giving it back, where a lock and a count would take four. One count
//! lies ready, the spare; who finds it gone, because another call has it, takes the lock and counts.
//!
//! # Invariants
//!
//! 1. `spare` is null, or owns one count of the value that it points to, made by [`Arc::into_raw`]; who takes the
//!    pointer out takes over the count.
//! 2. After `replace`, nobody is lent what was there before, and `spare` does not keep it: who puts it there
//!    meanwhile takes it away again.
//!
//! # Orderings
//!
//! Who gives back stores to `spare` and then looks at `current`; who replaces stores to `current` and then looks
//! at `spare`. One of both sees the other, if all four are `SeqCst`. `Relaxed` elsewhere: a call that happens after
//! a `replace` sees its `current`, and what comes out of `spare` is compared with that.
#![allow(
    unsafe_code,
    reason = "a count of an `Arc` is kept as a pointer, which can be exchanged"
)]

use core::ops::Deref;
use core::ptr;
use std::sync::PoisonError;
#[cfg(selvedge_loom)]
use std::sync::atomic::AtomicPtr; // it stands in statics, where loom's cannot
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

#[cfg(not(selvedge_loom))]
use super::atomic::AtomicPtr;
use super::{Arc, RwLock};

/// A place for one counted value.
pub(crate) struct Shelf<T> {
    value: RwLock<Option<Arc<T>>>,
    /// Which one is there, or null; never followed. Written under the lock.
    current: AtomicPtr<T>,
    /// See invariant 1.
    spare: AtomicPtr<T>,
}

/// Declares a shelf of the process. Under shuttle each execution has its own, as of everything that it schedules.
macro_rules! process_shelf {
    ($(#[$meta:meta])* static $name:ident: $type:ty;) => {
        $(#[$meta])*
        #[cfg(not(selvedge_shuttle))]
        static $name: $crate::primitive::Shelf<$type> = $crate::primitive::Shelf::new();
        #[cfg(selvedge_shuttle)]
        shuttle::lazy_static! {
            $(#[$meta])*
            static ref $name: $crate::primitive::Shelf<$type> = $crate::primitive::Shelf::new();
        }
    };
}
pub(crate) use process_shelf;

/// A value that is lent, until this is dropped; replaced meanwhile, it lives as long.
pub(crate) struct Lease<T: 'static> {
    value: Option<Arc<T>>,
    from: &'static Shelf<T>,
}

/// What a change of a shelf has taken out, for the caller to drop where he holds no lock.
#[must_use = "dropped under a lock of the caller's, a destructor of the user's would run there"]
pub(crate) struct Replaced<T> {
    old: Option<Arc<T>>,
    /// Not always the same: one that gave back late may have left what was there before.
    #[expect(dead_code, reason = "held, to be dropped with the other")]
    spare: Option<Arc<T>>,
}

impl<T> Replaced<T> {
    /// Was anything there, that is gone now?
    pub(crate) fn is_some(&self) -> bool {
        self.old.is_some()
    }
}

impl<T> Default for Replaced<T> {
    fn default() -> Self {
        Self {
            old: None,
            spare: None,
        }
    }
}

// SAFETY: what it owns beside the lock is one count (invariant 1), which may go where an `Arc` may.
unsafe impl<T: Send + Sync> Send for Shelf<T> {}
// SAFETY: as above; atomics alone are shared.
unsafe impl<T: Send + Sync> Sync for Shelf<T> {}

impl<T> Shelf<T> {
    pub(crate) const fn new() -> Self {
        Self {
            value: RwLock::new(None),
            current: AtomicPtr::new(ptr::null_mut()),
            spare: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Is nothing there? Takes no lock.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.current.load(Relaxed).is_null()
    }

    /// What is there.
    pub(crate) fn get(&self) -> Option<Arc<T>> {
        let value = self.value.read().unwrap_or_else(PoisonError::into_inner);
        value.clone()
    }

    /// The same, for a short time.
    #[inline]
    pub(crate) fn lend(&'static self) -> Option<Lease<T>> {
        let value = match self.take_spare() {
            Some(value) if self.is_current(&value) => value,
            _ => self.get()?,
        };
        Some(Lease {
            value: Some(value),
            from: self,
        })
    }

    /// Puts something else there, or nothing, if `change` says so of what is there, which comes back.
    pub(crate) fn replace(
        &self,
        change: impl FnOnce(Option<&Arc<T>>) -> Option<Option<Arc<T>>>,
    ) -> Replaced<T> {
        let old = {
            let mut value = self.value.write().unwrap_or_else(PoisonError::into_inner);
            let Some(new) = change(value.as_ref()) else {
                return Replaced::default();
            };
            let current = new.as_ref().map_or(ptr::null(), Arc::as_ptr);
            self.current.store(current.cast_mut(), SeqCst);
            core::mem::replace(&mut *value, new)
        };
        Replaced {
            old,
            spare: self.take_spare(),
        }
    }

    fn is_current(&self, value: &Arc<T>) -> bool {
        ptr::eq(self.current.load(Relaxed), Arc::as_ptr(value))
    }

    #[inline]
    fn take_spare(&self) -> Option<Arc<T>> {
        if self.spare.load(SeqCst).is_null() {
            return None;
        }
        let spare = self.spare.swap(ptr::null_mut(), SeqCst);
        // SAFETY: its count was taken over (invariant 1).
        (!spare.is_null()).then(|| unsafe { Arc::from_raw(spare) })
    }

    /// Makes it the spare one, if it is still there and there is none.
    #[inline]
    fn give_back(&self, value: Arc<T>) {
        if !self.is_current(&value) || !self.spare.load(Relaxed).is_null() {
            return;
        }
        let spare = Arc::into_raw(value).cast_mut();
        let nothing = ptr::null_mut();
        let put = self.spare.compare_exchange(nothing, spare, SeqCst, Relaxed);
        if put.is_err() {
            // SAFETY: the count that was to be handed over, and was not.
            drop(unsafe { Arc::from_raw(spare) });
        } else if !ptr::eq(self.current.load(SeqCst), spare) {
            drop(self.take_spare()); // invariant 2
        }
    }
}

impl<T> Drop for Shelf<T> {
    fn drop(&mut self) {
        drop(self.take_spare());
    }
}

impl<T> Deref for Lease<T> {
    type Target = Arc<T>;

    #[inline]
    fn deref(&self) -> &Arc<T> {
        self.value.as_ref().expect("there until it is dropped")
    }
}

impl<T> Drop for Lease<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.from.give_back(value);
        }
    }
}
