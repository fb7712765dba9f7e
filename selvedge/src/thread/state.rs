//! Where a thread is in its life.

use core::fmt;

/// Where a thread is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It was prepared and not started.
    Prepared,
    /// Its body runs.
    Running,
    /// Its body has ended; its children are being stopped and joined.
    Ending,
    /// It and its children have ended.
    Stopped,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prepared => "prepared",
            Self::Running => "running",
            Self::Ending => "ending",
            Self::Stopped => "stopped",
        })
    }
}
