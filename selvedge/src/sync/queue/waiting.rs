//! The slow half of a queue: waiting for room, and for elements.
//!
//! A thread that finds no room, or no element, first looks again for a moment, then registers as a sleeper,
//! looks once more, and sleeps until it is notified or a signal says that it is enough. Whatever ended the
//! sleep, it looks again before it gives up: what is ready comes first. The invariants that are cited stand in
//! [`sleepers`](super::sleepers) and [`channel`](super::channel).

use core::panic::Location;
use core::time::Duration;
use std::time::Instant;

use crate::primitive::atomic::Ordering::Relaxed;
use crate::primitive::{Arc, clock, spin};
use crate::probe::{self, Event};
use crate::signal::{self, Signal, Stopped, Till, Waiter, Woken};
use crate::sync::queue::buffer::Place;
use crate::sync::queue::channel::{Channel, Offer};
use crate::sync::queue::error::{PopUntilError, PushUntilError, TryPopError, TryPushError};
use crate::sync::queue::sleepers::Sleepers;

/// How long a push waits before that is reported, and again each time.
const FULL_FOR: Duration = Duration::from_secs(5);

impl<T> Channel<T> {
    #[inline]
    pub(super) fn push(
        &self,
        element: T,
        place: Place,
        until: Option<&Signal>,
        at: &'static Location<'static>,
    ) -> Result<(), PushUntilError<T>> {
        match self.try_push(element, place) {
            Ok(()) => Ok(()),
            Err(TryPushError::Closed(element)) => Err(PushUntilError::Closed(element)),
            Err(TryPushError::Full(element)) => self.push_slow(element, place, until, at),
        }
    }

    #[cold]
    fn push_slow(
        &self,
        element: T,
        place: Place,
        until: Option<&Signal>,
        at: &'static Location<'static>,
    ) -> Result<(), PushUntilError<T>> {
        let wait = || Wait::new(until, at).reporting(self);
        if self.bound == 0 {
            return self.offer(element, place, wait());
        }
        let mut element = Some(element);
        let waited = self.wait_for(&self.pushers, wait, || {
            match self.try_push(element.take()?, place) {
                Ok(()) => Some(Ok(())),
                Err(TryPushError::Closed(back)) => Some(Err(PushUntilError::Closed(back))),
                Err(TryPushError::Full(back)) => {
                    element = Some(back);
                    None
                }
            }
        });
        match (waited, element) {
            (Ok(pushed), _) => pushed,
            (Err(Ended::Expired), Some(element)) => Err(PushUntilError::Expired(element)),
            (Err(Ended::Stopped(by)), Some(element)) => Err(PushUntilError::Stopped(element, by)),
            (Err(_), None) => unreachable!("an attempt that fails gives its element back"),
        }
    }

    /// Pushes to a rendezvous: leaves the element where a pop finds it, and waits until one has taken it.
    fn offer(&self, element: T, place: Place, mut wait: Wait) -> Result<(), PushUntilError<T>> {
        let mut element = Some(element);
        let mut offered: Option<Arc<Waiter>> = None; // by whom the offer is known
        loop {
            let waited = Waiter::wait_notified(
                &wait.signals(),
                self.site(true, wait.at, wait.since),
                |waiter| {
                    let mut locked = self.locked.lock();
                    if locked.closed {
                        return None;
                    }
                    if let Some(before) = &offered {
                        let at = locked.offer_of(before)?;
                        locked.offers[at].waiter = Arc::clone(waiter);
                        return Some(Arc::clone(waiter));
                    }
                    let offer = Offer {
                        element: element.take()?,
                        waiter: Arc::clone(waiter),
                    };
                    if place.front {
                        locked.offers.push_front(offer)
                    } else {
                        locked.offers.push_back(offer)
                    }
                    drop(locked);
                    self.poppers.notify_one();
                    Some(Arc::clone(waiter))
                },
            );
            let ended = match waited {
                Some((waiter, woken)) => {
                    offered = Some(waiter);
                    if wait.is_report(woken) {
                        wait.ended(self, woken);
                        continue;
                    }
                    wait.ended(self, woken)
                }
                None => None,
            };
            // Taken meanwhile: it was pushed, whatever else happened (invariant 2 of `channel`).
            let take_back = || self.take_back(offered.as_ref()?);
            let Some(element) = element.take().or_else(take_back) else {
                return Ok(());
            };
            return Err(match ended {
                Some(Ended::Expired) if !self.is_closed() => PushUntilError::Expired(element),
                Some(Ended::Stopped(by)) if !self.is_closed() => {
                    PushUntilError::Stopped(element, by)
                }
                _ => PushUntilError::Closed(element),
            });
        }
    }

    /// The element of an offer that no pop has taken.
    fn take_back(&self, waiter: &Arc<Waiter>) -> Option<T> {
        let mut locked = self.locked.lock();
        let at = locked.offer_of(waiter)?;
        Some(locked.offers.remove(at)?.element)
    }

