//! Real detours: a function that did not ask to be open becomes so, by a jump over its first instructions.
//!
//! # Invariants
//!
//! 1. `F` of a [`Detour`] is a type of function pointers, and both pointers are of it: who makes one promises that.
//! 2. A `RawDetour` is never dropped: a call may be in its trampoline at any time.
//! 3. The jump stands exactly while `count`, which is read and written under its lock, is not 0.
#![allow(
    unsafe_code,
    reason = "the instructions of a function are written over"
)]

use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use retour::RawDetour;

use crate::primitive::{Mutex, OnceLock};

/// The static of a function that is detoured. [`detour!`](crate::detour) makes it; nobody else needs it.
#[doc(hidden)]
pub struct Detour<F> {
    /// The function, and what stands for it.
    pointers: fn() -> (*const (), *const ()),
    path: &'static str,
    raw: OnceLock<RawDetour>,
    count: OnceLock<Mutex<usize>>,
    of: PhantomData<F>,
}

impl<F: Copy> Detour<F> {
    /// # Safety
    ///
    /// `F` is a type of function pointers; `pointers` gives two of that type, to different functions.
    pub const unsafe fn new(path: &'static str, pointers: fn() -> (*const (), *const ())) -> Self {
        Self {
            pointers,
            path,
            raw: OnceLock::new(),
            count: OnceLock::new(),
            of: PhantomData,
        }
    }

    /// What the function was, whether or not there is a detour now.
    pub fn original(&self) -> F {
        let at = match self.raw.get() {
            Some(raw) => ptr::from_ref(raw.trampoline()),
            None => (self.pointers)().0,
        };
        const { assert!(size_of::<F>() == size_of::<*const ()>()) };
        // SAFETY: the function, or a trampoline that does what it did: of the type `F` (invariant 1), and there for
        // good (invariant 2).
        unsafe { core::mem::transmute_copy::<*const (), F>(&at) }
    }

    /// # Safety
    ///
    /// As for the `detour` function that the macro makes.
    pub unsafe fn put(&'static self) -> Result<Detoured, DetourError> {
        let error = |source| DetourError {
            path: self.path,
            source,
        };
        let mut count = self.count.get_or_init(|| Mutex::new(0)).lock();
        let raw = match self.raw.get() {
            Some(raw) => raw,
            None => {
                let (target, stands) = (self.pointers)();
                // SAFETY: functions of one type (invariant 1).
                let raw = unsafe { RawDetour::new(target, stands) }.map_err(error)?;
                self.raw.get_or_init(|| raw) // the lock is held: nobody else was first
            }
        };
        if *count == 0 {
            // SAFETY: the caller says that nobody runs the instructions that are written over.
            unsafe { raw.enable() }.map_err(error)?;
        }
        *count += 1;
        Ok(Detoured { of: self })
    }
}

/// What [`Detoured`] knows of its detour.
trait Remove: Sync {
    fn remove(&self);
    fn path(&self) -> &'static str;
}

// SAFETY: a function pointer is not kept in it, and what is kept is changed under a lock or once.
unsafe impl<F> Sync for Detour<F> {}

impl<F> Remove for Detour<F> {
    fn remove(&self) {
        let (Some(count), Some(raw)) = (self.count.get(), self.raw.get()) else {
            return; // it was never put
        };
        let mut count = count.lock();
        *count -= 1;
        if *count == 0 {
            // SAFETY: whoever put the detour has promised it for its removal as well.
            let removed = unsafe { raw.disable() };
            removed.expect("what could be written once can be written again");
        }
    }

    fn path(&self) -> &'static str {
        self.path
    }
}

/// Keeps a function detoured, in the whole process, until it is dropped; made by what [`detour!`](crate::detour)
/// declares.
#[must_use = "the function is as it was when this is dropped"]
pub struct Detoured {
    of: &'static dyn Remove,
}

impl Drop for Detoured {
    fn drop(&mut self) {
        self.of.remove();
    }
}

/// A function cannot be detoured: its first instructions are too few, or of a kind that cannot stand elsewhere, or the
/// system does not let them be written.
#[derive(Debug)]
pub struct DetourError {
    path: &'static str,
    source: retour::Error,
}

impl fmt::Display for DetourError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the function behind `{}` cannot be detoured: call it through an open function (`open_use!`)",
            self.path
        )
    }
}

impl core::error::Error for DetourError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl<F> fmt::Debug for Detour<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detour")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Detoured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detoured")
            .field("path", &self.of.path())
            .finish()
    }
}
