//! Strict contexts that were ever entered, and who refuses calls inside them.
//!
//! A program that enters none pays nothing: an open function stays quiet. The first entry of a strict context
//! arms every open function for good, so that each call looks here.
//!
//! # Invariants
//!
//! 1. A function is in `functions` before its first call goes on, and armed then if a strict context was
//!    entered before; both under the lock under which contexts are noted.
//! 2. A context is in `contexts` before its first entry, on whatever level, goes on.
//!
//! # Orderings
//!
//! `Context::is_noted` is stored with `Release` after the functions were armed, and loaded with `Acquire`: who
//! enters a noted context sees them armed. `USED` is read on the armed path only: `Relaxed`.

use core::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::PoisonError;

use crate::ambient::context::Context;
use crate::primitive::RwLock;

static STRICT: RwLock<Strict> = RwLock::new(Strict {
    contexts: Vec::new(),
    functions: Vec::new(),
});
static USED: AtomicBool = AtomicBool::new(false);

struct Strict {
    contexts: Vec<&'static Context>,
    functions: Vec<&'static dyn Refuses>,
}

/// An open function, as seen from here.
pub(crate) trait Refuses: Sync {
    /// Makes every call of it look at [`active`], for good.
    fn arm(&self);
}

/// Notes a context that is about to be entered, if it is strict.
#[inline]
pub(super) fn note(context: &'static Context) {
    if context.is_strict() && !context.is_noted.load(Acquire) {
        note_slow(context);
    }
}

#[cold]
fn note_slow(context: &'static Context) {
    let mut strict = STRICT.write().unwrap_or_else(PoisonError::into_inner);
    if context.is_noted.load(Relaxed) {
        return;
    }
    if strict.contexts.is_empty() {
        for function in &strict.functions {
            function.arm();
        }
    }
    strict.contexts.push(context);
    USED.store(true, Relaxed);
    context.is_noted.store(true, Release);
}

/// Adds a function that has never been called, unless another thread does; `begin` says that it is there.
pub(crate) fn watch(
    function: &'static dyn Refuses,
    is_new: impl FnOnce() -> bool,
    begin: impl FnOnce(),
) {
    let mut strict = STRICT.write().unwrap_or_else(PoisonError::into_inner);
    if is_new() {
        strict.functions.push(function);
        if !strict.contexts.is_empty() {
            function.arm();
        }
        begin();
    }
}

/// Was any strict context ever entered?
#[inline]
pub(crate) fn is_any() -> bool {
    USED.load(Relaxed)
}

/// The strict contexts that are active here, on any level.
pub(crate) fn active() -> Vec<&'static Context> {
    let strict = STRICT.read().unwrap_or_else(PoisonError::into_inner);
    let contexts = strict.contexts.iter().copied();
    contexts
        .filter(|context| context.is_active_on_any_level())
        .collect()
}
