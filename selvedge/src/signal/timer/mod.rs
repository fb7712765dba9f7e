//! The timer service: one wheel and one thread; the actions of its tills run on its dispatcher.
//!
//! The threads start when they are first needed and sleep without a deadline when there is nothing to
//! do. The timer thread is the only one that does a timed wait, behind a clock that tests replace.
//!
//! # Invariants
//!
//! 1. A till is in `wheel` from its making until it elapses, is shut down, or its last handle goes. The
//!    timer thread has those that it just took out, and sets them before it sleeps.
//! 2. Nothing is fired and no handle dropped under the lock of `state`. (Firing may drop a till, and
//!    dropping one takes the lock.) No loop under it goes over more than `BATCH` entries, and nothing is
//!    sorted. Only the memory of very many may be got, or given back, at once.
//! 3. After `shutdown` nothing is added: a new till is born set.
//! 4. The timer thread runs no user code: callbacks go to the dispatcher, in order.
//! 5. `armed` is at most what the thread sleeps for; who adds something earlier wakes it, so nothing is
//!    late. A removal does not wake it: at most one wake-up finds nothing.
//! 6. A till of the system's clock is in `walls` as well, under the number of its first entry. Its
//!    deadline is an estimate, made anew whenever that clock is set; what comes too early goes back.

mod wall;

use core::fmt;
use core::panic::Location;
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant, SystemTime};

use crate::primitive::{Arc, JoinHandle, Mutex, Parker, Unparker, Weak, clock, global, spawn, sys};
use crate::signal::clock::{Clock, nanos, since_1970};
use crate::signal::dispatcher::{self, Dispatcher, join};
use crate::signal::links::{Body, Callback};
use crate::signal::reason::{Reason, Why};
use crate::signal::record::Record;
use crate::signal::signal::{Inner, Kind, Signal};
use crate::signal::till::{born_set, unset};
use crate::signal::wheel::{Due, Found, Key, Wheel};
use wall::Watch;

/// What whoever wants a till is told if the thread cannot be started.
const NO_THREAD: &str = "the timer thread can be started";

/// How many entries are moved under one lock, and fired between two looks at the clock.
const BATCH: usize = 512;

/// `armed` while the thread is awake and will look at the wheel before it sleeps.
const AWAKE: u64 = 0;

/// A handle to a timer service; each tree has one.
#[derive(Clone)]
pub(crate) struct Timer(pub(super) Arc<Service>);

pub(super) struct Service {
    clock: Clock,
    /// The moment from which nanoseconds are counted.
    epoch: Instant,
    state: Mutex<State>,
    pub(super) dispatcher: Dispatcher,
}

#[derive(Default)]
struct State {
    phase: Phase,
    wheel: Wheel<Weak<Inner>>,
    /// The deadline for which the thread sleeps.
    armed: u64,
    thread: Option<JoinHandle<()>>,
    /// Known from the moment at which the thread looks for the first time.
    unparker: Option<Unparker>,
    /// The system's time for which it waits, and where it is in the wheel.
    walls: BTreeMap<u64, (i64, Key)>,
    watch: Option<Watch>,
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

/// When a till is due.
enum When {
    /// In nanoseconds since the epoch.
    At(u64),
    /// By the system's clock, in nanoseconds since 1970.
    Wall(i64),
}

global! {
    /// The service for threads outside every tree, and of the program's own tree.
    fn default_timer() -> Timer { Timer::new(Clock::Real) }
}

/// Runs `f` with the service of the calling thread's tree, or of the tree whose actions it runs.
pub(super) fn with_current<R>(f: impl FnOnce(&Timer) -> R) -> R {
    Record::with(|record| match record {
        Some(record) => f(record.timer()),
        None => match dispatcher::served() {
            Some(timer) => f(&timer),
            None => f(default_timer()),
        },
    })
}

impl Timer {
    pub(crate) fn new(clock: Clock) -> Self {
        Self(Arc::new(Service {
            epoch: clock.now(),
            clock,
            state: Mutex::default(),
            dispatcher: Dispatcher::default(),
        }))
    }

