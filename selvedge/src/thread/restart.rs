//! Supervision: a thread that is started again when it ends, within limits.
//!
//! A supervisor is a thread, and each attempt is a child of it, so that what an attempt leaves behind has
//! ended before the next begins.
//!
//! # Invariants
//!
//! 1. Each end of an attempt has one outcome: the supervisor's own result, an event `Restarted`, or a place in
//!    [`GaveUp`]. Those in `GaveUp` but the last were told as `Restarted` before.
//! 2. After the supervisor was asked to stop no attempt begins.

use core::fmt;
use std::collections::VecDeque;
use std::error::Error;
use std::time::{Duration, Instant};

use crate::primitive::{Arc, Mutex};
use crate::probe::{self, Event};
use crate::signal::{self, Signal, Stopped, Till};
use crate::thread::error::{JoinError, Outcome};
use crate::thread::handle::Thread;
use crate::thread::spawn::{self, Builder};
use crate::thread::tree::Node;

/// When a supervised thread is started again, how soon, and how often.
///
/// # Examples
///
/// ```
/// use selvedge::thread::Restart;
/// use std::time::Duration;
///
/// let patient = Restart::on_failure()
///     .at_most(10, Duration::from_secs(600))
///     .backoff(Duration::from_secs(1), Duration::from_secs(60));
/// # let _ = patient;
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing by itself"]
pub struct Restart {
    when: When,
    max: usize,
    within: Duration,
    first: Duration,
    most: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Never,
    OnFailure,
    Always,
}

impl Restart {
    const fn when(when: When) -> Self {
        Self {
            when,
            max: 5,
            within: Duration::from_secs(60),
            first: Duration::from_millis(100),
            most: Duration::from_secs(10),
        }
    }

    /// Not at all. (OTP's `temporary`, but its failure is not ignored.)
    pub const fn never() -> Self {
        Self::when(When::Never)
    }

    /// After an error or a panic. (OTP's `transient`.)
    pub const fn on_failure() -> Self {
        Self::when(When::OnFailure)
    }

    /// However it ends, unless the supervisor is asked to stop. (OTP's `permanent`.)
    pub const fn always() -> Self {
        Self::when(When::Always)
    }

    /// No more often than this within so long; 5 times within 60 seconds otherwise. The next time it gives up.
    pub const fn at_most(mut self, restarts: usize, within: Duration) -> Self {
        self.max = restarts;
        self.within = within;
        self
    }

    /// Waits before it starts again: `first`, then twice as long each time, but not longer than `most`; from
    /// 100 ms to 10 s otherwise. After an attempt that ran longer than the time given to
    /// [`at_most`](Self::at_most) it is `first` again.
    pub const fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.first = first;
        self.most = most;
        self
    }

    /// How long to wait before a restart, and what to wait the next time.
    pub(crate) fn pause(&self, before: Option<Duration>) -> Duration {
        let doubled = before.map_or(self.first, |before| before.saturating_mul(2));
        doubled.min(self.most)
    }

    /// No more than so many restarts within so long.
    #[cfg(all(selvedge_process, feature = "worker"))]
    pub(crate) fn limit(&self) -> (usize, Duration) {
        (self.max, self.within)
    }

    pub(crate) fn applies(&self, failed: bool) -> bool {
        match self.when {
            When::Never => false,
            When::OnFailure => failed,
            When::Always => true,
        }
    }
}

/// Starts a child of the calling thread that runs `body` and, as `restart` says, runs it again.
///
/// `name` is the supervisor; its child is the attempt, `name/run-1` and so on, whose own children have ended
/// before the next begins. The supervisor ends with the value of the attempt that is not followed by another.
///
/// # Stopping
///
/// Asked to stop, the supervisor starts nothing again, neither while it waits. The attempt is asked with it.
///
/// # Errors
///
/// The thread fails with the failure of the last attempt if it may not be started again, and with [`GaveUp`],
/// which has all recent failures, if that was too often. Nobody joining, this fails the parent.
///
/// # Panics
///
/// Where [`spawn`](super::spawn()) does.
///
/// # Examples
///
/// ```
/// use selvedge::thread::{self, Restart};
/// use std::{sync::atomic::{AtomicUsize, Ordering}, time::Duration};
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let attempts = AtomicUsize::new(0);
///     let restart = Restart::on_failure().backoff(Duration::ZERO, Duration::ZERO);
///     let worker = thread::supervise("worker", restart, move |_stop| {
///         match attempts.fetch_add(1, Ordering::Relaxed) {
///             2 => Ok("third time lucky"),
///             n => Err(format!("attempt {n} failed").into()),
///         }
///     });
///     assert_eq!(worker.thread().join()?, "third time lucky");
///     assert_eq!(worker.status().restarts(), 2);
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[track_caller]
#[doc(alias = "restart")]
pub fn supervise<T: Send + 'static>(
    name: &str,
    restart: Restart,
    body: impl Fn(Signal) -> Outcome<T> + Send + Sync + 'static,
) -> Supervised<T> {
    let state = Arc::new(Mutex::new(RestartStatus {
        restarts: 0,
        last_failure: None,
        is_waiting: false,
    }));
    let shared = Arc::clone(&state);
    let thread = spawn::spawn(name, move |_stop| {
        let supervisor = Supervisor {
            restart,
            node: Node::current().expect("a supervisor is a thread of the tree"),
            state: shared,
            recent: VecDeque::new(),
        };
        supervisor.live(&Arc::new(body))
    });
    Supervised { thread, state }
}

