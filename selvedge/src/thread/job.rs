//! A job of a pool: its closure, then its result, in one allocation with one lock.
//!
//! # Invariants
//!
//! 1. Who takes the closure out of `Phase::Queued`, under the lock, runs it or gives it up; nobody else does.
//! 2. A result is received once: by a joiner, or by nobody (released), and then a failure is reported.
//! 3. `done` is made by the first who waits, under the lock, and set after the phase is `Done`.
//! 4. Closures and results are dropped outside the lock.

use core::fmt;
use core::mem::replace;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::ambient::Ambient;
use crate::primitive::{Arc, Mutex, drop_caught, thread_number};
use crate::probe::{self, Event};
use crate::signal::{Signal, Stopped, WaitError};
use crate::thread::end::{Ended, judge};
use crate::thread::error::{JoinError, Outcome};
use crate::thread::handle::report_unreceived;
use crate::thread::pool::Shared;
use crate::thread::tree::Node;

/// A job that was given to a [`Pool`](super::Pool). Dropping it releases the job.
///
/// Its rules are those of a [`Thread`](super::Thread): the result goes to one joiner, a failure that nobody
/// joins is reported and makes the program's exit status 1.
#[must_use = "join it for its result, or release it"]
pub struct Job<T> {
    work: Arc<dyn Joinable<T>>,
}

impl<T> Job<T> {
    /// Waits for the job to end and gives its result, to the first who asks.
    ///
    /// Inside another job of the same pool it runs the job here if no worker has begun it: jobs may join jobs
    /// that they gave to their own pool, and a pool of one worker does not wait for itself.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, `join` returns [`JoinError::Interrupted`]: the job goes on,
    /// and the handle can be used again.
    ///
    /// # Errors
    ///
    /// What the job failed with, under the path of its worker; [`JoinError::Stopped`] if it ended because its
    /// worker was asked to stop; [`JoinError::NeverRan`] if the pool ended before it began;
    /// [`JoinError::Taken`] for a second joiner; [`JoinError::Itself`] if it waits, perhaps by way of other
    /// jobs that it runs, for itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread::{JoinError, Pool};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let pool = Pool::new("pool", 2);
    ///     let bad = pool.run(|_stop| if true { panic!("no luck") } else { Ok(()) })?;
    ///     match bad.join() {
    ///         Err(JoinError::Panicked(panic)) => assert_eq!(panic.message(), "no luck"),
    ///         other => panic!("{other:?}"),
    ///     }
    ///     assert_eq!(pool.run(|_stop| Ok(1))?.join()?, 1); // the pool goes on
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<T, JoinError> {
        self.receive(|done| done.wait().map_err(JoinError::Interrupted))
    }

    /// The same, but waits only until `signal` is set. A job that is run here is run to its end.
    ///
    /// # Stopping
    ///
    /// As [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// Those of [`join`](Self::join), and [`JoinError::Expired`]: the job goes on.
    #[track_caller]
    pub fn join_until(&self, signal: &Signal) -> Result<T, JoinError> {
        self.receive(|done| {
            done.wait_until(signal).map_err(|error| match error {
                WaitError::Expired => JoinError::Expired {
                    thread: Arc::clone(self.work.pool().path()),
                },
                WaitError::Stopped(stopped) => JoinError::Interrupted(stopped),
            })
        })
    }

    #[track_caller]
    fn receive(&self, wait: impl FnOnce(&Signal) -> Result<(), JoinError>) -> Result<T, JoinError> {
        if let Some(result) = self.work.take() {
            return result;
        }
        if let Some(worker) = self.work.pool().worker() {
            if self.work.is_run_by(thread_number()) {
                let thread = Arc::clone(worker.path());
                return Err(JoinError::Itself { thread });
            }
            // In nothing that the job which waits is in.
            Ambient::empty().run(|| self.work.run(&worker));
        }
        let waited = wait(&self.work.done());
        match (self.work.take(), waited) {
            (Some(result), _) => result, // what is ready comes first
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(JoinError::Taken {
                thread: Arc::clone(self.work.pool().path()),
            }),
        }
    }

