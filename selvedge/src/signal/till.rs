//! Time as a signal.

use core::panic::Location;
use std::time::{Duration, Instant};

use crate::signal::signal::Signal;
use crate::signal::timer;

/// Makes signals that time sets; short for "until".
///
/// Use one wherever another library has a timeout argument: it combines with every other signal. Time is
/// monotonic, a till is never early, an idle one costs no wake-up, and a dropped one is forgotten at
/// once. One on which an action hangs lives until it is set, though nobody holds it.
///
/// When all threads of [`selvedge::run`](crate::run) have been joined, tills that are still pending are
/// set with the reason "shutdown", so that no thread outside the tree hangs on one.
///
/// # Examples
///
/// ```
/// use selvedge::Till;
/// use std::time::{Duration, Instant};
///
/// let before = Instant::now();
/// Till::after(Duration::from_millis(2)).wait()?;
/// assert!(before.elapsed() >= Duration::from_millis(2));
/// assert!(Till::at(before).is_set()); // the past
/// # Ok::<(), selvedge::Stopped>(())
/// ```
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "it has no values: a till is a `Signal`"
)]
#[doc(alias = "Timer")]
#[doc(alias = "Timeout")]
#[doc(alias = "sleep")]
pub enum Till {}

impl Till {
    /// Set when `timeout` has passed from now; zero is set already.
    ///
    /// A time that no clock reaches (`Duration::MAX`) is never.
    #[track_caller]
    #[must_use]
    pub fn after(timeout: Duration) -> Signal {
        let timer = timer::current();
        let deadline = timer.now().checked_add(timeout);
        timer.till(deadline, Location::caller())
    }

    /// Set at `deadline`; one in the past is set already.
    #[track_caller]
    #[must_use]
    pub fn at(deadline: Instant) -> Signal {
        timer::current().till(Some(deadline), Location::caller())
    }
}
