//! Waiting for a signal, in the forms that every blocking operation has.

use core::fmt;
use core::panic::Location;
use std::error::Error;

use crate::primitive::Arc;
use crate::signal::record::WaitSite;
use crate::signal::signal::Signal;
use crate::signal::stop::{self, Stopped};
use crate::signal::waiter;

impl Signal {
    /// Waits until it is set.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, `wait` returns [`Stopped`]. If both are set, the
    /// signal counts.
    ///
    /// # Errors
    ///
    /// [`Stopped`], see above.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let done = Signal::new();
    ///     let worker = thread::spawn("worker", { let done = done.clone(); move |_| Ok(done.set()) });
    ///     done.wait()?; // also wakes up when this thread is asked to stop
    ///     worker.join()?;
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    #[inline]
    pub fn wait(&self) -> Result<(), Stopped> {
        if self.is_set() {
            Ok(())
        } else {
            self.wait_slow(Location::caller())
        }
    }

    #[cold]
    fn wait_slow(&self, at: &'static Location<'static>) -> Result<(), Stopped> {
        let Some(stop) = stop::visible_stop() else {
            waiter::wait_any(&[self], self.site(at));
            return Ok(());
        };
        match waiter::wait_any(&[self, &stop], self.site(at)) {
            0 => Ok(()),
            _ => Err(Stopped::by(&stop)),
        }
    }

    /// Waits until it is set, or until `other` is.
    ///
    /// # Stopping
    ///
    /// As [`wait`](Self::wait); the order of precedence is this signal, `other`, stop.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Expired`] – `other` was set first.
    /// - [`WaitError::Stopped`] – the calling thread was asked to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, Till, signal::WaitError};
    /// use std::time::Duration;
    ///
    /// let never = Signal::new();
    /// let waited = never.wait_until(&Till::after(Duration::from_millis(1)));
    /// assert!(matches!(waited, Err(WaitError::Expired)));
    /// ```
    #[track_caller]
    pub fn wait_until(&self, other: &Self) -> Result<(), WaitError> {
        if self.is_set() {
            return Ok(());
        }
        let stop = stop::stop();
        match waiter::wait_any(&[self, other, &stop], self.site(Location::caller())) {
            0 => Ok(()),
            1 => Err(WaitError::Expired),
            _ => Err(WaitError::Stopped(Stopped::by(&stop))),
        }
    }

    /// Waits without obeying stop: for joins.
    #[track_caller]
    pub(crate) fn wait_through(&self) {
        waiter::wait_any(&[self], self.site(Location::caller()));
    }

    /// What a wait for it is noted as.
    pub(crate) fn site(&self, at: &'static Location<'static>) -> WaitSite<'static> {
        WaitSite::shared("signal", self.name(), at).on(Arc::as_ptr(&self.0), self.0.made)
    }
}

/// The error of [`Signal::wait_until`].
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the caller decides by it, and there is no third way"
)]
pub enum WaitError {
    /// The other signal was set first.
    Expired,
    /// The calling thread was asked to stop.
    Stopped(Stopped),
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("the wait expired"),
            Self::Stopped(stopped) => stopped.fmt(f),
        }
    }
}

impl Error for WaitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Expired => None,
            Self::Stopped(stopped) => Some(stopped),
        }
    }
}
