//! Isolating blocks, and what becomes of their writes.
//!
//! # Invariants
//!
//! 1. A commit compares without a lock, then locks the cells it writes in the order of their addresses,
//!    looks whether they are still what was compared, and changes all of them or none.
//! 2. The user's destructors run when no lock is held. By then the commit is done.
//!
//! What a block has touched is kept in an [`overlay`](super::overlay).

use core::fmt;
use core::panic::Location;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::ambient::{self, Context, Extension, ISOLATION, Payload};
use crate::primitive::{Arc, OnceLock};
use crate::shared::overlay::{Overlay, Slot, cell_in};

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
    let changes = Changes::new(&extension);
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
        let changes = Changes::new(&extension);
        (self.run_isolated(extension, Location::caller(), f), changes)
    }
}

/// What an isolating block has written. Dropping it throws the writes away, as an
/// [`Event::Discarded`](crate::probe::Event::Discarded) for each singleton, once nobody can see them any
/// more: a capture of the block's ambient keeps them.
#[must_use = "commit it or discard it; dropping it reports the writes as thrown away"]
pub struct Changes {
    extension: Arc<Extension>,
}

impl Changes {
    fn new(extension: &Arc<Extension>) -> Self {
        Self {
            extension: Arc::clone(extension),
        }
    }

    /// Was nothing written?
    ///
    /// A write through `&self` (into a `Mutex` inside the value) is found by comparing the copy with what it
    /// was, by [`Isolate::is_same`](crate::shared::Isolate::is_same).
    ///
    /// # Panics
    ///
    /// Inside an update of one of the copies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    /// The paths of the singletons and flyweights that were written.
    ///
    /// # Panics
    ///
    /// Inside an update of one of the copies.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        Overlay::of_touched(&self.extension).map_or_else(Vec::new, Overlay::written)
    }

    /// Throws the writes away, silently.
    ///
    /// If a capture keeps the block's isolation, what is done there later begins with new copies.
    pub fn discard(self) {
        if let Some(overlay) = Overlay::of_touched(&self.extension) {
            drop(overlay.take());
        }
    }

    /// Makes the writes those of the calling block, all or nothing.
    ///
    /// If a capture keeps the block's isolation, what is done there later begins with new copies, of what
    /// is there then.
    ///
    /// # Errors
    ///
    /// [`Conflict`] if one of the singletons was written by somebody else since the block first touched
    /// it, also through `&self`. Nothing was changed then, and the writes are thrown away.
    ///
    /// # Panics
    ///
    /// Inside an update of one of the singletons: nothing was changed then. If the destructor of a
    /// value that was replaced does: everything was changed then.
    pub fn commit(self) -> Result<(), Conflict> {
        let Some(overlay) = Overlay::of_touched(&self.extension) else {
            return Ok(());
        };
        let mut taken = Taken {
            overlay,
            slots: overlay.take(),
        };
        let old = commit(&taken.slots)?;
        taken.slots.clear();
        let mut panicked = None;
        for value in old {
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(value)));
            panicked = panicked.or(dropped.err());
        }
        panicked.map_or(Ok(()), |payload| resume_unwind(payload))
    }
}

/// What is to be committed: reported as thrown away if it is not, also by a panic.
struct Taken<'o> {
    overlay: &'o Overlay,
    slots: Vec<Slot>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.overlay.report(&self.slots);
    }
}

/// Invariant 1. Gives what was replaced.
fn commit(slots: &[Slot]) -> Result<Vec<Box<dyn core::any::Any>>, Conflict> {
    let mut staged = Vec::new();
    for (it, cell) in slots {
        let into = ambient::innermost(&ISOLATION, |binding| cell_in(binding, *it));
        if let Some(step) = it.stage(cell, &into)? {
            staged.push((it.name(), into, step));
        }
    }
    staged.sort_by_key(|(_, into, _)| Arc::as_ptr(into).addr());
    let mut locked = Vec::new(); // goes before what is staged: no value of the user's goes under a lock
    for (name, into, step) in &mut staged {
        match step.lock(into) {
            Some(it) => locked.push(it),
            None => return Err(Conflict::new(name, true)),
        }
    }
    Ok(locked.into_iter().map(|it| it.apply()).collect())
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("names", &self.names())
            .finish()
    }
}

/// The error of [`Changes::commit`]: somebody else wrote a singleton or flyweight meanwhile. Try the block
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    singleton: &'static str,
    /// Or its type has no comparison, and nobody can say.
    is_known: bool,
}

impl Conflict {
    pub(super) fn new(singleton: &'static str, is_known: bool) -> Self {
        Self {
            singleton,
            is_known,
        }
    }

    /// The path of the singleton or flyweight.
    #[must_use]
    pub fn singleton(&self) -> &'static str {
        self.singleton
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.singleton;
        if self.is_known {
            return write!(
                f,
                "singleton `{name}` was written by somebody else meanwhile"
            );
        }
        write!(
            f,
            "it cannot be known whether singleton `{name}` was written meanwhile: its type has interior \
             mutability and no `Isolate::is_same`"
        )
    }
}

impl Error for Conflict {}
