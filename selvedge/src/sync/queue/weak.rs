//! A queue as a reader of pipes holds it: it must not keep what nobody can take out any more, learns when there is
//! room without waiting for it, and is one of many that are mostly empty.

use core::fmt;

use crate::primitive::{Arc, Weak};
use crate::sync::queue::channel::Channel;
use crate::sync::queue::queue::Queue;

/// A queue that lives as long as others hold it.
pub(crate) struct WeakQueue<T>(Weak<Channel<T>>);

impl<T> WeakQueue<T> {
    /// The queue, if anybody has it.
    pub(crate) fn upgrade(&self) -> Option<Queue<T>> {
        self.0.upgrade().map(Queue)
    }
}

impl<T> Queue<T> {
    /// The same, but it has memory for what is in it, and not from the first push on for all that its bound allows.
    pub(crate) fn elastic(self) -> Self {
        self.0.leave_ring();
        self
    }

    pub(crate) fn downgrade(&self) -> WeakQueue<T> {
        WeakQueue(Arc::downgrade(&self.0))
    }

    /// Does nobody else hold the queue?
    pub(crate) fn is_last(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl<T: Send + 'static> Queue<T> {
    /// Drops `notice` when there may be room, or when the queue has gone. Look for room after the call.
    pub(crate) fn drop_when_room(&self, notice: impl Send + 'static) {
        self.0
            .pushers
            .ready()
            .on_set(move || drop(notice))
            .forever();
    }
}

impl<T> fmt::Debug for WeakQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakQueue").finish()
    }
}
