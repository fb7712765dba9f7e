//! Handles whose last one closes the batch queue.
//!
//! # Invariants
//!
//! 1. `producers` counts the handles; the one that lowers it to 0 closes the queue.
//!
//! # Orderings
//!
//! Raised `Relaxed`: nothing is read through it. Lowered `AcqRel`, so that what the others pushed comes
//! before the close by the last.

use core::fmt;
use core::ops::Deref;

use crate::primitive::atomic::Ordering::{AcqRel, Relaxed};
use crate::sync::batch::batch::BatchQueue;

/// A handle of a producer: the queue that it derefs to is closed when the last producer of it is dropped,
/// also by a panic.
///
/// Made by [`BatchQueue::producer`]. A clone is one more producer. What was pushed is still delivered, and
/// the thread that serves ends by itself.
///
/// # Examples
///
/// ```
/// use selvedge::sync::BatchQueue;
/// use std::convert::Infallible;
///
/// let rows = BatchQueue::new();
/// let failed = std::panic::catch_unwind(|| {
///     let producer = rows.producer();
///     producer.push(1).unwrap();
///     panic!("the second row is broken");
/// });
/// assert!(failed.is_err() && rows.is_closed());
/// let mut written = Vec::new();
/// rows.serve(|batch| {
///     written.append(batch);
///     Ok::<_, Infallible>(())
/// })?;
/// assert_eq!(written, [1]);
/// # Ok::<(), selvedge::sync::Undelivered<i32>>(())
/// ```
pub struct BatchProducer<T>(BatchQueue<T>);

impl<T> BatchQueue<T> {
    /// A handle for a producer; when the last one is dropped, the queue is closed. See [`BatchProducer`].
    #[must_use]
    pub fn producer(&self) -> BatchProducer<T> {
        self.0.producers.fetch_add(1, Relaxed);
        BatchProducer(self.clone())
    }
}

impl<T> Deref for BatchProducer<T> {
    type Target = BatchQueue<T>;

    fn deref(&self) -> &BatchQueue<T> {
        &self.0
    }
}

impl<T> Clone for BatchProducer<T> {
    fn clone(&self) -> Self {
        self.0.producer()
    }
}

impl<T> Drop for BatchProducer<T> {
    fn drop(&mut self) {
        if self.0.0.producers.fetch_sub(1, AcqRel) == 1 {
            self.0.close();
        }
    }
}

impl<T> fmt::Debug for BatchProducer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BatchProducer").field(&self.0).finish()
    }
}
