//! `install`: what `run` does, for a program that keeps its own `main`.

use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;
use std::error::Error;
use std::process::ExitCode;

use crate::primitive;
use crate::program::run::{Builder, Wired};
use crate::signal::{Reason, Signal, Why};
use crate::thread::{Ended, OpenBody};

/// Makes the calling thread the root of a tree until the guard is dropped, with everything that
/// [`program`](crate::program) says.
///
/// For a program whose `main` is not a body for [`run`](crate::run). The guard belongs at the top of `main`: what
/// is declared after it is dropped before the threads are asked to stop.
///
/// # Errors
///
/// [`AlreadyRunning`] – a tree is running in this process, or the thread is in one.
///
/// # Examples
///
/// ```
/// use selvedge::thread;
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     let program = selvedge::install("greeter").expect("nothing runs yet");
///     let name = thread::spawn("asker", |_stop| Ok("Ada"));
///     println!("hello {}", name.join().expect("a name"));
///     program.finish()
/// }
/// ```
#[track_caller]
pub fn install(name: &str) -> Result<Installed, AlreadyRunning> {
    Builder::new(name).install()
}

/// The program's tree, whose root is the thread that called [`install`]; it stays on that thread.
///
/// Dropping it asks the threads to stop and joins them, as [`finish`](Self::finish) does, but the status is lost.
/// If SIGINT or SIGTERM asked for the stop, either ends the process by that signal.
#[must_use = "dropping it ends the program's threads"]
pub struct Installed {
    /// Taken at the end.
    running: Option<(Wired, OpenBody)>,
    /// The root is entered on this thread, and left there.
    _here: PhantomData<*const ()>,
}

impl Installed {
    /// The thread must not be in a tree.
    pub(super) fn new(wired: Wired) -> Self {
        let body = OpenBody::enter(&wired.node).expect("the caller has looked");
        Self {
            running: Some((wired, body)),
            _here: PhantomData,
        }
    }

    /// The program's stop signal.
    ///
    /// # Examples
    ///
    /// ```
    /// let program = selvedge::install("example").unwrap();
    /// program.stop();
    /// assert!(program.stop_signal().is_set() && selvedge::signal::stop().is_set());
    /// ```
    #[must_use]
    pub fn stop_signal(&self) -> Signal {
        let (wired, _) = self.running.as_ref().expect("not ended");
        wired.node.stop_signal().clone()
    }

    /// Asks the program to stop. Does not wait, and may be said again.
    #[track_caller]
    pub fn stop(&self) {
        let reason = Reason::new(
            Why::Said("asked through its guard".into()),
            Location::caller(),
        );
        if let Some((wired, _)) = &self.running {
            wired.node.ask(&reason.now());
        }
    }

    /// Asks the threads to stop, joins them, and gives the status for `main` to return: 1 if a thread failed
    /// whom nobody joined.
    #[must_use = "`main` returns it"]
    pub fn finish(mut self) -> ExitCode {
        self.end()
    }

    fn end(&mut self) -> ExitCode {
        let Some((wired, body)) = self.running.take() else {
            return ExitCode::SUCCESS; // finished before
        };
        // What `main` does now is to end; it may do so by a panic.
        let panicking = primitive::panicking();
        let status = if panicking {
            ExitCode::from(101)
        } else {
            ExitCode::SUCCESS
        };
        wired.grace.set_status(status);
        drop(wired.grace.begin_when_dropped());
        let ended = match body.end() {
            Ended::Finished(()) => Ended::Finished(status),
            Ended::Stopped(stopped) => Ended::Stopped(stopped),
            Ended::Failed(failure) => Ended::Failed(failure),
        };
        wired.end(ended)
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = self.end(); // nobody to give the status to
    }
}

impl fmt::Debug for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installed").finish_non_exhaustive()
    }
}

/// The error of [`install`]: there is one tree with OS signals per process, and one runs already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlreadyRunning;

impl fmt::Display for AlreadyRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another `selvedge::run` is running in this process")
    }
}

impl Error for AlreadyRunning {}
