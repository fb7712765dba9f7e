//! A database connection that belongs to one request.
//!
//! # Invariants
//!
//! 1. A connection is opened by the first use in its request, and taken out and closed by the request's
//!    `on_exit`, also when a view panicked. It is reached by the request's resource alone, so no other request
//!    sees it; threads that a view starts with the request's ambient use it one at a time.
//! 2. A query ends when the request's deadline has passed: SQLite asks every `STEPS` of its instructions,
//!    and whenever somebody else has locked the file.

use core::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use selvedge::sync::Lock;
use selvedge::{Outcome, Signal, Stopped, Till, signal};

use crate::contexts::{APP, REQUEST};
use crate::log::note;
use crate::statistics::Statistics;

/// How many instructions a query runs between two looks at the deadline.
const STEPS: i32 = 1000;

/// The connection of a request; a resource of [`REQUEST`](static@REQUEST).
#[derive(Debug)]
pub struct Database(Lock<State>);

enum State {
    Unused,
    Open(Open),
    Closed,
}

/// A connection and who counts it.
struct Open {
    number: u64,
    connection: Connection,
    statistics: Arc<Statistics>,
}

impl Database {
    /// One that nobody has used.
    #[must_use]
    pub(crate) fn unused() -> Self {
        Self(Lock::named("database of a request", State::Unused))
    }

    /// Closes the connection, if there is one. The request has none afterwards.
    pub(crate) fn close(&self) -> Outcome<()> {
        let before = core::mem::replace(&mut *self.0.enter(), State::Closed);
        if let State::Open(open) = before {
            open.connection.close().map_err(|(_, error)| error)?;
            open.statistics.count_closed();
        }
        Ok(())
    }
}

/// Runs `f` with the connection of the request that the caller is in.
///
/// `f` must not call it again: there is one connection, and it is taken.
///
/// # Errors
///
/// What `f` returns; [`Stopped`] if the deadline ended it; [`Unbound`](selvedge::Unbound) outside a request.
pub fn with<R>(f: impl FnOnce(&Connection) -> rusqlite::Result<R>) -> Outcome<R> {
    with_open(|open| f(&open.connection))
}

/// The number of the connection of this request, in its application.
///
/// # Errors
///
/// As [`with`].
pub fn number() -> Outcome<u64> {
    with_open(|open| Ok(open.number))
}

fn with_open<R>(f: impl FnOnce(&Open) -> rusqlite::Result<R>) -> Outcome<R> {
    let database = REQUEST.database.get()?;
    let mut state = database.0.enter();
    if let State::Unused = *state {
        *state = State::Open(Open::new()?);
    }
    match &*state {
        State::Open(open) => f(open).map_err(explain),
        State::Unused | State::Closed => Err("the database of this request is closed".into()),
    }
}

impl Open {
    fn new() -> Outcome<Self> {
        let path = APP.config.with(|config| config.database.clone())?;
        let statistics = APP.statistics.with(Arc::clone)?;
        let connection = connect(&path)?;
        let number = statistics.count_opened();
        Ok(Self {
            number,
            connection,
            statistics,
        })
    }
}

/// Makes the tables of an application.
pub(crate) fn prepare(path: &Path) -> rusqlite::Result<()> {
    let connection = connect(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?; // readers and a writer at once
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS snippets (
            key INTEGER PRIMARY KEY,
            title TEXT NOT NULL,
            code TEXT NOT NULL,
            owner TEXT NOT NULL
        ) STRICT",
    )?;
    connection.close().map_err(|(_, error)| error)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.progress_handler(STEPS, Some(|| signal::stop().is_set()))?;
    connection.busy_handler(Some(wait_for_others))?;
    Ok(connection)
}

/// The file is locked. SQLite calls this, and gives up if it is false.
fn wait_for_others(attempt: i32) -> bool {
    if attempt == 0 {
        note("waits for the database");
    }
    let pause = attempt.clamp(1, 20).unsigned_abs();
    Till::after(Duration::from_millis(pause.into()))
        .wait()
        .is_ok()
}

/// Was it the deadline (invariant 2)?
fn explain(error: rusqlite::Error) -> Box<dyn std::error::Error + Send + Sync> {
    let given_up = [ErrorCode::OperationInterrupted, ErrorCode::DatabaseBusy];
    let is_given_up = error
        .sqlite_error_code()
        .is_some_and(|code| given_up.contains(&code));
    match stopped() {
        Some(stopped) if is_given_up => stopped.into(),
        _ => error.into(),
    }
}

/// The stop or deadline that the caller has not obeyed yet.
fn stopped() -> Option<Stopped> {
    let is_asked = signal::stop().is_set();
    is_asked.then(|| Signal::never().wait().err()).flatten()
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unused => f.write_str("Unused"),
            Self::Open(open) => write!(f, "Open({})", open.number),
            Self::Closed => f.write_str("Closed"),
        }
    }
}