/// A supervised thread. Dropping it releases the supervisor, which goes on.
#[must_use = "join its thread for the result, or release it"]
pub struct Supervised<T> {
    thread: Thread<T>,
    state: Arc<Mutex<RestartStatus>>,
}

impl<T> Supervised<T> {
    /// The supervisor: join it, stop it, wait for its end.
    pub fn thread(&self) -> &Thread<T> {
        &self.thread
    }

    /// The supervisor's handle alone.
    pub fn into_thread(self) -> Thread<T> {
        self.thread
    }

    /// How it goes, just now.
    #[must_use]
    pub fn status(&self) -> RestartStatus {
        self.state.lock().clone()
    }
}

impl<T> fmt::Debug for Supervised<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervised")
            .field("thread", &self.thread)
            .field("status", &self.status())
            .finish()
    }
}

/// How a supervised thread was doing when it was asked.
#[derive(Clone, Debug)]
pub struct RestartStatus {
    restarts: u64,
    last_failure: Option<Arc<str>>,
    is_waiting: bool,
}

impl RestartStatus {
    /// How often it was started again, or is about to be.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Why it ended last, if it has.
    #[must_use]
    pub fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }

    /// Does nothing run, because it is too early to start again?
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }
}

/// The life of a supervisor.
struct Supervisor {
    restart: Restart,
    node: Arc<Node>,
    state: Arc<Mutex<RestartStatus>>,
    /// When attempts ended, and what they failed with.
    recent: VecDeque<(Instant, Option<JoinError>)>,
}

impl Supervisor {
    fn live<T: Send + 'static>(
        mut self,
        body: &Arc<impl Fn(Signal) -> Outcome<T> + Send + Sync + 'static>,
    ) -> Outcome<T> {
        let mut pause = None;
        for attempt in 1_u64.. {
            let body = Arc::clone(body);
            let began = signal::now();
            let thread =
                Builder::new(&format!("run-{attempt}")).spawn(move |stop| (*body)(stop))?;
            // A stop asks the attempt as well, and its result counts.
            thread.stopped().wait_through();
            let ended = thread.join();
            if self.node.was_asked() {
                return Ok(ended?); // invariant 2
            }
            let failed = ended.as_ref().is_err_and(JoinError::is_failure);
            if !self.restart.applies(failed) {
                return Ok(ended?);
            }
            if signal::now().saturating_duration_since(began) > self.restart.within {
                pause = None;
            }
            let next = self.restart.pause(pause);
            self.count(ended.err(), attempt, next)?;
            pause = Some(next);
            Till::after(next).wait()?;
            if self.node.was_asked() {
                return Err(Stopped::by(self.node.stop_signal()).into()); // invariant 2
            }
            self.state.lock().is_waiting = false;
        }
        unreachable!("nobody counts to 2^64")
    }

    /// Notes the end of an attempt; too many are an error.
    fn count(&mut self, error: Option<JoinError>, restarts: u64, after: Duration) -> Outcome<()> {
        let now = signal::now();
        let text: Arc<str> = match &error {
            Some(error) => error.to_string().into(),
            None => "it ended".into(),
        };
        self.recent.push_back((now, error));
        let within = self.restart.within;
        let is_old = |then: &Instant| now.saturating_duration_since(*then) > within;
        while let Some((then, _)) = self.recent.front()
            && is_old(then)
        {
            self.recent.pop_front();
        }
        let gives_up = self.recent.len() > self.restart.max;
        let last_failure = Some(Arc::clone(&text));
        let thread = Arc::clone(self.node.path());
        if gives_up {
            self.state.lock().last_failure = last_failure;
            let recent = core::mem::take(&mut self.recent);
            return Err(Box::new(GaveUp {
                thread,
                restarts: self.restart.max,
                within,
                ends: recent.len(),
                failures: recent.into_iter().filter_map(|(_, error)| error).collect(),
            }));
        }
        *self.state.lock() = RestartStatus {
            restarts,
            last_failure,
            is_waiting: true,
        };
        probe::emit(&Event::Restarted {
            thread: &thread,
            failure: &text,
            restarts,
            after,
        });
        Ok(())
    }
}

/// A supervised thread ended more often than its [`Restart`] allows; with what it failed with.
#[derive(Debug)]
pub struct GaveUp {
    thread: Arc<str>,
    restarts: usize,
    within: Duration,
    ends: usize,
    failures: Vec<JoinError>,
}

impl GaveUp {
    /// The path of the supervisor.
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// The failures within the time that counts, oldest first. Attempts that just ended left none.
    #[must_use]
    pub fn failures(&self) -> &[JoinError] {
        &self.failures
    }
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            thread,
            restarts,
            within,
            ends,
            ..
        } = self;
        write!(
            f,
            "`{thread}` is given up: it ended {ends} times within {within:?}, and may be started again \
             {restarts} times"
        )?;
        for (i, failure) in self.failures.iter().enumerate() {
            write!(f, "{} {failure}", if i == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl Error for GaveUp {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let last = self.failures.last()?;
        Some(last)
    }
}
