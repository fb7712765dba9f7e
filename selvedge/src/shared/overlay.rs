//! What an isolating block has touched.
//!
//! The block's frame has a slot for something of ours ([`Extension`]); the first touch of something shared
//! puts an [`Overlay`] there. A capture of the ambient holds it as well, so that isolation travels with the
//! work.
//!
//! # Invariants
//!
//! 1. What a block has touched has one cell in the block's overlay, made from the next block outwards, or
//!    from the shared cell, at that moment. A snapshot is made and compared without a lock of the overlay.
//! 2. A commit or a discard takes the cells out and closes them: who comes later finds them closed, looks
//!    again, and begins with a new snapshot. So nothing is written to a cell that nobody will look at.
//! 3. A written overlay that is neither committed nor discarded says so when it goes.

use core::any::Any;
use core::panic::Location;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::ambient::{self, Ambient, Binding, Extension, ISOLATION, Payload};
use crate::primitive::{Arc, Mutex, OnceLock};
use crate::probe::{self, Event};
use crate::shared::{Conflict, Isolate};

/// A cell without its type: where a singleton's value stands, or a flyweight's values.
pub(super) type Cell = Arc<dyn Any + Send + Sync>;

/// A static that isolating blocks have copies of, without its type.
pub(super) trait Isolated: Sync {
    fn name(&self) -> &'static str;
    /// Outside of all blocks.
    fn shared_cell(&'static self) -> Cell;
    /// A new cell that starts as what `of` holds now.
    fn snapshot(&'static self, of: &Cell) -> Cell;
    fn is_written(&self, cell: &Cell) -> bool;
    /// Panics if the calling thread is changing it right now.
    fn refuse_own_update(&self, cell: &Cell);
    /// From now on nothing is written to it.
    fn close(&self, cell: &Cell);
    /// What a commit of the closed `cell` into `into` will do; `None` for nothing. Runs the user's comparisons, so
    /// no lock is held here.
    fn stage(&self, cell: &Cell, into: &Cell) -> Result<Option<Box<dyn Staged>>, Conflict>;
}

/// A checked commit of one cell.
pub(super) trait Staged {
    /// Locks `into`, unless it has changed since the check.
    fn lock<'c>(&'c mut self, into: &'c Cell) -> Option<Box<dyn Locked + 'c>>;
}

/// A locked cell; dropped without `apply` it is left as it was.
pub(super) trait Locked {
    /// Puts the new there; the old comes back, to be dropped when no lock is held.
    fn apply(self: Box<Self>) -> Box<dyn Any>;
}

/// One thing that was touched.
pub(super) type Slot = (&'static dyn Isolated, Cell);

/// What an isolating block has touched.
pub(super) struct Overlay {
    slots: Mutex<Vec<Slot>>,
    /// For one singleton alone: others look past this block.
    seeded: bool,
    name: &'static str,
}

impl Overlay {
    fn new(name: &'static str, seeded: bool, slots: Vec<Slot>) -> Self {
        Self {
            slots: Mutex::new(slots),
            seeded,
            name,
        }
    }

    fn of(extension: &Extension) -> &Self {
        let overlay = extension
            .slot
            .get_or_init(|| Box::new(Self::new(extension.name, false, Vec::new())));
        typed(overlay)
    }

    /// Of a block that has touched something.
    pub(super) fn of_touched(extension: &Extension) -> Option<&Self> {
        extension.slot.get().map(typed)
    }

    fn find(&self, what: &'static dyn Isolated) -> Option<Cell> {
        let slots = self.slots.lock();
        let found = slots.iter().find(|(other, _)| is_same_static(*other, what));
        found.map(|(_, cell)| Arc::clone(cell))
    }

    /// Keeps `cell`, unless another thread of this isolation came first.
    fn keep(&self, what: &'static dyn Isolated, cell: Cell) -> Cell {
        let mut slots = self.slots.lock();
        if let Some((_, first)) = slots.iter().find(|(other, _)| is_same_static(*other, what)) {
            let first = Arc::clone(first);
            drop(slots); // `cell` holds the user's value, and goes after this
            return first;
        }
        slots.push((what, Arc::clone(&cell)));
        cell
    }

    /// The paths of what was written, in the order of the first touch.
    pub(super) fn written(&self) -> Vec<&'static str> {
        let touched = self.slots.lock().clone();
        touched
            .iter()
            .filter(|(it, cell)| it.is_written(cell))
            .map(|(it, _)| it.name())
            .collect()
    }

    /// Takes out what was touched, and closes it (invariant 2).
    pub(super) fn take(&self) -> Vec<Slot> {
        let touched = self.slots.lock().clone();
        for (it, cell) in &touched {
            it.refuse_own_update(cell); // while nothing is taken
        }
        let slots = core::mem::take(&mut *self.slots.lock());
        for (it, cell) in &slots {
            it.close(cell);
        }
        slots
    }

    /// Tells that the writes to `slots` are lost.
    pub(super) fn report(&self, slots: &[Slot]) {
        for (it, _) in slots.iter().filter(|(it, cell)| it.is_written(cell)) {
            probe::emit(&Event::Discarded {
                singleton: it.name(),
                context: self.name,
            });
        }
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        if !self.seeded {
            let slots = core::mem::take(self.slots.get_mut());
            self.report(&slots);
        }
    }
}

fn typed(overlay: &Box<dyn Any + Send + Sync>) -> &Overlay {
    overlay
        .downcast_ref()
        .expect("only this part fills the slot of an isolating block")
}

fn is_same_static(a: &'static dyn Isolated, b: &'static dyn Isolated) -> bool {
    core::ptr::addr_eq(a, b)
}

/// The cell that a block inside `binding` sees (invariant 1).
pub(super) fn cell_in(binding: Option<&Binding>, what: &'static dyn Isolated) -> Cell {
    // Outwards to the first block that has it, then inwards again, leaving a snapshot in each.
    let mut missing = Vec::new();
    let mut at = binding;
    let mut cell = loop {
        let Some(binding) = at else {
            break what.shared_cell();
        };
        if let Payload::Extension(extension) = &binding.payload {
            let overlay = Overlay::of(extension);
            match overlay.find(what) {
                Some(cell) => break cell,
                None if overlay.seeded => {}
                None => missing.push(overlay),
            }
        }
        at = binding.outer();
    };
    for overlay in missing.into_iter().rev() {
        cell = overlay.keep(what, what.snapshot(&cell));
    }
    cell
}

/// The frame of a block in which `what` is what `cell` holds.
pub(super) fn seeded(what: &'static dyn Isolated, cell: Cell) -> Arc<Extension> {
    let overlay = Overlay::new("seeded", true, vec![(what, cell)]);
    let extension = Extension {
        name: "seeded",
        slot: OnceLock::new(),
    };
    let _ = extension.slot.set(Box::new(overlay));
    Arc::new(extension)
}

/// Runs `f` where nothing is bound, but isolated as the caller is: for a constructor whose value outlives
/// the block, and whose writes must not leave it.
pub(super) fn run_isolated_only<R>(f: impl FnOnce() -> R) -> R {
    let blocks = ambient::innermost(&ISOLATION, |binding| {
        let outwards = core::iter::successors(binding, |binding| binding.outer());
        let extensions = outwards.filter_map(|binding| match &binding.payload {
            Payload::Extension(extension) => Some(Arc::clone(extension)),
            _ => None,
        });
        extensions.collect::<Vec<_>>()
    });
    Ambient::empty().run(|| enter_all(blocks, f))
}

/// Enters `blocks`, the last one first.
#[track_caller]
fn enter_all<R>(mut blocks: Vec<Arc<Extension>>, f: impl FnOnce() -> R) -> R {
    match blocks.pop() {
        None => f(),
        Some(block) => ambient::enter(
            &ISOLATION,
            Payload::Extension(block),
            Location::caller(),
            || enter_boxed(blocks, Box::new(f)),
        ),
    }
}

/// So that the recursion is not one of types.
fn enter_boxed<R>(blocks: Vec<Arc<Extension>>, f: Box<dyn FnOnce() -> R + '_>) -> R {
    enter_all(blocks, f)
}

/// Do the two hold the same? A comparison that panics has not found that they do.
pub(super) fn is_same<T: Isolate>(a: &T, b: &T) -> bool {
    catch_unwind(AssertUnwindSafe(|| a.is_same(b))).unwrap_or(false)
}

/// Why a value is not what a copy was made of: somebody changed it, or its type cannot tell.
pub(super) fn conflict<T: Isolate>(name: &'static str, pristine: &T) -> Conflict {
    let tells = catch_unwind(AssertUnwindSafe(|| pristine.isolate().is_same(pristine)));
    Conflict::new(name, tells.unwrap_or(false))
}
