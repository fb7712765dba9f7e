//! A handler without its type, and how an expansion gets the type back.
//!
//! # Invariants
//!
//! 1. `handler` of a [`Hook`] is a `Box<S::Hook>`, where `of` is the `TypeId` of `S`: an instantiation of a
//!    generic function with other types finds nothing and goes on. Only [`Hook::new`] makes one, and neither changes.
//!    Or it is a [`StandIn`], where `of` is the `TypeId` of that, which is no shape.
//! 2. Of a handler that a block has lent, `lend` gives a place only while nobody else has it (`chain`, invariant 4).
#![allow(
    unsafe_code,
    reason = "a handler's type is known by a number that is compared without a call"
)]

use core::any::{Any, TypeId};
use core::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::call::chain::Lent;
use crate::call::view::Step;

/// What the handlers of one instantiation of an open function look like. Expansions implement it for the
/// function's type.
#[doc(hidden)]
pub trait Shape: 'static {
    /// `dyn for<'s, ..> Fn(&mut Step<'s, Args<..>, R>) + Send + Sync`
    type Hook: ?Sized + Send + Sync + 'static;
    /// `dyn for<'s, ..> FnMut(&mut Step<'s, Args<..>, R>) + 'f`
    type Lent<'f>: ?Sized;
}

/// How such handlers run. Expansions implement it.
#[doc(hidden)]
pub trait Runs<A, R>: Shape {
    /// Of async functions there is none: the steps of their calls are turns.
    fn run(_: &Self::Hook, _: &mut Step<'_, A, R>) {
        unreachable!("who looks at a call runs what it has lent");
    }
    fn run_lent(hook: &mut Self::Lent<'_>, step: &mut Step<'_, A, R>);
}

/// When a handler runs.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "expansions name it")]
pub enum Kind {
    /// Before the rest of the call, which it may answer instead.
    Before,
    /// After the rest of the call returned.
    After,
    /// After the rest of the call panicked.
    Unwound,
    /// Around the rest of the call.
    Around,
}

/// A handler of an open function.
pub(super) struct Hook<H: ?Sized = dyn Any + Send + Sync> {
    pub(super) kind: Kind,
    pub(super) of: TypeId,
    /// By what masks know it; given once.
    pub(super) id: u64,
    handler: H,
}

/// In the place of a handler that somebody else keeps.
pub(super) struct StandIn;

impl<H: ?Sized + Send + Sync + 'static> Hook<Box<H>> {
    #[inline]
    pub(super) fn new<S: Shape<Hook = H>>(kind: Kind, handler: Box<H>) -> Self {
        Self {
            kind,
            of: TypeId::of::<S>(),
            id: next_id(),
            handler,
        }
    }
}

impl Hook<StandIn> {
    /// One that nobody is to run.
    pub(super) fn stand_in(of: &Hook) -> Self {
        Self {
            kind: of.kind,
            of: TypeId::of::<StandIn>(),
            id: of.id,
            handler: StandIn,
        }
    }
}

/// A number that no other handler has or had.
pub(super) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// A handler whose turn it is, for the expansion that knows its type.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct HookRef<'h>(pub(super) Handler<'h>);

#[derive(Clone, Copy)]
pub(super) enum Handler<'h> {
    Kept(&'h Hook),
    Lent(&'h Lent),
}

/// Where a handler of a shape is, without the shape: a `Box<S::Hook>`, or a `*mut S::Lent`.
#[derive(Clone, Copy)]
pub(super) struct Erased {
    handler: *const (),
    is_lent: bool,
}

/// Runs a handler of the shape that it was made for.
pub(super) type Invoke<A, R> = unsafe fn(Erased, &mut Step<'_, A, R>);

/// How a handler of the shape `S` is run; it must be one, and borrowed for the time (invariants 1 and 2).
pub(super) unsafe fn invoke<S: Runs<A, R>, A, R>(erased: Erased, step: &mut Step<'_, A, R>) {
    if erased.is_lent {
        // SAFETY: what `chain::lent` put there, of this type but for a lifetime, which has no part in its layout.
        let handler = unsafe { *erased.handler.cast::<*mut S::Lent<'_>>() };
        // SAFETY: borrowed for the time, by nobody else (the caller sees to it).
        S::run_lent(unsafe { &mut *handler }, step);
    } else {
        // SAFETY: a `Box<S::Hook>`, borrowed for the time (the caller sees to it).
        S::run(unsafe { &*erased.handler.cast::<Box<S::Hook>>() }, step);
    }
}

impl<'h> HookRef<'h> {
    /// The handler of a patch or a binding.
    #[must_use]
    pub fn kept<S: Shape>(self) -> Option<&'h S::Hook> {
        match self.0 {
            Handler::Kept(hook) if hook.of == TypeId::of::<S>() => {
                let hook: Option<&'h Box<S::Hook>> = hook.handler.downcast_ref();
                hook.map(|hook| &**hook)
            }
            Handler::Kept(_) | Handler::Lent(_) => None,
        }
    }

    /// Runs `f` with the handler, if it is of this shape, and, of one that a block has lent, not running: then it is borrowed
    /// for the time (invariant 2).
    #[inline]
    pub(super) fn lend(&self, of: &TypeId, f: impl FnOnce(Erased)) {
        match self.0 {
            Handler::Kept(hook) if hook.of == *of => f(hook.erased()),
            Handler::Lent(lent) if lent.of == *of => lent.lend(|handler| {
                f(Erased {
                    handler,
                    is_lent: true,
                });
            }),
            Handler::Kept(_) | Handler::Lent(_) => {}
        }
    }
}

impl Hook {
    #[inline]
    fn erased(&self) -> Erased {
        Erased {
            handler: (&raw const self.handler).cast(),
            is_lent: false,
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HookRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookRef").finish_non_exhaustive()
    }
}
