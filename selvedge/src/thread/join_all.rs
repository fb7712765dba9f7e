//! Joining many threads at once.

use core::fmt;
use std::error::Error;

use crate::ambient;
use crate::primitive::Arc;
use crate::signal::{self, Signal, Stopped, WaitError};
use crate::thread::error::{Failures, JoinError};
use crate::thread::handle::Thread;

/// Waits for all `threads` to end and gives their results, in the order of the handles.
///
/// All are joined even if some fail. If one did, the results of the others are dropped: who wants them
/// waits for [`stopped`](Thread::stopped) of each and joins them one by one.
///
/// # Stopping
///
/// If the calling thread is asked to stop before all have ended, nothing is joined and the handles can be
/// used again.
///
/// # Errors
///
/// - [`JoinAllError::Failed`] – what the threads would have given their joiner, all together.
/// - [`JoinAllError::Interrupted`] – see above.
///
/// # Examples
///
/// ```
/// use selvedge::thread;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let squares: Vec<_> = (1..4).map(|n| thread::spawn(&format!("{n}"), move |_stop| Ok(n * n))).collect();
///     assert_eq!(thread::join_all(&squares)?, [1, 4, 9]);
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[track_caller]
pub fn join_all<'t, T: 't>(
    threads: impl IntoIterator<Item = &'t Thread<T>>,
) -> Result<Vec<T>, JoinAllError> {
    let threads: Vec<_> = threads.into_iter().collect();
    refuse_itself(&threads)?;
    all_stopped(&threads)
        .wait()
        .map_err(JoinAllError::Interrupted)?;
    receive(threads)
}

/// The same, but waits only until `signal` is set.
///
/// # Stopping
///
/// As [`join_all`].
///
/// # Errors
///
/// Those of [`join_all`], and [`JoinAllError::Expired`]: nothing was joined.
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, Till, thread};
/// use std::time::Duration;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let waiters = [thread::spawn("waiter", |_stop| Ok(Signal::new().wait()?))];
///     let soon = Till::after(Duration::from_millis(1));
///     let error = thread::join_all_until(&waiters, &soon).unwrap_err();
///     assert!(matches!(error, thread::JoinAllError::Expired));
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[track_caller]
pub fn join_all_until<'t, T: 't>(
    threads: impl IntoIterator<Item = &'t Thread<T>>,
    signal: &Signal,
) -> Result<Vec<T>, JoinAllError> {
    let threads: Vec<_> = threads.into_iter().collect();
    refuse_itself(&threads)?;
    match all_stopped(&threads).wait_until(signal) {
        Ok(()) => receive(threads),
        Err(WaitError::Expired) => Err(JoinAllError::Expired),
        Err(WaitError::Stopped(stopped)) => Err(JoinAllError::Interrupted(stopped)),
    }
}

fn refuse_itself<T>(threads: &[&Thread<T>]) -> Result<(), JoinAllError> {
    let refused = threads
        .iter()
        .find_map(|thread| thread.node.refuse_itself().err());
    refused.map_or(Ok(()), |error| Err(failed(vec![error])))
}

fn all_stopped<T>(threads: &[&Thread<T>]) -> Signal {
    signal::all(threads.iter().map(|thread| thread.stopped()))
}

fn receive<T>(threads: Vec<&Thread<T>>) -> Result<Vec<T>, JoinAllError> {
    let (mut results, mut failures) = (Vec::new(), Vec::new());
    for thread in threads {
        match thread.receive() {
            Ok(result) => results.push(result),
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() {
        Ok(results)
    } else {
        Err(failed(failures))
    }
}

pub(super) fn failed(all: Vec<JoinError>) -> JoinAllError {
    let thread: Arc<str> = ambient::thread_path();
    JoinAllError::Failed(Failures {
        thread,
        all,
        of_scope: false,
    })
}

/// The error of [`join_all`], and of [`Group::join_all`](crate::Group::join_all).
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinAllError {
    /// Some did not end well; everybody has been joined.
    Failed(Failures),
    /// The signal given to [`join_all_until`] was set first; nobody has been joined.
    Expired,
    /// The *calling* thread was asked to stop; nobody has been joined.
    Interrupted(Stopped),
}

impl fmt::Display for JoinAllError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failures) => {
                let n = failures.all().len();
                let threads = if n == 1 { "thread" } else { "threads" };
                write!(f, "{n} joined {threads} did not end well")?;
                for (i, failure) in failures.all().iter().enumerate() {
                    write!(f, "{} {failure}", if i == 0 { ":" } else { ";" })?;
                }
                Ok(())
            }
            Self::Expired => f.write_str("the join of several threads expired"),
            Self::Interrupted(stopped) => {
                write!(f, "while joining several threads, this one was {stopped}")
            }
        }
    }
}

impl Error for JoinAllError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(failures) => failures.source(),
            Self::Expired => None,
            Self::Interrupted(stopped) => Some(stopped),
        }
    }
}