    /// Has the job ended, or will it never begin?
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.work.is_done()
    }

    /// A signal that is set when the job has ended, joined or not.
    ///
    /// ```
    /// # use selvedge::{Till, thread::Pool};
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let pool = Pool::new("pool", 2);
    ///     let (a, b) = (pool.run(|_| Ok(1))?, pool.run(|_| Ok(2))?);
    ///     (a.done() & b.done()).wait()?;
    ///     assert_eq!(a.join()? + b.join()?, 3);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[must_use]
    pub fn done(&self) -> Signal {
        self.work.done()
    }

    /// Gives up the result: an error of the job is reported when it happens. The job runs all the same.
    #[doc(alias = "detach")]
    pub fn release(self) {
        drop(self);
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if let Some(result) = self.work.release() {
            if let Err(error) = &result {
                report_unreceived(self.work.pool().parent(), error);
            }
            drop(result);
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("pool", self.work.pool().path())
            .field("done", &self.is_done())
            .finish_non_exhaustive()
    }
}

/// The error of [`Pool::run`](super::Pool::run) and its forms: the job was not taken, and its closure is dropped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The pool has ended: its parent was asked to stop.
    Ended {
        /// The path of the pool.
        pool: Arc<str>,
        /// Why it was asked. Passed on with `?` it ends a thread that was asked too as stopped.
        stopped: Stopped,
    },
    /// There is no room in the queue ([`Pool::try_run`](super::Pool::try_run)).
    Full,
    /// The signal was set before there was room ([`Pool::run_until`](super::Pool::run_until)).
    Expired,
    /// The thread was asked to stop before there was room.
    Stopped(Stopped),
}

impl RunError {
    pub(super) fn into_join_error(self) -> JoinError {
        match self {
            Self::Ended { pool, stopped } => JoinError::NeverRan {
                thread: pool,
                stopped,
            },
            Self::Stopped(stopped) => JoinError::Interrupted(stopped),
            Self::Full | Self::Expired => unreachable!("`run` waits for room"),
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { pool, stopped } => {
                write!(f, "pool `{pool}` takes no jobs any more: it was {stopped}")
            }
            Self::Full => f.write_str("the pool's queue is full"),
            Self::Expired => f.write_str("the wait for room in the pool's queue expired"),
            Self::Stopped(stopped) => write!(f, "no room in the pool's queue: {stopped}"),
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Ended { stopped, .. } | Self::Stopped(stopped) => Some(stopped),
            Self::Full | Self::Expired => None,
        }
    }
}

/// A job as its pool sees it.
pub(super) trait Runnable: Send + Sync {
    /// Runs it on the calling thread, which is `worker`, unless somebody has begun it.
    fn run(&self, worker: &Arc<Node>);
    /// Gives it up, unless somebody has begun it.
    fn give_up(&self, stopped: Stopped);
}

/// A job as its handle sees it.
trait Joinable<T>: Runnable {
    /// The result, if there is one; that it was taken, if it was.
    fn take(&self) -> Option<Result<T, JoinError>>;
    /// Nobody will join. What was left already comes back.
    fn release(&self) -> Option<Result<T, JoinError>>;
    fn is_done(&self) -> bool;
    fn is_run_by(&self, thread: usize) -> bool;
    /// Set when it is done.
    fn done(&self) -> Signal;
    fn pool(&self) -> &Arc<Shared>;
}

struct Work<F, T> {
    state: Mutex<State<F, T>>,
    pool: Arc<Shared>,
}

struct State<F, T> {
    phase: Phase<F, T>,
    released: bool,
    done: Option<Signal>,
}

enum Phase<F, T> {
    Queued(F),
    /// With the number of the thread that runs it.
    Running(usize),
    Done(Result<T, JoinError>),
    Taken,
}

