//! Emptying a queue with a `for` loop.

use core::fmt;
use core::panic::Location;

use crate::sync::queue::queue::Queue;

/// Takes elements until the queue is closed and empty, or the thread is asked to stop.
pub struct Iter<'q, T> {
    queue: &'q Queue<T>,
    at: &'static Location<'static>,
}

impl<'q, T> Iter<'q, T> {
    pub(super) fn new(queue: &'q Queue<T>, at: &'static Location<'static>) -> Self {
        Self { queue, at }
    }
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.queue.0.pop(None, self.at).ok()
    }
}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter")
            .field("queue", self.queue)
            .finish_non_exhaustive()
    }
}
