//! Schedules: runs at times of the calendar, one at a time, that may not take for ever.
//!
//! # Invariants
//!
//! 1. A run's time is later than the one before, also if the system's clock was set back; and it is not over
//!    when it is computed, unless it is made up for.
//! 2. A run has ended before the next begins.
//! 3. Each failure of a run is told once: as `RunFailed`, or by the schedule's own end.

use core::fmt;
use std::time::{Duration, Instant, SystemTime};

use crate::primitive::{Arc, Mutex};
use crate::probe::{self, Event};
use crate::signal::{self, Signal, Stopped, Till, WaitError};
use crate::thread::error::{Outcome, SpawnError};
use crate::thread::handle::Thread;
use crate::thread::repeat::times;
use crate::thread::spawn::Builder;
use crate::thread::tree::Node;

/// How long a run that was asked to stop may take before that is told.
const GRACE: Duration = Duration::from_secs(10);

/// Something to be run at certain times of the system's clock.
///
/// For short steady work, by a clock that nobody sets, there is [`Repeat`](super::Repeat).
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, thread::Schedule};
/// use std::time::Duration;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let ran = Signal::new();
///     let run = ran.clone();
///     let hourly = Schedule::every(Duration::from_secs(3600))
///         .limit(Duration::from_secs(60))
///         .spawn("clean up", move |_stop| {
///             run.set();
///             Ok(())
///         })?;
///     ran.wait()?; // the first time is at once
///     hourly.thread().stop();
///     hourly.thread().stopped().wait()?;
///     assert_eq!(hourly.status().runs(), 1);
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing runs until `spawn`"]
pub struct Schedule {
    times: Times,
    limit: Option<Duration>,
    overlap: Overlap,
    until: Option<Signal>,
}

/// What becomes of times at which a run was still going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Overlap {
    /// They are skipped, and counted.
    #[default]
    Skip,
    /// It runs once more as soon as the run has ended, however many there were.
    Once,
}

#[derive(Clone, Debug)]
enum Times {
    Every {
        every: Duration,
        first: Option<SystemTime>,
    },
    #[cfg(feature = "cron")]
    Cron {
        pattern: Box<croner::Cron>,
        zone: jiff::tz::TimeZone,
    },
}

impl Schedule {
    /// Every so often; the first time at once, unless [`start_at`](Self::start_at) says otherwise.
    ///
    /// # Panics
    ///
    /// If `every` is zero.
    #[track_caller]
    pub fn every(every: Duration) -> Self {
        assert!(!every.is_zero(), "a schedule needs time between its runs");
        Self::of(Times::Every { every, first: None })
    }

    /// At the times that match `pattern`, for example `0 3 * * MON-FRI`, in the time zone `zone`. Needs the
    /// feature `cron`. What matches, and what happens when clocks change, is as the crate `croner` says.
    ///
    /// # Errors
    ///
    /// [`CronError`] if it is not a pattern.
    ///
    /// # Examples
    ///
    /// ```
    /// use jiff::tz::TimeZone;
    /// use selvedge::thread::Schedule;
    ///
    /// assert!(Schedule::cron("0 3 * * *", TimeZone::UTC).is_ok());
    /// let wrong = Schedule::cron("at three", TimeZone::UTC).unwrap_err();
    /// assert!(wrong.to_string().contains("at three"));
    /// ```
    #[cfg(feature = "cron")]
    pub fn cron(pattern: &str, zone: jiff::tz::TimeZone) -> Result<Self, CronError> {
        let parsed = pattern.parse().map_err(|source| CronError {
            pattern: pattern.into(),
            source,
        })?;
        let pattern = Box::new(parsed);
        Ok(Self::of(Times::Cron { pattern, zone }))
    }

    fn of(times: Times) -> Self {
        Self {
            times,
            limit: None,
            overlap: Overlap::Skip,
            until: None,
        }
    }

    /// Times are counted from `first`. If it is over, the first run is at the next of them. A schedule by `cron`
    /// has no such time.
    pub fn start_at(mut self, time: SystemTime) -> Self {
        match &mut self.times {
            Times::Every { first, .. } => *first = Some(time),
            #[cfg(feature = "cron")]
            Times::Cron { .. } => {}
        }
        self
    }

    /// A run that takes longer is asked to stop, and has failed. One that then does not end is told as
    /// [`Event::RunOverdue`].
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// What becomes of times at which a run was still going on; otherwise they are skipped.
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// Ends when `signal` is set and the run that goes on then has ended.
    pub fn until(mut self, signal: &Signal) -> Self {
        self.until = Some(signal.clone());
        self
    }

