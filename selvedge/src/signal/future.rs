//! Signals in async code, and async code in blocking code.
//!
//! There is no executor here: a future of a signal is woken by whoever sets the signal, and
//! [`block_on`] polls one future on the calling thread.
//!
//! # Invariants
//!
//! 1. The waker of a future stands in its `slot`; an action that takes it and wakes it hangs on the signal.
//!    A poll that finds the signal unset has put its waker in and then looked again: so either the action
//!    finds that waker, or the poll sees the flag.
//! 2. A user's waker is cloned, woken and dropped outside every lock, because it may panic.
//! 3. A wake of [`block_on`] that comes between a poll and the sleep is noted under the lock under which the
//!    waiter is put in: it is seen, or it finds the waiter.

use core::fmt;
use core::future::poll_fn;
use core::panic::Location;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use std::task::Wake;

use crate::primitive::{Arc, Mutex};
use crate::signal::on_set::OnSet;
use crate::signal::record::WaitSite;
use crate::signal::signal::Signal;
use crate::signal::stop::{self, Stopped};
use crate::signal::wait::WaitError;
use crate::signal::waiter::Waiter;

/// The future of a [`Signal`]: ready when it is set. Made by `.await`.
#[must_use = "a future does nothing unless it is awaited"]
pub struct IsSet {
    signal: Signal,
    /// Takes the action back when the future is dropped.
    hook: Option<OnSet>,
    slot: Arc<Slot>,
}

/// The waker of the last poll.
#[derive(Default)]
struct Slot(Mutex<Option<Waker>>);

impl Slot {
    /// Puts in the waker of this poll, unless it wakes the same task.
    fn put(&self, waker: &Waker) {
        if (self.0.lock().as_ref()).is_some_and(|last| last.will_wake(waker)) {
            return;
        }
        let fresh = waker.clone();
        let last = self.0.lock().replace(fresh);
        drop(last); // invariant 2
    }

    fn wake(&self) {
        let waker = self.0.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for IsSet {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.signal.is_set() {
            return Poll::Ready(());
        }
        self.slot.put(cx.waker());
        if self.hook.is_none() {
            let slot = Arc::clone(&self.slot);
            let hook = self.signal.on_set(move || slot.wake());
            self.hook = Some(hook);
        }
        // Set meanwhile? Then the last waker may be the one that was woken (invariant 1).
        if self.signal.is_set() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl fmt::Debug for IsSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IsSet").field(&self.signal).finish()
    }
}

/// Awaiting ignores the thread's stop; `(&done | &signal::stop()).await` does not.
///
/// ```
/// use selvedge::{Signal, signal};
/// let done = Signal::new();
/// done.set();
/// signal::block_on(async { (&done).await })?;
/// # Ok::<(), signal::Stopped>(())
/// ```
impl IntoFuture for Signal {
    type Output = ();
    type IntoFuture = IsSet;

    fn into_future(self) -> IsSet {
        IsSet {
            signal: self,
            hook: None,
            slot: Arc::default(),
        }
    }
}

impl IntoFuture for &Signal {
    type Output = ();
    type IntoFuture = IsSet;

    fn into_future(self) -> IsSet {
        self.clone().into_future()
    }
}

impl Signal {
    /// Awaits `future` until the signal is set: then the future is dropped, and this is `None`.
    ///
    /// The future is polled first, so if it is ready, that counts. It ignores the thread's stop, as
    /// awaiting does. Blocking code has [`block_on_until`].
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, signal};
    /// let cancelled = Signal::new();
    /// cancelled.set();
    /// let (ready, late) = signal::block_on(async {
    ///     let ready = cancelled.run_until(async { 7 }).await;
    ///     (ready, cancelled.run_until(std::future::pending::<()>()).await)
    /// })?;
    /// assert_eq!((ready, late), (Some(7), None));
    /// # Ok::<(), signal::Stopped>(())
    /// ```
    #[doc(alias = "run_until_cancelled")]
    pub fn run_until<F: Future>(
        &self,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        let mut set = self.into_future();
        async move {
            let mut future = pin!(future);
            poll_fn(|cx| match future.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => Pin::new(&mut set).poll(cx).map(|()| None),
            })
            .await
        }
    }
}

