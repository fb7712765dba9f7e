//! A queue with levels.

use core::fmt;
use core::panic::Location;

use crate::primitive::Arc;
use crate::primitive::atomic::Ordering::Relaxed;
use crate::signal::Signal;
use crate::sync::queue::buffer::Place;
use crate::sync::queue::channel::Channel;
use crate::sync::queue::error::{
    Closed, PopError, PopUntilError, PushError, PushUntilError, TryPopError, TryPushError,
};

/// The bound of [`PriorityQueue::new`].
const DEFAULT_BOUND: usize = 1024;

/// A queue whose elements have levels: level 0 comes first, and within a level first in is first out.
///
/// Otherwise like a [`Queue`](super::Queue): bounded over all levels together, closed once, many to many; a
/// clone is another handle. A flood of urgent elements starves the others; that is what levels mean.
///
/// # Examples
///
/// ```
/// use selvedge::sync::PriorityQueue;
///
/// let jobs = PriorityQueue::new(2);
/// jobs.push(1, "clean up")?;
/// jobs.push(0, "answer")?;
/// assert_eq!(jobs.pop()?, "answer");
/// assert_eq!(jobs.pop()?, "clean up");
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub struct PriorityQueue<T> {
    channel: Arc<Channel<T>>,
    levels: usize,
}

impl<T> PriorityQueue<T> {
    /// Makes a queue with `levels` levels, 0 to `levels - 1`, that holds up to 1024 elements.
    ///
    /// # Panics
    ///
    /// If `levels` is 0.
    #[track_caller]
    #[must_use]
    pub fn new(levels: usize) -> Self {
        Self::bounded(levels, DEFAULT_BOUND)
    }

    /// Makes a queue with `levels` levels that holds up to `bound` elements, of all levels together.
    ///
    /// # Panics
    ///
    /// If `levels` or `bound` is 0: a rendezvous has no order.
    #[track_caller]
    #[must_use]
    pub fn bounded(levels: usize, bound: usize) -> Self {
        Self::make(levels, bound, None, Location::caller())
    }

    /// The same, with a name for messages.
    ///
    /// # Panics
    ///
    /// As [`bounded`](Self::bounded).
    #[track_caller]
    #[must_use]
    pub fn named(name: &str, levels: usize, bound: usize) -> Self {
        Self::make(levels, bound, Some(name), Location::caller())
    }

    #[track_caller]
    fn make(
        levels: usize,
        bound: usize,
        name: Option<&str>,
        at: &'static Location<'static>,
    ) -> Self {
        assert!(levels > 0, "a priority queue has at least one level");
        assert!(
            bound > 0,
            "a priority queue of bound 0 has no order: use a bound of at least 1, or a `Queue`"
        );
        let channel = Arc::new(Channel::new(bound, 0, levels.max(2), name, at));
        Self { channel, levels }
    }

    /// Does not report that it is full; as [`Queue::quiet`](super::Queue::quiet).
    #[must_use]
    pub fn quiet(self) -> Self {
        self.channel.quiet.store(true, Relaxed);
        self
    }

    #[track_caller]
    fn back(&self, level: usize) -> Place {
        self.check(level);
        Place::back(level)
    }

    #[track_caller]
    fn front(&self, level: usize) -> Place {
        self.check(level);
        Place { level, front: true }
    }

    #[track_caller]
    fn check(&self, level: usize) {
        let levels = self.levels;
        assert!(
            level < levels,
            "{} has levels 0 to {}, and no level {level}",
            self.channel,
            levels - 1
        );
    }

    /// Adds an element at the end of its level, waiting until there is room.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop while the queue is full, the element comes back.
    ///
    /// # Errors
    ///
    /// - [`PushError::Closed`] – the queue is, or was while this waited.
    /// - [`PushError::Stopped`] – see above.
    ///
    /// # Panics
    ///
    /// If there is no such level; so do all that take a level.
    #[track_caller]
    #[doc(alias = "add")]
    pub fn push(&self, level: usize, element: T) -> Result<(), PushError<T>> {
        self.channel
            .push(element, self.back(level), None, Location::caller())
            .map_err(PushUntilError::without_expiry)
    }

    /// Adds an element at the end of its level if there is room now.
    ///
    /// # Errors
    ///
    /// [`TryPushError::Closed`], [`TryPushError::Full`], with the element.
    #[track_caller]
    pub fn try_push(&self, level: usize, element: T) -> Result<(), TryPushError<T>> {
        self.channel.try_push(element, self.back(level))
    }

    /// Adds an element at the end of its level, waiting for room until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push), and [`PushUntilError::Expired`].
    #[track_caller]
    pub fn push_until(
        &self,
        level: usize,
        element: T,
        signal: &Signal,
    ) -> Result<(), PushUntilError<T>> {
        self.channel
            .push(element, self.back(level), Some(signal), Location::caller())
    }

    /// Adds an element at the front of its level, waiting until there is room.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    #[track_caller]
    pub fn push_front(&self, level: usize, element: T) -> Result<(), PushError<T>> {
        self.channel
            .push(element, self.front(level), None, Location::caller())
            .map_err(PushUntilError::without_expiry)
    }

