//! What is particular to one instantiation of an open function.
//!
//! # Invariants
//!
//! 1. `invoke` of a [`Code`] was made for the shape whose `TypeId` is its `of`; only [`Code::new`] makes one.
#![allow(
    unsafe_code,
    reason = "a handler of a shape is run by the one function that was made for that shape"
)]

use core::any::TypeId;
use core::fmt;

use crate::call::hook::{self, HookRef, Invoke, Runs};
use crate::call::view::Step;

/// What is particular to one instantiation of an open function, as plain functions.
#[doc(hidden)]
pub struct Code<A, R> {
    pub(super) body: fn(&mut A) -> R,
    /// Made for the shape `of`.
    invoke: Invoke<A, R>,
    pub(super) look: Look<A, R>,
    of: &'static TypeId,
}

/// Shows the arguments by name, or the result, to somebody who does not know their types.
pub(super) type Look<A, R> = fn(Option<&A>, Option<&R>, See<'_>);

/// Who looks at arguments.
#[doc(hidden)]
pub(super) type See<'s> = &'s mut dyn FnMut(&'static str, &dyn fmt::Debug);

impl<A, R> Code<A, R> {
    #[inline]
    pub fn new<S: Runs<A, R>>(body: fn(&mut A) -> R, look: Look<A, R>) -> Self {
        Self {
            body,
            invoke: hook::invoke::<S, A, R>,
            look,
            of: const { &TypeId::of::<S>() },
        }
    }

    /// What tells it apart from other instantiations of the function.
    #[inline]
    pub(super) fn of(&self) -> &'static TypeId {
        self.of
    }

    /// Runs a handler, if it is of this instantiation.
    #[inline]
    pub(super) fn run(&self, hook: &HookRef<'_>, step: &mut Step<'_, A, R>) {
        hook.lend(self.of, |erased| {
            // SAFETY: of the shape that `invoke` was made for (invariant 1), and borrowed for the time (`hook`, 1 and 2).
            unsafe { (self.invoke)(erased, step) };
        });
    }
}

impl<A, R> Code<A, R> {
    /// For an async function, which is looked at alone: its body is a future.
    pub fn seen<S: Runs<A, R>>(look: Look<A, R>) -> Self {
        let never = |_: &mut A| unreachable!("who looks at a call does not run its body");
        Self::new::<S>(never, look)
    }
}

impl<A, R> Clone for Code<A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R> Copy for Code<A, R> {}

impl<A, R> fmt::Debug for Code<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").finish_non_exhaustive()
    }
}
