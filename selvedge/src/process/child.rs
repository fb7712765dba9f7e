//! The verbs of everything that runs beside us and ends.

use core::fmt;
use std::borrow::Cow;

use crate::process::error::JoinError;
use crate::process::exit::{Exit, Output};
use crate::process::line::Line;
use crate::signal::{Signal, Stopped, WaitError};
use crate::sync::Queue;

/// A program that runs as a child: a [`Process`](super::Process), or a command in a shell.
///
/// The verbs are also methods of the types, so that nobody has to import the trait; it is for code that takes
/// either.
///
/// # Examples
///
/// ```
/// use selvedge::process::{Child, Command};
///
/// fn first_line(child: &dyn Child) -> Option<String> {
///     child.stdout().iter().next().map(|line| line.to_string_lossy().into_owned())
/// }
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let echo = Command::new("echo").arg("hello").spawn()?;
///     assert_eq!(first_line(&echo).as_deref(), Some("hello"));
///     echo.join()?;
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
pub trait Child: fmt::Debug + Send + Sync {
    /// Its own name.
    fn name(&self) -> &str;

    /// The names from the root of the tree to it, joined by `/`.
    fn path(&self) -> &str;

    /// The system's number of the process that runs it.
    fn id(&self) -> u32;

    /// The lines of its standard output.
    fn stdout(&self) -> &Queue<Line>;

    /// The lines of its standard error.
    fn stderr(&self) -> &Queue<Line>;

    /// What its standard input is to be.
    fn stdin(&self) -> &Queue<Vec<u8>>;

    /// Set when it has ended. Who waits for it, and does not read its output, says [`let_end`](Self::let_end) first.
    fn stopped(&self) -> &Signal;

    /// How it ended, if it has. A failure is received by that.
    fn try_wait(&self) -> Option<Exit>;

    /// What [`join`](Self::join) makes of that.
    ///
    /// # Errors
    ///
    /// Those of `join`.
    fn judge(&self, exit: Exit) -> Result<Exit, JoinError>;

    /// Nobody but who waits for its end will read what it writes: that must not keep it from ending. Every wait
    /// says so.
    fn let_end(&self);

    /// Ends it now.
    fn kill(&self);

    /// Asks it to stop, and says why.
    fn stop_because(&self, why: Cow<'static, str>);

    /// Asks it to stop. Does not wait.
    #[track_caller]
    fn stop(&self) {
        self.stop_because("asked through its handle".into());
    }

    /// Waits for its end, however it ends.
    ///
    /// # Errors
    ///
    /// [`Stopped`] – the calling thread was asked to stop first.
    #[track_caller]
    fn wait(&self) -> Result<Exit, Stopped> {
        if !self.stopped().is_set() {
            self.let_end();
            self.stopped().wait()?;
        }
        Ok(self.try_wait().expect("it has ended"))
    }

    /// The same, but waits only until `signal` is set.
    ///
    /// # Errors
    ///
    /// That of [`wait`](Self::wait), and `Expired`.
    #[track_caller]
    fn wait_until(&self, signal: &Signal) -> Result<Exit, WaitError> {
        if !self.stopped().is_set() {
            self.let_end();
            self.stopped().wait_until(signal)?;
        }
        Ok(self.try_wait().expect("it has ended"))
    }

    /// Waits for its end, and takes a failing one for an error.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    #[track_caller]
    fn join(&self) -> Result<Exit, JoinError> {
        let exit = self.wait().map_err(JoinError::Interrupted)?;
        self.judge(exit)
    }

    /// The same, but waits only until `signal` is set.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    #[track_caller]
    fn join_until(&self, signal: &Signal) -> Result<Exit, JoinError> {
        let waited = self.wait_until(signal);
        let exit = waited.map_err(|error| JoinError::of_wait(self.path(), error))?;
        self.judge(exit)
    }

    /// The same, without waiting: nothing if it runs.
    fn try_join(&self) -> Option<Result<Exit, JoinError>> {
        Some(self.judge(self.try_wait()?))
    }

    /// Waits for its end, and takes all that it writes meanwhile. A failing end is an error as for
    /// [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    #[track_caller]
    fn output(&self) -> Result<Output, JoinError> {
        self.output_until(&Signal::never())
    }

    /// The same, but waits only until `signal` is set.
    ///
    /// # Errors
    ///
    /// See [`JoinError`]. Output that was taken until then is back in the queues.
    fn output_until(&self, signal: &Signal) -> Result<Output, JoinError>;
}
