//! Handles whose last one closes the queue.

use core::fmt;
use core::ops::Deref;

use crate::sync::queue::queue::Queue;

/// A handle of a producer: the queue that it derefs to is closed when the last producer of it is dropped.
///
/// Made by [`Queue::producer`]. A clone is one more producer. The consumers then see the end by themselves:
/// what was pushed still comes out, then they get `Closed`.
#[doc(alias = "Sender")]
pub struct Producer<T>(Queue<T>);

impl<T> Producer<T> {
    pub(super) fn new(queue: &Queue<T>) -> Self {
        queue.0.add_producer();
        Self(queue.clone())
    }
}

impl<T> Deref for Producer<T> {
    type Target = Queue<T>;

    fn deref(&self) -> &Queue<T> {
        &self.0
    }
}

impl<T> Clone for Producer<T> {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.0.0.remove_producer();
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Producer").field(&self.0).finish()
    }
}