/// Makes a job: what its pool is to run, and the handle.
pub(super) fn make<T: Send + 'static>(
    pool: &Arc<Shared>,
    body: impl FnOnce(Signal) -> Outcome<T> + Send + 'static,
) -> (Arc<dyn Runnable>, Job<T>) {
    let state = State {
        phase: Phase::Queued(body),
        released: false,
        done: None,
    };
    let work = Arc::new(Work {
        state: Mutex::new(state),
        pool: Arc::clone(pool),
    });
    let job = Job {
        work: Arc::clone(&work) as _,
    };
    (work, job)
}

impl<F, T> Work<F, T> {
    /// Takes the closure out, to run it or to give it up (invariant 1).
    fn claim(&self, next: Phase<F, T>) -> Option<F> {
        let mut state = self.state.lock();
        match replace(&mut state.phase, next) {
            Phase::Queued(body) => Some(body),
            other => {
                let _next = replace(&mut state.phase, other); // holds nothing of the user's
                None
            }
        }
    }

    /// Leaves the result and wakes who waits.
    fn finish(&self, result: Result<T, JoinError>) {
        let mut state = self.state.lock();
        let unwanted = if state.released {
            state.phase = Phase::Taken;
            Some(result)
        } else {
            state.phase = Phase::Done(result);
            None
        };
        let done = state.done.clone();
        drop(state);
        if let Some(result) = unwanted {
            if let Err(error) = &result {
                report_unreceived(self.pool.parent(), error);
            }
            drop_caught(result);
        }
        if let Some(done) = done {
            done.set(); // invariant 3
        }
    }
}

impl<F, T> Runnable for Work<F, T>
where
    F: FnOnce(Signal) -> Outcome<T> + Send,
    T: Send,
{
    fn run(&self, worker: &Arc<Node>) {
        let Some(body) = self.claim(Phase::Running(thread_number())) else {
            return;
        };
        let stop = worker.stop_signal().clone();
        // What the job shares has its own rules about panics.
        let outcome = catch_unwind(AssertUnwindSafe(|| body(stop)));
        let ended = judge(worker, outcome);
        if let Ended::Failed(failure) = &ended {
            probe::emit(&Event::Failed {
                kind: worker.kind(),
                thread: worker.path(),
                failure: &failure.cause(),
            });
        }
        self.finish(ended.into_result(worker.path()));
    }

    fn give_up(&self, stopped: Stopped) {
        if let Some(body) = self.claim(Phase::Running(0)) {
            drop_caught(body);
            let thread = Arc::clone(self.pool.path());
            self.finish(Err(JoinError::NeverRan { thread, stopped }));
        }
    }
}

impl<F, T> Joinable<T> for Work<F, T>
where
    F: FnOnce(Signal) -> Outcome<T> + Send,
    T: Send,
{
    fn take(&self) -> Option<Result<T, JoinError>> {
        let mut state = self.state.lock();
        match replace(&mut state.phase, Phase::Taken) {
            Phase::Done(result) => Some(result),
            Phase::Taken => Some(Err(JoinError::Taken {
                thread: Arc::clone(self.pool.path()),
            })),
            other => {
                state.phase = other;
                None
            }
        }
    }

    fn release(&self) -> Option<Result<T, JoinError>> {
        let mut state = self.state.lock();
        state.released = true;
        match replace(&mut state.phase, Phase::Taken) {
            Phase::Done(result) => Some(result),
            other => {
                state.phase = other;
                None
            }
        }
    }

    fn is_done(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Done(_) | Phase::Taken)
    }

    fn is_run_by(&self, thread: usize) -> bool {
        matches!(self.state.lock().phase, Phase::Running(by) if by == thread)
    }

    fn done(&self) -> Signal {
        let mut state = self.state.lock();
        match &state.phase {
            Phase::Done(_) | Phase::Taken => Signal::always(),
            _ => state
                .done
                .get_or_insert_with(|| Signal::named("job"))
                .clone(),
        }
    }

    fn pool(&self) -> &Arc<Shared> {
        &self.pool
    }
}
