//! A set between a waiter's look and its sleep is not lost.
//!
//! ```text
//!   setter            waiter
//!     |                 |  is_set() == false
//!   set() ───────┐      |
//!     |          └────> |  must not sleep
//! ```

use selvedge::Signal;
use selvedge::signal::WaitError;

use crate::{check, random, spawn};

#[test]
fn a_set_between_check_and_wait_is_not_lost() {
    check(|| {
        let signal = Signal::new();
        let waiters = [(); 2].map(|()| {
            spawn({
                let signal = signal.clone();
                move || signal.wait().unwrap()
            })
        });
        assert!(signal.set());
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(signal.links(), 0);
    });
}

#[test]
fn a_signal_that_was_set_before_another_counts_before_it() {
    check(|| {
        let (signal, late) = (Signal::new(), Signal::new());
        let setter = spawn({
            let (signal, late) = (signal.clone(), late.clone());
            move || assert!(signal.set() && late.set())
        });
        signal.wait_until(&late).expect("`late` is set after it");
        setter.join().unwrap();
    });
}

#[test]
fn a_wait_until_ends_by_the_one_that_is_set_and_leaves_the_other() {
    check(|| {
        let (signal, late) = (Signal::new(), Signal::new());
        let expires = random(2) == 0;
        let set = if expires {
            late.clone()
        } else {
            signal.clone()
        };
        let setter = spawn(move || assert!(set.set()));
        match signal.wait_until(&late) {
            Ok(()) => assert!(!expires),
            Err(WaitError::Expired) => assert!(expires),
            Err(WaitError::Stopped(stopped)) => panic!("{stopped}"),
        }
        setter.join().unwrap();
        assert_eq!((signal.links(), late.links()), (0, 0));
    });
}
