//! Why something could not be done.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use selvedge::Stopped;
use selvedge::io::interruption;
use selvedge::signal::WaitError;

/// Why something could not be done, for whoever typed the command.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The program was asked to stop, by Ctrl-C for example.
    Stopped,
    /// Nobody reads standard output any more.
    Unread,
    /// The command cannot be what was meant: exit status 2.
    Misused(String),
    /// It was tried, and failed: exit status 1.
    Failed(String),
}

impl Fault {
    pub(crate) fn misused(message: impl fmt::Display) -> Self {
        Self::Misused(message.to_string())
    }

    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        Self::Failed(message.to_string())
    }

    /// Of an error while `doing` something; a stop is one, too.
    pub(crate) fn of(doing: impl fmt::Display, error: &io::Error) -> Self {
        match interruption(error) {
            Some(WaitError::Expired) => Self::Failed(format!("{doing}: it took too long")),
            Some(_) => Self::Stopped,
            None => Self::Failed(format!("{doing}: {error}")),
        }
    }

    /// Of an error while writing to standard output.
    pub(crate) fn of_output(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::of("cannot write to standard output", error),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Unread => f.write_str("nobody reads standard output"),
            Self::Misused(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

impl Error for Fault {}

impl From<Stopped> for Fault {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}
