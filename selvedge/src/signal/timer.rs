//! The timer service: one heap, one thread, and the dispatcher of callbacks.
//!
//! Both threads start when they are first needed and sleep without a deadline when there is nothing to
//! do. The timer thread is the only one that does a timed wait, behind a clock that tests replace.
//!
//! # Invariants
//!
//! 1. A till is in `entries` from its making until it elapses, is shut down, or its last handle goes.
//! 2. Nothing is fired under the lock of `state`. (Firing may drop a till, and dropping one takes it.)
//! 3. After `shutdown` nothing is added: a new till is born set.
//! 4. The timer thread runs no user code: callbacks go to the dispatcher, in order.

use core::fmt;
use core::panic::Location;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::primitive::{Arc, JoinHandle, Mutex, Parker, Unparker, Weak, clock, global, spawn, sys};
use crate::signal::links::{Callback, Links};
use crate::signal::on_set::run_here;
use crate::signal::reason::{Reason, Why};
use crate::signal::record::Record;
use crate::signal::signal::{Inner, Kind, Signal};

/// A handle to a timer service; each tree has one.
#[derive(Clone)]
pub(crate) struct Timer(Arc<Service>);

struct Service {
    clock: Clock,
    state: Mutex<State>,
    dispatcher: Mutex<Dispatcher>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    entries: BTreeMap<Entry, Weak<Inner>>,
    next: u64,
    thread: Option<JoinHandle<()>>,
    /// Known from the moment at which the thread looks for the first time.
    unparker: Option<Unparker>,
}

#[derive(Default, PartialEq, Eq)]
enum Phase {
    /// No till yet: no thread.
    #[default]
    Idle,
    Running,
    /// The tree has been joined; tills are born set.
    Off,
}

/// When, and which of those at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(Instant, u64);

#[derive(Default)]
struct Dispatcher {
    calls: VecDeque<(Signal, Callback)>,
    /// The till whose action runs.
    running: Option<Signal>,
    closing: bool,
    thread: Option<JoinHandle<()>>,
    unparker: Option<Unparker>,
}

/// Where the time comes from.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    Real,
    #[cfg(feature = "testing")]
    Mock(MockTime),
}

/// Time that moves when told.
#[cfg(feature = "testing")]
#[derive(Clone, Debug)]
pub(crate) struct MockTime(Arc<Mutex<Instant>>);

#[cfg(feature = "testing")]
impl MockTime {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(clock::now())))
    }

    pub(crate) fn now(&self) -> Instant {
        *self.0.lock()
    }
}

impl Clock {
    fn now(&self) -> Instant {
        match self {
            Self::Real => clock::now(),
            #[cfg(feature = "testing")]
            Self::Mock(time) => time.now(),
        }
    }

    fn park_until(&self, parker: &Parker, deadline: Instant) {
        match self {
            Self::Real => parker.park_until(deadline),
            #[cfg(feature = "testing")]
            Self::Mock(_) => parker.park(), // whoever moves the time wakes us
        }
    }
}

global! {
    /// The service for threads outside every tree, and of the program's own tree.
    fn default_timer() -> Timer { Timer::new(Clock::Real) }
}

/// The service of the calling thread's tree.
pub(super) fn current() -> Timer {
    Record::with(|record| record.map_or_else(|| default_timer().clone(), |r| r.timer().clone()))
}

impl Timer {
    pub(crate) fn new(clock: Clock) -> Self {
        let (state, dispatcher) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Service {
            clock,
            state,
            dispatcher,
        }))
    }

    /// A service by the real clock that belongs to no tree.
    pub(crate) fn of_its_own() -> Self {
        Self::new(Clock::Real)
    }

    pub(super) fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// A signal that is set when `timeout` has passed from now.
    #[track_caller]
    pub(crate) fn after(&self, timeout: Duration) -> Signal {
        self.till(self.now().checked_add(timeout), Location::caller())
    }

    /// A signal that is set at `deadline`.
    pub(super) fn till(&self, deadline: Option<Instant>, at: &'static Location<'static>) -> Signal {
        let plain = |why| {
            let till = Signal::make(Kind::Plain, 0, Links::default(), None, at);
            if let Some(why) = why {
                till.claim(|| Reason::new(why, at).now());
            }
            till
        };
        let Some(deadline) = deadline else {
            return plain(None);
        }; // no clock reaches it
        if deadline <= self.now() {
            return plain(Some(Why::Elapsed));
        }
        let mut state = self.0.state.lock();
        if state.phase == Phase::Off {
            drop(state);
            return plain(Some(Why::Shutdown));
        }
        let entry = Entry(deadline, state.next);
        state.next += 1;
        let key = TillKey {
            timer: Arc::downgrade(&self.0),
            entry,
        };
        let till = Signal::make(Kind::Till(key), 0, Links::default(), None, at);
        let first = state
            .entries
            .first_key_value()
            .is_none_or(|(first, _)| entry < *first);
        state.entries.insert(entry, Arc::downgrade(&till.0));
        if state.phase == Phase::Idle {
            self.start(&mut state);
        } else if first && let Some(thread) = &state.unparker {
            thread.unpark();
        }
        till
    }

    fn start(&self, state: &mut State) {
        state.phase = Phase::Running;
        let service = Arc::clone(&self.0);
        let thread = spawn("selvedge-timer", None, move || run_timer(&service));
        state.thread = Some(thread.expect("the timer thread can be started"));
    }

    /// Moves a mock clock and wakes the timer thread.
    #[cfg(feature = "testing")]
    pub(crate) fn advance(&self, by: Duration) {
        if let Clock::Mock(time) = &self.0.clock {
            let mut now = time.0.lock();
            *now += by;
        }
        if let Some(thread) = &self.0.state.lock().unparker {
            thread.unpark();
        }
    }

    /// Ends the service: pending tills are set with the reason "shutdown", and both threads joined.
    pub(crate) fn shutdown(&self) {
        let (pending, thread, unparker) = {
            let mut state = self.0.state.lock();
            state.phase = Phase::Off;
            let pending = core::mem::take(&mut state.entries);
            (pending, state.thread.take(), state.unparker.take())
        };
        for till in pending.into_values() {
            self.0.set(&till, Why::Shutdown);
        }
        join(thread, unparker);
        let (thread, unparker) = {
            let mut dispatcher = self.0.dispatcher.lock();
            dispatcher.closing = true;
            (dispatcher.thread.take(), dispatcher.unparker.take())
        };
        join(thread, unparker);
    }

    /// Has an action of a till ever been run by this service, since it began?
    pub(crate) fn is_dispatching(&self) -> bool {
        self.0.dispatcher.lock().thread.is_some()
    }

    /// The till whose action runs at this moment.
    pub(crate) fn running_action(&self) -> Option<Signal> {
        self.0.dispatcher.lock().running.clone()
    }

    /// After a `shutdown`: tills work again.
    pub(crate) fn restart(&self) {
        let mut state = self.0.state.lock();
        if state.phase == Phase::Off {
            state.phase = Phase::Idle;
        }
        drop(state);
        self.0.dispatcher.lock().closing = false;
    }
}

