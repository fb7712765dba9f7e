//! What [`Queue`](super::Queue) and [`PriorityQueue`](super::PriorityQueue) share: elements, and sleepers at both ends.
//!
//! A plain queue keeps its elements in a lock-free [`Ring`]. The first use of a verb that a ring does not have
//! (front, force, unique) moves them into a [`Buffer`] under a lock, for good. Levels, a large bound and a
//! rendezvous begin there.
//!
//! # Invariants
//!
//! 1. The ring is left under the lock of `locked`. Who finds it left takes that lock, and so finds all
//!    elements in the buffer, in their order.
//! 2. An element of a rendezvous is in `offers` while its push waits: taken out by a pop it was pushed,
//!    taken out by the push (closed, expired, stopped) it was not. Both happen under the lock.
//! 3. No element is dropped, and nobody woken, under the lock.
//! 4. An arrival notifies one popper, room notifies one pusher; both notify after the fact
//!    (invariant 1 of [`sleepers`](super::sleepers)).

use core::fmt;
use core::panic::Location;
use std::collections::VecDeque;
use std::hash::Hash;
use std::time::Instant;

use crate::primitive::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{AcqRel, Relaxed},
};
use crate::primitive::{Arc, Mutex};
use crate::signal::{Signal, WaitSite, Waiter};
use crate::sync::queue::buffer::{Buffer, Place};
use crate::sync::queue::error::{Closed, TryPopError, TryPushError};
use crate::sync::queue::ring::{NoPop, NoPush, Ring};
use crate::sync::queue::sleepers::Sleepers;

/// Up to how many bytes of elements a queue's ring may have, if nothing else is said. The first push allocates all.
pub(super) const RING_LIMIT: usize = 64 * 1024;

pub(super) struct Channel<T> {
    ring: Ring<T>,
    pub(super) locked: Mutex<Locked<T>>,
    pub(super) poppers: Sleepers,
    pub(super) pushers: Sleepers,
    pub(super) bound: usize,
    pub(super) quiet: AtomicBool,
    producers: AtomicUsize,
    /// Counted, so that a wait that notes it copies nothing.
    name: Option<Arc<str>>,
    made: &'static Location<'static>,
}

/// What the lock protects.
pub(super) struct Locked<T> {
    pub(super) buffer: Buffer<T>,
    pub(super) offers: VecDeque<Offer<T>>,
    pub(super) closed: bool,
}

/// The element of a push to a rendezvous.
pub(super) struct Offer<T> {
    pub(super) element: T,
    pub(super) waiter: Arc<Waiter>,
}

impl<T> Locked<T> {
    /// The place of the offer that this waiter waits for.
    pub(super) fn offer_of(&self, waiter: &Arc<Waiter>) -> Option<usize> {
        self.offers
            .iter()
            .position(|offer| Arc::ptr_eq(&offer.waiter, waiter))
    }
}

impl<T> Channel<T> {
    pub(super) fn new(
        bound: usize,
        ring_limit: usize,
        levels: usize,
        name: Option<&str>,
        made: &'static Location<'static>,
    ) -> Self {
        let bytes = size_of::<T>().max(1).checked_mul(bound);
        let fits = bytes.is_some_and(|bytes| bytes <= ring_limit);
        let ring = if levels == 1 && bound > 0 && fits {
            Ring::new(bound)
        } else {
            Ring::unused()
        };
        Self {
            ring,
            locked: Mutex::new(Locked {
                buffer: Buffer::new(levels),
                offers: VecDeque::new(),
                closed: false,
            }),
            poppers: Sleepers::default(),
            pushers: Sleepers::default(),
            bound,
            quiet: AtomicBool::new(false),
            producers: AtomicUsize::new(0),
            name: name.map(Arc::from),
            made,
        }
    }

    /// Adds an element if there is room.
    #[inline]
    pub(super) fn try_push(&self, element: T, place: Place) -> Result<(), TryPushError<T>> {
        let element = if place.front {
            element
        } else {
            match self.ring.try_push(element) {
                Ok(()) => {
                    self.poppers.notify_one();
                    return Ok(());
                }
                Err((element, NoPush::Full)) => return Err(TryPushError::Full(element)),
                Err((element, NoPush::Closed)) => return Err(TryPushError::Closed(element)),
                Err((element, NoPush::Left)) => element,
            }
        };
        self.push_locked(element, place)
    }

    fn push_locked(&self, element: T, place: Place) -> Result<(), TryPushError<T>> {
        self.leave_ring();
        let equal = {
            let mut locked = self.locked.lock();
            if locked.closed {
                return Err(TryPushError::Closed(element));
            }
            if locked.buffer.len() >= self.bound {
                return Err(TryPushError::Full(element));
            }
            locked.buffer.insert(element, place)
        };
        self.poppers.notify_one();
        drop(equal);
        Ok(())
    }

