//! A bounded queue: many producers, many consumers, close.
//!
//! # Invariants
//!
//! 1. At most `bound` elements are in `items`. A push that finds no room leaves its element in
//!    `pushing`, where a pop, which makes room, moves it from; so producers are served in their order.
//! 2. An element in `pushing` belongs to its producer: taken out by a pop it was pushed, taken out by
//!    the producer (closed, stopped, expired) it was not. Both happen under the lock.
//! 3. A consumer that was notified looks again under the lock before it does anything else. If it leaves
//!    without an element although there is one, it has taken it: what is ready comes first.
//! 4. An arrival notifies one consumer, the one that has waited longest, unless nobody waits.
//! 5. No element is dropped, and no thread woken for good, under the lock.
//!
//! # Fairness
//!
//! Waiting consumers are woken in the order in which they came; one that comes just then may take the
//! element first, and the woken one keeps its place.

use core::fmt;
use core::panic::Location;

use crate::primitive::{Arc, Mutex};
use crate::signal::Signal;
use crate::sync::Iter;
use crate::sync::error::{
    PopError, PopUntilError, PushError, PushUntilError, TryPopError, TryPushError,
};
use crate::sync::state::State;

/// The bound of [`Queue::new`].
const DEFAULT_BOUND: usize = 1024;

/// A queue that threads share: bounded, first in first out, closed once.
///
/// Values move through it; nothing is serialised or copied. A clone is another handle to the same queue.
///
/// # Examples
///
/// ```
/// use selvedge::sync::{PopError, Queue};
///
/// let lines = Queue::new();
/// lines.push("one")?;
/// lines.push("two")?;
/// lines.close();
/// assert_eq!(lines.pop()?, "one");
/// assert_eq!(lines.iter().collect::<Vec<_>>(), ["two"]);
/// assert!(matches!(lines.pop(), Err(PopError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[doc(alias = "channel")]
#[doc(alias = "mpmc")]
pub struct Queue<T>(pub(super) Arc<Shared<T>>);

pub(super) struct Shared<T> {
    pub(super) state: Mutex<State<T>>,
    pub(super) bound: usize,
    pub(super) name: Option<Box<str>>,
    made: &'static Location<'static>,
}