/// Polls `future` on the calling thread until it is ready.
///
/// The thread sleeps between polls. This is no executor: what the future needs besides its waker, such as a
/// reactor, runs elsewhere.
///
/// # Stopping
///
/// If the calling thread is asked to stop, the future is dropped. It is polled first: if it is ready, that
/// counts.
///
/// # Errors
///
/// [`Stopped`], see above.
///
/// # Panics
///
/// If the future does.
///
/// # Examples
///
/// ```
/// use selvedge::{Till, signal};
/// use std::time::Duration;
/// let sum = signal::block_on(async {
///     Till::after(Duration::from_millis(1)).await;
///     1 + 1
/// })?;
/// assert_eq!(sum, 2);
/// # Ok::<(), signal::Stopped>(())
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Stopped> {
    drive(future, &[], Location::caller()).map_err(|ended| match ended {
        WaitError::Stopped(stopped) => stopped,
        WaitError::Expired => unreachable!("no signal was given"),
    })
}

/// Polls `future` on the calling thread until it is ready, or `signal` is set.
///
/// # Stopping
///
/// As [`block_on`]; the order of precedence is the future, `signal`, stop.
///
/// # Errors
///
/// - [`WaitError::Expired`] – `signal` was set first; the future was dropped.
/// - [`WaitError::Stopped`] – the calling thread was asked to stop; the future was dropped.
///
/// # Panics
///
/// If the future does.
///
/// # Examples
///
/// ```
/// use selvedge::{Till, signal::{self, WaitError}};
/// use std::{future::pending, time::Duration};
/// let soon = Till::after(Duration::from_millis(1));
/// let waited = signal::block_on_until(&soon, pending::<()>());
/// assert!(matches!(waited, Err(WaitError::Expired)));
/// ```
#[track_caller]
pub fn block_on_until<F: Future>(signal: &Signal, future: F) -> Result<F::Output, WaitError> {
    drive(future, &[signal], Location::caller())
}

fn drive<F: Future>(
    future: F,
    until: &[&Signal],
    at: &'static Location<'static>,
) -> Result<F::Output, WaitError> {
    let mut future = pin!(future);
    let sleeper = Arc::new(Sleeper::default());
    let waker = Waker::from(Arc::clone(&sleeper));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Ok(output);
        }
        if until.iter().any(|signal| signal.is_set()) {
            return Err(WaitError::Expired);
        }
        let stop = stop::stop();
        if stop.is_set() {
            return Err(WaitError::Stopped(Stopped::by(&stop)));
        }
        let signals: Vec<&Signal> = until.iter().copied().chain([&stop]).collect();
        let site = WaitSite::new("future", None, at);
        // Whatever ended the sleep, the future is polled first.
        let _ = Waiter::wait_notified(&signals, site, |waiter| sleeper.put(waiter));
        sleeper.awake();
    }
}

/// Wakes the thread that polls.
#[derive(Default)]
struct Sleeper(Mutex<State>);

#[derive(Default)]
struct State {
    woken: bool,
    waiter: Option<Arc<Waiter>>,
}

impl Sleeper {
    /// The thread is about to sleep, unless it was woken already (invariant 3).
    fn put(&self, waiter: &Arc<Waiter>) -> Option<()> {
        let mut state = self.0.lock();
        if state.woken {
            return None;
        }
        state.waiter = Some(Arc::clone(waiter));
        Some(())
    }

    /// What wakes from now on wakes the next sleep.
    fn awake(&self) {
        *self.0.lock() = State::default();
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waiter = {
            let mut state = self.0.lock();
            state.woken = true;
            state.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.notify();
        }
    }
}
