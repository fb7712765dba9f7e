//! The monotonic clock.
//!
//! Under shuttle it is virtual: it starts at some moment and moves only when a timed park says so.

#[cfg(not(selvedge_shuttle))]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[cfg(selvedge_shuttle)]
pub(crate) use virtual_clock::{advance_to, now};

#[cfg(selvedge_shuttle)]
mod virtual_clock {
    use std::time::{Duration, Instant};

    use crate::primitive::{Mutex, global};

    global! {
        /// The moment at which the run started, and how far time has moved since.
        fn time() -> Mutex<(Instant, Duration)> { Mutex::new((Instant::now(), Duration::ZERO)) }
    }

    pub(crate) fn now() -> Instant {
        let time = time().lock();
        time.0 + time.1
    }

    pub(crate) fn advance_to(deadline: Instant) {
        let mut time = time().lock();
        let passed = deadline.saturating_duration_since(time.0);
        time.1 = time.1.max(passed);
    }
}