    /// Starts it as a child of the calling thread. Each run is a child of that: `name/run-1` and so on.
    ///
    /// A run that fails is told as [`Event::RunFailed`] and in the [status](Scheduled::status); the schedule
    /// goes on. The thread ends, with the number of runs, when the signal given to [`until`](Self::until) is
    /// set, or when it is asked to stop.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::spawn`].
    pub fn spawn(
        self,
        name: &str,
        body: impl Fn(Signal) -> Outcome<()> + Send + Sync + 'static,
    ) -> Result<Scheduled, SpawnError> {
        let state = Arc::new(Mutex::new(ScheduleStatus::default()));
        let shared = Arc::clone(&state);
        let thread = Builder::new(name).spawn(move |_stop| {
            let scheduler = Scheduler {
                schedule: self,
                node: Node::current().expect("a schedule is a thread of the tree"),
                state: shared,
            };
            let ended = scheduler.live(&Arc::new(body));
            scheduler.state.lock().next = None;
            ended
        })?;
        Ok(Scheduled { thread, state })
    }
}

/// A schedule that was started. Dropping it releases its thread, which goes on.
#[derive(Debug)]
#[must_use = "stop or join its thread, or release it"]
pub struct Scheduled {
    thread: Thread<u64>,
    state: Arc<Mutex<ScheduleStatus>>,
}

impl Scheduled {
    /// The schedule's thread: stop it, join it for the number of runs.
    pub fn thread(&self) -> &Thread<u64> {
        &self.thread
    }

    /// The thread's handle alone.
    pub fn into_thread(self) -> Thread<u64> {
        self.thread
    }

    /// How it goes, just now.
    #[must_use]
    pub fn status(&self) -> ScheduleStatus {
        let mut status = self.state.lock().clone();
        status.asked = Some(signal::now());
        status
    }
}

/// How a schedule was doing when it was asked.
#[derive(Clone, Debug, Default)]
pub struct ScheduleStatus {
    runs: u64,
    failures: u64,
    skipped: u64,
    last: Option<SystemTime>,
    took: Option<Duration>,
    error: Option<Arc<str>>,
    next: Option<SystemTime>,
    began: Option<Instant>,
    asked: Option<Instant>,
}

impl ScheduleStatus {
    /// How many runs have begun.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// How many of them have failed, or took too long.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// How many times were skipped because a run went on.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// When the last run began.
    #[must_use]
    pub fn last_run(&self) -> Option<SystemTime> {
        self.last
    }

    /// How long the last run that has ended took.
    #[must_use]
    pub fn last_took(&self) -> Option<Duration> {
        self.took
    }

    /// What the last run that has ended failed with, if it did.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// When the next run is due; `None` while one goes on.
    #[must_use]
    pub fn next_run(&self) -> Option<SystemTime> {
        self.next
    }

    /// How long a run has been going on, if one is.
    #[must_use]
    pub fn running_for(&self) -> Option<Duration> {
        Some(self.asked?.saturating_duration_since(self.began?))
    }
}

/// The life of a schedule.
struct Scheduler {
    schedule: Schedule,
    node: Arc<Node>,
    state: Arc<Mutex<ScheduleStatus>>,
}

impl Scheduler {
    fn live<F>(&self, body: &Arc<F>) -> Outcome<u64>
    where
        F: Fn(Signal) -> Outcome<()> + Send + Sync + 'static,
    {
        let times = &self.schedule.times;
        let until = self.schedule.until.clone().unwrap_or_else(Signal::never);
        let begun = signal::system_now();
        let mut next = times.first(begun);
        for runs in 0_u64.. {
            self.state.lock().next = next;
            // A time that no calendar has is never.
            let till = next.map_or_else(Signal::never, Till::at_system);
            (&till | &until).wait()?;
            if until.is_set() {
                return Ok(runs);
            }
            if self.node.was_asked() {
                return Err(Stopped::by(self.node.stop_signal()).into());
            }
            let due = next.expect("only a till was set");
            self.run(runs + 1, body)?;
            let now = signal::system_now();
            let (later, skipped) = times.after(due, now.max(due), begun);
            next = match self.schedule.overlap {
                Overlap::Once if skipped > 0 => Some(now.max(due)),
                _ => later,
            };
            if self.schedule.overlap == Overlap::Skip {
                self.state.lock().skipped += skipped;
            }
        }
        unreachable!("nobody counts to 2^64")
    }

