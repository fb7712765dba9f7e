//! One readable line for each event and record, written by a thread of its own.
//!
//! [`stderr`], or [`to`] for any other writer, makes a log; [`install`](Builder::install) starts it, once in a process.
//! From then on these are lines of it:
//!
//! - the events of [`probe`](crate::probe), failures first of all;
//! - with the feature `log`, the records of `log::info!` and its like: the log is the program's logger;
//! - what is written to a [`Writer`], which is a plain [`io::Write`]: for the `fmt` layer of
//!   `tracing-subscriber`, or whatever else makes lines.
//!
//! ```
//! use selvedge::observe::logging;
//! use std::io::Write;
//!
//! selvedge::local! { static USER: String; }
//!
//! # let status =
//! selvedge::run("app", |_stop| {
//!     let log = logging::stderr().local("user", &USER).install()?;
//!     USER.bind("Ada".to_owned(), || log.say(logging::Level::Info, "hello"));
//!     writeln!(log.writer(), "a line as it is")?;
//!     Ok(())
//! });
//! # assert_eq!(status, std::process::ExitCode::SUCCESS);
//! ```
//!
//! ```text
//! 2026-11-21T10:53:59.123456Z INFO  app: hello user="Ada"
//! a line as it is
//! 2026-11-21T10:54:00.023110Z ERROR app/crawler/worker-3 selvedge: thread `app/crawler/worker-3` failed: disk full
//! ```
//!
//! A line is the time (UTC), the level, the path of the thread, the target, the text, and then what the locals that
//! opted in are bound to. Line ends and other control characters in it are escaped, so a record is one line.
//!
//! # Who writes
//!
//! In a tree, a service of the thread that has installed the log, `log`, takes the lines from a
//! [`BatchQueue`](crate::sync::BatchQueue) and writes many at once: lines of several threads never mix, and who logs
//! does not wait for the disk. The queue holds 8192 lines, or what [`bound`](Builder::bound) says. When it is full, who
//! logs waits for room; or, by [`when_full`](Builder::when_full), the line is dropped, and the log says how many were.
//! Outside of a tree every line is written at once, by who logs it.
//!
//! # Nothing is lost
//!
//! - The service ends after its siblings, and writes what is left. What comes later, until the end of the process, is
//!   written at once: install it in the main thread, and failures that are told last are in it.
//! - If the writer fails, the lines are tried again; those that are left in the end make the service fail, which fails
//!   its parent, and the error says how many there are.
//! - A panic that ends a thread is an event. The panic hook, which prints a panic where it happens, stays what it is.
//! - Where the program ends by force (the grace period is over), what is in the queue is written first, for a second
//!   at most. [`std::process::exit`], `abort` and a death by signal ask nobody: call [`flush`](Log::flush) before. Where a
//!   panic aborts, a panic hook can.

mod install;
mod line;
#[cfg(feature = "log")]
mod records;
mod shared;
mod writer;

use core::fmt::{self, Display};
use core::time::Duration;
use std::io;

use crate::ambient::Local;

pub(crate) use install::flush;
pub use install::{InstallError, Log};
pub use writer::Writer;

use shared::Shown;

/// A log on standard error.
pub fn stderr() -> Builder {
    to(io::stderr())
}

/// A log on `writer`, which gets whole lines, many at once, and is flushed after them.
///
/// # Examples
///
/// ```no_run
/// use selvedge::observe::logging;
/// use std::fs::OpenOptions;
///
/// let file = OpenOptions::new().append(true).create(true).open("app.log")?;
/// logging::to(file).install()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn to(writer: impl io::Write + Send + 'static) -> Builder {
    Builder {
        writer: Box::new(writer),
        level: Level::Info,
        bound: 8192,
        period: Duration::from_millis(20),
        full: Full::Wait,
        locals: Vec::new(),
        takes_events: true,
        takes_records: true,
    }
}

/// A log to be; made by [`stderr`] and [`to`].
#[must_use = "nothing is logged until `install`"]
pub struct Builder {
    writer: Box<dyn io::Write + Send>,
    level: Level,
    bound: usize,
    period: Duration,
    full: Full,
    locals: Vec<(Box<str>, Shown)>,
    takes_events: bool,
    takes_records: bool,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is late, full, or not as it should be.
    Warn,
    /// Something that its reader wants to know.
    Info,
    /// What the library tells of threads and contexts, and whatever else is of use when something is wrong.
    Debug,
    /// More than that.
    Trace,
}

/// What becomes of a line for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Full {
    /// Who logs waits until there is room, also if its thread is asked to stop. What is logged while a line is made, by
    /// the text of a value, say, or by the thread that writes, does not wait: it is dropped then, and counted.
    Wait,
    /// It is dropped, and counted: the log says how many were.
    Drop,
}

impl Builder {
    /// Lines that matter at least so much; [`Level::Info`] otherwise.
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// How many lines may wait to be written.
    ///
    /// # Panics
    ///
    /// If `lines` is 0.
    pub fn bound(mut self, lines: usize) -> Self {
        assert!(lines > 0, "a log needs room for a line");
        self.bound = lines;
        self
    }

    /// How long a line may wait for others, to be written with them; 20 ms otherwise.
    pub fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// What becomes of a line for which there is no room; otherwise who logs waits.
    pub fn when_full(mut self, full: Full) -> Self {
        self.full = full;
        self
    }

    /// Shows what `local` is bound to where a line is logged, as `name="value"`. A default is not shown.
    ///
    /// # Panics
    ///
    /// Nobody sees a panic of the value's `Display`: the line says so in the value's place.
    pub fn local<T: Display + Send + Sync + 'static>(
        mut self,
        name: &str,
        local: &'static Local<T>,
    ) -> Self {
        let show = move |text: &mut dyn FnMut(&dyn Display)| {
            if local.is_bound() {
                let _ = local.with(|value| text(value));
            }
        };
        self.locals.push((name.into(), Box::new(show)));
        self
    }

    /// Leaves the events of [`probe`](crate::probe) to whoever else hears of them: with the feature `tracing`, a
    /// subscriber that writes to this log has them already.
    pub fn without_events(mut self) -> Self {
        self.takes_events = false;
        self
    }

    /// Leaves the records of the crate `log` to another logger.
    #[cfg(feature = "log")]
    pub fn without_records(mut self) -> Self {
        self.takes_records = false;
        self
    }

    /// Starts the log, for the process.
    ///
    /// In a tree, the calling thread gets a service, `log`, that writes. The handle may be dropped: the log stays.
    ///
    /// # Errors
    ///
    /// - [`InstallError::AlreadyInstalled`] – there is a log.
    /// - [`InstallError::OtherLogger`] – with the feature `log`: the program has another logger.
    /// - [`InstallError::NoThread`] – the service could not be started.
    #[track_caller]
    pub fn install(self) -> Result<Log, InstallError> {
        install::install(self)
    }
}

impl Level {
    /// `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("level", &self.level)
            .field("bound", &self.bound)
            .field("period", &self.period)
            .field("full", &self.full)
            .finish_non_exhaustive()
    }
}