    /// A service by the real clock that belongs to no tree.
    pub(crate) fn of_its_own() -> Self {
        Self::new(Clock::Real)
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// A signal that is set when `timeout` has passed from now, made by the caller.
    #[cfg(feature = "inspect")]
    #[track_caller]
    pub(crate) fn after(&self, timeout: Duration) -> Signal {
        self.after_from(timeout, Location::caller())
    }

    /// A signal that is set when `timeout` has passed from now.
    pub(super) fn after_from(&self, timeout: Duration, at: &'static Location<'static>) -> Signal {
        self.try_after_from(timeout, at).expect(NO_THREAD)
    }

    /// The same for those who must go on: if there is no thread to keep the time, it has passed.
    #[track_caller]
    pub(crate) fn after_or_at_once(&self, timeout: Duration) -> Signal {
        let till = self.try_after(timeout);
        till.unwrap_or_else(|_| born_set(Why::Elapsed, Location::caller()))
    }

    /// The same, or why there is no thread to keep the time.
    #[track_caller]
    pub(crate) fn try_after(&self, timeout: Duration) -> io::Result<Signal> {
        self.try_after_from(timeout, Location::caller())
    }

    fn try_after_from(
        &self,
        timeout: Duration,
        at: &'static Location<'static>,
    ) -> io::Result<Signal> {
        let now = self.0.now();
        match nanos(timeout).and_then(|length| now.checked_add(length)) {
            Some(deadline) if deadline <= now => Ok(born_set(Why::Elapsed, at)),
            Some(deadline) => self.add(When::At(deadline), at),
            None => Ok(unset(at)), // no clock reaches it
        }
    }

    /// A signal that is set at `deadline`.
    pub(super) fn at(&self, deadline: Instant, at: &'static Location<'static>) -> Signal {
        let left = deadline.checked_duration_since(self.0.epoch);
        match left.map(nanos) {
            Some(Some(deadline)) if deadline > self.0.now() => {
                self.add(When::At(deadline), at).expect(NO_THREAD)
            }
            Some(None) => unset(at),
            _ => born_set(Why::Elapsed, at),
        }
    }

    /// A signal that is set when the system's clock shows `time`.
    pub(super) fn at_system(&self, time: SystemTime, at: &'static Location<'static>) -> Signal {
        match since_1970(time) {
            Some(time) if self.0.wall_left(time) == 0 => born_set(Why::Elapsed, at),
            Some(time) => self.add(When::Wall(time), at).expect(NO_THREAD),
            None => unset(at),
        }
    }

    fn add(&self, when: When, at: &'static Location<'static>) -> io::Result<Signal> {
        let is_wall = matches!(when, When::Wall(_));
        let key = TillKey {
            timer: self.clone(),
            is_wall,
            index: 0,
            number: u64::MAX, // that of none
        };
        let till = Signal::make(Kind::Till(key), at);
        let weak = Arc::downgrade(&till.0);
        let mut state = self.0.state.lock();
        if state.phase == Phase::Off {
            drop(state);
            till.claim(|| Reason::new(Why::Shutdown, at).now());
            return Ok(till);
        }
        let deadline = match when {
            When::At(deadline) => deadline,
            When::Wall(time) => {
                self.watch(&mut state); // first, so that no setting of the clock is missed
                self.0.estimate(&state, time)
            }
        };
        let entry = state.wheel.insert(deadline, weak);
        // Nobody else has the till yet, so nobody holds this lock.
        if let Body::Till(key) = &mut till.0.links.lock().body {
            (key.index, key.number) = (entry.index, entry.number);
        }
        if let When::Wall(time) = when {
            state.walls.insert(entry.number, (time, entry));
        }
        if state.phase == Phase::Idle
            && let Err(error) = self.start(&mut state)
        {
            drop(state); // before the till, which takes itself out
            return Err(error);
        }
        let sleeper = state.sleeper_for(deadline);
        drop(state);
        if let Some(thread) = sleeper {
            thread.unpark();
        }
        Ok(till)
    }

    fn start(&self, state: &mut State) -> io::Result<()> {
        let timer = self.clone();
        state.thread = Some(spawn("selvedge-timer", None, move || timer.run())?);
        state.phase = Phase::Running;
        Ok(())
    }

    /// The timer thread.
    fn run(&self) {
        sys::punctual();
        let service = &self.0;
        let parker = Parker::new();
        service.state.lock().unparker = Some(parker.unparker());
        let mut found = Found::default();
        let mut rest = 0; // until then it does not fire again
        loop {
            let now = service.now();
            let is_resting = now < rest;
            let (next, has_walls) = loop {
                let mut state = service.state.lock();
                if state.phase == Phase::Off {
                    return;
                }
                if !is_resting && state.wheel.take_due(now, BATCH, &mut found) {
                    continue; // others have the lock in between
                }
                let next = state.wheel.earliest().unwrap_or(u64::MAX).max(rest);
                // While it rests, nobody needs to wake it for less.
                let looks_at_once = !found.is_empty() || next == rest;
                state.armed = if looks_at_once { AWAKE } else { next };
                break (next, !state.walls.is_empty());
            };
            if !found.is_empty() {
                found.sort();
                service.state.lock().wheel.put_run(&mut found);
                if let Some(length) = service.clock.rest(found.due.len()) {
                    rest = now.saturating_add(length);
                }
                self.fire(&mut found.due, has_walls);
                continue; // time has passed
            }
            match service.epoch.checked_add(Duration::from_nanos(next)) {
                Some(deadline) if next < u64::MAX => service.clock.park_until(&parker, deadline),
                _ => parker.park(),
            }
        }
    }

    /// Sets tills whose time has come, if somebody still has them. One of the system's clock can only be
    /// among them if there were `walls` when they were taken out (invariant 6).
    fn fire(&self, due: &mut Vec<Due<Weak<Inner>>>, has_walls: bool) {
        let (mut calls, mut when) = (Vec::new(), clock::now());
        for (i, (_, _, till)) in due.drain(..).enumerate() {
            if i % BATCH == BATCH - 1 {
                when = clock::now();
                self.0.dispatcher.dispatch(self, &mut calls);
            }
            let Some(till) = till.upgrade().map(Signal) else {
                continue;
            };
            if !(has_walls && self.goes_back(&till)) {
                set(&till, || Reason::elapsed(till.made(), when), &mut calls);
            }
        }
        due.shrink_to(BATCH);
        self.0.dispatcher.dispatch(self, &mut calls);
    }

    /// Moves a mock clock and wakes the timer thread.
    #[cfg(feature = "testing")]
    pub(crate) fn advance(&self, by: Duration) {
        if let Clock::Mock(time) = &self.0.clock {
            time.advance(by);
        }
        let sleeper = self.0.state.lock().unparker.clone();
        if let Some(thread) = sleeper {
            thread.unpark();
        }
    }

    /// Sets a mock system clock.
    #[cfg(feature = "testing")]
    pub(crate) fn set_system_clock(&self, now: SystemTime) {
        if let Clock::Mock(time) = &self.0.clock {
            time.set_system(now);
        }
        self.clock_was_set();
    }

    /// Ends the service: pending tills are set with the reason "shutdown", and all threads joined.
    pub(crate) fn shutdown(&self) {
        let (pending, walls, thread, unparker, watch) = {
            let mut state = self.0.state.lock();
            state.phase = Phase::Off;
            (
                state.wheel.take(),
                core::mem::take(&mut state.walls),
                state.thread.take(),
                state.unparker.take(),
                state.watch.take(),
            )
        };
        drop(walls);
        let mut calls = Vec::new();
        for (_, _, till) in pending.into_sorted() {
            if let Some(till) = till.upgrade().map(Signal) {
                let reason = || Reason::new(Why::Shutdown, till.made()).now();
                set(&till, reason, &mut calls);
            }
        }
        self.0.dispatcher.dispatch(self, &mut calls);
        join(thread, unparker);
        if let Some(watch) = watch {
            watch.end();
        }
        self.0.dispatcher.end();
    }

    /// Has an action of a till ever been run by this service, since it began?
    pub(crate) fn is_dispatching(&self) -> bool {
        self.0.dispatcher.has_begun()
    }

    /// The till whose action runs at this moment.
    pub(crate) fn running_action(&self) -> Option<Signal> {
        self.0.dispatcher.running()
    }

    /// After a `shutdown`: tills work again.
    pub(crate) fn restart(&self) {
        let mut state = self.0.state.lock();
        if state.phase == Phase::Off {
            state.phase = Phase::Idle;
            state.armed = AWAKE;
        }
        drop(state);
        self.0.dispatcher.restart();
    }
}

/// Sets a till; its callbacks are for the dispatcher (invariant 4).
fn set(till: &Signal, reason: impl FnOnce() -> Reason, calls: &mut Vec<(Signal, Callback)>) {
    till.set_with(reason, &mut |signal, action| {
        calls.push((signal.clone(), action));
    });
}

impl Service {
    /// Nanoseconds since the epoch.
    fn now(&self) -> u64 {
        let passed = self.clock.now().saturating_duration_since(self.epoch);
        nanos(passed).unwrap_or(u64::MAX)
    }
}

impl State {
    /// The thread, if it sleeps for longer than until `deadline` (invariant 5).
    fn sleeper_for(&mut self, deadline: u64) -> Option<Unparker> {
        if deadline >= self.armed {
            return None;
        }
        self.armed = AWAKE;
        self.unparker.clone()
    }
}

/// By what a till leaves the timer when its last handle goes.
pub(super) struct TillKey {
    timer: Timer,
    /// Is it of the system's clock, and so in `walls`?
    is_wall: bool,
    index: u32,
    number: u64,
}

impl TillKey {
    pub(super) fn remove(&self) {
        let mut key = Key {
            index: self.index,
            number: self.number,
        };
        let mut state = self.timer.0.state.lock();
        if self.is_wall {
            match state.walls.remove(&key.number) {
                Some((_, now)) => key = now,
                None => return,
            }
        }
        let gone = state.wheel.remove(key);
        drop(state);
        drop(gone);
    }
}

impl fmt::Debug for TillKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TillKey").field(&self.number).finish()
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}
