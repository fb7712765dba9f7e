//! Why there were no permits.
//!
//! # Invariants
//!
//! 1. Whoever gets one of these errors has no permit.

use core::fmt;
use std::error::Error;

use crate::signal::Stopped;

/// The error of [`Semaphore::acquire`](super::Semaphore::acquire) and [`Semaphore::acquire_many`](super::Semaphore::acquire_many).
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
pub enum AcquireError {
    /// More was asked for than the semaphore has.
    TooMany {
        /// How many were asked for.
        asked: usize,
        /// How many there are, held or not.
        total: usize,
    },
    /// The thread was asked to stop while it waited.
    Stopped(Stopped),
}

/// The error of [`Semaphore::acquire_until`](super::Semaphore::acquire_until) and [`Semaphore::acquire_many_until`](super::Semaphore::acquire_many_until).
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
pub enum AcquireUntilError {
    /// More was asked for than the semaphore has.
    TooMany {
        /// How many were asked for.
        asked: usize,
        /// How many there are, held or not.
        total: usize,
    },
    /// The signal was set before the permits were free.
    Expired,
    /// The thread was asked to stop while it waited.
    Stopped(Stopped),
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { asked, total } => too_many(f, *asked, *total),
            Self::Stopped(stopped) => stopped.fmt(f),
        }
    }
}

impl fmt::Display for AcquireUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { asked, total } => too_many(f, *asked, *total),
            Self::Expired => f.write_str("the wait for permits expired"),
            Self::Stopped(stopped) => stopped.fmt(f),
        }
    }
}

fn too_many(f: &mut fmt::Formatter<'_>, asked: usize, total: usize) -> fmt::Result {
    write!(
        f,
        "{asked} permits were asked for and the semaphore has {total}; add permits first"
    )
}

impl Error for AcquireError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TooMany { .. } => None,
            Self::Stopped(stopped) => Some(stopped),
        }
    }
}

impl Error for AcquireUntilError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TooMany { .. } | Self::Expired => None,
            Self::Stopped(stopped) => Some(stopped),
        }
    }
}
