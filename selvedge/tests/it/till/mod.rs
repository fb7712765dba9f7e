//! Tills: time as a signal, never early, forgotten when dropped.

mod end;
mod idle;
mod mock_clock;
mod real_clock;
mod system_clock;

use selvedge::{Signal, Till};
use std::thread;
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3600);

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A bound by the real clock, also in a world whose clock stands still: a till made outside of it.
fn soon() -> Signal {
    thread::scope(|scope| {
        scope
            .spawn(|| Till::after(Duration::from_secs(10)))
            .join()
            .unwrap()
    })
}

/// Noon of some day.
fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + HOUR * 24 * 10_000 + HOUR * 12
}

/// Lets real time pass without a till.
fn pass(time: Duration) {
    let (_silent, nothing) = std::sync::mpsc::channel::<()>();
    assert!(nothing.recv_timeout(time).is_err());
}
