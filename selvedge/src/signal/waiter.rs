//! The only place where a thread goes to sleep, but for a descriptor ([`descriptor`](super::descriptor)).
//!
//! A sleeping thread hangs one [`Waiter`] on everything that may wake it, sleeps, and takes it off
//! again before it goes on. Only the timer thread sleeps anywhere else.

use crate::primitive::{Arc, Mutex, Parker, Unparker};
use crate::signal::links::{Link, LinkId};
use crate::signal::record::{self, WaitSite};
use crate::signal::signal::Signal;

/// What the setter of a signal, or the other side of a queue, wakes.
#[derive(Debug)]
pub(crate) struct Waiter {
    thread: Unparker,
    /// Set by [`notify`](Self::notify), for waits that are not only for signals.
    notified: Mutex<bool>,
}

/// What ended a [`wait_notified`](Waiter::wait_notified).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Somebody called [`Waiter::notify`].
    Notified,
    /// The signal with this index is set.
    Signal(usize),
}

impl Waiter {
    fn new(parker: &Parker) -> Arc<Self> {
        Arc::new(Self {
            thread: parker.unparker(),
            notified: Mutex::new(false),
        })
    }

    /// Wakes the thread to look again.
    pub(super) fn wake(&self) {
        self.thread.unpark();
    }

    /// Ends the wait of this waiter.
    pub(crate) fn notify(&self) {
        *self.notified.lock() = true;
        self.wake();
    }

    /// Hands a fresh waiter to `enqueue`, then sleeps until it is notified or one of `signals` is set.
    ///
    /// `enqueue` gives back what it keeps for the caller, or `None` if there is nothing to wait for.
    pub(crate) fn wait_notified<K>(
        signals: &[&Signal],
        site: WaitSite,
        enqueue: impl FnOnce(&Arc<Self>) -> Option<K>,
    ) -> Option<(K, Woken)> {
        let parker = Parker::new();
        let waiter = Self::new(&parker);
        let kept = enqueue(&waiter)?;
        let woken = sleep(&parker, &waiter, signals, site, || {
            if *waiter.notified.lock() {
                Some(Woken::Notified)
            } else {
                first_set(signals).map(Woken::Signal)
            }
        });
        Some((kept, woken))
    }
}

/// Sleeps until one of `signals` is set; the index of the first that is, in their order.
pub(super) fn wait_any(signals: &[&Signal], site: WaitSite) -> usize {
    if let Some(at) = first_set(signals) {
        return at;
    }
    let parker = Parker::new();
    let waiter = Waiter::new(&parker);
    match sleep(&parker, &waiter, signals, site, || {
        first_set(signals).map(Woken::Signal)
    }) {
        Woken::Signal(at) => at,
        Woken::Notified => unreachable!("nobody else knows this waiter"),
    }
}

/// The first of `signals` that is set.
pub(super) fn first_set(signals: &[&Signal]) -> Option<usize> {
    let mut first = None;
    let mut before = signals;
    // Those before it are looked at again: what was set earlier counts, though we looked there too soon.
    while let Some(at) = before.iter().position(|signal| signal.is_set()) {
        first = Some(at);
        before = &before[..at];
    }
    first
}

/// Links the waiter, sleeps until `ready` says so, unlinks.
fn sleep(
    parker: &Parker,
    waiter: &Arc<Waiter>,
    signals: &[&Signal],
    site: WaitSite,
    ready: impl Fn() -> Option<Woken>,
) -> Woken {
    let mut linked: Vec<(usize, LinkId)> = Vec::with_capacity(signals.len());
    for (at, signal) in signals.iter().enumerate() {
        match signal.link(Link::Wake(Arc::clone(waiter))) {
            Ok(id) => linked.push((at, id)),
            Err(_) => break, // set meanwhile: `ready` sees it
        }
    }
    let woken = record::waiting(site, || {
        loop {
            if let Some(woken) = ready() {
                break woken;
            }
            parker.park();
        }
    });
    for (at, id) in linked {
        signals[at].unlink(id);
    }
    woken
}
