//! Tills of the system's clock, which may be set, forwards and back.
//!
//! # Invariants
//!
//! Those of [`timer`](super).

use crate::primitive::{Arc, JoinHandle, Weak, spawn, sys};
use crate::signal::clock::since_1970;
use crate::signal::dispatcher::join;
use crate::signal::links::Body;
use crate::signal::signal::{Inner, Signal};
use crate::signal::timer::{AWAKE, BATCH, Phase, Service, State, Timer};

/// How often the time is looked at for tills of a system's clock that nothing watches.
const RECHECK: u64 = 1_000_000_000;

/// The thread that is told when the system's clock is set, if there is a way.
pub(super) struct Watch(Option<(Arc<sys::ClockWatch>, JoinHandle<()>)>);

impl Watch {
    pub(super) fn end(self) {
        if let Some((watch, thread)) = self.0 {
            watch.end();
            join(Some(thread), None);
        }
    }
}

impl Timer {
    /// Begins to watch the system's clock, where that is needed and possible.
    pub(super) fn watch(&self, state: &mut State) {
        if state.watch.is_some() || self.0.clock.tells() {
            return;
        }
        let watch = sys::ClockWatch::new().and_then(|watch| {
            let (timer, watch) = (self.clone(), Arc::new(watch));
            let watching = Arc::clone(&watch);
            let thread = spawn("selvedge-wall", None, move || {
                while watching.wait() {
                    timer.clock_was_set();
                }
            });
            Some((watch, thread.ok()?))
        });
        state.watch = Some(Watch(watch));
    }

    /// Puts a till back whose time has not come by the system's clock (invariant 6).
    pub(super) fn goes_back(&self, till: &Signal) -> bool {
        let number = match &till.0.links.lock().body {
            Body::Till(key) if key.is_wall => key.number,
            _ => return false,
        };
        let mut state = self.0.state.lock();
        let Some((time, _)) = state.walls.get(&number) else {
            return false;
        };
        let time = *time;
        if self.0.wall_left(time) == 0 || state.phase == Phase::Off {
            if let Some((_, key)) = state.walls.remove(&number) {
                let again = state.wheel.remove(key);
                drop(state);
                drop(again);
            }
            return false;
        }
        let deadline = self.0.estimate(&state, time);
        state.move_wall(number, deadline, Some(Arc::downgrade(&till.0)));
        true
    }

    /// The system's clock was set: looks anew at every till that waits for it.
    pub(super) fn clock_was_set(&self) {
        let mut next = Some(0);
        while let Some(first) = next {
            let mut state = self.0.state.lock();
            let walls = state.walls.range(first..).take(BATCH);
            let walls: Vec<_> = walls.map(|(number, wall)| (*number, wall.0)).collect();
            next = walls.last().map(|(number, _)| number + 1);
            for (number, time) in walls {
                let deadline = self.0.estimate(&state, time);
                state.move_wall(number, deadline, None);
            }
        }
        let sleeper = {
            let mut state = self.0.state.lock();
            state.armed = AWAKE;
            state.unparker.clone()
        };
        if let Some(thread) = sleeper {
            thread.unpark();
        }
    }
}

impl Service {
    /// How long until the system's clock shows `time`, if nobody sets it; 0 if it does.
    pub(super) fn wall_left(&self, time: i64) -> u64 {
        let now = since_1970(self.clock.system_now()).unwrap_or(i64::MAX);
        if now >= time { 0 } else { time.abs_diff(now) }
    }

    /// The deadline for a till of the system's clock.
    pub(super) fn estimate(&self, state: &State, time: i64) -> u64 {
        let now = self.now(); // first: who is held up in between is early, and goes back (invariant 6), not late
        let left = self.wall_left(time);
        let is_told = self.clock.tells() || matches!(state.watch, Some(Watch(Some(_))));
        let left = if is_told { left } else { left.min(RECHECK) };
        now.saturating_add(left)
    }
}

impl State {
    /// Moves a till of the system's clock, unless it has gone or the timer thread has it in hand.
    pub(super) fn move_wall(&mut self, number: u64, deadline: u64, in_hand: Option<Weak<Inner>>) {
        let Some((_, key)) = self.walls.get_mut(&number) else {
            return;
        };
        if let Some(till) = self.wheel.remove(*key).or(in_hand) {
            *key = self.wheel.insert(deadline, till);
        }
    }
}
