//! Profiles that are looked at and stopped while threads call, begin and end.
//!
//! ```text
//!   workers                looker                 owner
//!     | call, call           | snapshot             |
//!     | end: added up        | snapshot             |
//!     |                      |                      stop
//!     | call: not counted    |                      |  everything once
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selvedge::observe::profile::{Builder, Profile};
use selvedge::open;

use crate::patches::is_quiet;
use crate::{check, pause, spawn};

#[open]
fn counted(n: u64) -> u64 {
    pause();
    n
}

#[open]
fn stopped(n: u64) -> u64 {
    pause();
    n
}

/// There is one profile at a time in a process.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn calls(profile: &Profile, name: &str) -> u64 {
    let merged = profile.row(name).map_or(0, |row| row.calls());
    let of_threads = profile
        .threads()
        .iter()
        .filter_map(|thread| thread.row(name));
    assert_eq!(merged, of_threads.map(|row| row.calls()).sum::<u64>());
    merged
}

#[test]
fn every_call_is_counted_once_wherever_its_thread_is() {
    let _alone = alone();
    check(|| {
        let profiling = Builder::new().functions("**::profiles::counted");
        let profiling = Arc::new(profiling.start().unwrap());
        let workers = [1, 2].map(|n| {
            spawn(move || {
                for i in 0..n {
                    assert_eq!(counted(i), i);
                }
            })
        });
        let looker = spawn({
            let profiling = Arc::clone(&profiling);
            move || {
                let seen = [(); 2].map(|()| calls(&profiling.snapshot(), "counted"));
                assert!(seen[0] <= seen[1] && seen[1] <= 3, "{seen:?}");
            }
        });
        looker.join().unwrap();
        for worker in workers {
            worker.join().unwrap();
        }
        let profile = Arc::into_inner(profiling).unwrap().stop();
        assert_eq!(calls(&profile, "counted"), 3, "{profile}");
        assert!(is_quiet(counted::__site()));
    });
}

#[test]
fn a_profile_that_is_stopped_has_what_was_before_and_nothing_of_the_next() {
    let _alone = alone();
    check(|| {
        let start = || {
            Builder::new()
                .functions("**::profiles::stopped")
                .start()
                .unwrap()
        };
        let first = start();
        assert_eq!(stopped(0), 0);
        let worker = spawn(|| (0..3).for_each(|n| assert_eq!(stopped(n), n)));
        let first = first.stop();
        let second = start();
        worker.join().unwrap();
        let second = second.stop();
        let (a, b) = (calls(&first, "stopped"), calls(&second, "stopped"));
        assert!(a >= 1 && a + b <= 4, "{a} {b}"); // what began in neither is in none
        assert_eq!(calls(&first, "stopped"), a);
        assert!(is_quiet(stopped::__site()));
    });
}
