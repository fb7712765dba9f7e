//! Locks: every exit is seen by whoever waits to enter, and no baton gets lost.

use super::{Arc, Count, model};
use loom::thread;
use selvedge::Signal;
use selvedge::sync::Lock;

/// The data is in loom's cell: two holders at a time, or one that does not see the last, are reported.
#[test]
fn a_thread_that_waits_to_enter_is_woken_and_sees_the_data() {
    model(|| {
        let lock = Arc::new(Lock::new(0));
        let other = thread::spawn({
            let lock = Arc::clone(&lock);
            move || *lock.enter() += 1
        });
        *lock.enter() += 1;
        other.join().unwrap();
        assert_eq!(*lock.enter(), 2);
    });
}

#[test]
fn three_threads_enter_one_after_the_other() {
    model(|| {
        let lock = Arc::new(Lock::new(0));
        let others = [(); 2].map(|()| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || *lock.enter() += 1)
        });
        *lock.enter() += 1;
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(*lock.enter(), 3);
    });
}

#[test]
fn leaving_wakes_a_waiter() {
    model(|| {
        let lock = Arc::new(Lock::new(false));
        let other = thread::spawn({
            let lock = Arc::clone(&lock);
            move || *lock.enter() = true
        });
        let mut held = lock.enter();
        while !*held {
            held.wait().expect("nobody asks an alien thread to stop");
        }
        drop(held);
        other.join().unwrap();
    });
}

/// One of two waiters may expire: the exit reaches the other, or came before it waited.
fn baton_and_expiry(expires_first: bool) {
    model(move || {
        let (lock, till) = (Arc::new(Lock::new(false)), Signal::new());
        let patient = thread::spawn({
            let lock = Arc::clone(&lock);
            move || {
                let mut held = lock.enter();
                while !*held {
                    held.wait().expect("nobody asks an alien thread to stop");
                }
            }
        });
        let hasty = thread::spawn({
            let (lock, till) = (Arc::clone(&lock), till.clone());
            move || {
                let mut held = lock.enter();
                if !*held {
                    let _ = held.wait_until(&till);
                }
            }
        });
        if expires_first {
            till.set();
        }
        *lock.enter() = true;
        till.set();
        hasty.join().unwrap();
        patient.join().unwrap();
        assert_eq!(till.links(), 0);
    });
}

#[test]
fn a_baton_is_not_lost_when_a_waiter_expires_after_the_use() {
    baton_and_expiry(false);
}

#[test]
fn a_baton_is_not_lost_when_a_waiter_expires_before_the_use() {
    baton_and_expiry(true);
}

/// An expiry against an exit: the wait says it was used exactly if it was, and holds the lock.
#[test]
fn a_wait_that_expires_against_an_exit_holds_the_lock() {
    model(|| {
        let (lock, till) = (Arc::new(Lock::new(0)), Signal::new());
        let other = thread::spawn({
            let (lock, till) = (Arc::clone(&lock), till.clone());
            move || {
                *lock.enter() += 1;
                till.set();
            }
        });
        let mut held = lock.enter();
        let before = *held;
        if held.wait_until(&till).is_ok() {
            assert_eq!((before, *held), (0, 1));
        }
        *held += 1;
        drop(held);
        other.join().unwrap();
        assert_eq!(*lock.enter(), 2);
        assert_eq!(till.links(), 0);
    });
}

/// Whoever gives up waiting to enter does not take the wake-up of the next with it.
#[test]
fn a_thread_that_gives_up_entering_leaves_the_lock_to_the_next() {
    model(|| {
        let (lock, till, entered) = (Arc::new(Lock::new(0)), Signal::new(), Count::default());
        let held = lock.enter();
        let hasty = thread::spawn({
            let (lock, till, entered) = (Arc::clone(&lock), till.clone(), entered.clone());
            move || {
                if let Ok(mut held) = lock.enter_until(&till) {
                    *held += 1;
                    entered.up();
                }
            }
        });
        let patient = thread::spawn({
            let lock = Arc::clone(&lock);
            move || *lock.enter() += 1
        });
        till.set();
        drop(held);
        hasty.join().unwrap();
        patient.join().unwrap();
        assert_eq!(*lock.enter(), 1 + entered.get());
    });
}