/// Wakes a service thread that is to end, and waits for it.
fn join(thread: Option<JoinHandle<()>>, unparker: Option<Unparker>) {
    if let Some(unparker) = unparker {
        unparker.unpark();
    }
    if let Some(thread) = thread {
        // They run no user code that can unwind (invariant 4, `run_here`).
        let _ = thread.join();
    }
}

/// The timer thread.
fn run_timer(service: &Arc<Service>) {
    sys::punctual();
    let parker = Parker::new();
    service.state.lock().unparker = Some(parker.unparker());
    loop {
        let now = service.clock.now();
        let (due, next) = {
            let mut state = service.state.lock();
            if state.phase == Phase::Off {
                return;
            }
            let later = state.entries.split_off(&Entry(now, u64::MAX));
            let due = core::mem::replace(&mut state.entries, later);
            (
                due,
                state.entries.first_key_value().map(|(entry, _)| entry.0),
            )
        };
        for till in due.into_values() {
            service.set(&till, Why::Elapsed);
        }
        match next {
            Some(deadline) => service.clock.park_until(&parker, deadline),
            None => parker.park(),
        }
    }
}

impl Service {
    /// Sets a till, if anybody still has it; its callbacks go to the dispatcher (invariant 4).
    fn set(self: &Arc<Self>, till: &Weak<Inner>, why: Why) {
        let Some(till) = till.upgrade().map(Signal) else {
            return;
        };
        let at = till.made();
        let mut calls = Vec::new();
        till.set_with(|| Reason::new(why, at).now(), &mut |signal, action| {
            calls.push((signal.clone(), action))
        });
        if !calls.is_empty() {
            self.dispatch(calls);
        }
    }

    fn dispatch(self: &Arc<Self>, calls: Vec<(Signal, Callback)>) {
        let mut dispatcher = self.dispatcher.lock();
        dispatcher.calls.extend(calls);
        if let Some(thread) = &dispatcher.unparker {
            thread.unpark();
        }
        if dispatcher.thread.is_none() {
            let service = Arc::clone(self);
            let thread = spawn("selvedge-dispatcher", None, move || {
                run_dispatcher(&service)
            });
            dispatcher.thread = Some(thread.expect("the dispatcher thread can be started"));
        }
    }
}

/// The dispatcher thread: callbacks of tills, one after the other.
fn run_dispatcher(service: &Service) {
    let parker = Parker::new();
    service.dispatcher.lock().unparker = Some(parker.unparker());
    loop {
        let (call, closing, before) = {
            let mut dispatcher = service.dispatcher.lock();
            let call = dispatcher.calls.pop_front();
            let running = call.as_ref().map(|(signal, _)| signal.clone());
            let before = core::mem::replace(&mut dispatcher.running, running);
            (call, dispatcher.closing, before)
        };
        drop(before); // perhaps the last handle: not under the lock
        match call {
            Some((signal, action)) => run_here(&signal, action),
            None if closing => return,
            None => parker.park(),
        }
    }
}

/// By what a till leaves the timer when its last handle goes.
pub(super) struct TillKey {
    timer: Weak<Service>,
    entry: Entry,
}

impl TillKey {
    pub(super) fn remove(&self) {
        let Some(service) = self.timer.upgrade() else {
            return;
        };
        let gone = service.state.lock().entries.remove(&self.entry);
        drop(gone);
    }
}

impl fmt::Debug for TillKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TillKey").field(&self.entry).finish()
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}
