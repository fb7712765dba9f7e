//! Who holds a lock, who waits to enter it, and who waits for it to be used.
//!
//! # Invariants
//!
//! 1. `state` is the number of the thread that holds the lock, or 0, and the bit `QUEUED`. A thread comes to
//!    hold it by changing 0 to its number, or because the holder wrote it there.
//! 2. `QUEUED` is changed under `queues` alone. If a thread stands in a queue that an exit must look at, the
//!    bit is set or the lock is free and somebody is about to take it; so a plain exit, which needs the
//!    state to be exactly the holder's number, passes nobody over.
//! 3. Of the threads that wait to enter at most one is called at a time: `called`. It has left its queue, and
//!    whatever ends its wait it comes back to `queues`, where it takes the lock, or finds a holder who will
//!    call the next.
//! 4. `waiting` is in the order in which its threads began to wait, and so also in the order of `seen`: each
//!    notes the number of uses under the lock.
//! 5. A thread leaves `waiting` by a use, into `entering`, or by itself (its signal is set). Only the first
//!    is a baton, and it shows under `queues`.
//! 6. Nobody is notified under `queues`.
//!
//! # Uses
//!
//! `uses` counts exits, and waits of holders to whom something has happened. The oldest waiter is called
//! if it has not seen the latest use, and notes, when it waits again, that it has. So a use goes from
//! waiter to waiter until all have seen it, and then it is quiet.
//!
//! # Orderings
//!
//! Taking the lock is `Acquire`, giving it up `Release`: who holds it sees what was done before under it. A lock
//! that is handed over is seen by its new holder under `queues`, which the old one held before.

use core::panic::Location;
use std::collections::VecDeque;
use std::time::Instant;

use crate::primitive::atomic::AtomicUsize;
use crate::primitive::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::primitive::{Arc, Mutex, clock, const_fn, spin, thread_number};
use crate::signal::{HasHolder, Holder, Signal, WaitSite, Waiter, Woken};
use crate::sync::lock::entered::Entered;

/// An exit must look at the queues. Numbers of threads are even.
const QUEUED: usize = 1;

/// How often a thread is called in vain, because others were quicker, before the lock is handed to it.
const PATIENCE: u32 = 8;

/// A lock without data.
#[derive(Debug)]
pub(super) struct Monitor {
    state: AtomicUsize,
    pub(super) entered: Entered,
    queues: Mutex<Queues>,
}

#[derive(Debug)]
struct Queues {
    entering: VecDeque<Entering>,
    /// The number of the thread that was called to enter and has not come yet, or 0.
    called: usize,
    waiting: VecDeque<Waiting>,
    uses: u64,
}

#[derive(Debug)]
struct Entering {
    thread: usize,
    in_vain: u32,
    waiter: Arc<Waiter>,
}

#[derive(Debug)]
struct Waiting {
    thread: usize,
    seen: u64,
    waiter: Arc<Waiter>,
}

/// What a thread waits for, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) made: &'static Location<'static>,
    pub(super) at: &'static Location<'static>,
}

impl Site<'_> {
    fn entering(self, monitor: &Monitor, since: Instant) -> WaitSite<'_> {
        WaitSite::new("lock", self.name, self.at)
            .on(monitor, self.made)
            .held(monitor)
            .since(since)
    }

    fn waiting(self, monitor: &Monitor) -> WaitSite<'_> {
        WaitSite::new("use of lock", self.name, self.at)
            .on(monitor, self.made)
            .held(monitor)
    }
}

/// Why the lock was not taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Another thread holds it.
    Held,
    /// The calling thread holds it.
    Reentry,
}

