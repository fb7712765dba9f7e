//! What events are about: a thread or a process, and how it ended, how much that matters.

use core::fmt;

/// What an event is about. Its `Display` is "thread", or "process".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A thread of this program.
    Thread,
    /// A child process.
    Process,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread => "thread",
            Self::Process => "process",
        })
    }
}

/// How a thread ended, in [`Event::Stopped`](super::Event::Stopped).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// Its body returned a value.
    Finished,
    /// Its body ended because it was asked to.
    Stopped,
    /// Its body, or a child that nobody joined, failed.
    Failed,
    /// It was prepared and never started.
    NeverRan,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::NeverRan => "never ran",
        })
    }
}

/// How much an event matters to who reads a log.
#[cfg(any(
    feature = "log",
    feature = "tracing",
    feature = "observe",
    all(selvedge_process, feature = "worker")
))]
pub(crate) enum Weight {
    Error,
    Warning,
    Info,
    Detail,
}
