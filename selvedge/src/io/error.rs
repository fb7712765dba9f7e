//! Which signal ended an operation.

use std::io::{self, ErrorKind};

use crate::signal::{Signal, Stopped, WaitError};

/// The signal that ended an operation of this module, if it was one: `Expired` or `Stopped`.
///
/// # Examples
///
/// ```
/// use selvedge::signal::WaitError;
/// use selvedge::{Till, io};
/// use std::os::unix::net::UnixStream;
/// use std::time::Duration;
///
/// let (here, _there) = UnixStream::pair()?;
/// let soon = Till::after(Duration::from_millis(1));
/// let error = io::read_until(&here, &mut [0; 8], &soon).unwrap_err();
/// assert!(matches!(io::interruption(&error), Some(WaitError::Expired)));
/// let other = std::io::Error::other("full moon");
/// assert!(io::interruption(&other).is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn interruption(error: &io::Error) -> Option<&WaitError> {
    error.get_ref()?.downcast_ref()
}

/// The given signal came first.
pub(super) fn expired() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, WaitError::Expired)
}

/// The calling thread was asked to stop.
pub(super) fn stopped(stop: &Signal) -> io::Error {
    io::Error::other(WaitError::Stopped(Stopped::by(stop)))
}