    fn run<F>(&self, number: u64, body: &Arc<F>) -> Outcome<()>
    where
        F: Fn(Signal) -> Outcome<()> + Send + Sync + 'static,
    {
        let began = signal::now();
        {
            let mut state = self.state.lock();
            state.runs = number;
            state.next = None;
            state.last = Some(signal::system_now());
            state.began = Some(began);
        }
        let body = Arc::clone(body);
        let run = Builder::new(&format!("run-{number}")).spawn(move |stop| (*body)(stop))?;
        self.watch(&run);
        // A stop asks the run as well.
        run.stopped().wait_through();
        let ended = run.join();
        let took = signal::now().saturating_duration_since(began);
        let error: Option<Arc<str>> = ended.as_ref().err().map(|error| error.to_string().into());
        {
            let mut state = self.state.lock();
            state.began = None;
            state.took = Some(took);
            state.failures += u64::from(error.is_some());
            state.error.clone_from(&error);
        }
        let Some(error) = error else {
            return Ok(());
        };
        if self.node.was_asked() {
            return Ok(ended?); // invariant 3
        }
        probe::emit(&Event::RunFailed {
            schedule: self.node.path(),
            failure: &error,
        });
        Ok(())
    }

    /// Waits until the run has ended, or has taken too long and was told so.
    fn watch(&self, run: &Thread<()>) {
        let Some(limit) = self.schedule.limit else {
            return;
        };
        if !expires(run, limit) {
            return;
        }
        run.stop_because(format!("it took longer than {limit:?}"));
        if expires(run, GRACE) {
            let thread = run.path();
            probe::emit(&Event::RunOverdue { thread, limit });
        }
    }
}

/// Does `run` take longer than `limit`? Not if the schedule is asked to stop meanwhile.
fn expires(run: &Thread<()>, limit: Duration) -> bool {
    let waited = run.stopped().wait_until(&Till::after(limit));
    matches!(waited, Err(WaitError::Expired))
}

impl Times {
    /// The first time, `now` or later.
    fn first(&self, now: SystemTime) -> Option<SystemTime> {
        match self {
            Self::Every { first, .. } => match *first {
                None => Some(now),
                Some(first) if first >= now => Some(first),
                Some(first) => self.after(first, now, now).0,
            },
            #[cfg(feature = "cron")]
            Self::Cron { pattern, zone } => cron_after(pattern, zone, now),
        }
    }

    /// The first time after `due` that is not before `now`, and how many are left out before it.
    fn after(
        &self,
        due: SystemTime,
        now: SystemTime,
        begun: SystemTime,
    ) -> (Option<SystemTime>, u64) {
        match self {
            Self::Every { every, first } => {
                let first = first.unwrap_or(begun);
                let nanos = |time: SystemTime| {
                    let passed = time.duration_since(first).unwrap_or_default();
                    passed.as_nanos()
                };
                let last = nanos(due) / every.as_nanos();
                let next = nanos(now).div_ceil(every.as_nanos()).max(last + 1);
                let skipped = u64::try_from(next - last - 1).unwrap_or(u64::MAX);
                let next = times(*every, next).and_then(|wait| first.checked_add(wait));
                (next, skipped)
            }
            #[cfg(feature = "cron")]
            Self::Cron { pattern, zone } => {
                let mut skipped = 0;
                let mut next = cron_after(pattern, zone, due);
                while let Some(time) = next
                    && time < now
                {
                    skipped += 1;
                    next = cron_after(pattern, zone, time);
                }
                (next, skipped)
            }
        }
    }
}

/// The first time after `time` that matches.
#[cfg(feature = "cron")]
fn cron_after(
    pattern: &croner::Cron,
    zone: &jiff::tz::TimeZone,
    time: SystemTime,
) -> Option<SystemTime> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    let next = pattern
        .find_next_occurrence(&time.to_zoned(zone.clone()), false)
        .ok()?;
    Some(next.timestamp().into())
}

/// The error of [`Schedule::cron`]: it is not a pattern.
#[cfg(feature = "cron")]
#[derive(Debug)]
pub struct CronError {
    pattern: Box<str>,
    source: croner::errors::CronError,
}

#[cfg(feature = "cron")]
impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pattern, source } = self;
        write!(f, "`{pattern}` is not a pattern of cron: {source}")
    }
}

#[cfg(feature = "cron")]
impl std::error::Error for CronError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl fmt::Display for ScheduleStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            runs,
            failures,
            skipped,
            ..
        } = self;
        write!(f, "{runs} runs, {failures} failed, {skipped} skipped")?;
        match self.running_for() {
            Some(length) => write!(f, ", one is going on for {length:?}"),
            None => Ok(()),
        }
    }
}
