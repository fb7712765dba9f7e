//! The errors of locks, one small type per operation.

use core::fmt;
use core::panic::Location;
use std::error::Error;

use crate::signal::Stopped;

/// The error of entering a [`Lock`](super::Lock) that the calling thread holds already.
///
/// It tells which lock, which thread, and where it entered.
#[derive(Clone, Debug)]
#[doc(alias = "deadlock")]
pub struct AlreadyHeld {
    message: Box<str>,
}

impl AlreadyHeld {
    pub(super) fn new(lock: impl fmt::Display, thread: &str, at: &Location<'_>) -> Self {
        let message = format!(
            "thread `{thread}` holds {lock} already, since {at}; a lock is not re-entrant: \
             use the `Held` that is there, or drop it first"
        );
        Self {
            message: message.into(),
        }
    }
}

impl fmt::Display for AlreadyHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for AlreadyHeld {}

/// The error of [`Lock::try_enter`](super::Lock::try_enter).
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
pub enum TryEnterError {
    /// Another thread holds the lock.
    WouldBlock,
    /// The calling thread holds the lock.
    AlreadyHeld(AlreadyHeld),
}

/// The error of [`Lock::enter_until`](super::Lock::enter_until).
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
pub enum EnterUntilError {
    /// The signal was set before the lock was free.
    Expired,
    /// The thread was asked to stop while another held the lock.
    Stopped(Stopped),
    /// The calling thread holds the lock.
    AlreadyHeld(AlreadyHeld),
}

impl fmt::Display for TryEnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("another thread holds the lock"),
            Self::AlreadyHeld(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for EnterUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("the wait for the lock expired"),
            Self::Stopped(stopped) => stopped.fmt(f),
            Self::AlreadyHeld(error) => error.fmt(f),
        }
    }
}

impl Error for TryEnterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::WouldBlock => None,
            Self::AlreadyHeld(error) => Some(error),
        }
    }
}

impl Error for EnterUntilError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Expired => None,
            Self::Stopped(stopped) => Some(stopped),
            Self::AlreadyHeld(error) => Some(error),
        }
    }
}
