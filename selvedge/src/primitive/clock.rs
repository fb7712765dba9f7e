//! The monotonic clock, and the system's.
//!
//! Under shuttle they are virtual: they start at some moment and move only when a timed park says so.

#[cfg(not(selvedge_shuttle))]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// The time of day, which people and daemons set.
#[cfg(not(selvedge_shuttle))]
pub(crate) fn system_now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

#[cfg(selvedge_shuttle)]
pub(crate) use virtual_clock::{advance_to, now, system_now};

#[cfg(selvedge_shuttle)]
mod virtual_clock {
    use std::time::{Duration, Instant, SystemTime};

    use crate::primitive::{Mutex, global};

    global! {
        /// The moment at which the run started, and how far time has moved since.
        fn time() -> Mutex<(Instant, Duration)> { Mutex::new((Instant::now(), Duration::ZERO)) }
    }

    pub(crate) fn now() -> Instant {
        let time = time().lock();
        time.0 + time.1
    }

    pub(crate) fn system_now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000) + time().lock().1
    }

    pub(crate) fn advance_to(deadline: Instant) {
        let mut time = time().lock();
        let passed = deadline.saturating_duration_since(time.0);
        time.1 = time.1.max(passed);
    }
}
