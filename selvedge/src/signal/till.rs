//! Time as a signal.

use core::panic::Location;
use std::time::{Duration, Instant, SystemTime};

use crate::signal::reason::{Reason, Why};
use crate::signal::signal::{Kind, Signal};
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
/// # Panics
///
/// The first till of a tree starts the thread that keeps the time. If the system has no room for one, making a till
/// panics, as [`std::thread::spawn`] does; a later one tries again.
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
    /// A time that no clock reaches (`Duration::MAX`, or 584 years) is never.
    #[track_caller]
    #[must_use]
    pub fn after(timeout: Duration) -> Signal {
        let at = Location::caller();
        timer::with_current(|timer| timer.after_from(timeout, at))
    }

    /// Set at `deadline`; one in the past is set already.
    #[track_caller]
    #[must_use]
    pub fn at(deadline: Instant) -> Signal {
        let at = Location::caller();
        timer::with_current(|timer| timer.at(deadline, at))
    }

    /// Set when the system's clock shows `time` or later; a time in the past is set already.
    ///
    /// It follows that clock: if somebody sets it, forward or back, or the machine was asleep, the till
    /// is set by the new time. One that is set stays set. On Linux with the feature `os` (or `run`) the
    /// kernel tells when the clock is set, to a thread that sleeps for as long as such tills were made and
    /// the tree runs; elsewhere the clock is looked at once a second while such tills are pending.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::Till;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let soon = SystemTime::now() + Duration::from_millis(2);
    /// Till::at_system(soon).wait()?;
    /// assert!(SystemTime::now() >= soon);
    /// assert!(Till::at_system(SystemTime::UNIX_EPOCH).is_set()); // the past
    /// # Ok::<(), selvedge::Stopped>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn at_system(time: SystemTime) -> Signal {
        let at = Location::caller();
        timer::with_current(|timer| timer.at_system(time, at))
    }

    /// The same for a date of the crate `jiff`: a `Timestamp`, or a `Zoned`. Needs the feature `jiff`.
    ///
    /// # Examples
    ///
    /// ```
    /// use jiff::{civil::date, tz::TimeZone};
    /// use selvedge::Till;
    ///
    /// let day = date(2016, 1, 21).to_zoned(TimeZone::UTC)?;
    /// assert!(Till::at_timestamp(&day).is_set()); // the past
    /// assert!(!Till::at_timestamp(jiff::Timestamp::MAX).is_set());
    /// # Ok::<(), jiff::Error>(())
    /// ```
    #[cfg(feature = "jiff")]
    #[track_caller]
    #[must_use]
    pub fn at_timestamp(time: impl Into<jiff::Timestamp>) -> Signal {
        Self::at_system(time.into().into())
    }
}

/// One that no clock reaches.
pub(super) fn unset(at: &'static Location<'static>) -> Signal {
    Signal::make(Kind::Plain, at)
}

/// One whose time is over.
pub(super) fn born_set(why: Why, at: &'static Location<'static>) -> Signal {
    let till = unset(at);
    till.claim(|| Reason::new(why, at).now());
    till
}
