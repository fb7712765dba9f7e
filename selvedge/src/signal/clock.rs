//! Where a timer service has its time from: the machine, or a test that moves it.
//!
//! The timer counts nanoseconds since its epoch; the system's clock, those since 1970.

use std::time::{Duration, Instant, SystemTime};

#[cfg(feature = "testing")]
use crate::primitive::{Arc, Mutex};
use crate::primitive::{Parker, clock};
use crate::signal::timer;

/// So many tills in one rest are a crowd.
const MANY: usize = 32;

/// Where the time comes from.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    Real,
    #[cfg(feature = "testing")]
    Mock(MockTime),
}

impl Clock {
    pub(super) fn now(&self) -> Instant {
        match self {
            Self::Real => clock::now(),
            #[cfg(feature = "testing")]
            Self::Mock(time) => time.0.lock().now,
        }
    }

    /// The system's time.
    pub(super) fn system_now(&self) -> SystemTime {
        match self {
            Self::Real => clock::system_now(),
            #[cfg(feature = "testing")]
            Self::Mock(time) => time.0.lock().system,
        }
    }

    /// Does nobody set the system's time without telling the timer service?
    pub(super) fn tells(&self) -> bool {
        match self {
            Self::Real => false,
            #[cfg(feature = "testing")]
            Self::Mock(_) => true,
        }
    }

    /// How many nanoseconds after it began to fire `n` tills a timer fires again. What comes in between
    /// is fired together; else a thousand tills in a millisecond would be a thousand wake-ups. Few are later
    /// by no more than what Linux allows itself for every sleep; where many come at once, by a little more.
    pub(super) fn rest(&self, n: usize) -> Option<u64> {
        match self {
            Self::Real if n == 0 => None,
            Self::Real if n < MANY => Some(50_000),
            Self::Real => Some(200_000),
            #[cfg(feature = "testing")]
            Self::Mock(_) => None, // it would rest until told otherwise
        }
    }

    pub(super) fn park_until(&self, parker: &Parker, deadline: Instant) {
        match self {
            Self::Real => parker.park_until(deadline),
            #[cfg(feature = "testing")]
            Self::Mock(_) => parker.park(), // whoever moves the time wakes us
        }
    }
}

#[cfg(feature = "inspect")]
impl timer::Timer {
    /// Does a test move its time?
    pub(crate) fn is_mocked(&self) -> bool {
        self.clock().tells()
    }
}

/// Time that moves when told.
#[cfg(feature = "testing")]
#[derive(Clone, Debug)]
pub(crate) struct MockTime(Arc<Mutex<Mock>>);

#[cfg(feature = "testing")]
#[derive(Debug)]
struct Mock {
    now: Instant,
    system: SystemTime,
}

#[cfg(feature = "testing")]
impl MockTime {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Mock {
            now: clock::now(),
            system: clock::system_now(),
        })))
    }

    pub(super) fn advance(&self, by: Duration) {
        let mut time = self.0.lock();
        time.now += by;
        time.system += by;
    }

    pub(super) fn set_system(&self, now: SystemTime) {
        self.0.lock().system = now;
    }
}

/// The time by the clock that the tills of the calling thread go by.
pub(crate) fn now() -> Instant {
    timer::with_current(|timer| timer.clock().now())
}

/// The system's time, by the same.
pub(crate) fn system_now() -> SystemTime {
    timer::with_current(|timer| timer.clock().system_now())
}

/// A length in nanoseconds, if it is below 584 years.
pub(super) fn nanos(length: Duration) -> Option<u64> {
    let whole = length.as_secs().checked_mul(1_000_000_000)?;
    whole.checked_add(length.subsec_nanos().into())
}

/// Nanoseconds since 1970; `None` from the year 2262 on.
pub(super) fn since_1970(time: SystemTime) -> Option<i64> {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).ok(),
        Err(before) => {
            let before = i64::try_from(before.duration().as_nanos());
            Some(before.map_or(i64::MIN, |nanos| -nanos))
        }
    }
}
