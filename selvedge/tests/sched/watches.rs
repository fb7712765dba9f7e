//! Watches that come and go while others call, and while a function is called for the first time.
//!
//! At the end nothing is left, and the function is quiet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

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

#[open]
fn kept(n: u64) -> u64 {
    pause();
    n
}

/// Room is made and filled under one lock: two who come together do not both fill what one has made, and each gets an
/// index of its own.
#[test]
fn a_log_that_is_full_stays_within_its_bound_and_counts_every_call() {
    check(|| {
        let reached = Arc::new(AtomicU32::new(0));
        let mut log = Log::record("**::watches::kept").unwrap().capacity(1);
        for index in 0..3 {
            let reached = Arc::clone(&reached);
            log = log.break_at(index, move |_| {
                reached.fetch_add(1 << (8 * index), Relaxed);
            });
        }
        log.run(|| kept(0));
        let callers = [1, 2].map(|n| {
            let log = log.clone();
            spawn(move || assert_eq!(log.run(|| kept(n)), n))
        });
        callers
            .into_iter()
            .for_each(|caller| caller.join().unwrap());
        assert_eq!((log.calls().len(), log.dropped()), (1, 2));
        assert_eq!(reached.load(Relaxed), 0x01_01_01); // each index once
    });
}