impl<T> Queue<T> {
    /// Makes a queue that holds up to 1024 elements, called by where it was made.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Self::bounded(DEFAULT_BOUND)
    }

    /// Makes a queue that holds up to `bound` elements.
    ///
    /// Of 0 it is a rendezvous: a push waits for a pop to take its element. There [`try_push`](Self::try_push)
    /// always finds it full, and [`pop_all`](Self::pop_all) nothing; [`try_pop`](Self::try_pop) takes from a
    /// push that waits.
    #[track_caller]
    #[must_use]
    pub fn bounded(bound: usize) -> Self {
        Self::make(bound, None, Location::caller())
    }

    /// Makes a queue with a name for messages.
    ///
    /// ```
    /// # use selvedge::sync::Queue;
    /// let jobs: Queue<u32> = Queue::named("jobs", 16);
    /// assert!(format!("{jobs:?}").contains("jobs"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn named(name: &str, bound: usize) -> Self {
        Self::make(bound, Some(name.into()), Location::caller())
    }

    fn make(bound: usize, name: Option<Box<str>>, made: &'static Location<'static>) -> Self {
        let state = State::new();
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            bound,
            name,
            made,
        }))
    }

    /// Adds an element at the end, waiting until there is room.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop while the queue is full, the element comes back in
    /// [`PushError::Stopped`]. With room it is added all the same.
    ///
    /// # Errors
    ///
    /// - [`PushError::Closed`] – the queue is, or was while this waited.
    /// - [`PushError::Stopped`] – see above.
    #[track_caller]
    #[doc(alias = "send")]
    #[doc(alias = "add")]
    #[inline]
    pub fn push(&self, element: T) -> Result<(), PushError<T>> {
        self.push_at(element, false, Location::caller())
    }

    /// Adds an element at the front, so that it is popped next, waiting until there is room.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::Queue;
    /// let jobs = Queue::new();
    /// jobs.push("later")?;
    /// jobs.push_front("urgent")?;
    /// assert_eq!(jobs.pop()?, "urgent");
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[track_caller]
    pub fn push_front(&self, element: T) -> Result<(), PushError<T>> {
        self.push_at(element, true, Location::caller())
    }

    fn push_at(
        &self,
        element: T,
        front: bool,
        at: &'static Location<'static>,
    ) -> Result<(), PushError<T>> {
        match self.add(element, front) {
            Ok(()) => Ok(()),
            Err(TryPushError::Closed(element)) => Err(PushError::Closed(element)),
            Err(TryPushError::Full(element)) => {
                self.push_slow(element, front, None, at)
                    .map_err(|error| match error {
                        PushUntilError::Closed(element) => PushError::Closed(element),
                        PushUntilError::Stopped(element, stopped) => {
                            PushError::Stopped(element, stopped)
                        }
                        PushUntilError::Expired(_) => {
                            unreachable!("there was no signal to expire by")
                        }
                    })
            }
        }
    }

    /// Adds an element if there is room now.
    ///
    /// # Errors
    ///
    /// - [`TryPushError::Closed`], [`TryPushError::Full`], with the element.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::{Queue, TryPushError};
    /// let one = Queue::bounded(1);
    /// one.try_push('a')?;
    /// assert!(matches!(one.try_push('b'), Err(TryPushError::Full('b'))));
    /// # Ok::<(), TryPushError<char>>(())
    /// ```
    #[inline]
    pub fn try_push(&self, element: T) -> Result<(), TryPushError<T>> {
        self.add(element, false)
    }

    /// Adds an element, waiting for room until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push), and [`PushUntilError::Expired`].
    #[track_caller]
    pub fn push_until(&self, element: T, signal: &Signal) -> Result<(), PushUntilError<T>> {
        match self.add(element, false) {
            Ok(()) => Ok(()),
            Err(TryPushError::Closed(element)) => Err(PushUntilError::Closed(element)),
            Err(TryPushError::Full(element)) => {
                self.push_slow(element, false, Some(signal), Location::caller())
            }
        }
    }

    fn add(&self, element: T, front: bool) -> Result<(), TryPushError<T>> {
        let waiter = {
            let mut state = self.0.state.lock();
            if state.closed {
                return Err(TryPushError::Closed(element));
            }
            // Nobody overtakes a producer that waits already (invariant 1).
            if state.items.len() >= self.0.bound || !state.pushing.is_empty() {
                return Err(TryPushError::Full(element));
            }
            state.insert(element, front);
            state.popping.pop_front()
        };
        if let Some(popping) = waiter {
            popping.waiter.notify();
        }
        Ok(())
    }

    /// Takes the first element, waiting until there is one.
    ///
    /// A closed queue can still be emptied; `pop` fails only when it is closed *and* empty.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop while the queue is empty, `pop` returns
    /// [`PopError::Stopped`] and nothing was taken. Elements that are there are handed out first, so a
    /// consumer can drain before it ends.
    ///
    /// # Errors
    ///
    /// - [`PopError::Closed`] – closed and empty; no element will ever come.
    /// - [`PopError::Stopped`] – see above.
    #[track_caller]
    #[doc(alias = "recv")]
    #[doc(alias = "get")]
    #[inline]
    pub fn pop(&self) -> Result<T, PopError> {
        match self.try_pop() {
            Ok(element) => Ok(element),
            Err(TryPopError::Closed) => Err(PopError::Closed),
            Err(TryPopError::Empty) => {
                self.pop_slow(None, Location::caller())
                    .map_err(|error| match error {
                        PopUntilError::Closed => PopError::Closed,
                        PopUntilError::Stopped(stopped) => PopError::Stopped(stopped),
                        PopUntilError::Expired => unreachable!("there was no signal to expire by"),
                    })
            }
        }
    }

    /// Takes the first element if there is one now.
    ///
    /// # Errors
    ///
    /// [`TryPopError::Empty`], or [`TryPopError::Closed`] if none will ever come.
    pub fn try_pop(&self) -> Result<T, TryPopError> {
        let (element, pushed) = {
            let mut state = self.0.state.lock();
            match state.take(self.0.bound) {
                (Some(element), pushed) => (element, pushed),
                (None, _) if state.closed => return Err(TryPopError::Closed),
                (None, _) => return Err(TryPopError::Empty),
            }
        };
        if let Some(waiter) = pushed {
            waiter.notify();
        }
        Ok(element)
    }

    /// Takes the first element, waiting for one until `signal` is set.
    ///
    /// An element that is there is handed out even if `signal` is set already.
    ///
    /// # Stopping
    ///
    /// As [`pop`](Self::pop).
    ///
    /// # Errors
    ///
    /// Those of [`pop`](Self::pop), and [`PopUntilError::Expired`].
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Till, sync::{PopUntilError, Queue}};
    /// use std::time::Duration;
    ///
    /// let empty: Queue<u8> = Queue::new();
    /// let popped = empty.pop_until(&Till::after(Duration::from_millis(1)));
    /// assert!(matches!(popped, Err(PopUntilError::Expired)));
    /// ```
    #[track_caller]
    pub fn pop_until(&self, signal: &Signal) -> Result<T, PopUntilError> {
        match self.try_pop() {
            Ok(element) => Ok(element),
            Err(TryPopError::Closed) => Err(PopUntilError::Closed),
            Err(TryPopError::Empty) => self.pop_slow(Some(signal), Location::caller()),
        }
    }

    /// Takes everything that is there, without waiting.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::Queue;
    /// let jobs = Queue::new();
    /// jobs.push(1)?;
    /// jobs.push(2)?;
    /// assert_eq!(jobs.pop_all(), [1, 2]);
    /// assert!(jobs.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[must_use]
    pub fn pop_all(&self) -> Vec<T> {
        let (elements, waiters) = {
            let mut state = self.0.state.lock();
            let elements: Vec<T> = core::mem::take(&mut state.items).into();
            let mut waiters = Vec::new();
            while !state.closed && state.items.len() < self.0.bound {
                let Some(pushing) = state.pushing.pop_front() else {
                    break;
                };
                state.insert(pushing.element, pushing.front);
                waiters.push(pushing.waiter);
            }
            (elements, waiters)
        };
        for waiter in waiters {
            waiter.notify();
        }
        elements
    }

    /// Takes elements until the queue is closed and empty, or the thread is asked to stop.
    ///
    /// # Stopping
    ///
    /// As [`pop`](Self::pop): it ends when the thread is asked to stop and nothing is ready.
    #[track_caller]
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self, Location::caller())
    }

    /// Closes the queue: no more pushes, and pops fail once it is empty. Wakes everybody who waits.
    ///
    /// A push that waits for room gets its element back.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::{Queue, PushError};
    /// let jobs = Queue::new();
    /// jobs.push(1).unwrap();
    /// jobs.close();
    /// assert!(matches!(jobs.push(2), Err(PushError::Closed(2))));
    /// assert_eq!(jobs.pop().unwrap(), 1); // what is there still comes out
    /// ```
    pub fn close(&self) {
        let (pushing, popping) = {
            let mut state = self.0.state.lock();
            state.closed = true;
            let pushing: Vec<_> = state
                .pushing
                .iter()
                .map(|pushing| Arc::clone(&pushing.waiter))
                .collect();
            (pushing, core::mem::take(&mut state.popping))
        };
        for waiter in pushing {
            waiter.notify();
        }
        for popping in popping {
            popping.waiter.notify();
        }
    }

    /// Was the queue closed? There may be elements left.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.state.lock().closed
    }

    /// How many elements are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.state.lock().items.len()
    }

    /// Is nothing there?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many elements it holds at most.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.0.bound
    }
}

impl<'q, T> IntoIterator for &'q Queue<T> {
    type Item = T;
    type IntoIter = Iter<'q, T>;

    #[track_caller]
    fn into_iter(self) -> Iter<'q, T> {
        self.iter()
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Queue<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Queue");
        match &self.0.name {
            Some(name) => out.field("name", name),
            None => out.field("made", &format_args!("{}", self.0.made)),
        };
        match self.0.state.try_lock() {
            Some(state) => out
                .field("len", &state.items.len())
                .field("closed", &state.closed),
            None => out.field("state", &format_args!("<locked>")),
        };
        out.finish_non_exhaustive()
    }
}
