//! Linux, through rustix.

use std::num::NonZeroU64;

/// Asks the kernel to wake the calling thread as punctually as it can.
///
/// By default Linux may delay a timed wait by 50 microseconds to save wake-ups (the "timer slack").
pub(crate) fn punctual() {
    // A kernel that refuses leaves the default: later by 50 us, never wrong.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}
