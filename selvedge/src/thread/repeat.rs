//! Repeating: something is done again and again, at times that are fixed by the first.
//!
//! # Invariants
//!
//! 1. Times are `first + n * every`, computed from the time before, not from when it was noticed: a late tick
//!    makes no later one late. Only `Missed::Delay` begins anew.
//! 2. Once `until` or the stop is set, no tick begins, however many were missed: they count before a tick
//!    whose time has come.

use core::fmt;
use std::time::{Duration, Instant};

use crate::signal::{self, Signal, Stopped, Till};
use crate::thread::error::{Outcome, SpawnError};
use crate::thread::handle::Thread;
use crate::thread::spawn::Builder;

/// Something to be done again and again, the first time at once.
///
/// # Examples
///
/// ```
/// use selvedge::{Till, thread::Repeat};
/// use std::time::Duration;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let beat = Repeat::every(Duration::from_millis(5)).until(&Till::after(Duration::from_millis(12)));
///     let ticks = beat.run(|tick| Ok(println!("beat {}", tick.number())))?;
///     assert!((1..=3).contains(&ticks)); // at 0, 5 and 10 ms, if the machine is not too busy
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is done until `run` or `spawn`"]
#[doc(alias = "interval")]
#[doc(alias = "ticker")]
pub struct Repeat {
    every: Duration,
    first: First,
    missed: Missed,
    until: Option<Signal>,
}

#[derive(Clone, Copy, Debug)]
enum First {
    After(Duration),
    At(Instant),
}

/// What becomes of times at which the one before was not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth way")]
pub enum Missed {
    /// They are left out; it goes on with the next time that is to come. Ticks say how many were left out.
    #[default]
    Skip,
    /// They are made up for, one after the other at once, until the times are reached again.
    Burst,
    /// One is made up for at once, and times are counted from then on.
    Delay,
}

/// One time of a [`Repeat`].
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    number: u64,
    due: Instant,
    missed: u64,
}

impl Repeat {
    /// Every so often; the first time at once.
    ///
    /// # Panics
    ///
    /// If `every` is zero.
    #[track_caller]
    pub fn every(every: Duration) -> Self {
        assert!(!every.is_zero(), "a repeat needs time between its ticks");
        Self {
            every,
            first: First::After(Duration::ZERO),
            missed: Missed::Skip,
            until: None,
        }
    }

    /// The first time is then. If it is over, times before now count as missed.
    pub fn start_at(mut self, first: Instant) -> Self {
        self.first = First::At(first);
        self
    }

    /// The first time is so long after it was begun.
    pub fn start_after(mut self, wait: Duration) -> Self {
        self.first = First::After(wait);
        self
    }

    /// What becomes of missed times; otherwise they are skipped.
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// Ends when `signal` is set; `Till::after(duration)` ends it a duration from now.
    pub fn until(mut self, signal: &Signal) -> Self {
        self.until = Some(signal.clone());
        self
    }

    /// Calls `f` at each time, on the calling thread, and says how often, when the signal given to
    /// [`until`](Self::until) is set.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop, no further call begins. A call that runs obeys as it does.
    ///
    /// # Errors
    ///
    /// [`Stopped`], see above; an error of `f`, which ends it.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    pub fn run(&self, mut f: impl FnMut(Tick) -> Outcome<()>) -> Outcome<u64> {
        let until = self.until.clone().unwrap_or_else(Signal::never);
        let mut done = 0;
        let (mut next, mut missed) = match self.first {
            First::After(wait) => (signal::now().checked_add(wait), 0),
            First::At(first) => self.catch_up(first).unwrap_or((Some(first), 0)),
        };
        loop {
            // A time that no clock reaches is never.
            let till = next.map_or_else(Signal::never, Till::at);
            let either = &till | &until;
            either.wait()?;
            if until.is_set() {
                return Ok(done);
            }
            let stop = signal::stop();
            if stop.is_set() {
                return Err(Stopped::by(&stop).into()); // invariant 2
            }
            let due = next.expect("only a till was set");
            let number = done;
            f(Tick {
                number,
                due,
                missed,
            })?;
            done += 1;
            (next, missed) = self.after(due);
        }
    }

    /// The same on a thread of its own, a child of the calling thread.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::spawn`].
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, sync::Queue, thread::Repeat};
    /// use std::time::Duration;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let (done, numbers) = (Signal::new(), Queue::new());
    ///     let given = numbers.clone();
    ///     let beat = Repeat::every(Duration::from_millis(1)).until(&done);
    ///     let beat = beat.spawn("beat", move |tick| Ok(given.push(tick.number())?))?;
    ///     assert_eq!((numbers.pop()?, numbers.pop()?), (0, 1));
    ///     done.set();
    ///     assert!(beat.join()? >= 2);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn spawn(
        self,
        name: &str,
        f: impl FnMut(Tick) -> Outcome<()> + Send + 'static,
    ) -> Result<Thread<u64>, SpawnError> {
        Builder::new(name).spawn(move |_stop| self.run(f))
    }

    /// The time after the one at `due`, and how many are left out before it.
    fn after(&self, due: Instant) -> (Option<Instant>, u64) {
        let Some(next) = due.checked_add(self.every) else {
            return (None, 0);
        };
        self.catch_up(next).unwrap_or((Some(next), 0))
    }

    /// What comes instead of `next` if that is over.
    fn catch_up(&self, next: Instant) -> Option<(Option<Instant>, u64)> {
        let now = signal::now();
        let late = now.checked_duration_since(next)?;
        match self.missed {
            Missed::Burst => None,
            Missed::Delay => Some((Some(now), 0)),
            // On the very moment it is not missed.
            Missed::Skip => {
                let missed = late.as_nanos().div_ceil(self.every.as_nanos());
                let next = times(self.every, missed).and_then(|wait| next.checked_add(wait));
                Some((next, u64::try_from(missed).unwrap_or(u64::MAX)))
            }
        }
    }
}

/// `length * n`, unless it is too long.
pub(super) fn times(length: Duration, n: u128) -> Option<Duration> {
    let nanos = length.as_nanos().checked_mul(n)?;
    let secs = u64::try_from(nanos / 1_000_000_000).ok()?;
    let below = u32::try_from(nanos % 1_000_000_000).ok()?;
    Some(Duration::new(secs, below))
}

impl Tick {
    /// How many came before it; the first is 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The time that it is for, which is a little earlier than now.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.due
    }

    /// How many times were left out since the one before.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tick {}", self.number)?;
        match self.missed {
            0 => Ok(()),
            missed => write!(f, ", {missed} missed before it"),
        }
    }
}
