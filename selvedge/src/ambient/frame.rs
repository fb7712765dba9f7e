//! Frames: what a block has bound, on the stack of the block.
//!
//! # Invariants
//!
//! 1. A frame is pushed and popped by [`enter`] on one thread, in strict reverse order. It is on the
//!    stack of `enter`, which does not return while the frame is in the chain, on unwinding either.
//! 2. A pop that finds another frame on top aborts and names the block: somebody switched stacks inside
//!    it (a stackful coroutine of somebody else), and its frame may be gone already.
//! 3. `Binding::outer` and the payload's value are alive as long as the binding is: the outer binding
//!    belongs to a frame further down the same stack, or to a captured node that a block further down
//!    holds.
//! 4. A captured node is immutable. Its `outer` belongs to one of its own ancestors, which it owns.
//!
//! # Not here
//!
//! The table that makes reads fast ([`current`](super::current)); carrying ([`capture`](super::capture),
//! [`base`](super::base)).
#![allow(
    unsafe_code,
    reason = "bindings are found through raw pointers into the stacks of running blocks"
)]

use core::any::Any;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::panic::Location;
use core::ptr;

use crate::ambient::base::Base;
use crate::ambient::capture::Node;
use crate::ambient::current::{self, Slot};
use crate::ambient::key::{self, Index, Key};
use crate::ambient::resource::Values;
use crate::primitive::{Arc, OnceLock};

/// What a frame holds, and what a capture of it takes along.
pub(crate) enum Payload {
    /// A counted value; capture clones the count. The pointer is what readers get.
    Shared(Arc<dyn Any + Send + Sync>, *const ()),
    /// A value that somebody keeps until the block has been left, beside the frame or behind a count.
    Inline {
        /// What readers get.
        value: *const (),
        /// What `count` makes a counted copy from, for a capture.
        source: *const (),
        count: fn(*const ()) -> (Arc<dyn Any + Send + Sync>, *const ()),
    },
    /// A switch: a context is entered here, or left by `without`.
    Switch(bool),
    /// A context is entered here, with what its resources are bound to.
    Resources(Values),
    /// Something that a higher layer attached when it was first needed; shared by captures.
    Extension(Arc<Extension>),
}

