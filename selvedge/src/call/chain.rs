//! What blocks have bound to an open function: patches in force, handlers that we are inside of.
//!
//! Each such block binds one [`Here`] to the function's key, on its own stack: where the innermost patch is
//! and which handlers are masked. A call reads that, without walking frames, however deep the recursion.
//! A handler's own calls find a `Here` with one mask more; what it proceeds to finds the masks of the call
//! again, and whatever the handler has bound meanwhile.
//!
//! # Invariants
//!
//! 1. Nothing but a `Here` is bound to the key of a site, and only by [`bind`].
//! 2. The links and masks that a `Here` points to are alive as long as it is: they belong to blocks further down
//!    the same stack, to the call that is running there, or to the [`Owned`] copy that it is part of.
//! 3. An `Owned` is immutable; it owns all its links and masks, and there is no `Lent` among them.
//! 4. A `Lent` is found only through frames of the block that lent it, on its thread, while that block runs, which
//!    borrows the handler mutably. `busy` says that the handler is running.
#![allow(
    unsafe_code,
    reason = "what blocks have bound is found through pointers into their stacks"
)]

use core::any::{Any, TypeId};
use core::cell::Cell;
use core::marker::PhantomData;
use core::panic::Location;
use core::ptr;

use crate::ambient::{self, Key, Payload};
use crate::call::hook::Shape;
use crate::call::patch::Patch;
use crate::primitive::Arc;

/// What a block has bound to a function's key.
struct Here {
    links: *const Link,
    masks: *const Mask,
}

/// One patch in force.
pub(super) struct Link {
    what: What,
    /// How deep in the chain of blocks it stands.
    depth: u32,
    outer: *const Self,
}

enum What {
    Patch(*const Patch),
    Owned(Patch),
    Lent(*const Lent),
}

/// One handler that we are inside of.
struct Mask {
    id: u64,
    /// We are outside again: the handler has proceeded to here.
    lifted: bool,
    outer: *const Self,
}

/// What is in force where a call is made.
#[derive(Clone, Copy)]
pub(super) struct View<'c> {
    links: *const Link,
    masks: *const Mask,
    alive: PhantomData<&'c Link>,
}

/// What a link stands for.
pub(super) enum InForce<'c> {
    Patch(&'c Patch),
    Lent(&'c Lent),
}

/// Runs `f` with what is in force for a call here.
#[inline]
pub(super) fn look<R>(key: &Key, f: impl FnOnce(View<'_>) -> R) -> R {
    ambient::with_value(key, |here| {
        // SAFETY: null or a `Here` (invariant 1), alive as long as the binding, which is as long as this
        // closure runs.
        let (links, masks) = match unsafe { here.cast::<Here>().as_ref() } {
            Some(here) => (here.links, here.masks),
            None => (ptr::null(), ptr::null()),
        };
        f(View {
            links,
            masks,
            alive: PhantomData,
        })
    })
}

/// Has no block around us bound anything to `key`?
#[inline]
pub(super) fn is_empty(key: &Key) -> bool {
    ambient::with_value(key, <*const ()>::is_null)
}

/// Runs `f` with `patch` in force.
#[inline]
pub(super) fn with_patch<R>(
    key: &'static Key,
    patch: &Patch,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    with_link(key, What::Patch(patch), block, f)
}

#[inline]
fn with_link<R>(
    key: &'static Key,
    what: What,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    look(key, |now| {
        let link = Link {
            what,
            depth: ambient::depth() + 1,
            outer: now.links,
        };
        let here = Here {
            links: &raw const link,
            masks: now.masks,
        };
        bind(key, &here, block, f)
    })
}

/// Runs `f` inside of the handler `id` of a call that was made in `call`: its own calls skip the handler.
#[inline]
pub(super) fn masked<R>(
    key: &'static Key,
    call: View<'_>,
    id: u64,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    let mask = Mask {
        id,
        lifted: false,
        outer: call.masks,
    };
    let here = Here {
        links: call.links,
        masks: &raw const mask,
    };
    bind(key, &here, block, f)
}

/// Runs `f`, which a handler proceeds to, with the masks of its call, and with whatever the handler has
/// put in force before it proceeded.
#[inline]
pub(super) fn unmasked<R>(
    key: &'static Key,
    call: View<'_>,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    look(key, |now| {
        let here = Here {
            links: now.links,
            masks: call.masks,
        };
        bind(key, &here, block, f)
    })
}

/// Runs `f` inside of the handler `id`, or, `lifted`, outside of it again, and else with what is in force here: a
/// future has no call below it on the stack.
pub(super) fn turned<R>(
    key: &'static Key,
    id: u64,
    lifted: bool,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    look(key, |now| {
        let mask = Mask {
            id,
            lifted,
            outer: now.masks,
        };
        let here = Here {
            links: now.links,
            masks: &raw const mask,
        };
        bind(key, &here, block, f)
    })
}

#[inline]
fn bind<R>(
    key: &'static Key,
    here: &Here,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    let value = ptr::from_ref(here).cast();
    let payload = Payload::Inline {
        value,
        source: value,
        count: counted,
    };
    ambient::enter(key, payload, block, f)
}

