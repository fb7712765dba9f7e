//! Keys: what can be bound, as a small index into every thread's table.
//!
//! An index is given at the first binding, not at declaration, so that tables stay as small as the
//! number of things that are really bound. Index 0 belongs to nobody: its slot is always empty, which is
//! what a reader of a never-bound key finds, without a branch of its own.
//!
//! Keys stand in statics that users declare, so they use core atomics and are not modelled.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

static NEXT: AtomicU32 = AtomicU32::new(1);

/// The identity of something that can be bound.
#[derive(Debug)]
pub(crate) struct Key {
    index: AtomicU32,
}

impl Key {
    pub(crate) const fn new() -> Self {
        Self {
            index: AtomicU32::new(0),
        }
    }

    /// The slot to read; 0 when nobody has bound this key yet.
    ///
    /// `Relaxed`: the thread that reads a binding is the thread that made it, or was handed it by
    /// something that synchronises.
    #[inline]
    pub(super) fn slot(&self) -> usize {
        self.index.load(Relaxed) as usize
    }

    /// The slot to write; gives the key its index if it has none.
    #[inline]
    pub(super) fn slot_to_bind(&self) -> usize {
        match self.slot() {
            0 => self.register(),
            index => index,
        }
    }

    #[cold]
    fn register(&self) -> usize {
        let fresh = NEXT.fetch_add(1, Relaxed);
        // Two threads may race for the first binding; the loser's index stays unused.
        match self.index.compare_exchange(0, fresh, Relaxed, Relaxed) {
            Ok(_) => fresh as usize,
            Err(given) => given as usize,
        }
    }
}

/// How long a table must be to have a slot for every key that has been bound.
pub(super) fn table_len() -> usize {
    NEXT.load(Relaxed) as usize
}