    /// Adds an element whatever the bound says.
    pub(super) fn force_push(&self, element: T, place: Place) -> Result<(), Closed<T>> {
        self.leave_ring();
        let equal = {
            let mut locked = self.locked.lock();
            if locked.closed {
                return Err(Closed(element));
            }
            locked.buffer.insert(element, place)
        };
        self.poppers.notify_one();
        drop(equal);
        Ok(())
    }

    /// Takes the first element if there is one.
    #[inline]
    pub(super) fn try_pop(&self) -> Result<T, TryPopError> {
        match self.ring.try_pop() {
            Ok(element) => {
                self.pushers.notify_one();
                Ok(element)
            }
            Err(NoPop::Empty) => Err(TryPopError::Empty),
            Err(NoPop::Closed) => Err(TryPopError::Closed),
            Err(NoPop::Left) => self.pop_locked(),
        }
    }

    fn pop_locked(&self) -> Result<T, TryPopError> {
        let (element, offerer) = {
            let mut locked = self.locked.lock();
            if let Some(element) = locked.buffer.take() {
                (element, None)
            } else if locked.closed {
                return Err(TryPopError::Closed);
            } else if let Some(offer) = locked.offers.pop_front() {
                (offer.element, Some(offer.waiter))
            } else {
                return Err(TryPopError::Empty);
            }
        };
        match offerer {
            Some(waiter) => waiter.notify(),
            None => self.pushers.notify_one(),
        }
        Ok(element)
    }

    /// Takes what is there at this moment.
    pub(super) fn pop_all(&self) -> Vec<T> {
        if !self.ring.is_left() {
            let n = self.ring.len();
            let popped = (0..n).map_while(|_| self.try_pop().ok()).collect();
            if !self.ring.is_left() {
                return popped;
            }
            let mut all: Vec<T> = popped; // it was left meanwhile
            all.extend(self.pop_all());
            return all;
        }
        let elements = self.locked.lock().buffer.take_all();
        for _ in &elements {
            self.pushers.notify_one();
        }
        elements
    }

    /// Moves the elements under the lock, where every verb works (invariant 1).
    pub(super) fn leave_ring(&self) {
        if self.ring.is_left() {
            return;
        }
        let mut locked = self.locked.lock();
        if self.ring.is_left() {
            return;
        }
        for element in self.ring.leave() {
            let inserted = locked.buffer.insert(element, Place::BACK);
            debug_assert!(inserted.is_ok(), "only a buffer can be unique");
        }
    }

    pub(super) fn make_unique(&self)
    where
        T: Hash + Eq,
    {
        self.leave_ring();
        let equal = self.locked.lock().buffer.make_unique();
        drop(equal);
    }

    pub(super) fn close(&self) {
        let offerers: Vec<_> = {
            let mut locked = self.locked.lock();
            locked.closed = true;
            self.ring.close();
            let offers = locked.offers.iter();
            offers.map(|offer| Arc::clone(&offer.waiter)).collect()
        };
        for waiter in offerers {
            waiter.notify();
        }
        self.pushers.notify_all();
        self.poppers.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    pub(super) fn len(&self) -> usize {
        if !self.ring.is_left() {
            return self.ring.len();
        }
        self.locked.lock().buffer.len()
    }

    /// A signal that is set once there may be something to pop, or nothing ever again.
    pub(super) fn ready(&self) -> Signal {
        let ready = self.poppers.ready();
        let is_offered = || self.bound == 0 && !self.locked.lock().offers.is_empty();
        if self.len() > 0 || self.is_closed() || is_offered() {
            ready.set();
        }
        ready.child() // so that its owner cannot set that of others
    }

    pub(super) fn add_producer(&self) {
        // Only counted; nothing is read through it.
        self.producers.fetch_add(1, Relaxed);
    }

    /// One producer less; the last one closes the queue.
    pub(super) fn remove_producer(&self) {
        // What the others pushed comes before the close of the last one.
        if self.producers.fetch_sub(1, AcqRel) == 1 {
            self.close();
        }
    }

    /// For who waits for an element, or for room.
    pub(super) fn site(
        &self,
        for_room: bool,
        at: &'static Location<'static>,
        since: Instant,
    ) -> WaitSite<'static> {
        WaitSite::shared("queue", self.name.clone(), at)
            .on(self, self.made)
            .filled(for_room, self.bound)
            .since(since)
    }

    /// The fields of `Debug`.
    pub(super) fn debug(&self, kind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct(kind);
        match &self.name {
            Some(name) => out.field("name", name),
            None => out.field("made", &format_args!("{}", self.made)),
        };
        if !self.ring.is_left() {
            out.field("len", &self.ring.len());
        } else if let Some(locked) = self.locked.try_lock() {
            out.field("len", &locked.buffer.len());
        } else {
            out.field("len", &format_args!("<locked>"));
        }
        out.field("closed", &self.is_closed());
        out.finish_non_exhaustive()
    }
}

/// The name, or where it was made.
impl<T> fmt::Display for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "queue `{name}`"),
            None => write!(f, "the queue made at {}", self.made),
        }
    }
}
