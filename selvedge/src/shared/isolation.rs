//! Isolating blocks: what they have touched, and what becomes of it.
//!
//! The block's frame has a slot for something of ours ([`Extension`]); the first touch of a singleton puts
//! an [`Overlay`] there. A capture of the ambient shares it, so that isolation travels with the work.
//!
//! # Invariants
//!
//! 1. A singleton that a block has touched has one cell in the block's overlay, made from the next
//!    block outwards, or from the shared cell, at that moment.
//! 2. Commits lock the cells they write in the order of their addresses, check all, then change all.
//! 3. A written overlay that is neither committed nor discarded says so when it goes.

use core::any::Any;
use core::fmt;
use core::panic::Location;
use std::error::Error;

use crate::ambient::{self, Binding, Context, Extension, ISOLATION, Payload};
use crate::primitive::{Arc, Mutex, OnceLock};
use crate::probe::{self, Event};

/// A cell and what it was made from, without their type.
#[derive(Clone)]
pub(super) struct Untyped {
    pub(super) base: Arc<dyn Any + Send + Sync>,
    pub(super) cell: Arc<dyn Any + Send + Sync>,
}

/// A singleton without its type.
pub(super) trait AnySingleton: Sync {
    fn name(&self) -> &'static str;
    fn shared_cell(&'static self) -> Arc<dyn Any + Send + Sync>;
    /// A new cell that starts as what `of` holds now.
    fn snapshot(&'static self, of: &Arc<dyn Any + Send + Sync>) -> Untyped;
    fn is_written(&self, cell: &Arc<dyn Any + Send + Sync>) -> bool;
    /// What was written so far is committed or discarded: a later write counts anew.
    fn settle(&self, cell: &Arc<dyn Any + Send + Sync>);
    /// Locks `into` for the commit of `slot`, unless it has changed since.
    fn prepare<'c>(
        &self,
        slot: &Untyped,
        into: &'c (dyn Any + Send + Sync),
    ) -> Option<Prepared<'c>>;
}

/// A locked, checked cell; dropped without `apply` it is left as it was.
pub(super) struct Prepared<'c>(Box<dyn Apply + 'c>);

pub(super) trait Apply {
    /// Puts the new value there; the old one comes back, to be dropped when no lock is held.
    fn apply(self: Box<Self>) -> Box<dyn Any + Send + Sync>;
}

impl<'c> Prepared<'c> {
    pub(super) fn new(commit: impl Apply + 'c) -> Self {
        Self(Box::new(commit))
    }
}

