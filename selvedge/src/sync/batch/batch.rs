//! A batch queue: producers push items, one thread hands them to a sink in batches.
//!
//! # Invariants
//!
//! 1. An item is in `queue`, in the hand of the thread that serves, delivered, or in `lost`, which hands it
//!    back or reports it. It moves between them whole; nothing else drops one.
//! 2. `queue` is closed before the last flush, so that what was accepted is in it, and what comes later is
//!    refused with the item.
//! 3. `served` is set after `lost` was filled.
//! 4. The sink, the functions of `after_batch` and destructors of items run outside every lock.

use core::fmt;
use core::panic::Location;
use std::time::Duration;

use crate::primitive::atomic::AtomicUsize;
use crate::primitive::{Arc, Mutex};
use crate::probe::{self, Event};
use crate::signal::{Signal, WaitError};
use crate::sync::batch::error::{StopError, Undelivered};
use crate::sync::{PushError, PushUntilError, Queue, TryPushError};

/// The size of a batch of [`BatchQueue::new`].
const DEFAULT_BATCH: usize = 900;
/// How long an item waits for others, of [`BatchQueue::new`].
const DEFAULT_PERIOD: Duration = Duration::from_secs(1);

/// Collects items for a slow sink: a batch goes when it is full, or when its first item has waited a period.
///
/// Some thread must [`serve`](Self::serve) it. In is delivered plus handed back, however it ends. A clone is
/// another handle to the same queue.
///
/// # Examples
///
/// ```
/// use selvedge::{sync::BatchQueue, thread};
/// use std::convert::Infallible;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let rows = BatchQueue::new();
///     let writer = thread::spawn("writer", {
///         let rows = rows.clone();
///         move |_stop| {
///             let mut written = Vec::new();
///             rows.serve(|batch| {
///                 written.append(batch);
///                 Ok::<_, Infallible>(())
///             })?;
///             Ok(written)
///         }
///     });
///     rows.push(1)?;
///     rows.push(2)?;
///     rows.stop()?; // delivers what was pushed
///     assert_eq!(writer.join()?, [1, 2]);
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[doc(alias = "ThreadedQueue")]
pub struct BatchQueue<T>(pub(super) Arc<Shared<T>>);

pub(super) struct Shared<T> {
    pub(super) queue: Queue<Entry<T>>,
    pub(super) batch: usize,
    pub(super) period: Duration,
    pub(super) label: Label,
    pub(super) state: Mutex<State<T>>,
    /// Set when no item is accepted any more; ends the pause of a failing sink.
    pub(super) closing: Signal,
    pub(super) served: Signal,
    pub(super) producers: AtomicUsize,
}

pub(super) struct State<T> {
    pub(super) taken: bool,
    pub(super) lost: Option<Undelivered<T>>,
}

/// What is in the queue.
pub(super) enum Entry<T> {
    Item(T),
    After(Box<dyn FnOnce() + Send>),
    /// The same, and what is before it goes to the sink at once.
    #[cfg_attr(not(feature = "observe"), expect(dead_code, reason = "for the log"))]
    Now(Box<dyn FnOnce() + Send>),
}

/// What a batch queue is called in messages.
#[derive(Clone)]
pub(super) struct Label {
    name: Option<Arc<str>>,
    made: &'static Location<'static>,
}