impl Monitor {
    const_fn! {
        pub(super) fn new() -> Self {
            let queues = Queues {
                entering: VecDeque::new(),
                called: 0,
                waiting: VecDeque::new(),
                uses: 0,
            };
            Self {
                state: AtomicUsize::new(0),
                entered: Entered::new(),
                queues: Mutex::new(queues),
            }
        }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub(super) fn try_enter(&self) -> Result<(), Refused> {
        let me = thread_number();
        match self.state.compare_exchange(0, me, Acquire, Relaxed) {
            Ok(_) => Ok(()),
            Err(state) => self.try_enter_from(state, me),
        }
    }

    fn try_enter_from(&self, mut state: usize, me: usize) -> Result<(), Refused> {
        loop {
            match state & !QUEUED {
                0 => {}
                holder if holder == me => return Err(Refused::Reentry),
                _ => return Err(Refused::Held),
            }
            let taken = state | me;
            match self
                .state
                .compare_exchange_weak(state, taken, Acquire, Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
    }

    /// Takes the lock, held by another thread just now, unless one of `signals` is set first: then its index.
    #[cold]
    pub(super) fn enter_slow(&self, signals: &[&Signal], site: Site<'_>) -> Result<(), usize> {
        self.queue_up(signals, site, false)
    }

    /// Gives the lock up; it has been used.
    #[inline]
    pub(super) fn exit(&self) {
        let me = thread_number();
        let plain = self.state.compare_exchange(me, 0, Release, Relaxed);
        if plain.is_err() {
            self.exit_slow();
        }
    }

    #[cold]
    fn exit_slow(&self) {
        let called = {
            let mut queues = self.queues.lock();
            queues.uses += 1;
            queues.pass_on();
            self.release(&mut queues, false)
        };
        notify(called);
    }

    /// Gives the lock up, waits until it is used or one of `signals` is set, and takes it again.
    ///
    /// `changed` says that something has happened to the holder since it was last woken. The error is the
    /// index of the signal; a baton that came as well counts first.
    pub(super) fn wait(
        &self,
        changed: bool,
        signals: &[&Signal],
        site: Site<'_>,
    ) -> Result<(), usize> {
        let me = thread_number();
        let mut queued = true;
        let waited = Waiter::wait_notified(signals, site.waiting(self), |waiter| {
            let mut queues = self.queues.lock();
            if changed {
                queues.uses += 1;
            }
            queues.pass_on();
            // Too late to wait: those who want to enter have the lock once, by being handed it.
            queued = !signals.iter().any(|signal| signal.is_set());
            if queued {
                let seen = queues.uses;
                queues.waiting.push_back(Waiting {
                    thread: me,
                    seen,
                    waiter: Arc::clone(waiter),
                });
            }
            let called = self.release(&mut queues, !queued);
            drop(queues);
            notify(called);
            Some(())
        });
        let woken = waited.map(|((), woken)| woken);
        let used = queued && !self.queues.lock().leave_waiting(me); // invariant 5
        let entered = self.queue_up(&[], site, true);
        debug_assert!(entered.is_ok(), "there was no signal to end it");
        match woken {
            Some(Woken::Signal(at)) if !used => Err(at),
            _ => Ok(()),
        }
    }

    /// Waits in `entering`; `known` to the queues is who may stand there already, or was called from there.
    fn queue_up(&self, signals: &[&Signal], site: Site<'_>, mut known: bool) -> Result<(), usize> {
        let me = thread_number();
        let mut in_vain = 0;
        let mut since = None;
        let mut woken = Woken::Notified;
        loop {
            if spin(|| self.has_entered().then_some(())).is_some() {
                if known {
                    self.settle(me);
                }
                return Ok(());
            }
            if let Woken::Signal(at) = woken {
                // What is ready comes first; and who was called may not just go (invariant 3).
                return if self.settle(me) { Ok(()) } else { Err(at) };
            }
            let since = *since.get_or_insert_with(clock::now);
            let waited = Waiter::wait_notified(signals, site.entering(self, since), |waiter| {
                let mut queues = self.queues.lock();
                queues.stand(me, in_vain, waiter);
                if self.take(&queues, me) {
                    return None;
                }
                Some(())
            });
            known = true;
            match waited {
                None => {
                    self.settle(me);
                    return Ok(());
                }
                Some(((), by)) => woken = by,
            }
            in_vain += 1;
        }
    }

    /// Does this thread hold the lock, taken just now or handed to it?
    fn has_entered(&self) -> bool {
        matches!(self.try_enter(), Ok(()) | Err(Refused::Reentry))
    }

    /// Takes this thread out of the queues, and the lock if it can.
    fn settle(&self, me: usize) -> bool {
        let mut queues = self.queues.lock();
        queues.arrive(me);
        queues.leave_entering(me);
        self.take(&queues, me)
    }

    /// Takes the lock if it is free or was handed to this thread; puts `QUEUED` right in any case.
    fn take(&self, queues: &Queues, me: usize) -> bool {
        let queued = queues.bit();
        let mut state = self.state.load(Relaxed);
        loop {
            let holder = state & !QUEUED;
            let wanted = if holder == 0 { me } else { holder } | queued;
            match self
                .state
                .compare_exchange_weak(state, wanted, Acquire, Relaxed)
            {
                Ok(_) => return holder == 0 || holder == me,
                Err(now) => state = now,
            }
        }
    }

    /// Gives the lock up, or on; who must be notified of it.
    ///
    /// The calling thread holds it and `queues`, so nobody else writes `state`.
    fn release(&self, queues: &mut Queues, hand_over: bool) -> Option<Arc<Waiter>> {
        let mut next = 0;
        let mut called = None;
        if queues.called != 0 {
            if hand_over {
                next = queues.called; // it finds the lock its own when it comes
            }
        } else if let Some(entering) = queues.entering.pop_front() {
            queues.called = entering.thread;
            if hand_over || entering.in_vain >= PATIENCE {
                next = entering.thread;
            }
            called = Some(entering.waiter);
        }
        self.state.store(next | queues.bit(), Release);
        called
    }
}

impl HasHolder for Monitor {
    fn holder(&self) -> Option<Holder> {
        let thread = self.state.load(Relaxed) & !QUEUED;
        let entered = self.entered.get();
        (thread != 0).then_some(Holder { thread, entered })
    }
}

impl Queues {
    /// Must an exit look here?
    fn bit(&self) -> usize {
        let someone = !self.waiting.is_empty() || (!self.entering.is_empty() && self.called == 0);
        if someone { QUEUED } else { 0 }
    }

    /// The oldest waiter is to enter, if it has not seen the latest use.
    fn pass_on(&mut self) {
        let is_news = (self.waiting.front()).is_some_and(|first| first.seen < self.uses);
        if is_news && let Some(waiting) = self.waiting.pop_front() {
            self.entering.push_back(Entering {
                thread: waiting.thread,
                in_vain: 0,
                waiter: waiting.waiter,
            });
        }
    }

    /// The thread is here: was it called?
    fn arrive(&mut self, thread: usize) -> bool {
        let was_called = self.called == thread;
        if was_called {
            self.called = 0;
        }
        was_called
    }

    /// Puts the thread among those who enter: in its old place, in front if it was called, or at the end.
    fn stand(&mut self, thread: usize, in_vain: u32, waiter: &Arc<Waiter>) {
        let was_called = self.arrive(thread);
        let waiter = Arc::clone(waiter);
        if let Some(place) = self.entering.iter_mut().find(|it| it.thread == thread) {
            place.waiter = waiter;
            return;
        }
        let entering = Entering {
            thread,
            in_vain,
            waiter,
        };
        if was_called {
            self.entering.push_front(entering);
        } else {
            self.entering.push_back(entering);
        }
    }

    fn leave_entering(&mut self, thread: usize) {
        if let Some(at) = self.entering.iter().position(|it| it.thread == thread) {
            self.entering.remove(at);
        }
    }

    /// Takes the thread out of the waiting ones; was it one?
    fn leave_waiting(&mut self, thread: usize) -> bool {
        let at = self.waiting.iter().position(|it| it.thread == thread);
        at.is_some_and(|at| self.waiting.remove(at).is_some())
    }
}

fn notify(called: Option<Arc<Waiter>>) {
    if let Some(waiter) = called {
        waiter.notify();
    }
}
