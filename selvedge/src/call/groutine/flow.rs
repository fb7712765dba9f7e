//! Which groutines live around the calling code, and which of them is being polled.
//!
//! # Invariants
//!
//! 1. Nothing but a [`Here`] is bound to `FLOW`, and only by [`bind`].
//! 2. The links that a `Here` points to, the set and the polling that a link points to, are alive as long as the link
//!    is found: they belong to blocks further down the same stack, which cannot return before.
//! 3. A capture does not take them along: it finds [`NOBODY`]. So a set, and a call that is being heard, is reached
//!    on one thread at a time: on the one whose stack has its block.
#![allow(
    unsafe_code,
    reason = "groutines, and the calls that they look at, are found through pointers into the stacks of blocks"
)]

use core::any::Any;
use core::marker::PhantomData;
use core::panic::Location;
use core::ptr;

use crate::ambient::{self, Key, Payload};
use crate::call::groutine::poll::Polling;
use crate::call::groutine::set::Set;
use crate::primitive::Arc;

static FLOW: Key = Key::new();

/// What a block has bound to the key.
struct Here {
    sets: *const Link,
    pollings: *const PollingLink,
}

// SAFETY: shared between threads only as `NOBODY`, which points nowhere and is never written.
unsafe impl Sync for Here {}

static NOBODY: Here = Here {
    sets: ptr::null(),
    pollings: ptr::null(),
};

/// A set of groutines around the calling code.
pub(in crate::call) struct Link {
    set: *const Set,
    depth: u32,
    outer: *const Self,
}

/// A groutine that is being polled.
struct PollingLink {
    polling: *const Polling<'static>,
    outer: *const Self,
}

/// The sets around the calling code.
#[derive(Clone, Copy)]
pub(in crate::call) struct Sets<'c> {
    first: *const Link,
    alive: PhantomData<&'c Link>,
}

/// Runs `f` with what is around the calling code.
#[inline]
fn look<R>(f: impl FnOnce(&Here) -> R) -> R {
    ambient::with_value(&FLOW, |here| {
        // SAFETY: null or a `Here` (invariant 1), alive as long as the binding, which is as long as this closure runs.
        let here = unsafe { here.cast::<Here>().as_ref() };
        f(here.unwrap_or(&NOBODY))
    })
}

/// Runs `f` with the sets around the calling code.
#[inline]
pub(in crate::call) fn sets<R>(f: impl FnOnce(Sets<'_>) -> R) -> R {
    look(|here| {
        f(Sets {
            first: here.sets,
            alive: PhantomData,
        })
    })
}

/// Runs `f` with the set of that number, if it is around the calling code.
pub(in crate::call) fn with_set_of<R>(id: u64, f: impl FnOnce(&Set) -> R) -> Option<R> {
    sets(|sets| sets.iter().find(|set| set.id() == id).map(f))
}

/// Runs `f` with what is being polled here: the innermost groutine.
pub(super) fn innermost<R>(f: impl for<'p> FnOnce(Option<&Polling<'p>>) -> R) -> R {
    look(|here| {
        // SAFETY: alive (invariant 2).
        let link = unsafe { here.pollings.as_ref() };
        // SAFETY: alive (invariant 2). `f` works for every lifetime that it may have, so for its own.
        f(link.map(|link| unsafe { &*link.polling }))
    })
}

/// Asks `f` about all that are being polled here, innermost first, until it has an answer.
pub(super) fn find<R>(mut f: impl for<'p> FnMut(&Polling<'p>) -> Option<R>) -> Option<R> {
    look(|here| {
        let mut at = here.pollings;
        // SAFETY: alive (invariant 2).
        while let Some(link) = unsafe { at.as_ref() } {
            // SAFETY: as in `innermost`.
            if let Some(found) = f(unsafe { &*link.polling }) {
                return Some(found);
            }
            at = link.outer;
        }
        None
    })
}

/// Runs `f` with `set` around it.
pub(super) fn with_set<R>(
    set: &Set,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    look(|now| {
        let link = Link {
            set,
            depth: ambient::depth() + 1,
            outer: now.sets,
        };
        let here = Here {
            sets: &raw const link,
            pollings: now.pollings,
        };
        bind(&here, block, f)
    })
}

/// Runs `f`, which polls.
pub(super) fn with_polling<R>(
    polling: &Polling<'_>,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    look(|now| {
        let link = PollingLink {
            polling: ptr::from_ref(polling).cast(),
            outer: now.pollings,
        };
        let here = Here {
            sets: now.sets,
            pollings: &raw const link,
        };
        bind(&here, block, f)
    })
}

#[inline]
fn bind<R>(here: &Here, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    let value = ptr::from_ref(here).cast();
    let payload = Payload::Inline {
        value,
        source: value,
        count: nobody,
    };
    ambient::enter(&FLOW, payload, block, f)
}

/// What a capture takes along (invariant 3).
fn nobody(_: *const ()) -> (Arc<dyn Any + Send + Sync>, *const ()) {
    (Arc::new(()), (&raw const NOBODY).cast())
}

impl<'c> Sets<'c> {
    /// None at all.
    pub(in crate::call) const NONE: Self = Self {
        first: ptr::null(),
        alive: PhantomData,
    };

    /// The innermost one.
    #[inline]
    pub(in crate::call) fn first(self) -> Option<&'c Link> {
        // SAFETY: alive (invariant 2), for as long as this may be used.
        unsafe { self.first.as_ref() }
    }

    /// All, innermost first.
    #[inline]
    pub(super) fn iter(self) -> impl Iterator<Item = &'c Set> {
        core::iter::successors(self.first(), |link| link.outer()).map(Link::set)
    }
}

impl Link {
    #[inline]
    pub(in crate::call) fn set(&self) -> &Set {
        // SAFETY: alive (invariant 2).
        unsafe { &*self.set }
    }

    /// The next set outwards.
    #[inline]
    pub(in crate::call) fn outer(&self) -> Option<&Self> {
        // SAFETY: alive (invariant 2).
        unsafe { self.outer.as_ref() }
    }

    /// How deep in the chain of blocks it stands.
    #[inline]
    pub(in crate::call) fn depth(&self) -> u32 {
        self.depth
    }
}
