//! Watches that come and go while others call, and while a function is called for the first time.
//!
//! At the end nothing is left, and the function is quiet.

use selvedge::call::Log;
use selvedge::open;

use crate::patches::is_quiet;
use crate::{check, pause, spawn};

#[open]
fn seen(n: u64) -> u64 {
    pause();
    n
}

#[test]
fn a_watch_sees_every_call_between_its_installing_and_its_end() {
    check(|| {
        let watchers = [(); 2].map(|()| {
            spawn(|| {
                let log = Log::record("**::watches::seen").unwrap();
                let on = log.install();
                assert_eq!(seen(7), 7);
                drop(on);
                seen(8);
                let calls = log.calls();
                let count = |n| calls.iter().filter(|call| call.arg("n") == Some(n)).count();
                assert!(count("7") >= 1, "{calls:?}"); // and perhaps the other one's
                assert!(count("8") <= 1, "{calls:?}"); // the other one's
            })
        });
        let caller = spawn(|| (0..3).for_each(|n| assert_eq!(seen(n), n)));
        for thread in watchers.into_iter().chain([caller]) {
            thread.join().unwrap();
        }
        assert!(is_quiet(seen::__site()));
    });
}
