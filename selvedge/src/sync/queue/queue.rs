//! A bounded queue: many producers, many consumers, close.
//!
//! Its elements and sleepers are in [`channel`](super::channel), which has the invariants.
//!
//! # Fairness
//!
//! Waiting threads are woken in the order in which they came; one that comes just then may be quicker, and
//! the woken one keeps its place.

use core::fmt;
use core::panic::Location;

use std::hash::Hash;

use crate::primitive::Arc;
use crate::primitive::atomic::Ordering::Relaxed;
use crate::signal::Signal;
use crate::sync::queue::buffer::Place;
use crate::sync::queue::channel::{Channel, RING_LIMIT};
use crate::sync::queue::error::{
    Closed, PopError, PopUntilError, PushError, PushUntilError, TryPopError, TryPushError,
};
use crate::sync::queue::iter::Iter;
use crate::sync::queue::producer::Producer;

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
pub struct Queue<T>(pub(super) Arc<Channel<T>>);

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
        Self::make(bound, RING_LIMIT, None, Location::caller())
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
        Self::make(bound, RING_LIMIT, Some(name), Location::caller())
    }

    /// One whose ring may have up to so many bytes of elements, all of which the first push allocates: for a queue of
    /// which there is one.
    #[cfg(feature = "observe")]
    #[track_caller]
    pub(crate) fn with_ring(name: &str, bound: usize, limit: usize) -> Self {
        Self::make(bound, limit, Some(name), Location::caller())
    }

    fn make(
        bound: usize,
        ring_limit: usize,
        name: Option<&str>,
        made: &'static Location<'static>,
    ) -> Self {
        Self(Arc::new(Channel::new(bound, ring_limit, 1, name, made)))
    }

    /// Keeps equal elements out: one that equals an element of the queue is dropped by the push, which
    /// succeeds; once popped, it may come again.
    ///
    /// `Hash` and `Eq` of the elements run under the queue's lock, so they must not use the queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::Queue;
    /// let pages = Queue::bounded(100).unique();
    /// pages.extend(["/", "/about", "/"])?;
    /// assert_eq!(pages.pop_all(), ["/", "/about"]);
    /// pages.push("/")?; // gone, so it may come again
    /// assert_eq!(pages.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[must_use]
    pub fn unique(self) -> Self
    where
        T: Hash + Eq,
    {
        self.0.make_unique();
        self
    }

    /// Does not report that it is full.
    ///
    /// Otherwise a push that has waited for 5 seconds says so, as [`probe::Event::QueueFull`], and again every
    /// 5 seconds.
    ///
    /// ```
    /// # use selvedge::sync::Queue;
    /// let often_full: Queue<u8> = Queue::named("backlog", 10).quiet();
    /// ```
    ///
    /// [`probe::Event::QueueFull`]: crate::probe::Event::QueueFull
    #[must_use]
    #[doc(alias = "silent")]
    pub fn quiet(self) -> Self {
        self.0.quiet.store(true, Relaxed);
        self
    }

    /// A handle for a producer: when the last one is dropped, also by a panic, the queue is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::Queue;
    ///
    /// let lines = Queue::new();
    /// let (first, second) = (lines.producer(), lines.producer());
    /// std::thread::spawn(move || first.push("one").unwrap());
    /// std::thread::spawn(move || second.push("two").unwrap());
    /// assert_eq!(lines.iter().count(), 2); // ends, because both have gone
    /// ```
    #[must_use]
    pub fn producer(&self) -> Producer<T> {
        Producer::new(self)
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
        self.0
            .push(element, Place::BACK, None, Location::caller())
            .map_err(PushUntilError::without_expiry)
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
        self.0
            .push(element, Place::FRONT, None, Location::caller())
            .map_err(PushUntilError::without_expiry)
    }

    /// Adds an element at the front if there is room now.
    ///
    /// # Errors
    ///
    /// - [`TryPushError::Closed`], [`TryPushError::Full`], with the element.
    pub fn try_push_front(&self, element: T) -> Result<(), TryPushError<T>> {
        self.0.try_push(element, Place::FRONT)
    }

    /// Adds an element at the front, waiting for room until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// As [`push_until`](Self::push_until).
    #[track_caller]
    pub fn push_front_until(&self, element: T, signal: &Signal) -> Result<(), PushUntilError<T>> {
        self.0
            .push(element, Place::FRONT, Some(signal), Location::caller())
    }

    /// Adds an element at the end now, even if the queue is full: for what must not wait.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the element.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::Queue;
    /// let one = Queue::bounded(1);
    /// one.force_push('a')?;
    /// one.force_push('b')?;
    /// assert_eq!(one.len(), 2);
    /// # Ok::<(), selvedge::sync::Closed<char>>(())
    /// ```
    pub fn force_push(&self, element: T) -> Result<(), Closed<T>> {
        self.0.force_push(element, Place::BACK)
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
        self.0.try_push(element, Place::BACK)
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
        self.0
            .push(element, Place::BACK, Some(signal), Location::caller())
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
        self.0
            .pop(None, Location::caller())
            .map_err(PopUntilError::without_expiry)
    }

    /// Takes the first element if there is one now.
    ///
    /// # Errors
    ///
    /// [`TryPopError::Empty`], or [`TryPopError::Closed`] if none will ever come.
    #[inline]
    pub fn try_pop(&self) -> Result<T, TryPopError> {
        self.0.try_pop()
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
        self.0.pop(Some(signal), Location::caller())
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
        self.0.pop_all()
    }

    /// A fresh signal that is set once there may be an element, or the queue is closed: to wait for more than one thing.
    ///
    /// It is advice: somebody else may have taken the element, so follow it with a [`try_pop`](Self::try_pop).
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, sync::Queue};
    /// let (jobs, reload) = (Queue::new(), Signal::new());
    /// jobs.push("job")?;
    /// (jobs.ready() | &reload).wait()?;
    /// assert_eq!(jobs.try_pop(), Ok("job"));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[must_use]
    pub fn ready(&self) -> Signal {
        self.0.ready()
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
        self.0.close()
    }

    /// Was the queue closed? There may be elements left.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// How many elements are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
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
        self.0.debug("Queue", f)
    }
}
