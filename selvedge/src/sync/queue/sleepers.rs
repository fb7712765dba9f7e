//! The threads that wait at one side of a queue, and who wakes them.
//!
//! # Invariants
//!
//! 1. A sleeper registers, then tries again, then sleeps; the other side moves the queue, then looks for
//!    sleepers. Both steps of both are `SeqCst`, so that one of them sees the other: no wake-up is lost.
//! 2. A notification takes its sleeper out of the list. A sleeper that was notified tries again before it
//!    does anything else; one that was, and did not need it, passes it on.
//! 3. The list is in the order in which they came, and one that tried in vain comes back to its place.
//! 4. `count` is the number of sleepers, and one more while a signal of [`ready`](Sleepers::ready) is out.

use std::collections::VecDeque;

use crate::primitive::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::primitive::{Arc, Mutex, model_fence};
use crate::signal::{Signal, Waiter};

#[derive(Default)]
pub(super) struct Sleepers {
    count: AtomicUsize,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    sleepers: VecDeque<Sleeper>,
    next: u64,
    /// Set by the next notification.
    ready: Option<Signal>,
}

struct Sleeper {
    id: u64,
    waiter: Arc<Waiter>,
}

/// The place of a sleeper. Dropped, it leaves, and passes a notification on.
pub(super) struct Turn<'s> {
    sleepers: &'s Sleepers,
    id: u64,
}

impl Turn<'_> {
    /// Leaves, to try again; says which place to come back to, and whether there was a notification.
    pub(super) fn take(self) -> (u64, bool) {
        let id = self.id;
        let notified = self.sleepers.leave(id);
        core::mem::forget(self);
        (id, notified)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.sleepers.leave(self.id) {
            self.sleepers.notify_one();
        }
    }
}

impl Sleepers {
    /// Adds a sleeper, at its old place if it had one. It must try again before it sleeps.
    pub(super) fn register(&self, place: Option<u64>, waiter: &Arc<Waiter>) -> Turn<'_> {
        let mut list = self.list.lock();
        let id = place.unwrap_or(list.next);
        list.next = list.next.max(id + 1);
        let at = list.sleepers.partition_point(|other| other.id < id);
        let waiter = Arc::clone(waiter);
        list.sleepers.insert(at, Sleeper { id, waiter });
        self.count.fetch_add(1, SeqCst);
        model_fence();
        let sleepers = self;
        Turn { sleepers, id }
    }

    /// Takes a sleeper out. True if it had been notified.
    fn leave(&self, id: u64) -> bool {
        let mut list = self.list.lock();
        let found = list.sleepers.binary_search_by_key(&id, |other| other.id);
        if let Ok(at) = found {
            list.sleepers.remove(at);
            self.count.fetch_sub(1, SeqCst);
        }
        found.is_err()
    }

    /// A signal that the next notification sets. It must be followed by a look at the queue.
    pub(super) fn ready(&self) -> Signal {
        let mut list = self.list.lock();
        if let Some(ready) = list.ready.as_ref().filter(|ready| !ready.is_set()) {
            return ready.clone();
        }
        let fresh = Signal::named("ready");
        if list.ready.replace(fresh.clone()).is_none() {
            self.count.fetch_add(1, SeqCst);
        }
        model_fence();
        fresh
    }

    /// Wakes the one that has waited longest, if anybody waits.
    #[inline]
    pub(super) fn notify_one(&self) {
        if self.count.load(SeqCst) != 0 {
            self.notify(1);
        }
    }

    /// Wakes everybody.
    pub(super) fn notify_all(&self) {
        if self.count.load(SeqCst) != 0 {
            self.notify(usize::MAX);
        }
    }

    #[cold]
    fn notify(&self, most: usize) {
        let (sleepers, ready) = {
            let mut list = self.list.lock();
            let n = list.sleepers.len().min(most);
            let sleepers: VecDeque<_> = if n == list.sleepers.len() {
                core::mem::take(&mut list.sleepers)
            } else {
                list.sleepers.drain(..n).collect()
            };
            let ready = list.ready.take();
            self.count
                .fetch_sub(n + usize::from(ready.is_some()), SeqCst);
            (sleepers, ready)
        };
        for sleeper in sleepers {
            sleeper.waiter.notify();
        }
        if let Some(ready) = ready {
            ready.set();
        }
    }
}
