//! The log of the process.

use core::fmt::{self, Display};
use core::time::Duration;
use std::error::Error;
use std::sync::PoisonError;

use crate::observe::logging::line::Record;
#[cfg(feature = "log")]
use crate::observe::logging::records::records_to;
use crate::observe::logging::shared::Shared;
use crate::observe::logging::{Builder, Level, Writer};
use crate::primitive::{Arc, RwLock};
#[cfg(feature = "log")]
use crate::probe::records::Taking;
use crate::probe::{self, Event, Subscription, Weight};
use crate::signal::{Signal, Timer};
use crate::thread::{self, SpawnError};

/// The log of the process. A user's static in spirit: it is in no model.
static INSTALLED: RwLock<Option<Installed>> = RwLock::new(None);

struct Installed {
    log: Arc<Shared>,
    /// What tells it of events.
    _events: Option<Subscription>,
    /// What hands it records.
    _records: Option<Taking>,
}

/// The log of the process; made by [`Builder::install`].
///
/// The log stays when this is dropped; [`close`](Self::close) ends it.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

pub(super) fn install(builder: Builder) -> Result<Log, InstallError> {
    let (level, takes_records) = (builder.level, builder.takes_records);
    let takes_events = builder.takes_events;
    let log = Arc::new(Shared::new(builder));
    {
        let mut installed = INSTALLED.write().unwrap_or_else(PoisonError::into_inner);
        if installed.is_some() {
            return Err(InstallError::AlreadyInstalled);
        }
        let records = match takes_records {
            true => Some(records_to(&log)?),
            false => None,
        };
        let told = Arc::clone(&log);
        let tell = move |event: &Event<'_>| tell(&told, event);
        let events = takes_events.then(|| match level < Level::Debug {
            true => probe::subscribe_to_news(tell),
            false => probe::subscribe(tell),
        });
        *installed = Some(Installed {
            log: Arc::clone(&log),
            _events: events,
            _records: records,
        });
    }
    let handle = Log(log);
    match handle.start() {
        Ok(()) => Ok(handle),
        Err(error) => {
            handle.0.serve_nobody();
            handle.close();
            Err(error)
        }
    }
}

/// Nobody hands it records.
#[cfg(not(feature = "log"))]
struct Taking;

#[cfg(not(feature = "log"))]
fn records_to(_log: &Arc<Shared>) -> Result<Taking, InstallError> {
    Ok(Taking)
}

/// The log of the process, if there is one.
pub(super) fn installed() -> Option<Arc<Shared>> {
    let installed = INSTALLED.read().unwrap_or_else(PoisonError::into_inner);
    installed.as_ref().map(|it| Arc::clone(&it.log))
}

/// Writes what is logged, for a second at most: the program ends.
pub(crate) fn flush() {
    if let Some(log) = installed() {
        Log(log).flush();
    }
}

fn tell(log: &Shared, event: &Event<'_>) {
    let level = match event.weight() {
        Weight::Error => Level::Error,
        Weight::Warning => Level::Warn,
        Weight::Info => Level::Info,
        Weight::Detail => Level::Debug,
    };
    log.record(&Record {
        level,
        thread: event.thread(),
        target: "selvedge",
        text: event,
        values: &"",
    });
}

impl Log {
    /// The service of the calling thread, or nobody outside of a tree.
    fn start(&self) -> Result<(), InstallError> {
        let log = Arc::clone(&self.0);
        let service = thread::Builder::new("log").service();
        match service.spawn(move |_stop| log.serve()) {
            Ok(thread) => {
                drop(thread);
                Ok(())
            }
            Err(SpawnError::NoTree { .. }) => {
                self.0.serve_nobody();
                Ok(())
            }
            Err(error) => Err(InstallError::NoThread(error)),
        }
    }

    /// Logs a line, without a target: for programs that use no logging crate.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::observe::logging::{self, Level};
    ///
    /// let log = logging::to(std::io::sink()).install()?; // in no tree: written at once
    /// log.say(Level::Info, format_args!("{} files", 3));
    /// log.close();
    /// # Ok::<(), logging::InstallError>(())
    /// ```
    pub fn say(&self, level: Level, text: impl Display) {
        self.0.record(&Record {
            level,
            thread: None,
            target: "",
            text: &text,
            values: &"",
        });
    }

    /// What writes lines as they are.
    #[must_use]
    pub fn writer(&self) -> Writer {
        Writer::new(Arc::clone(&self.0))
    }

    /// How many lines were dropped because there was no room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped()
    }

    /// Has what was logged before written now, and waits for that, a second at most. False: it is not.
    ///
    /// # Stopping
    ///
    /// It does not obey the calling thread's stop.
    pub fn flush(&self) -> bool {
        let timer = Timer::of_its_own();
        let is_written = self.flush_until(&timer.after_or_at_once(Duration::from_secs(1)));
        timer.shutdown();
        is_written
    }

    /// The same, until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`flush`](Self::flush).
    pub fn flush_until(&self, signal: &Signal) -> bool {
        self.0.flush(signal)
    }

    /// Events and records go nowhere from now on, and another log can be installed. What was logged is written by
    /// the service, which ends when it has.
    pub fn close(self) {
        let ended = {
            let mut installed = INSTALLED.write().unwrap_or_else(PoisonError::into_inner);
            installed.take_if(|it| Arc::ptr_eq(&it.log, &self.0))
        };
        drop(ended);
        self.0.close();
    }
}

/// Why there is no log.
#[derive(Debug)]
#[non_exhaustive]
pub enum InstallError {
    /// There is one already.
    AlreadyInstalled,
    /// The crate `log` has another logger.
    OtherLogger,
    /// The thread that was to write could not be started.
    NoThread(SpawnError),
}

impl Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyInstalled => "the process has a log already: close that one first",
            Self::OtherLogger => {
                "the program has another logger: install this one before, or use `without_records`"
            }
            Self::NoThread(_) => "the log has no thread to write it",
        })
    }
}

impl Error for InstallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoThread(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("level", &self.0.level())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