impl<'c> View<'c> {
    /// The innermost patch.
    pub(super) fn first(self) -> Option<&'c Link> {
        // SAFETY: alive (invariant 2), for as long as the view may be used.
        unsafe { self.links.as_ref() }
    }

    /// The handler with this number, if a block around us has lent it.
    pub(super) fn lent(self, id: u64) -> Option<&'c Lent> {
        let mut links = core::iter::successors(self.first(), |link| link.outer());
        links.find_map(|link| match link.what() {
            InForce::Lent(lent) => (lent.id == id).then_some(lent),
            InForce::Patch(_) => None,
        })
    }

    /// Are we inside of that handler?
    #[inline]
    pub(super) fn is_masked(self, id: u64) -> bool {
        let mut at = self.masks;
        // SAFETY: alive (invariant 2).
        while let Some(mask) = unsafe { at.as_ref() } {
            if mask.id == id {
                return !mask.lifted;
            }
            at = mask.outer;
        }
        false
    }
}

impl Link {
    /// The patch that was put in force before this one.
    #[inline]
    pub(super) fn outer(&self) -> Option<&Self> {
        // SAFETY: alive (invariant 2).
        unsafe { self.outer.as_ref() }
    }

    #[inline]
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    #[inline]
    pub(super) fn what(&self) -> InForce<'_> {
        match &self.what {
            // SAFETY: borrowed by the block that bound it (invariant 2).
            What::Patch(patch) => InForce::Patch(unsafe { &**patch }),
            What::Owned(patch) => InForce::Patch(patch),
            // SAFETY: as above.
            What::Lent(lent) => InForce::Lent(unsafe { &**lent }),
        }
    }
}

/// A counted copy of a `Here` and of what it points to.
struct Owned {
    here: Here,
    /// Innermost last.
    #[expect(dead_code, reason = "held")]
    links: Vec<Arc<Link>>,
    #[expect(dead_code, reason = "held")]
    masks: Vec<Arc<Mask>>,
}

// SAFETY: immutable, and all that it points to is its own, patches and numbers, no `Lent` (invariant 3).
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

/// For a capture: the copy, and where its `Here` is.
fn counted(here: *const ()) -> (Arc<dyn Any + Send + Sync>, *const ()) {
    // SAFETY: `bind` made this payload, and its block runs while somebody captures it.
    let here = unsafe { &*here.cast::<Here>() };
    let view = View {
        links: here.links,
        masks: here.masks,
        alive: PhantomData,
    };
    let mut patches = Vec::new();
    let mut at = view.first();
    while let Some(link) = at {
        if let InForce::Patch(patch) = link.what() {
            patches.push((link.depth, patch.clone()));
        }
        at = link.outer();
    }
    let mut ids = Vec::new();
    let mut at = view.masks;
    // SAFETY: alive (invariant 2).
    while let Some(mask) = unsafe { at.as_ref() } {
        ids.push((mask.id, mask.lifted));
        at = mask.outer;
    }
    let (mut links, mut masks): (Vec<Arc<Link>>, Vec<Arc<Mask>>) = (Vec::new(), Vec::new());
    for (depth, patch) in patches.into_iter().rev() {
        let outer = links.last().map_or(ptr::null(), Arc::as_ptr);
        let what = What::Owned(patch);
        #[expect(
            clippy::arc_with_non_send_sync,
            reason = "part of an `Owned`, which says why it is"
        )]
        links.push(Arc::new(Link { what, depth, outer }));
    }
    for (id, lifted) in ids.into_iter().rev() {
        let outer = masks.last().map_or(ptr::null(), Arc::as_ptr);
        #[expect(
            clippy::arc_with_non_send_sync,
            reason = "part of an `Owned`, which says why it is"
        )]
        masks.push(Arc::new(Mask { id, lifted, outer }));
    }
    let owned = Arc::new(Owned {
        here: Here {
            links: links.last().map_or(ptr::null(), Arc::as_ptr),
            masks: masks.last().map_or(ptr::null(), Arc::as_ptr),
        },
        links,
        masks,
    });
    let value = (&raw const owned.here).cast();
    (owned, value)
}

/// A handler that a block has lent: it may borrow from the block's surroundings.
pub(super) struct Lent {
    pub(super) of: TypeId,
    pub(super) id: u64,
    /// By what it was lent, if it is a step of calls.
    pub(super) verb: &'static str,
    /// Where the pointer to the handler is: a `*mut S::Lent`, where `of` is the `TypeId` of `S`.
    handler: *const (),
    busy: Cell<bool>,
}

/// Runs `f` with `handler` in force, on this thread and in this block only: a capture leaves it out.
pub(super) fn lend<S: Shape, R>(
    key: &'static Key,
    handler: &mut S::Lent<'_>,
    (id, verb): (u64, &'static str),
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    let handler: *mut S::Lent<'_> = handler;
    let lent = Lent::of::<S>(&handler, id, verb);
    with_link(key, What::Lent(&raw const lent), block, f)
}

/// Runs `f` with `handler` where anybody who knows its type can run it; 0 is the number of what is no step of a call.
pub(super) fn lent<S: Shape, R>(
    handler: &mut S::Lent<'_>,
    id: u64,
    f: impl FnOnce(&Lent) -> R,
) -> R {
    let handler: *mut S::Lent<'_> = handler;
    f(&Lent::of::<S>(&handler, id, ""))
}

impl Lent {
    fn of<S: Shape>(handler: &*mut S::Lent<'_>, id: u64, verb: &'static str) -> Self {
        Self {
            of: TypeId::of::<S>(),
            id,
            verb,
            handler: ptr::from_ref(handler).cast(),
            busy: Cell::new(false),
        }
    }

    /// Runs `f` with the place of the handler, unless it is running.
    #[inline]
    pub(super) fn lend(&self, f: impl FnOnce(*const ())) {
        struct Free<'b>(&'b Cell<bool>);
        impl Drop for Free<'_> {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }
        if self.busy.replace(true) {
            return;
        }
        let _free = Free(&self.busy);
        f(self.handler);
    }
}