/// One lazy, type-erased slot of a frame, for the layer that knows what belongs there.
pub(crate) struct Extension {
    /// What the block is called in messages.
    pub(crate) name: &'static str,
    pub(crate) slot: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// One key bound to one payload.
pub(crate) struct Binding {
    pub(super) index: Index,
    pub(crate) payload: Payload,
    pub(crate) depth: u32,
    /// The next binding of the same key further out.
    pub(super) outer: *const Self,
    /// The counted copy of this frame, once somebody captured it.
    pub(super) captured: OnceLock<Arc<Node>>,
}

/// A binding in the chain of a running block.
pub(super) struct Frame {
    pub(super) binding: Binding,
    pub(super) below: *const Self,
    /// Set in the frame of an `Ambient::run`, below which nothing is visible.
    pub(super) base: Option<Base>,
    pub(super) block: &'static Location<'static>,
}

/// Runs `f` in a block where `key` is bound to `payload`.
///
/// What the payload points to must live until `enter` returns; so it is a local of the caller.
// Always inlined, so that the payload is written where it stays: the processor stalls when it copies, in large pieces,
// what was just written in small ones.
#[inline(always)]
pub(crate) fn enter<R>(
    key: &Key,
    payload: Payload,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    match key.fast_to_bind() {
        0 => enter_slowly(key, payload, block, f),
        index => enter_fast(index, payload, block, f),
    }
}

/// The block of a key that has its place in every table.
#[inline(always)]
fn enter_fast<R>(
    index: usize,
    payload: Payload,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    let (place, below, depth) =
        current::with(|current| (current.place(index), current.top(), current.depth()));
    let frame = Frame::owned(
        Index::Fast(index),
        payload,
        place.outer(),
        below,
        depth,
        block,
    );
    current::with(|current| {
        place.write(frame.slot());
        current.set_depth(depth + 1);
        current.set_top(&raw const *frame);
    });
    // Popped by a `Drop`, not by a statement after `f()`: the frame must go even if `f` panics. The guard
    // never leaves this call, so nobody can keep, leak or reorder it.
    let popped = Pop {
        frame: &frame,
        below,
        depth,
        put_back: move || place.put_back(),
    };
    let result = f();
    drop(popped);
    result // `frame`, and with it the payload, is dropped after this: with the outer block current
}

/// The block of a key among the table's further slots.
#[cold]
fn enter_slowly<R>(
    key: &Key,
    payload: Payload,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    let (mut f, mut result) = (Some(f), None);
    enter_wide(key, payload, block, &mut || {
        result = f.take().map(|f| f());
    });
    result.expect("the block was run")
}

/// Not generic, so that it is there once.
#[inline(never)]
fn enter_wide(key: &Key, payload: Payload, block: &'static Location<'static>, f: &mut dyn FnMut()) {
    let index = key.index();
    if current::with(|current| current.has_room_for(index)) {
        return enter_wide_at(index, payload, block, f);
    }
    with_more_slots(|| enter_wide_at(index, payload, block, f));
}

fn enter_wide_at(
    index: Index,
    payload: Payload,
    block: &'static Location<'static>,
    f: &mut dyn FnMut(),
) {
    let (saved, below, depth) =
        current::with(|current| (current.get(index), current.top(), current.depth()));
    let frame = Frame::owned(index, payload, saved.binding, below, depth, block);
    current::with(|current| {
        current.set(index, frame.slot());
        current.set_depth(depth + 1);
        current.set_top(&raw const *frame);
    });
    let _popped = Pop {
        frame: &frame,
        below,
        depth,
        put_back: || current::with(|current| current.set(index, saved)),
    };
    f();
}

impl Frame {
    #[inline]
    fn owned(
        index: Index,
        payload: Payload,
        outer: *const Binding,
        below: *const Self,
        depth: u32,
        block: &'static Location<'static>,
    ) -> Owned {
        Owned(ManuallyDrop::new(Self {
            binding: Binding {
                index,
                payload,
                depth: depth + 1,
                outer,
                captured: OnceLock::new(),
            },
            below,
            base: None,
            block,
        }))
    }

    /// What the table is to show; points to this frame, which stays where it is from now on.
    #[inline]
    fn slot(&self) -> Slot {
        let binding = &raw const self.binding;
        Slot {
            value: self.binding.payload.value().unwrap_or(binding.cast()),
            binding,
        }
    }
}

/// A frame whose end is a test and a branch where it has nothing to give up, as most have.
struct Owned(ManuallyDrop<Frame>);

impl Deref for Owned {
    type Target = Frame;

    #[inline]
    fn deref(&self) -> &Frame {
        &self.0
    }
}

impl Drop for Owned {
    #[inline]
    fn drop(&mut self) {
        let binding = &self.0.binding;
        if binding.captured.get().is_some() || binding.payload.is_counted() {
            // SAFETY: it was popped (`Pop` is dropped before), and nobody sees it after this.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }
    }
}

/// Takes its frame out of the chain.
struct Pop<'f, P: Fn()> {
    frame: &'f Frame,
    /// As the frame has them; here, so that they stay in registers.
    below: *const Frame,
    depth: u32,
    put_back: P,
}

impl<P: Fn()> Drop for Pop<'_, P> {
    #[inline]
    fn drop(&mut self) {
        current::with(|current| {
            if !ptr::eq(current.top(), self.frame) {
                foreign_stack(self.frame.block);
            }
            current.set_top(self.below);
            current.set_depth(self.depth);
        });
        (self.put_back)();
    }
}

#[cold]
#[inline(never)]
pub(crate) fn foreign_stack(block: &Location<'_>) -> ! {
    eprintln!(
        "selvedge: the block entered at {block} was left while another block was innermost; \
         stackful coroutines must not be suspended inside a block. Aborting."
    );
    std::process::abort()
}

