//! A breakpoint of a log as a future.
//!
//! # Invariants
//!
//! 1. It is known to the log exactly while it is awaited: from its first poll until it is ready or dropped.
//! 2. No waker runs, is cloned or dropped under the lock.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::call::log::{Action, Book, Holds};
use crate::call::record::Record;
use crate::primitive::{Arc, Mutex};

/// A future that is ready when a call comes to a breakpoint; made by [`Log::breakpoint`](crate::call::Log::breakpoint).
///
/// It listens while it is awaited, and no longer; what is first counts. It can be awaited by `&mut` too, and then again.
///
/// Awaited by a groutine, it hands control to it: the call does not go on, or return, before the groutine waits for
/// something else; so a [`Scenario`](crate::call::Scenario) makes the program stand still there. That is for calls of
/// the groutine's own flow: one on another thread goes on, and the groutine hears of it later.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Breakpoint {
    book: Arc<Book>,
    holds: Arc<Holds>,
    listening: Option<Listening>,
}

/// See invariant 1.
struct Listening {
    book: Arc<Book>,
    action: Arc<Action>,
    slot: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    reached: Option<Record>,
    waker: Option<Waker>,
}

impl Breakpoint {
    pub(super) fn new(book: Arc<Book>, holds: Arc<Holds>) -> Self {
        Self {
            book,
            holds,
            listening: None,
        }
    }
}

impl Future for Breakpoint {
    type Output = Record;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Record> {
        let Self {
            book,
            holds,
            listening,
        } = &mut *self;
        let slot = &listening
            .get_or_insert_with(|| Listening::new(book, holds))
            .slot;
        let waker = Some(context.waker().clone());
        let mut there = slot.lock();
        let reached = there.reached.take();
        let old = core::mem::replace(&mut there.waker, waker);
        drop(there);
        drop(old);
        match reached {
            None => Poll::Pending,
            Some(record) => {
                *listening = None;
                Poll::Ready(record)
            }
        }
    }
}

impl Listening {
    fn new(book: &Arc<Book>, holds: &Arc<Holds>) -> Self {
        let slot = Arc::new(Mutex::new(Slot::default()));
        let (holds, reached) = (Arc::clone(holds), Arc::clone(&slot));
        let then = move |record: &Record| {
            let mut there = reached.lock();
            if there.reached.is_none() {
                there.reached = Some(record.clone());
                let waker = there.waker.take();
                drop(there);
                waker.into_iter().for_each(Waker::wake);
            }
        };
        let holds = move |at, record: &Record| holds(at, record);
        Self {
            book: Arc::clone(book),
            action: book.add(Box::new(holds), Box::new(then)),
            slot,
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.book.remove(&self.action);
    }
}

impl fmt::Debug for Breakpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breakpoint")
            .field("is_awaited", &self.listening.is_some())
            .finish_non_exhaustive()
    }
}
