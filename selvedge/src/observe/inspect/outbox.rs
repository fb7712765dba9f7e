//! Where the threads of the program leave events for the inspector's: bounded, and nobody waits.
//!
//! # Invariants
//!
//! 1. An event is admitted, made, and put. Making it runs code of the user, so no lock is held then; and whatever
//!    happens to it, what was admitted is put or given up.
//! 2. Admitted and dropped events are all events. Of `limit` that were admitted the last is put or given up before
//!    the outbox [is over](Outbox::is_over).
//! 3. What matters finds room where nothing else does: `PENDING` events may wait, and [`KEPT_FREE`] more of those that matter.
//! 4. The inspector's thread is woken after the fact, and takes what is there after it was woken.

use core::fmt::{self, Write};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::protocol::{Body, KEPT_FREE, PENDING, TEXT_BYTES};
use crate::primitive::sys::Event;
use crate::primitive::{Arc, Mutex, clock};

/// Events of one stream on their way to the client.
pub(super) struct Outbox {
    state: Mutex<State>,
    wake: Arc<Event>,
}

struct State {
    events: VecDeque<Body>,
    /// How many were admitted and are being made.
    making: usize,
    /// How many more are admitted; none: any number.
    left: Option<u64>,
    rate: Option<Rate>,
    dropped: u64,
}

/// How much an event matters to who hears it.
#[derive(Clone, Copy)]
pub(super) enum Matter {
    /// It is a failure, or a warning.
    Much,
    Little,
}

/// So many in a second.
struct Rate {
    limit: u32,
    begin: Instant,
    admitted: u32,
}

impl Rate {
    fn admits(&mut self) -> bool {
        let now = clock::now();
        if now.saturating_duration_since(self.begin) >= Duration::from_secs(1) {
            (self.begin, self.admitted) = (now, 0);
        }
        self.admitted += 1;
        self.admitted <= self.limit
    }
}

impl Outbox {
    pub(super) fn new(limit: Option<u64>, per_second: Option<u32>, wake: &Arc<Event>) -> Self {
        let rate = per_second.map(|limit| Rate {
            limit,
            begin: clock::now(),
            admitted: 0,
        });
        Self {
            state: Mutex::new(State {
                events: VecDeque::new(),
                making: 0,
                left: limit,
                rate,
                dropped: 0,
            }),
            wake: Arc::clone(wake),
        }
    }

    /// Leaves what `make` makes, unless there is too much already; it is given the number of those dropped.
    pub(super) fn offer(&self, matter: Matter, make: impl FnOnce(u64) -> Body) {
        let Some(dropped) = self.admit(matter) else {
            return;
        };
        let made = Making(self); // given up, if `make` panics
        let event = make(dropped);
        core::mem::forget(made);
        self.put(Some(event));
    }

    fn admit(&self, matter: Matter) -> Option<u64> {
        let mut state = self.state.lock();
        if state.left == Some(0) {
            return None; // the stream is over: these are not its events
        }
        let room = match matter {
            Matter::Much => PENDING + KEPT_FREE,
            Matter::Little => PENDING,
        };
        let is_full = state.events.len() + state.making >= room;
        if is_full || !state.rate.as_mut().is_none_or(Rate::admits) {
            state.dropped += 1;
            return None;
        }
        state.left = state.left.map(|left| left - 1);
        state.making += 1;
        Some(state.dropped)
    }

    fn put(&self, event: Option<Body>) {
        {
            let mut state = self.state.lock();
            state.making -= 1;
            state.events.extend(event);
        }
        self.wake.raise();
    }

    /// The oldest.
    pub(super) fn take(&self) -> Option<Body> {
        self.state.lock().events.pop_front()
    }

    /// How many events were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.state.lock().dropped
    }

    /// Were `limit` events admitted, and are all of them taken?
    pub(super) fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.left == Some(0) && state.making == 0 && state.events.is_empty()
    }

    /// How many events were dropped, if what is still here is as well.
    pub(super) fn lost(&self) -> u64 {
        let state = self.state.lock();
        state.dropped + state.events.len() as u64
    }
}

struct Making<'o>(&'o Outbox);

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.0.put(None);
    }
}

/// `value` as text, of no more than [`TEXT_BYTES`], whatever its `Display` writes; what is more is not made.
pub(super) fn text_of(value: &dyn fmt::Display) -> String {
    struct Bounded(String);
    impl Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = TEXT_BYTES.saturating_sub(self.0.len());
            if room == 0 {
                return Err(fmt::Error); // it was told already
            }
            if text.len() < room {
                self.0.push_str(text);
                return Ok(());
            }
            self.0.push_str(&text[..text.floor_char_boundary(room)]);
            self.0.push('…');
            Err(fmt::Error)
        }
    }
    let mut bounded = Bounded(String::new());
    let _ = write!(bounded, "{value}"); // an error is the end of the room
    bounded.0
}