impl<T> BatchQueue<T> {
    /// Makes a queue with batches of 900 items or a second, which holds two batches.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Self::make(
            None,
            DEFAULT_BATCH,
            DEFAULT_PERIOD,
            2 * DEFAULT_BATCH,
            Location::caller(),
        )
    }

    /// Makes a queue with a name for messages, batches of `batch` items or a `period`, which holds two
    /// batches.
    ///
    /// # Panics
    ///
    /// If `batch` is 0.
    #[track_caller]
    #[must_use]
    pub fn named(name: &str, batch: usize, period: Duration) -> Self {
        let bound = batch.saturating_mul(2);
        Self::make(Some(name), batch, period, bound, Location::caller())
    }

    /// As [`named`](Self::named), and holds up to `bound` items. The batch that the sink is working on is not
    /// counted.
    ///
    /// # Panics
    ///
    /// If `batch` or `bound` is 0.
    #[track_caller]
    #[must_use]
    pub fn bounded(name: &str, batch: usize, period: Duration, bound: usize) -> Self {
        Self::make(Some(name), batch, period, bound, Location::caller())
    }

    #[track_caller]
    fn make(
        name: Option<&str>,
        batch: usize,
        period: Duration,
        bound: usize,
        made: &'static Location<'static>,
    ) -> Self {
        let name = name.map(Arc::from);
        let label = Label { name, made };
        assert!(
            batch > 0 && bound > 0,
            "{label} needs room: a batch is {batch} items and it holds {bound}"
        );
        Self(Arc::new(Shared {
            queue: Queue::named(&label.to_string(), bound),
            batch,
            period,
            state: Mutex::new(State {
                taken: false,
                lost: None,
            }),
            closing: Signal::named(&format!("{label} closes")),
            served: Signal::named(&format!("{label} was served")),
            producers: AtomicUsize::new(0),
            label,
        }))
    }

    /// Takes room for its items at the first push, if that is no more than `limit` bytes, and is faster for it.
    #[cfg(feature = "observe")]
    pub(crate) fn with_ring(mut self, limit: usize) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            let name = shared.label.to_string();
            shared.queue = Queue::with_ring(&name, shared.queue.bound(), limit);
        }
        self
    }

    /// Adds an item, waiting until there is room.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop while the queue is full, the item comes back.
    ///
    /// # Errors
    ///
    /// [`PushError`], with the item: the queue was stopped, or see above.
    #[track_caller]
    #[doc(alias = "add")]
    pub fn push(&self, item: T) -> Result<(), PushError<T>> {
        self.0
            .queue
            .push(Entry::Item(item))
            .map_err(|error| match error {
                PushError::Closed(entry) => PushError::Closed(entry.item()),
                PushError::Stopped(entry, stopped) => PushError::Stopped(entry.item(), stopped),
            })
    }

    /// Adds an item if there is room now.
    ///
    /// # Errors
    ///
    /// [`TryPushError`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// # use selvedge::sync::{BatchQueue, TryPushError};
    /// # use std::time::Duration;
    /// let rows = BatchQueue::bounded("rows", 1, Duration::from_secs(1), 1);
    /// rows.try_push(1)?;
    /// assert!(matches!(rows.try_push(2), Err(TryPushError::Full(2))));
    /// # rows.close();
    /// # rows.serve(|_| Ok::<_, std::convert::Infallible>(())).unwrap();
    /// # Ok::<(), TryPushError<i32>>(())
    /// ```
    pub fn try_push(&self, item: T) -> Result<(), TryPushError<T>> {
        self.0
            .queue
            .try_push(Entry::Item(item))
            .map_err(|error| match error {
                TryPushError::Closed(entry) => TryPushError::Closed(entry.item()),
                TryPushError::Full(entry) => TryPushError::Full(entry.item()),
            })
    }

    /// Adds an item, waiting for room until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// [`PushUntilError`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// # use selvedge::sync::{BatchQueue, PushUntilError};
    /// # use selvedge::Till;
    /// # use std::time::Duration;
    /// let rows = BatchQueue::bounded("rows", 1, Duration::from_secs(1), 1);
    /// rows.push(1)?;
    /// let late = rows.push_until(2, &Till::after(Duration::from_millis(1)));
    /// assert!(matches!(late, Err(PushUntilError::Expired(2))));
    /// # rows.close();
    /// # rows.serve(|_| Ok::<_, std::convert::Infallible>(())).unwrap();
    /// # Ok::<(), selvedge::sync::PushError<i32>>(())
    /// ```
    #[track_caller]
    pub fn push_until(&self, item: T, signal: &Signal) -> Result<(), PushUntilError<T>> {
        self.0
            .queue
            .push_until(Entry::Item(item), signal)
            .map_err(|error| match error {
                PushUntilError::Closed(entry) => PushUntilError::Closed(entry.item()),
                PushUntilError::Expired(entry) => PushUntilError::Expired(entry.item()),
                PushUntilError::Stopped(entry, stopped) => {
                    PushUntilError::Stopped(entry.item(), stopped)
                }
            })
    }

    /// Adds items one after the other, waiting for room.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push); what was added before stays.
    ///
    /// # Errors
    ///
    /// [`PushError`], with the items that were not added.
    ///
    /// # Examples
    ///
    /// ```
    /// # use selvedge::sync::BatchQueue;
    /// let rows = BatchQueue::new();
    /// rows.extend(1..=3)?;
    /// rows.close();
    /// assert_eq!(rows.extend(4..=5).unwrap_err().into_inner(), [4, 5]);
    /// # rows.serve(|_| Ok::<_, std::convert::Infallible>(())).unwrap();
    /// # Ok::<(), selvedge::sync::PushError<Vec<i32>>>(())
    /// ```
    #[track_caller]
    pub fn extend(&self, items: impl IntoIterator<Item = T>) -> Result<(), PushError<Vec<T>>> {
        let mut items = items.into_iter();
        while let Some(item) = items.next() {
            let mut rest = |item| core::iter::once(item).chain(&mut items).collect();
            match self.push(item) {
                Ok(()) => {}
                Err(PushError::Closed(item)) => return Err(PushError::Closed(rest(item))),
                Err(PushError::Stopped(item, stopped)) => {
                    return Err(PushError::Stopped(rest(item), stopped));
                }
            }
        }
        Ok(())
    }

    /// Runs `f` when everything that was pushed before was delivered, on the thread that serves.
    ///
    /// It takes a place in the queue like an item. A panic of it is reported as that of an action of a
    /// signal. If what was pushed before is never delivered, `f` is dropped without being run; those items
    /// are handed back or reported.
    ///
    /// # Stopping
    ///
    /// As [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// [`PushError`]; it holds nothing, `f` is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use selvedge::{Signal, sync::BatchQueue};
    /// let (rows, written) = (BatchQueue::new(), Signal::new());
    /// rows.push(1)?;
    /// rows.after_batch({
    ///     let written = written.clone();
    ///     move || _ = written.set()
    /// }).unwrap();
    /// rows.close();
    /// assert!(!written.is_set());
    /// rows.serve(|_| Ok::<_, std::convert::Infallible>(())).unwrap();
    /// assert!(written.is_set());
    /// # Ok::<(), selvedge::sync::PushError<i32>>(())
    /// ```
    #[track_caller]
    pub fn after_batch(&self, f: impl FnOnce() + Send + 'static) -> Result<(), PushError<()>> {
        let pushed = self.0.queue.push(Entry::After(Box::new(f)));
        pushed.map_err(|error| match error {
            PushError::Closed(_) => PushError::Closed(()),
            PushError::Stopped(_, stopped) => PushError::Stopped((), stopped),
        })
    }

    /// Hands what was pushed before to the sink without waiting for more, then runs `f`. Waits for room until `signal`
    /// is set.
    #[cfg(feature = "observe")]
    #[track_caller]
    pub(crate) fn deliver_now(
        &self,
        f: impl FnOnce() + Send + 'static,
        signal: &Signal,
    ) -> Result<(), PushUntilError<()>> {
        let pushed = self.0.queue.push_until(Entry::Now(Box::new(f)), signal);
        pushed.map_err(|error| match error {
            PushUntilError::Closed(_) => PushUntilError::Closed(()),
            PushUntilError::Stopped(_, stopped) => PushUntilError::Stopped((), stopped),
            PushUntilError::Expired(_) => PushUntilError::Expired(()),
        })
    }

    /// Refuses further items. What was accepted is still delivered, by the thread that serves.
    pub fn close(&self) {
        self.0.close();
    }

    /// Closes the queue and waits until everything was delivered.
    ///
    /// It waits for a thread to serve, if none has begun yet. A second call finds nothing to do.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop meanwhile; the queue is closed all the same.
    ///
    /// # Errors
    ///
    /// - [`StopError::Undelivered`] – the last flush failed; the error has the items. Given once.
    /// - [`StopError::Stopped`] – see above.
    #[track_caller]
    pub fn stop(&self) -> Result<(), StopError<T>> {
        self.close();
        let waited = self.0.served.wait();
        match (self.0.lost(), waited) {
            (Some(lost), _) => Err(StopError::Undelivered(lost)),
            (None, waited) => waited.map_err(StopError::Stopped),
        }
    }

    /// As [`stop`](Self::stop), until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`stop`](Self::stop).
    ///
    /// # Errors
    ///
    /// Those of [`stop`](Self::stop), and [`StopError::Expired`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use selvedge::{Till, sync::{BatchQueue, StopError}};
    /// # use std::time::Duration;
    /// let rows = BatchQueue::<u8>::new();
    /// let late = rows.stop_until(&Till::after(Duration::from_millis(1)));
    /// assert!(matches!(late, Err(StopError::Expired))); // nobody serves it
    /// assert!(rows.is_closed());
    /// ```
    #[track_caller]
    pub fn stop_until(&self, signal: &Signal) -> Result<(), StopError<T>> {
        self.close();
        let waited = self.0.served.wait_until(signal);
        match (self.0.lost(), waited) {
            (Some(lost), _) => Err(StopError::Undelivered(lost)),
            (None, Ok(())) => Ok(()),
            (None, Err(WaitError::Expired)) => Err(StopError::Expired),
            (None, Err(WaitError::Stopped(stopped))) => Err(StopError::Stopped(stopped)),
        }
    }

    /// Are further items refused?
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.queue.is_closed()
    }
}

impl<T> Shared<T> {
    pub(super) fn close(&self) {
        self.queue.close();
        self.closing.set();
    }

    fn lost(&self) -> Option<Undelivered<T>> {
        self.state.lock().lost.take()
    }
}

/// Nobody serves it any more and nobody can take anything back: what is left is reported.
impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let rest = self.queue.pop_all();
        let items = rest
            .iter()
            .filter(|entry| matches!(entry, Entry::Item(_)))
            .count();
        if items > 0 {
            let queue = &self.label;
            probe::emit(&Event::Undelivered { queue, items });
        }
    }
}

impl<T> Entry<T> {
    fn item(self) -> T {
        match self {
            Self::Item(item) => item,
            Self::After(_) | Self::Now(_) => unreachable!("what comes back is what was pushed"),
        }
    }
}

impl<T> Clone for BatchQueue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for BatchQueue<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "batch queue `{name}`"),
            None => write!(f, "the batch queue made at {}", self.made),
        }
    }
}

impl<T> fmt::Debug for BatchQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchQueue")
            .field("name", &format_args!("{}", self.0.label))
            .field("batch", &self.0.batch)
            .field("waiting", &self.0.queue.len())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
