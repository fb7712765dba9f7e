//! Linux, through rustix.

use std::ffi::CString;
use std::num::NonZeroU64;
#[cfg(feature = "observe")]
use std::time::Duration;

/// Asks the kernel to wake the calling thread as punctually as it can.
///
/// By default Linux may delay a timed wait by 50 microseconds to save wake-ups (the "timer slack").
pub(crate) fn punctual() {
    // A kernel that refuses leaves the default: later by 50 us, never wrong.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

/// How long the calling thread has run on a processor.
#[cfg(feature = "observe")]
pub(crate) fn thread_cpu() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).ok()
}

/// The same of another thread of this process, by its number, as of its last switch or tick.
#[cfg(feature = "observe")]
pub(crate) fn cpu_of(thread: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    let nanos = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// The kernel's number of the calling thread.
pub(crate) fn thread_id() -> u32 {
    rustix::thread::gettid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs()
}

/// Tells the kernel the name of the calling thread where std, which gives it the first 15 bytes, would cut a
/// character.
pub(crate) fn name_thread(name: &str) {
    if !name.is_char_boundary(name.len().min(NAME_BYTES)) {
        let name = name[..name.floor_char_boundary(NAME_BYTES)].replace('\0', "\u{fffd}");
        // A kernel that refuses leaves the name as it is.
        let _ = CString::new(name).map(|name| rustix::thread::set_name(&name));
    }
}

/// How much of a name the kernel keeps.
const NAME_BYTES: usize = 15;

#[cfg(not(any(selvedge_loom, selvedge_shuttle)))]
pub(crate) use watch::ClockWatch;

#[cfg(not(any(selvedge_loom, selvedge_shuttle)))]
mod watch {
    use rustix::fd::OwnedFd;
    use rustix::io::{Errno, read};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    /// Tells when somebody sets the system's clock: a timer for a far day, which the kernel cancels then.
    #[derive(Debug)]
    pub(crate) struct ClockWatch(OwnedFd);

    impl ClockWatch {
        /// Watches from now on, unless the kernel has no descriptor for us.
        pub(crate) fn new() -> Option<Self> {
            let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC).ok()?;
            let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
            match timerfd_settime(&timer, flags, &once_at(FAR, 0)) {
                Ok(_) | Err(Errno::CANCELED) => Some(Self(timer)),
                Err(_) => None,
            }
        }

        /// Sleeps until the clock was set. False: until `end`.
        pub(crate) fn wait(&self) -> bool {
            let mut count = [0; 8];
            loop {
                match read(&self.0, &mut count) {
                    Err(Errno::CANCELED) => return true,
                    Err(Errno::INTR) => {}
                    _ => return false,
                }
            }
        }

        /// Ends the `wait` that runs, or else the next.
        pub(crate) fn end(&self) {
            let past = once_at(0, 1);
            timerfd_settime(&self.0, TimerfdTimerFlags::ABSTIME, &past)
                .expect("a timer can be set to a time in the past");
        }
    }

    /// The year 2255, in seconds since 1970; the kernel counts as far as 2262.
    const FAR: i64 = 9_000_000_000;

    fn once_at(tv_sec: i64, tv_nsec: i64) -> Itimerspec {
        let never = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        Itimerspec {
            it_interval: never,
            it_value: Timespec {
                tv_sec,
                tv_nsec: tv_nsec as _,
            },
        }
    }
}
