//! Why a command was not run.

use core::fmt;
use std::error::Error;

use crate::process::error::SpawnError;
use crate::process::shell::quote::QuoteError;
use crate::signal::Stopped;

/// The error of [`Shell::run`](super::Shell::run) and [`run_script`](super::Shell::run_script): the command was
/// not run.
#[derive(Debug)]
#[non_exhaustive]
pub enum ShellError {
    /// It cannot be said to a shell.
    Quote(QuoteError),
    /// There is no shell, or no place for the command.
    Spawn(SpawnError),
    /// The calling thread was asked to stop before a shell had begun it.
    Stopped(Stopped),
    /// A shell was started and did not begin it.
    #[non_exhaustive]
    NotBegun {
        /// The shell's program.
        shell: Box<str>,
        /// What it said.
        said: Box<str>,
    },
}

impl From<QuoteError> for ShellError {
    fn from(error: QuoteError) -> Self {
        Self::Quote(error)
    }
}

impl fmt::Display for ShellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quote(error) => error.fmt(f),
            Self::Spawn(error) => error.fmt(f),
            Self::Stopped(stopped) => {
                write!(
                    f,
                    "before a shell had begun the command, this thread was {stopped}"
                )
            }
            Self::NotBegun { shell, said } => {
                write!(
                    f,
                    "shell `{shell}` did not begin the command: it has to be a bash, and has to be able to open \
                     descriptors of this process in /proc"
                )?;
                match &**said {
                    "" => Ok(()),
                    said => write!(f, "; it said: {said}"),
                }
            }
        }
    }
}

impl Error for ShellError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Quote(_) | Self::NotBegun { .. } => None, // it says the same
            Self::Spawn(error) => error.source(),
            Self::Stopped(stopped) => Some(stopped),
        }
    }
}
