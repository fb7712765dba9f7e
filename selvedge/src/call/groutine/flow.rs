//! Which groutines live around the calling code, and which of them is being polled.
//!
//! # Invariants
//!
//! 1. Nothing but a [`Link`] is bound to `FLOW`, and only by [`bind`].
//! 2. The links, the set and the polling that a link points to, are alive as long as the link is found: they belong to
//!    blocks and polls further down the same stack, which cannot return before. A poll has no frame; so it is found out
//!    here, as it is of frames, if somebody has switched stacks: when it ends where it did not begin, or where another
//!    one has begun, or when the block of a set is left in which it is still going on. Another block that is left
//!    meanwhile is found out when the poll ends.
//! 3. A capture does not take them along: it finds [`NOBODY`]. So a set, and a call that is being heard, is reached
//!    on one thread at a time: on the one whose stack has its block.
#![allow(
    unsafe_code,
    reason = "groutines, and the calls that they look at, are found through pointers into the stacks of blocks"
)]

use core::any::Any;
use core::cell::Cell;
use core::marker::PhantomData;
use core::panic::Location;
use core::ptr;

use crate::ambient::{self, Key, Payload};
use crate::call::groutine::poll::Polling;
use crate::call::groutine::set::Set;
use crate::primitive::Arc;

static FLOW: Key = Key::new();

/// A set of groutines around the calling code, as its block has bound it to the key.
pub(in crate::call) struct Link {
    /// None if a capture has hidden all sets.
    set: *const Set,
    depth: u32,
    outer: *const Self,
    /// What is being polled, where this link is the innermost one.
    pollings: Cell<*const PollingLink>,
}

// SAFETY: shared between threads only as `NOBODY`, which points nowhere and is never written.
unsafe impl Sync for Link {}

static NOBODY: Link = Link::hidden(ptr::null());

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
fn look<R>(f: impl FnOnce(&Link) -> R) -> R {
    ambient::with_value(&FLOW, |here| {
        // SAFETY: null or a `Link` (invariant 1), alive as long as the binding, which is as long as this closure runs.
        let here = unsafe { here.cast::<Link>().as_ref() };
        f(here.unwrap_or(&NOBODY))
    })
}

/// Runs `f` with the sets around the calling code.
#[inline]
pub(in crate::call) fn sets<R>(f: impl FnOnce(Sets<'_>) -> R) -> R {
    look(|here| {
        let alive = PhantomData;
        let first = here.as_set();
        f(Sets { first, alive })
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
        let link = unsafe { here.pollings.get().as_ref() };
        // SAFETY: alive (invariant 2). `f` works for every lifetime that it may have, so for its own.
        f(link.map(|link| unsafe { &*link.polling }))
    })
}

/// Asks `f` about all that are being polled here, innermost first, until it has an answer.
pub(super) fn find<R>(mut f: impl for<'p> FnMut(&Polling<'p>) -> Option<R>) -> Option<R> {
    look(|here| {
        let mut at = here.pollings.get();
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
            outer: now.as_set(),
            pollings: Cell::new(now.pollings.get()),
        };
        bind(&link, block, f)
    })
}

/// Runs `f`, which polls.
#[inline]
pub(super) fn with_polling<R>(
    polling: &Polling<'_>,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    look(|here| {
        if here.set.is_null() {
            // A handler has taken the rest of a call into an ambient that was captured.
            let here = Link::hidden(here.pollings.get());
            return bind(&here, block, || here.poll(polling, block, f));
        }
        here.poll(polling, block, f)
    })
}

fn bind<R>(link: &Link, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    let value = ptr::from_ref(link).cast();
    let payload = Payload::Inline {
        value,
        source: value,
        count: nobody,
    };
    let pollings = link.pollings.get();
    ambient::enter(&FLOW, payload, block, || {
        let _left = Left::of(link, pollings, block);
        f()
    })
}

/// What a capture takes along (invariant 3).
fn nobody(_: *const ()) -> (Arc<dyn Any + Send + Sync>, *const ()) {
    (Arc::new(()), (&raw const NOBODY).cast())
}

/// The end of a block or a poll, which finds what its beginning has left (invariant 2).
struct Left<'l> {
    here: &'l Link,
    pollings: *const PollingLink,
    /// What is polled here afterwards.
    then: *const PollingLink,
    top: ambient::Top,
    block: &'static Location<'static>,
}

impl<'l> Left<'l> {
    #[inline]
    fn of(here: &'l Link, then: *const PollingLink, block: &'static Location<'static>) -> Self {
        Self {
            here,
            pollings: here.pollings.get(),
            then,
            top: ambient::top(),
            block,
        }
    }
}

impl Drop for Left<'_> {
    #[inline]
    fn drop(&mut self) {
        // The thread's own value first: on another thread the link is not to be looked at.
        if ambient::top() != self.top || !ptr::eq(self.here.pollings.get(), self.pollings) {
            ambient::foreign_stack(self.block);
        }
        self.here.pollings.set(self.then);
    }
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
    /// Of no set.
    const fn hidden(pollings: *const PollingLink) -> Self {
        Self {
            set: ptr::null(),
            depth: 0,
            outer: ptr::null(),
            pollings: Cell::new(pollings),
        }
    }

    /// Itself, if there is a set.
    #[inline]
    fn as_set(&self) -> *const Self {
        if self.set.is_null() {
            return ptr::null();
        }
        self
    }

    /// Runs `f`, which polls, where this link is the innermost one.
    #[inline]
    fn poll<R>(
        &self,
        polling: &Polling<'_>,
        block: &'static Location<'static>,
        f: impl FnOnce() -> R,
    ) -> R {
        let link = PollingLink {
            polling: ptr::from_ref(polling).cast(),
            outer: self.pollings.get(),
        };
        self.pollings.set(&raw const link);
        let _left = Left::of(self, link.outer, block);
        f()
    }

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
