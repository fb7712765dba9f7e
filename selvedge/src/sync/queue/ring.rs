//! A bounded lock-free ring: the plain queue's elements.
//!
//! Dmitry Vyukov's bounded queue of many producers and many consumers, with stamps, as std's and crossbeam's
//! bounded channels have it: a slot's stamp says whose turn it is.
//!
//! # State
//!
//! A *position* is a lap and an index: the index in the low bits, below two flags, the lap above them.
//! `tail` is where the next element goes and `head` where the next comes from. The stamp of a slot is
//! the position at which it may be written, or one more than the position at which it may be read.
//!
//! # Invariants
//!
//! 1. Whoever moves `tail` from `p` to the next position, when the stamp of `p`'s slot is `p`, owns that
//!    slot until it stores `p + 1` there.
//! 2. Whoever moves `head` from `p` to the next position, when the stamp of `p`'s slot is `p + 1`, owns
//!    that slot until it stores `p` of the next lap there.
//! 3. `CLOSED` in `tail` is never removed, and `tail` does not move after it: what is in the ring then is
//!    all that there will ever be.
//! 4. `LEFT`, in both, is never removed, and neither moves after it: whoever added it to `head` owns every
//!    element from there to `tail`.
//!
//! # Orderings
//!
//! The `Release` store of a stamp pairs with its `Acquire` load by the next owner of the slot, which so
//! sees the element (1), or that it was taken (2). Moves of `head` and `tail` are `SeqCst`, because
//! of what comes after them: see [`sleepers`](super::sleepers).

#![expect(
    unsafe_code,
    reason = "an element moves into a slot and out of it by the stamps alone"
)]

use core::mem::MaybeUninit;
use core::panic::{RefUnwindSafe, UnwindSafe};

use crate::primitive::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};
use crate::primitive::{OnceLock, UnsafeCell, model_fence, relax};

/// Elements in a ring, if it was ever used.
pub(super) struct Ring<T> {
    head: Padded<AtomicUsize>,
    tail: Padded<AtomicUsize>,
    /// Made by the first push, so that a queue that nobody uses is small.
    slots: OnceLock<Box<[Slot<T>]>>,
    bound: usize,
    /// The flag in `tail`; the index is below it.
    closed: usize,
}

/// Alone on its cache line, and the one that is fetched with it.
#[repr(align(128))]
struct Padded<T>(T);

struct Slot<T> {
    stamp: AtomicUsize,
    element: UnsafeCell<MaybeUninit<T>>,
}

/// Why there was no push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPush {
    Full,
    Closed,
    /// The elements are elsewhere now.
    Left,
}

/// Why there was no pop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPop {
    Empty,
    Closed,
    /// The elements are elsewhere now.
    Left,
}

// SAFETY: elements go from one thread to another through the ring, and are never shared: a slot has one
// owner (invariants 1, 2, 4).
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: as above; `&Ring` gives no `&T`.
unsafe impl<T: Send> Sync for Ring<T> {}

/// Its steps run no code that can unwind, so nobody ever finds one half done.
impl<T> UnwindSafe for Ring<T> {}
impl<T> RefUnwindSafe for Ring<T> {}

impl<T> Ring<T> {
    /// A ring for `bound` elements, at least one.
    pub(super) fn new(bound: usize) -> Self {
        Self::make(bound, false)
    }

    /// A ring that has been left already.
    pub(super) fn unused() -> Self {
        Self::make(1, true)
    }

    fn make(bound: usize, left: bool) -> Self {
        // A stamp may be one more than the last index.
        let closed = (bound + 1).next_power_of_two();
        let start = if left { closed << 1 } else { 0 };
        let ring = Self {
            head: Padded(AtomicUsize::new(start)),
            tail: Padded(AtomicUsize::new(start)),
            slots: OnceLock::new(),
            bound,
            closed,
        };
        if cfg!(selvedge_loom) {
            ring.slots(); // loom does not see that std's `OnceLock` orders anything
        }
        ring
    }

    #[inline]
    fn left(&self) -> usize {
        self.closed << 1
    }

    #[inline]
    fn lap(&self) -> usize {
        self.closed << 2
    }

    #[inline]
    fn index(&self, position: usize) -> usize {
        position & (self.closed - 1)
    }

    /// The position without the flags.
    #[inline]
    fn plain(&self, position: usize) -> usize {
        position & !(self.closed | self.left())
    }

    #[inline]
    fn after(&self, position: usize) -> usize {
        if self.index(position) + 1 < self.bound {
            position + 1
        } else {
            (position & !(self.lap() - 1)).wrapping_add(self.lap())
        }
    }

    fn slots(&self) -> &[Slot<T>] {
        self.slots.get_or_init(|| {
            let slot = |stamp| Slot {
                stamp: AtomicUsize::new(stamp),
                element: UnsafeCell::new(MaybeUninit::uninit()),
            };
            (0..self.bound).map(slot).collect()
        })
    }

