//! Many elements to one queue, and one element from many queues.

use core::panic::Location;

use crate::signal::{Signal, Waiter};
use crate::sync::queue::buffer::Place;
use crate::sync::queue::channel::Channel;
use crate::sync::queue::error::{
    PopError, PopUntilError, PushError, PushUntilError, TryPopError, TryPushError,
};
use crate::sync::queue::queue::Queue;
use crate::sync::queue::waiting::{Ended, Wait};

impl<T> Queue<T> {
    /// Adds elements at the end, one after the other, waiting for room whenever there is none.
    ///
    /// Others may push in between. The bound is never exceeded.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push): if the calling thread is asked to stop while the queue is full, the elements
    /// that were not added come back, in their order.
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push), with all elements that were not added.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::{PushError, Queue};
    /// let jobs = Queue::new();
    /// jobs.extend([1, 2]).unwrap();
    /// jobs.close();
    /// assert!(matches!(jobs.extend([3, 4]), Err(PushError::Closed(rest)) if rest == [3, 4]));
    /// assert_eq!(jobs.pop_all(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn extend(&self, elements: impl IntoIterator<Item = T>) -> Result<(), PushError<Vec<T>>> {
        self.0
            .extend(elements, Place::BACK, None, Location::caller())
            .map_err(PushUntilError::without_expiry)
    }

    /// Adds elements at the end, waiting for room until `signal` is set.
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
        elements: impl IntoIterator<Item = T>,
        signal: &Signal,
    ) -> Result<(), PushUntilError<Vec<T>>> {
        self.0
            .extend(elements, Place::BACK, Some(signal), Location::caller())
    }

    /// Adds elements at the end as long as there is room now.
    ///
    /// # Errors
    ///
    /// Those of [`try_push`](Self::try_push), with all elements that were not added.
    pub fn try_extend(
        &self,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<(), TryPushError<Vec<T>>> {
        self.0.try_extend(elements, Place::BACK)
    }

    /// Adds elements at the front, one after the other, so that the last of them is popped next.
    ///
    /// # Stopping
    ///
    /// As [`extend`](Self::extend).
    ///
    /// # Errors
    ///
    /// As [`extend`](Self::extend).
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::Queue;
    /// let jobs = Queue::new();
    /// jobs.push(0)?;
    /// jobs.extend_front([1, 2])?;
    /// assert_eq!(jobs.pop_all(), [2, 1, 0]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[track_caller]
    #[doc(alias = "push_all")]
    pub fn extend_front(
        &self,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<(), PushError<Vec<T>>> {
        self.0
            .extend(elements, Place::FRONT, None, Location::caller())
            .map_err(PushUntilError::without_expiry)
    }
}

impl<T> Channel<T> {
    pub(super) fn try_extend(
        &self,
        elements: impl IntoIterator<Item = T>,
        place: Place,
    ) -> Result<(), TryPushError<Vec<T>>> {
        let mut elements = elements.into_iter();
        while let Some(element) = elements.next() {
            match self.try_push(element, place) {
                Ok(()) => {}
                Err(TryPushError::Closed(first)) => {
                    return Err(TryPushError::Closed(rest(first, elements)));
                }
                Err(TryPushError::Full(first)) => {
                    return Err(TryPushError::Full(rest(first, elements)));
                }
            }
        }
        Ok(())
    }

    pub(super) fn extend(
        &self,
        elements: impl IntoIterator<Item = T>,
        place: Place,
        until: Option<&Signal>,
        at: &'static Location<'static>,
    ) -> Result<(), PushUntilError<Vec<T>>> {
        let mut elements = elements.into_iter();
        while let Some(element) = elements.next() {
            match self.push(element, place, until, at) {
                Ok(()) => {}
                Err(PushUntilError::Closed(first)) => {
                    return Err(PushUntilError::Closed(rest(first, elements)));
                }
                Err(PushUntilError::Expired(first)) => {
                    return Err(PushUntilError::Expired(rest(first, elements)));
                }
                Err(PushUntilError::Stopped(first, by)) => {
                    return Err(PushUntilError::Stopped(rest(first, elements), by));
                }
            }
        }
        Ok(())
    }
}

fn rest<T>(first: T, others: impl Iterator<Item = T>) -> Vec<T> {
    core::iter::once(first).chain(others).collect()
}

/// Takes the first element of the first of `queues` that has one, waiting until one has; and says which it was.
///
/// Queues that come earlier go first. For a queue of another type there is [`Queue::ready`].
///
/// # Stopping
///
/// If the calling thread is asked to stop while all queues are empty, the result is [`PopError::Stopped`]
/// and nothing was taken.
///
/// # Errors
///
/// - [`PopError::Closed`] – all queues are closed and empty, or there are none.
/// - [`PopError::Stopped`] – see above.
///
/// # Examples
///
/// ```
/// use selvedge::sync::{self, Queue};
/// let (urgent, normal) = (Queue::new(), Queue::new());
/// normal.push("n")?;
/// urgent.push("u")?;
/// assert_eq!(sync::pop_any([&urgent, &normal])?, (0, "u"));
/// assert_eq!(sync::pop_any([&urgent, &normal])?, (1, "n"));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[track_caller]
#[doc(alias = "select")]
pub fn pop_any<'q, T: 'q>(
    queues: impl IntoIterator<Item = &'q Queue<T>>,
) -> Result<(usize, T), PopError> {
    pop_any_at(queues, None, Location::caller()).map_err(PopUntilError::without_expiry)
}

/// The same, waiting until `signal` is set.
///
/// # Stopping
///
/// As [`pop_any`].
///
/// # Errors
///
/// Those of [`pop_any`], and [`PopUntilError::Expired`].
#[track_caller]
pub fn pop_any_until<'q, T: 'q>(
    queues: impl IntoIterator<Item = &'q Queue<T>>,
    signal: &Signal,
) -> Result<(usize, T), PopUntilError> {
    pop_any_at(queues, Some(signal), Location::caller())
}

fn pop_any_at<'q, T: 'q>(
    queues: impl IntoIterator<Item = &'q Queue<T>>,
    until: Option<&Signal>,
    at: &'static Location<'static>,
) -> Result<(usize, T), PopUntilError> {
    let queues: Vec<_> = queues.into_iter().map(|queue| &queue.0).collect();
    let attempt = || {
        let mut closed = 0;
        for (at, queue) in queues.iter().enumerate() {
            match queue.try_pop() {
                Ok(element) => return Some(Ok((at, element))),
                Err(TryPopError::Closed) => closed += 1,
                Err(TryPopError::Empty) => {}
            }
        }
        (closed == queues.len()).then_some(Err(PopUntilError::Closed))
    };
    if let Some(popped) = attempt() {
        return popped;
    }
    let mut wait = Wait::new(until, at);
    let mut places = vec![None; queues.len()];
    loop {
        let mut popped = None;
        let site = queues[0].site(false, at, wait.since);
        let waited = Waiter::wait_notified(&wait.signals(), site, |waiter| {
            let turns: Vec<_> = queues
                .iter()
                .zip(&places)
                .map(|(queue, place)| queue.poppers.register(*place, waiter))
                .collect();
            popped = attempt();
            popped.is_none().then_some(turns)
        });
        let Some((turns, woken)) = waited else {
            return popped.expect("the wait ended because of it");
        };
        let mut notified = Vec::with_capacity(queues.len());
        for (place, turn) in places.iter_mut().zip(turns) {
            let (id, was_notified) = turn.take();
            *place = Some(id);
            notified.push(was_notified);
        }
        if let Some(popped) = attempt() {
            // The notifications of the other queues were for elements that are still there.
            let taken = popped.as_ref().ok().map(|(at, _)| *at);
            for (at, queue) in queues.iter().enumerate() {
                if notified[at] && taken != Some(at) {
                    queue.poppers.notify_one();
                }
            }
            return popped;
        }
        if let Some(ended) = wait.ended(queues[0], woken) {
            return Err(match ended {
                Ended::Expired => PopUntilError::Expired,
                Ended::Stopped(by) => PopUntilError::Stopped(by),
            });
        }
    }
}