/// Runs `f` with a slot for every key that has been bound so far, kept by this block.
#[cold]
fn with_more_slots<R>(f: impl FnOnce() -> R) -> R {
    let mut slots = vec![Slot::EMPTY; (key::wide_len() * 2).max(16)];
    let old = current::with(current::Current::wide).1;
    for (at, slot) in slots.iter_mut().enumerate().take(old) {
        *slot = current::with(|current| current.get(Index::Wide(at)));
    }
    with_wide(&mut slots, f)
}

/// Runs `f` with `slots` for wide keys.
fn with_wide<R>(slots: &mut [Slot], f: impl FnOnce() -> R) -> R {
    struct Restore((*mut Slot, usize));
    impl Drop for Restore {
        fn drop(&mut self) {
            current::with(|current| current.set_wide(self.0));
        }
    }
    // The slots are borrowed until the end of this call, and `Restore` runs before it.
    let _restore = Restore(current::with(current::Current::wide));
    current::with(|current| current.set_wide((slots.as_mut_ptr(), slots.len())));
    f()
}

/// The value bound to `key` right now, or null. O(1) at any depth.
#[inline(never)]
pub(super) fn value(key: &Key) -> *const () {
    current::with(|current| current.get(key.index()).value)
}

/// The same in one load, for a key that is fast; null for others.
#[inline]
pub(super) fn fast_value(key: &Key) -> *const () {
    current::with(|current| current.fast_value(key.fast()))
}

/// Runs `f` with the value that is bound to `key`, or null; in one load, for a key that is fast.
#[inline]
pub(crate) fn with_value<R>(key: &Key, f: impl FnOnce(*const ()) -> R) -> R {
    f(match key.fast() {
        0 => value(key),
        fast => current::with(|current| current.fast_value(fast)),
    })
}

/// How many blocks there are around the calling code.
#[inline]
pub(crate) fn depth() -> u32 {
    current::with(current::Current::depth)
}

/// The innermost block around the calling code, for whoever is to be left where it was entered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Top(*const Frame);

/// See [`Top`].
#[inline]
pub(crate) fn top() -> Top {
    Top(current::with(current::Current::top))
}

/// Runs `f` with the innermost binding of `key`.
pub(crate) fn innermost<R>(key: &Key, f: impl FnOnce(Option<&Binding>) -> R) -> R {
    let binding = current::with(|current| current.get(key.index()).binding);
    // SAFETY: a binding in the table belongs to a block that has not returned (invariant 1), and it
    // cannot return while `f`, which runs inside it, does.
    f(unsafe { binding.as_ref() })
}

impl Binding {
    /// The binding of the same key in the next block outwards.
    pub(crate) fn outer(&self) -> Option<&Self> {
        // SAFETY: alive as long as `self` is (invariant 3).
        unsafe { self.outer.as_ref() }
    }

    /// Is this a context that is entered, or anything but a switch?
    pub(crate) fn is_on(&self) -> bool {
        !matches!(self.payload, Payload::Switch(false))
    }
}

impl Payload {
    /// What readers get; a payload without a value of its own hands out its binding.
    #[inline]
    pub(super) fn value(&self) -> Option<*const ()> {
        match self {
            Self::Shared(_, value) | Self::Inline { value, .. } => Some(*value),
            Self::Switch(_) | Self::Resources(_) | Self::Extension(_) => None,
        }
    }

    /// Does it own a count?
    #[inline]
    fn is_counted(&self) -> bool {
        match self {
            Self::Shared(..) | Self::Resources(_) | Self::Extension(_) => true,
            Self::Inline { .. } | Self::Switch(_) => false,
        }
    }

    /// A copy that can leave the block.
    pub(super) fn counted(&self) -> Self {
        match self {
            Self::Shared(owner, value) => Self::Shared(Arc::clone(owner), *value),
            Self::Inline { source, count, .. } => {
                let (owner, value) = count(*source);
                Self::Shared(owner, value)
            }
            Self::Switch(on) => Self::Switch(*on),
            Self::Resources(values) => Self::Resources(Arc::clone(values)),
            Self::Extension(extension) => Self::Extension(Arc::clone(extension)),
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("block", &self.block)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding")
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}