    /// Adds an element at the end, or gives it back.
    #[inline]
    pub(super) fn try_push(&self, element: T) -> Result<(), (T, NoPush)> {
        let mut tail = self.tail.0.load(Relaxed);
        if tail & (self.closed | self.left()) != 0 {
            return Err((element, self.no_push(tail)));
        }
        let slots = self.slots();
        let mut tries = 0;
        loop {
            if tail & (self.closed | self.left()) != 0 {
                return Err((element, self.no_push(tail)));
            }
            let slot = &slots[self.index(tail)];
            let stamp = slot.stamp.load(Acquire);
            if stamp == tail {
                let next = self.after(tail);
                match self
                    .tail
                    .0
                    .compare_exchange_weak(tail, next, SeqCst, Relaxed)
                {
                    Ok(_) => {
                        model_fence();
                        // SAFETY: the slot is ours (invariant 1), and empty.
                        slot.element
                            .with_mut(|place| unsafe { place.cast::<T>().write(element) });
                        slot.stamp.store(tail + 1, Release);
                        return Ok(());
                    }
                    Err(now) => tail = now,
                }
            } else if stamp.wrapping_add(self.lap()) == tail + 1 {
                // A lap behind: full, unless somebody is about to take it.
                model_fence();
                let head = self.head.0.load(SeqCst);
                if self.plain(head).wrapping_add(self.lap()) == tail {
                    return Err((element, NoPush::Full));
                }
                relax(&mut tries);
                tail = self.tail.0.load(Relaxed);
            } else {
                relax(&mut tries);
                tail = self.tail.0.load(Relaxed);
            }
        }
    }

    #[cold]
    fn no_push(&self, tail: usize) -> NoPush {
        if tail & self.left() != 0 {
            NoPush::Left
        } else {
            NoPush::Closed
        }
    }

    /// Takes the first element.
    #[inline]
    pub(super) fn try_pop(&self) -> Result<T, NoPop> {
        let slots = match self.slots.get() {
            Some(slots) => slots,
            None => {
                let tail = self.tail.0.load(SeqCst);
                if self.plain(tail) == 0 {
                    return Err(self.no_pop(tail)); // there was no push before this load
                }
                self.slots()
            }
        };
        let mut head = self.head.0.load(Relaxed);
        let mut tries = 0;
        loop {
            if head & self.left() != 0 {
                return Err(NoPop::Left);
            }
            let slot = &slots[self.index(head)];
            let stamp = slot.stamp.load(Acquire);
            if stamp == head + 1 {
                let next = self.after(head);
                match self
                    .head
                    .0
                    .compare_exchange_weak(head, next, SeqCst, Relaxed)
                {
                    Ok(_) => {
                        model_fence();
                        // SAFETY: the slot is ours and written (invariant 2); it is read once, because
                        // the stamp that is stored next says that it is empty.
                        let element = slot
                            .element
                            .with_mut(|place| unsafe { place.cast::<T>().read() });
                        slot.stamp.store(head.wrapping_add(self.lap()), Release);
                        return Ok(element);
                    }
                    Err(now) => head = now,
                }
            } else {
                if stamp == head {
                    // Not written: empty, unless somebody is about to write it.
                    model_fence();
                    let tail = self.tail.0.load(SeqCst);
                    if self.plain(tail) == head {
                        return Err(self.no_pop(tail));
                    }
                }
                relax(&mut tries);
                head = self.head.0.load(Relaxed);
            }
        }
    }

    /// Why an empty ring with this `tail` has no element.
    #[cold]
    fn no_pop(&self, tail: usize) -> NoPop {
        if tail & self.left() != 0 {
            NoPop::Left
        } else if tail & self.closed != 0 {
            NoPop::Closed
        } else {
            NoPop::Empty
        }
    }

    /// Refuses pushes from now on (invariant 3).
    pub(super) fn close(&self) {
        self.tail.0.fetch_or(self.closed, SeqCst);
        model_fence();
    }

    /// Ends the use of the ring and hands out what is in it, in order (invariant 4). Once.
    pub(super) fn leave(&self) -> Vec<T> {
        let tail = self.tail.0.fetch_or(self.left(), SeqCst);
        let mut head = self.head.0.fetch_or(self.left(), SeqCst);
        let mut elements = Vec::new();
        let Some(slots) = self.slots.get() else {
            return elements;
        };
        while head != self.plain(tail) {
            let slot = &slots[self.index(head)];
            let mut tries = 0;
            while slot.stamp.load(Acquire) != head + 1 {
                relax(&mut tries); // whoever moved `tail` past it is writing it
            }
            // SAFETY: the slot is ours (invariant 4) and written; `head` goes past it, and it is never read again.
            elements.push(
                slot.element
                    .with_mut(|place| unsafe { place.cast::<T>().read() }),
            );
            head = self.after(head);
        }
        elements
    }

    pub(super) fn is_closed(&self) -> bool {
        self.tail.0.load(SeqCst) & self.closed != 0
    }

    pub(super) fn is_left(&self) -> bool {
        self.tail.0.load(SeqCst) & self.left() != 0
    }

    /// How many elements there are: of one moment, if it could be had.
    pub(super) fn len(&self) -> usize {
        loop {
            let tail = self.tail.0.load(SeqCst);
            let head = self.head.0.load(SeqCst);
            if self.tail.0.load(SeqCst) != tail {
                continue;
            }
            let (tail, head) = (self.plain(tail), self.plain(head));
            let (last, first) = (self.index(tail), self.index(head));
            return if tail == head {
                0
            } else if last > first {
                last - first
            } else {
                self.bound - first + last
            };
        }
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        if !self.is_left() {
            drop(self.leave());
        }
    }
}
