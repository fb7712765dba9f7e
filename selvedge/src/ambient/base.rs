//! Segments: the blocks that hide everything below them and show a captured ambient instead.
//!
//! Such a block has a table of its own. It is filled by what the ambient has bound, and installed by changing one
//! pointer; a future keeps its table from poll to poll.
//!
//! # Invariants
//!
//! Those of [`frame`](super::frame) and [`current`](super::current), and:
//!
//! 1. A frame's base points to an ambient that its block borrows until the frame has been popped.
//! 2. A kept table belongs to one ambient, of which it has a count, and is used for that one only: whoever calls
//!    [`enter_base_again`] may give another one. It is installed only while `Kept` is borrowed, and what it shows is the
//!    same whenever it is not: each block inside puts back what it has overwritten.
#![allow(
    unsafe_code,
    reason = "the base of a segment is found through raw pointers into the stacks of running blocks"
)]

use core::fmt;
use core::panic::Location;
use core::ptr::{self, NonNull};

use crate::ambient::capture::Ambient;
use crate::ambient::current::{self, Slot, Table};
use crate::ambient::frame::{Binding, Frame, Payload, foreign_stack};
use crate::ambient::key::{self, Index};
use crate::primitive::OnceLock;

/// What is visible at the bottom of a segment of the chain.
pub(super) struct Base(NonNull<Ambient>);

impl Base {
    pub(super) fn ambient(&self) -> &Ambient {
        // SAFETY: borrowed by the block whose frame holds this, and the frame is in the chain (invariant 1).
        unsafe { self.0.as_ref() }
    }
}

/// A table that a future keeps from poll to poll.
#[doc(hidden)]
#[derive(Default)]
pub struct Kept(Option<Box<Filled>>);

/// A table filled by what an ambient has bound.
struct Filled {
    table: Table,
    /// Keeps what the table points to.
    ambient: Ambient,
    /// Where the table's wide slots are.
    _wide: Box<[Slot]>,
}

// SAFETY: its pointers lead to nodes, which are `Send + Sync` and owned by the ambient beside them; it is reached only
// through `&mut` (invariant 2).
unsafe impl Send for Kept {}
// SAFETY: as above; a shared reference to it gives nothing.
unsafe impl Sync for Kept {}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.0.is_some()).finish()
    }
}

/// Runs `f` in `ambient`: nothing below is visible, and a capture inside starts from it.
pub(super) fn enter_base<R>(
    ambient: &Ambient,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    // On the stack, and filled where it stands: copying it would cost more than filling it.
    let mut wide = wide_slots();
    let mut table = Table::new(&mut wide);
    table.fill(ambient.visible());
    enter_filled(ambient, &mut table, block, f)
}

/// The same with a table that is kept for the next time.
pub(super) fn enter_base_again<R>(
    ambient: &Ambient,
    kept: &mut Kept,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    let filled = match kept.0.take() {
        Some(filled) if filled.ambient.is_same(ambient) => filled,
        _ => fill(ambient),
    };
    let filled = kept.0.insert(filled);
    enter_filled(ambient, &mut filled.table, block, f)
}

#[cold]
fn fill(ambient: &Ambient) -> Box<Filled> {
    let mut wide = wide_slots().into_boxed_slice();
    let mut table = Table::new(&mut wide);
    table.fill(ambient.visible());
    Box::new(Filled {
        table,
        ambient: ambient.clone(),
        _wide: wide,
    })
}

/// Slots for every wide key so far; does not allocate when there are none.
fn wide_slots() -> Vec<Slot> {
    vec![Slot::EMPTY; key::wide_len()]
}

#[inline]
fn enter_filled<R>(
    ambient: &Ambient,
    table: &mut Table,
    block: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    let (below, depth) = current::with(|current| (current.top(), current.depth()));
    let inside = ambient.depth();
    let frame = Frame {
        binding: Binding {
            index: Index::Fast(0),
            payload: Payload::Switch(false),
            depth: inside,
            outer: ptr::null(),
            captured: OnceLock::new(),
        },
        below,
        base: Some(Base(NonNull::from(ambient))),
        block,
    };
    // Popped by a `Drop`, so that it goes on unwinding as well; the table is borrowed until after that.
    let _leave = current::with(|current| {
        current.set_top(&frame);
        current.set_depth(inside);
        Leave {
            frame: &frame,
            depth,
            table: current.install(table),
        }
    });
    f()
}

struct Leave<'f> {
    frame: &'f Frame,
    depth: u32,
    table: *mut Table,
}

impl Drop for Leave<'_> {
    #[inline]
    fn drop(&mut self) {
        current::with(|current| {
            if !ptr::eq(current.top(), self.frame) {
                foreign_stack(self.frame.block);
            }
            current.set_top(self.frame.below);
            current.set_depth(self.depth);
            current.install(self.table);
        });
    }
}