    /// Adds an element at the front of its level if there is room now.
    ///
    /// # Errors
    ///
    /// [`TryPushError::Closed`], [`TryPushError::Full`], with the element.
    #[track_caller]
    pub fn try_push_front(&self, level: usize, element: T) -> Result<(), TryPushError<T>> {
        self.channel.try_push(element, self.front(level))
    }

    /// Adds an element at the front of its level, waiting for room until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// As [`push_until`](Self::push_until).
    #[track_caller]
    pub fn push_front_until(
        &self,
        level: usize,
        element: T,
        signal: &Signal,
    ) -> Result<(), PushUntilError<T>> {
        self.channel
            .push(element, self.front(level), Some(signal), Location::caller())
    }

    /// Adds an element at the end of its level now, even if the queue is full.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the element.
    #[track_caller]
    pub fn force_push(&self, level: usize, element: T) -> Result<(), Closed<T>> {
        self.channel.force_push(element, self.back(level))
    }

    /// Adds elements at the end of a level, waiting for room whenever there is none.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push); the elements that were not added come back.
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push), with all elements that were not added.
    #[track_caller]
    pub fn extend(
        &self,
        level: usize,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<(), PushError<Vec<T>>> {
        self.channel
            .extend(elements, self.back(level), None, Location::caller())
            .map_err(PushUntilError::without_expiry)
    }

    /// Adds elements at the end of a level, waiting for room until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`extend`](Self::extend).
    ///
    /// # Errors
    ///
    /// Those of [`push_until`](Self::push_until), with all elements that were not added.
    #[track_caller]
    pub fn extend_until(
        &self,
        level: usize,
        elements: impl IntoIterator<Item = T>,
        signal: &Signal,
    ) -> Result<(), PushUntilError<Vec<T>>> {
        self.channel
            .extend(elements, self.back(level), Some(signal), Location::caller())
    }

    /// Adds elements at the end of a level as long as there is room now.
    ///
    /// # Errors
    ///
    /// Those of [`try_push`](Self::try_push), with all elements that were not added.
    #[track_caller]
    pub fn try_extend(
        &self,
        level: usize,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<(), TryPushError<Vec<T>>> {
        self.channel.try_extend(elements, self.back(level))
    }

    /// Adds elements at the front of a level, one after the other, so that the last of them comes first.
    ///
    /// # Stopping
    ///
    /// As [`extend`](Self::extend).
    ///
    /// # Errors
    ///
    /// As [`extend`](Self::extend).
    #[track_caller]
    pub fn extend_front(
        &self,
        level: usize,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<(), PushError<Vec<T>>> {
        self.channel
            .extend(elements, self.front(level), None, Location::caller())
            .map_err(PushUntilError::without_expiry)
    }

    /// Takes the first element of the first level that has one, waiting until there is one.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop while the queue is empty, nothing was taken.
    ///
    /// # Errors
    ///
    /// - [`PopError::Closed`] – closed and empty; no element will ever come.
    /// - [`PopError::Stopped`] – see above.
    #[track_caller]
    pub fn pop(&self) -> Result<T, PopError> {
        self.channel
            .pop(None, Location::caller())
            .map_err(PopUntilError::without_expiry)
    }

    /// Takes an element if there is one now.
    ///
    /// # Errors
    ///
    /// [`TryPopError::Empty`], or [`TryPopError::Closed`] if none will ever come.
    pub fn try_pop(&self) -> Result<T, TryPopError> {
        self.channel.try_pop()
    }

    /// Takes an element, waiting for one until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`pop`](Self::pop).
    ///
    /// # Errors
    ///
    /// Those of [`pop`](Self::pop), and [`PopUntilError::Expired`].
    #[track_caller]
    pub fn pop_until(&self, signal: &Signal) -> Result<T, PopUntilError> {
        self.channel.pop(Some(signal), Location::caller())
    }

    /// Takes everything that is there, level by level, without waiting.
    #[must_use]
    pub fn pop_all(&self) -> Vec<T> {
        self.channel.pop_all()
    }

    /// Takes elements until the queue is closed and empty, or the thread is asked to stop.
    ///
    /// # Stopping
    ///
    /// As [`pop`](Self::pop): it ends when the thread is asked to stop and nothing is ready.
    #[track_caller]
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        let at = Location::caller();
        core::iter::from_fn(move || self.channel.pop(None, at).ok())
    }

    /// A fresh signal that is set once there may be an element; as [`Queue::ready`](super::Queue::ready).
    #[must_use]
    pub fn ready(&self) -> Signal {
        self.channel.ready()
    }

    /// Closes the queue: no more pushes, and pops fail once it is empty. Wakes everybody who waits.
    pub fn close(&self) {
        self.channel.close()
    }

    /// Was the queue closed? There may be elements left.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// How many elements are there, of all levels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// Is nothing there?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many elements it holds at most.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.channel.bound
    }

    /// How many levels it has.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.levels
    }
}

impl<T> Clone for PriorityQueue<T> {
    fn clone(&self) -> Self {
        Self {
            channel: Arc::clone(&self.channel),
            levels: self.levels,
        }
    }
}

impl<T> fmt::Debug for PriorityQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.channel.debug("PriorityQueue", f)
    }
}
