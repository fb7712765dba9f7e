//! How a worker is started, and what it may do.

use core::fmt;
use std::error::Error;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::primitive::Arc;
use crate::process::worker::error::Ended;
use crate::process::worker::keeper::Keeper;
use crate::process::worker::level::LogLevel;
use crate::process::worker::protocol;
use crate::process::worker::python;
use crate::process::worker::worker::{Shared, Worker};
use crate::process::{Command, SpawnError};
use crate::signal::{self, Stopped};
use crate::thread::{self, Restart};

/// How long a worker may take for its first answer.
const HELLO: Duration = Duration::from_secs(30);
/// How long it may take to end, and to give up a cancelled call.
const GRACE: Duration = Duration::from_secs(5);

/// A worker that is to be started.
///
/// # Examples
///
/// See [`Worker`].
#[must_use = "nothing starts until `start`"]
pub struct Builder {
    pub(super) name: Box<str>,
    pub(super) command: Command,
    /// What is sent before the configuration.
    pub(super) preamble: &'static str,
    pub(super) threads: Option<usize>,
    pub(super) log_level: Option<LogLevel>,
    pub(super) user: Option<Result<Box<RawValue>, serde_json::Error>>,
    pub(super) restart: Restart,
    pub(super) hello: Duration,
    pub(super) grace: Duration,
    pub(super) cancel: Duration,
    pub(super) longest: usize,
}

impl Builder {
    /// A program that speaks the protocol: one that calls [`Server::serve`](super::Server::serve), a Python program
    /// that imports `selvedge_worker`, or any other.
    ///
    /// The command's standard input and output are the worker's, whatever it says of them.
    pub fn new(name: &str, command: Command) -> Self {
        Self {
            name: name.into(),
            command,
            preamble: "",
            threads: None,
            log_level: None,
            user: None,
            restart: Restart::never(),
            hello: HELLO,
            grace: GRACE,
            cancel: GRACE,
            longest: protocol::LONGEST_LINE,
        }
    }

    /// A Python interpreter with the worker that is part of this crate; nothing has to be installed, and it starts in
    /// any directory. See [`Worker::import_module`] and the verbs beside it.
    ///
    /// `python` is the interpreter, with its directory and environment: `Command::new("python3")`.
    pub fn python(name: &str, python: Command) -> Self {
        let command = python.args(["-c", &python::bootstrap()]);
        Self {
            preamble: python::SOURCE,
            ..Self::new(name, command)
        }
    }

    /// How many calls run at once, if the worker's program leaves that open. In a Python worker, one (the default) runs
    /// in its main thread, several in threads of a pool.
    pub fn threads(mut self, n: usize) -> Self {
        self.threads = Some(n);
        self
    }

    /// Which of its log records the worker sends: those that matter at least so much; [`LogLevel::Info`] otherwise. A
    /// Python program that sets the level of a logger has the last word on that one.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::{Command, worker::{Builder, LogLevel}};
    ///
    /// # if std::process::Command::new("python3").arg("-V").output().is_err() { return } // the example needs one
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let python = Builder::python("python", Command::new("python3"));
    ///     let python = python.log_level(LogLevel::Debug).start()?;
    ///     python.import_module("logging")?;
    ///     assert!(python.call::<bool>("logging.root.isEnabledFor", (10,))?); // `logging.DEBUG`
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log_level = Some(level);
        self
    }

    /// What the worker finds as its configuration.
    pub fn config(mut self, config: &impl Serialize) -> Self {
        self.user = Some(to_raw_value(config));
        self
    }

    /// Whether it is started again when it has ended by itself; otherwise it is not. The calls that it had not answered
    /// fail all the same; those that come while it starts wait for it. What a script had set is gone.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How long it may take from its start to its first answer: 30 s, unless something else is said.
    pub fn hello_within(mut self, limit: Duration) -> Self {
        self.hello = limit;
        self
    }

    /// How long it may take to end when it is asked to: 5 s, unless something else is said. Half of it for the calls that
    /// run, half to go when its input has ended. After that it is stopped as any process.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long a call that was cancelled may hold up the worker: 5 s, unless something else is said. Then the worker is
    /// stopped (and started again, if [`restart`](Self::restart) says so).
    pub fn cancel_within(mut self, limit: Duration) -> Self {
        self.cancel = limit;
        self
    }

    /// How many bytes a call or its answer may have: 64 MiB, unless something else is said. What is longer is an error
    /// of that call alone.
    pub fn longest_line(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    /// Starts it as a child of the calling thread, and waits until it says that it is there.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop meanwhile, the worker is stopped.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; nothing is left running.
    #[track_caller]
    pub fn start(self) -> Result<Worker, StartError> {
        let user = self.user.transpose().map_err(StartError::Config)?;
        let builder = Self { user: None, ..self };
        let shared = Arc::new(Shared::new(builder.longest));
        let name = builder.name.clone();
        let keeper = Keeper::new(builder, user, Arc::clone(&shared));
        let thread = thread::Builder::new(&name)
            .spawn(move |stop| keeper.live(&stop))
            .map_err(StartError::Thread)?;
        let started = shared.started.wait();
        match (shared.take_start(), started) {
            (Some(Ok(())), _) => Ok(Worker::new(shared, thread)),
            (Some(Err(error)), _) => Err(error),
            (None, Err(stopped)) => {
                thread.stop_because("its start is not waited for");
                signal::shield(|| thread.stopped().wait()).ok();
                Err(StartError::Stopped(stopped))
            }
            (None, Ok(())) => unreachable!("the signal comes after the result"),
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

/// Why a worker did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// Its program could not be started.
    Spawn(SpawnError),
    /// Its thread could not be started.
    Thread(thread::SpawnError),
    /// A descriptor could not be had.
    Io(std::io::Error),
    /// The configuration has no JSON form.
    Config(serde_json::Error),
    /// It has ended before it said that it was there.
    Ended(Ended),
    /// It did not say that it was there in time.
    Silent {
        /// The path of the worker.
        worker: Arc<str>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// What it said first is no answer to the configuration.
    NoWorker {
        /// The path of the worker.
        worker: Arc<str>,
        /// The beginning of what it said, or why it does not want to work.
        said: String,
    },
    /// The calling thread was asked to stop.
    Stopped(Stopped),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(error) => error.fmt(f),
            Self::Thread(error) => error.fmt(f),
            Self::Io(error) => write!(f, "no descriptor for a worker: {error}"),
            Self::Config(error) => {
                write!(f, "the configuration of a worker cannot be sent: {error}")
            }
            Self::Ended(error) => write!(f, "{error}; it had not said that it was there"),
            Self::Silent { worker, waited } => write!(
                f,
                "the worker `{worker}` has not said within {waited:?} that it is there: does its program take calls?"
            ),
            Self::NoWorker { worker, said } => write!(
                f,
                "the worker `{worker}` does not begin as one: `{said}`; it must take its standard output for the protocol \
                 before anything is printed"
            ),
            Self::Stopped(stopped) => stopped.fmt(f),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Spawn(error) => error.source(),
            Self::Thread(error) => error.source(),
            Self::Io(error) => Some(error),
            Self::Config(error) => Some(error),
            Self::Ended(error) => error.source(),
            Self::Silent { .. } | Self::NoWorker { .. } => None,
            Self::Stopped(stopped) => Some(stopped),
        }
    }
}
