//! What a queue's lock protects. The invariants that are cited stand in [`queue`](super::queue).

use std::collections::VecDeque;

use crate::primitive::Arc;
use crate::signal::Waiter;

pub(super) struct State<T> {
    pub(super) items: VecDeque<T>,
    pub(super) pushing: VecDeque<Pushing<T>>,
    pub(super) popping: VecDeque<Popping>,
    pub(super) closed: bool,
    next: u64,
}

/// A producer that waits for room, and its element.
pub(super) struct Pushing<T> {
    pub(super) id: u64,
    pub(super) element: T,
    pub(super) front: bool,
    pub(super) waiter: Arc<Waiter>,
}

/// A consumer that waits for an element.
pub(super) struct Popping {
    pub(super) id: u64,
    pub(super) waiter: Arc<Waiter>,
}

impl<T> State<T> {
    pub(super) fn new() -> Self {
        Self {
            items: VecDeque::new(),
            pushing: VecDeque::new(),
            popping: VecDeque::new(),
            closed: false,
            next: 0,
        }
    }

    pub(super) fn insert(&mut self, element: T, front: bool) {
        if front {
            self.items.push_front(element)
        } else {
            self.items.push_back(element)
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Adds a waiting consumer by its number: one that comes back takes its old place.
    pub(super) fn enqueue(&mut self, popping: Popping) {
        let at = self.popping.partition_point(|other| other.id < popping.id);
        self.popping.insert(at, popping);
    }

    /// The first element, and the producer whose element moved up.
    pub(super) fn take(&mut self, bound: usize) -> (Option<T>, Option<Arc<Waiter>>) {
        let first = self.items.pop_front();
        if self.closed || self.items.len() >= bound.max(1) || (first.is_some() && bound == 0) {
            return (first, None);
        }
        let Some(pushing) = self.pushing.pop_front() else {
            return (first, None);
        };
        if first.is_none() {
            return (Some(pushing.element), Some(pushing.waiter)); // a rendezvous
        }
        self.insert(pushing.element, pushing.front);
        (first, Some(pushing.waiter))
    }
}