    #[inline]
    pub(super) fn pop(
        &self,
        until: Option<&Signal>,
        at: &'static Location<'static>,
    ) -> Result<T, PopUntilError> {
        match self.try_pop() {
            Ok(element) => Ok(element),
            Err(TryPopError::Closed) => Err(PopUntilError::Closed),
            Err(TryPopError::Empty) => self.pop_slow(until, at),
        }
    }

    #[cold]
    fn pop_slow(
        &self,
        until: Option<&Signal>,
        at: &'static Location<'static>,
    ) -> Result<T, PopUntilError> {
        let wait = || Wait::new(until, at);
        let waited = self.wait_for(&self.poppers, wait, || match self.try_pop() {
            Ok(element) => Some(Ok(element)),
            Err(TryPopError::Closed) => Some(Err(PopUntilError::Closed)),
            Err(TryPopError::Empty) => None,
        });
        match waited {
            Ok(popped) => popped,
            Err(Ended::Expired) => Err(PopUntilError::Expired),
            Err(Ended::Stopped(by)) => Err(PopUntilError::Stopped(by)),
        }
    }

    /// Looks again for a moment, then sleeps at `sleepers` until `attempt` has a result, or the wait is over.
    ///
    /// What the wait needs, a till among it, is made when it comes to sleeping.
    fn wait_for<R>(
        &self,
        sleepers: &Sleepers,
        wait: impl FnOnce() -> Wait,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Result<R, Ended> {
        if let Some(result) = spin(&mut attempt) {
            return Ok(result);
        }
        let mut wait = wait();
        let mut place = None;
        loop {
            let mut result = None;
            let for_room = core::ptr::eq(sleepers, &self.pushers);
            let site = self.site(for_room, wait.at, wait.since);
            let waited = Waiter::wait_notified(&wait.signals(), site, |waiter| {
                let turn = sleepers.register(place, waiter);
                result = attempt();
                if result.is_some() {
                    return None; // the turn passes a notification on that came meanwhile
                }
                Some(turn)
            });
            let Some((turn, woken)) = waited else {
                return Ok(result.expect("the wait ended because of it"));
            };
            place = Some(turn.take().0);
            if let Some(result) = attempt() {
                return Ok(result);
            }
            if let Some(ended) = wait.ended(self, woken) {
                return Err(ended);
            }
        }
    }
}

/// What a waiting thread waits for, beside the queue.
pub(super) struct Wait {
    until: Option<Signal>,
    stop: Signal,
    report: Option<Signal>,
    waited: Duration,
    /// When the thread began to wait.
    pub(super) since: Instant,
    pub(super) at: &'static Location<'static>,
}

/// What ended a wait for good.
pub(super) enum Ended {
    Expired,
    Stopped(Stopped),
}

impl Wait {
    pub(super) fn new(until: Option<&Signal>, at: &'static Location<'static>) -> Self {
        Self {
            until: until.cloned(),
            stop: signal::stop(),
            report: None,
            waited: Duration::ZERO,
            since: clock::now(),
            at,
        }
    }

    /// The same, reporting now and then that the queue is full. Not in a model, where that would be a timer's.
    fn reporting<T>(mut self, channel: &Channel<T>) -> Self {
        let is_model = cfg!(any(selvedge_loom, selvedge_shuttle));
        // Set once, before the queue is shared.
        if !is_model && !channel.quiet.load(Relaxed) {
            self.report = report_time();
        }
        self
    }

    /// In the order of their precedence.
    pub(super) fn signals(&self) -> [&Signal; 3] {
        let until = self.until.as_ref().unwrap_or(&self.stop);
        let report = self.report.as_ref().unwrap_or(&self.stop);
        [until, &self.stop, report]
    }

    fn is_report(&self, woken: Woken) -> bool {
        woken == Woken::Signal(2)
    }

    /// Is the wait over, or was it woken to look again, or to report?
    pub(super) fn ended<T>(&mut self, channel: &Channel<T>, woken: Woken) -> Option<Ended> {
        match woken {
            Woken::Notified => None,
            Woken::Signal(0) if self.until.is_some() => Some(Ended::Expired),
            Woken::Signal(2) => {
                let till = self.report.take();
                if till
                    .and_then(|till| till.reason())
                    .is_none_or(|reason| reason.is_shutdown())
                {
                    return None; // the program's tree has ended, and with it the clock
                }
                self.waited += FULL_FOR;
                self.report = report_time();
                probe::emit(&Event::QueueFull {
                    queue: channel,
                    len: channel.len(),
                    waited: self.waited,
                });
                None
            }
            Woken::Signal(_) => Some(Ended::Stopped(Stopped::by(&self.stop))),
        }
    }
}

/// When to report next; never, once tills are born set because the program's tree has ended.
fn report_time() -> Option<Signal> {
    Some(Till::after(FULL_FOR)).filter(|till| !till.is_set())
}
