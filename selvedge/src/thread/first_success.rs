//! A race: the first that succeeds wins, the others are stopped.

use crate::primitive::Mutex;
use crate::signal::{self, Signal, Stopped};
use crate::thread::error::{Failures, JoinError, Outcome};
use crate::thread::scope::scope;

/// Runs all candidates at once, each a name and a body, and gives the value of the first that succeeds.
///
/// The others are asked to stop and waited for. A candidate that fails leaves the others alone; its failure
/// is an event, and forgotten if another wins. The candidates are threads of a [`scope`] called `name`.
///
/// # Stopping
///
/// As in a [`scope`]: what asks the caller to stop asks the candidates.
///
/// # Errors
///
/// If nobody succeeds: all failures as a group; if there are none because the candidates were asked to stop,
/// that; without candidates an empty group.
///
/// # Panics
///
/// If the iterator does, or the system has no thread to give.
///
/// # Examples
///
/// ```
/// use selvedge::thread;
///
/// let mirrors = ["down", "near", "slow"];
/// let page = thread::first_success("page", mirrors.map(|mirror| {
///     (mirror, move |stop: selvedge::Signal| match mirror {
///         "down" => Err("no route".into()),
///         "near" => Ok("<html>"),
///         _ => Ok(stop.wait().map(|()| "too late")?), // is asked to stop when another has won
///     })
/// }))?;
/// assert_eq!(page, "<html>");
/// # Ok::<(), thread::Failures>(())
/// ```
#[track_caller]
#[doc(alias = "race")]
#[doc(alias = "select_ok")]
#[doc(alias = "ShutdownOnSuccess")]
pub fn first_success<T, N, F>(
    name: &str,
    candidates: impl IntoIterator<Item = (N, F)>,
) -> Result<T, Failures>
where
    T: Send,
    N: AsRef<str>,
    F: FnOnce(Signal) -> Outcome<T> + Send,
{
    let first = Mutex::new(None);
    let mut group = None;
    let ended = scope(name, |s| {
        s.isolate();
        group = Some(s.shared.group(Vec::new()));
        for (name, body) in candidates {
            let first = &first;
            s.spawn(name.as_ref(), move |stop| {
                let value = body(stop)?;
                let mut won = first.lock();
                if won.is_none() {
                    *won = Some(value);
                    drop(won);
                    s.stop_because("another candidate was first");
                }
                Ok(())
            });
        }
        Ok(())
    });
    let first = first.lock().take();
    match (first, ended) {
        (Some(value), _) => Ok(value),
        (None, Err(failures)) => Err(failures),
        (None, Ok(())) => {
            let mut group = group.expect("the closure has run");
            let stop = signal::stop();
            if stop.is_set() {
                group.all.push(JoinError::Stopped {
                    thread: group.thread.clone(),
                    stopped: Stopped::by(&stop),
                });
            }
            Err(group)
        }
    }
}
