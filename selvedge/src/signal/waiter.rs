//! The only place where a thread goes to sleep, but for descriptors (`descriptor`, and `reading` of workers' pipes).
//!
//! A sleeping thread hangs one [`Waiter`] on everything that may wake it, sleeps, and takes it off
//! again before it goes on. Each sleep has a waiter of its own: a late wake-up of another never ends it. Only the timer thread sleeps anywhere else.

use crate::primitive::{Arc, Mutex, Token};
use crate::signal::before_wait;
use crate::signal::links::{Link, LinkId};
use crate::signal::record::{self, WaitSite};
use crate::signal::signal::{Signal, Tag};

/// The signals of nearly every wait: what is waited for, an expiry, the stop.
const FEW: usize = 4;

/// What the setter of a signal, or the other side of a queue, wakes.
#[derive(Debug)]
pub(crate) struct Waiter {
    thread: Token,
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
    fn new() -> Arc<Self> {
        Arc::new(Self {
            thread: Token::new(),
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
        site: WaitSite<'_>,
        enqueue: impl FnOnce(&Arc<Self>) -> Option<K>,
    ) -> Option<(K, Woken)> {
        before_wait::run();
        let waiter = Self::new();
        let kept = enqueue(&waiter)?;
        let woken = sleep(&waiter, signals, site, || {
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
pub(super) fn wait_any(signals: &[&Signal], site: WaitSite<'_>) -> usize {
    if let Some(at) = first_set(signals) {
        return at;
    }
    before_wait::run();
    let waiter = Waiter::new();
    match sleep(&waiter, signals, site, || {
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
    waiter: &Arc<Waiter>,
    signals: &[&Signal],
    site: WaitSite<'_>,
    ready: impl Fn() -> Option<Woken>,
) -> Woken {
    let mut few = [None; FEW];
    let mut many = Vec::new();
    let linked: &mut [Option<LinkId>] = if signals.len() <= FEW {
        &mut few
    } else {
        many.resize(signals.len(), None);
        &mut many
    };
    for (signal, linked) in signals.iter().zip(&mut *linked) {
        if signal.0.tag == Tag::Never {
            continue; // shared by everybody, and wakes nobody
        }
        match signal.link(Link::Wake(Arc::clone(waiter))) {
            Ok(id) => *linked = Some(id),
            Err(_) => break, // set meanwhile: `ready` sees it
        }
    }
    let woken = record::waiting(site, || {
        loop {
            if let Some(woken) = ready() {
                break woken;
            }
            waiter.thread.park();
        }
    });
    for (signal, id) in signals.iter().zip(linked) {
        if let Some(id) = *id {
            signal.unlink(id);
        }
    }
    woken
}