/// What an isolating block has touched.
struct Overlay {
    slots: Mutex<Vec<(&'static dyn AnySingleton, Untyped)>>,
    /// For one singleton alone: others look past this block.
    seeded: bool,
    name: &'static str,
}

impl Overlay {
    fn new(
        name: &'static str,
        seeded: bool,
        slots: Vec<(&'static dyn AnySingleton, Untyped)>,
    ) -> Self {
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
        overlay
            .downcast_ref()
            .expect("only this part fills the slot of an isolating block")
    }

    fn find(&self, singleton: &'static dyn AnySingleton) -> Option<Untyped> {
        let slots = self.slots.lock();
        let found = slots.iter().find(|(other, _)| is_same(*other, singleton));
        found.map(|(_, slot)| slot.clone())
    }

    /// Keeps `slot`, unless another thread of this isolation came first.
    fn keep(&self, singleton: &'static dyn AnySingleton, slot: Untyped) -> Untyped {
        let mut slots = self.slots.lock();
        if let Some((_, first)) = slots.iter().find(|(other, _)| is_same(*other, singleton)) {
            return first.clone();
        }
        slots.push((singleton, slot.clone()));
        slot
    }

    fn written(&self) -> Vec<(&'static dyn AnySingleton, Untyped)> {
        let slots = self.slots.lock();
        slots
            .iter()
            .filter(|(it, slot)| it.is_written(&slot.cell))
            .cloned()
            .collect()
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        if self.seeded {
            return;
        }
        for (singleton, _) in self.written() {
            probe::emit(&Event::Discarded {
                singleton: singleton.name(),
                context: self.name,
            });
        }
    }
}

fn is_same(a: &'static dyn AnySingleton, b: &'static dyn AnySingleton) -> bool {
    core::ptr::addr_eq(a, b)
}

/// The cell that a block inside `binding` sees (invariant 1).
pub(super) fn cell_in(
    binding: Option<&Binding>,
    singleton: &'static dyn AnySingleton,
) -> Arc<dyn Any + Send + Sync> {
    // Outwards to the first block that has it, then inwards again, leaving a snapshot in each.
    let mut missing = Vec::new();
    let mut at = binding;
    let mut cell = loop {
        let Some(binding) = at else {
            break singleton.shared_cell();
        };
        if let Payload::Extension(extension) = &binding.payload {
            let overlay = Overlay::of(extension);
            match overlay.find(singleton) {
                Some(slot) => break slot.cell,
                None if overlay.seeded => {}
                None => missing.push(overlay),
            }
        }
        at = binding.outer();
    };
    for overlay in missing.into_iter().rev() {
        cell = overlay.keep(singleton, singleton.snapshot(&cell)).cell;
    }
    cell
}

/// The frame of a block in which `singleton` is what `slot` holds.
pub(super) fn seeded(singleton: &'static dyn AnySingleton, slot: Untyped) -> Arc<Extension> {
    let overlay = Overlay::new("seeded", true, vec![(singleton, slot)]);
    let extension = Extension {
        name: "seeded",
        slot: OnceLock::new(),
    };
    let _ = extension.slot.set(Box::new(overlay));
    Arc::new(extension)
}

/// Runs `f` with every singleton isolated: reads see a snapshot, writes change a copy.
///
/// What was written comes back as [`Changes`], to commit or to discard. Blocks nest; inner changes are
/// committed into the outer block.
///
/// # Panics
///
/// If `f` does; its changes are discarded then.
///
/// # Examples
///
/// ```
/// use selvedge::shared;
/// selvedge::singleton! { static TOTAL: u64 = 1; }
///
/// let ((), changes) = shared::isolated(|| TOTAL.update(|total| *total += 1));
/// assert_eq!(*TOTAL.get(), 1);
/// changes.commit()?;
/// assert_eq!(*TOTAL.get(), 2);
/// # Ok::<(), shared::Conflict>(())
/// ```
#[track_caller]
pub fn isolated<R>(f: impl FnOnce() -> R) -> (R, Changes) {
    let extension = Arc::new(Extension {
        name: "isolated",
        slot: OnceLock::new(),
    });
    let changes = Changes {
        extension: Arc::clone(&extension),
    };
    let block = Location::caller();
    (
        ambient::enter(&ISOLATION, Payload::Extension(extension), block, f),
        changes,
    )
}

impl Context {
    /// Runs `f` inside this context with singletons isolated, and hands back what was written.
    ///
    /// The same as [`run`](Self::run) of a context that `isolates`, for a caller who wants to know.
    ///
    /// # Panics
    ///
    /// If `f` does; its changes are discarded then.
    ///
    /// # Examples
    ///
    /// ```
    /// selvedge::context! { static PLUGIN = "plugin" isolates; }
    /// selvedge::singleton! { static X: i32 = 5; }
    ///
    /// let ((), changes) = PLUGIN.isolated(|| X.update(|x| *x = 3));
    /// assert!(changes.names()[0].ends_with("X"));
    /// changes.discard();
    /// assert_eq!(*X.get(), 5);
    /// ```
    #[track_caller]
    pub fn isolated<R>(&'static self, f: impl FnOnce() -> R) -> (R, Changes) {
        let extension = Arc::new(Extension {
            name: self.name(),
            slot: OnceLock::new(),
        });
        let changes = Changes {
            extension: Arc::clone(&extension),
        };
        (self.run_isolated(extension, Location::caller(), f), changes)
    }
}

/// What an isolating block has written. Dropping it throws the writes away, as an
/// [`Event::Discarded`](crate::probe::Event::Discarded) for each singleton.
#[must_use = "commit it or discard it; dropping it reports the writes as thrown away"]
pub struct Changes {
    extension: Arc<Extension>,
}

impl Changes {
    /// Was nothing written?
    ///
    /// A write through `&self` (into a `Mutex` inside the value) went to a copy and is not known here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.extension.slot.get().is_none() || self.written().is_empty()
    }

    /// The paths of the singletons that were written.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.written()
            .iter()
            .map(|(singleton, _)| singleton.name())
            .collect()
    }

    /// Throws the writes away, silently.
    pub fn discard(self) {
        Self::settle(&self.written());
    }

    /// Makes the writes those of the calling block, all or nothing.
    ///
    /// # Errors
    ///
    /// [`Conflict`] if one of the singletons was written by somebody else since the block first touched
    /// it. Nothing was changed then.
    ///
    /// # Panics
    ///
    /// Inside an update of one of the singletons. Nothing was changed then.
    pub fn commit(self) -> Result<(), Conflict> {
        let written = self.written();
        let targets: Vec<_> = ambient::innermost(&ISOLATION, |binding| {
            written
                .iter()
                .map(|(singleton, _)| cell_in(binding, *singleton))
                .collect()
        });
        let mut order: Vec<usize> = (0..written.len()).collect();
        order.sort_by_key(|&i| Arc::as_ptr(&targets[i]).addr());
        let mut prepared = Vec::new();
        for i in order {
            let (singleton, slot) = &written[i];
            let Some(locked) = singleton.prepare(slot, &*targets[i]) else {
                return Err(Conflict {
                    singleton: singleton.name(),
                });
            };
            prepared.push(locked);
        }
        let old: Vec<_> = prepared
            .into_iter()
            .map(|locked| locked.0.apply())
            .collect();
        drop(old);
        Self::settle(&written);
        Ok(())
    }

    fn written(&self) -> Vec<(&'static dyn AnySingleton, Untyped)> {
        match self.extension.slot.get() {
            Some(_) => Overlay::of(&self.extension).written(),
            None => Vec::new(),
        }
    }

    fn settle(written: &[(&'static dyn AnySingleton, Untyped)]) {
        for (singleton, slot) in written {
            singleton.settle(&slot.cell);
        }
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("names", &self.names())
            .finish()
    }
}

/// The error of [`Changes::commit`]: somebody else wrote a singleton meanwhile. Try the block again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    singleton: &'static str,
}

impl Conflict {
    /// The path of the singleton.
    #[must_use]
    pub fn singleton(&self) -> &'static str {
        self.singleton
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "singleton `{}` was written by somebody else meanwhile",
            self.singleton
        )
    }
}

impl Error for Conflict {}
