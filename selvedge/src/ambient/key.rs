//! Keys: what can be bound, as a small index into every thread's table.
//!
//! An index is given at the first binding, not at declaration, so that tables stay as small as the
//! number of things that are really bound. The first [`FAST`] keys have a place in every table and are
//! read without a check; index 0 belongs to nobody, its slot is always empty, and it is what a reader of
//! any other key finds there. Those look further, in the slow way.
//!
//! Keys stand in statics that users declare, so they use core atomics and are not modelled.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// How many keys have a place in every table.
pub(super) const FAST: usize = 48;

/// The next index; fast ones first.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The identity of something that can be bound.
#[derive(Debug)]
pub(crate) struct Key {
    /// Below `FAST`, always; 0 if the key is not fast, or not bound yet.
    fast: AtomicU32,
    /// Its index, 0 before the first binding.
    index: AtomicU32,
}

/// Where a key's slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Index {
    /// In the arrays of the table; below `FAST`.
    Fast(usize),
    /// In its further slots.
    Wide(usize),
}

impl Key {
    pub(crate) const fn new() -> Self {
        Self {
            fast: AtomicU32::new(0),
            index: AtomicU32::new(0),
        }
    }

    /// The place to read without a check; 0 is always empty.
    ///
    /// `Relaxed`: the thread that reads a binding is the thread that made it, or was handed it by
    /// something that synchronises.
    #[inline]
    pub(super) fn fast(&self) -> usize {
        self.fast.load(Relaxed) as usize
    }

    /// Where its slot is; before the first binding, at the place that is always empty.
    pub(super) fn index(&self) -> Index {
        of(self.index.load(Relaxed))
    }

    /// The place to write, or 0 if the key is not fast; gives the key its index if it has none.
    #[inline]
    pub(super) fn fast_to_bind(&self) -> usize {
        match self.fast() {
            0 => self.register(),
            fast => fast,
        }
    }

    #[cold]
    fn register(&self) -> usize {
        let mut index = self.index.load(Relaxed);
        if index == 0 {
            let fresh = NEXT.fetch_add(1, Relaxed);
            // Two threads may race for the first binding; the loser's index stays unused.
            index = match self.index.compare_exchange(0, fresh, Relaxed, Relaxed) {
                Ok(_) => fresh,
                Err(given) => given,
            };
        }
        match of(index) {
            Index::Fast(fast) => {
                self.fast.store(index, Relaxed); // everybody stores the same
                fast
            }
            Index::Wide(_) => 0,
        }
    }
}

fn of(index: u32) -> Index {
    let index = index as usize;
    if index < FAST {
        Index::Fast(index)
    } else {
        Index::Wide(index - FAST)
    }
}

/// How many slots there must be for wide keys.
pub(super) fn wide_len() -> usize {
    (NEXT.load(Relaxed) as usize).saturating_sub(FAST)
}
