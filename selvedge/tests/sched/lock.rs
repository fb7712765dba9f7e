//! Locks as a whole: counting, hand-over, batons, stops at any time.
//!
//! ```text
//!   user            waiter 1             waiter 2
//!     enter           wait                 wait_until(till)
//!     leave ────────> woken                  |
//!                     wait again ──────────> woken, or expired
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use selvedge::Signal;
use selvedge::signal::WaitError;
use selvedge::sync::{EnterUntilError, Lock};
use selvedge::testing::World;
use selvedge::thread as tree;

use crate::{check, either_order, pause, random, spawn};

#[test]
fn one_thread_at_a_time_and_every_thread_gets_in() {
    check(|| {
        let (lock, inside) = (Arc::new(Lock::new(0)), Arc::new(AtomicUsize::new(0)));
        let threads = [(); 4].map(|()| {
            let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
            spawn(move || {
                for _ in 0..3 {
                    let mut held = lock.enter();
                    assert_eq!(inside.fetch_add(1, SeqCst), 0);
                    let before = *held;
                    pause();
                    *held = before + 1;
                    inside.fetch_sub(1, SeqCst);
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*lock.enter(), 12);
    });
}

/// The one that waits is called in vain until the lock is handed to it.
#[test]
fn whoever_waits_gets_in_though_others_barge() {
    check(|| {
        let (lock, done) = (Arc::new(Lock::new(0)), Signal::new());
        let barging = [(); 2].map(|()| {
            let (lock, done) = (Arc::clone(&lock), done.clone());
            spawn(move || {
                for _ in 0..40 {
                    if done.is_set() {
                        break;
                    }
                    *lock.enter() += 1;
                }
            })
        });
        drop(lock.enter());
        done.set();
        for thread in barging {
            thread.join().unwrap();
        }
    });
}

/// One use wakes all waiters in the end, whether they leave or wait again.
#[test]
fn one_use_reaches_every_waiter() {
    check(|| {
        let lock = Arc::new(Lock::new(false));
        let waiters = [(); 3].map(|()| {
            let lock = Arc::clone(&lock);
            let leaves = random(2) == 0;
            spawn(move || {
                let mut held = lock.enter();
                while !*held {
                    if leaves {
                        drop(held);
                        pause();
                        held = lock.enter();
                        if *held {
                            break;
                        }
                    }
                    held.wait().unwrap();
                }
            })
        });
        *lock.enter() = true;
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

/// Each waits for its own turn and never leaves in between: all is done by batons that are passed on.
#[test]
fn a_baton_goes_on_until_it_finds_its_receiver() {
    check(|| {
        let lock = Arc::new(Lock::new(0));
        let threads = [0, 1, 2].map(|mine| {
            let lock = Arc::clone(&lock);
            spawn(move || {
                let mut held = lock.enter();
                while *held < 6 {
                    if *held % 3 == mine {
                        *held += 1;
                    } else {
                        held.wait().unwrap();
                    }
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*lock.enter(), 6);
    });
}

#[test]
fn an_expiry_takes_no_baton_with_it() {
    check(|| {
        let (lock, till) = (Arc::new(Lock::new(false)), Signal::new());
        let patient = spawn({
            let lock = Arc::clone(&lock);
            move || lock.enter().wait_while(|done| !done).unwrap()
        });
        let hasty = [(); 2].map(|()| {
            let (lock, till) = (Arc::clone(&lock), till.clone());
            spawn(move || {
                let mut held = lock.enter();
                while !*held {
                    match held.wait_until(&till) {
                        Ok(()) => {}
                        Err(WaitError::Expired) => break,
                        Err(WaitError::Stopped(stopped)) => panic!("{stopped}"),
                    }
                }
            })
        });
        either_order(|| *lock.enter() = true, || assert!(till.set()));
        patient.join().unwrap();
        for thread in hasty {
            thread.join().unwrap();
        }
        assert_eq!(till.links(), 0);
        assert!(*lock.try_enter().unwrap());
    });
}

#[test]
fn stops_at_any_time_leave_the_lock_in_order() {
    check(|| {
        World::new().run(|| {
            let (lock, till) = (Arc::new(Lock::new(0)), Signal::new());
            let threads = [0, 1, 2, 3].map(|mine| {
                let (lock, till) = (Arc::clone(&lock), till.clone());
                tree::spawn("worker", move |_stop| {
                    let mut held = match lock.enter_until(&till) {
                        Ok(held) => held,
                        Err(EnterUntilError::AlreadyHeld(error)) => panic!("{error}"),
                        Err(_) => lock.enter(),
                    };
                    *held += 1;
                    if mine % 2 == 0 {
                        let _ = held.wait();
                    } else {
                        let _ = held.wait_until(&till);
                    }
                    *held += 1;
                    Ok(())
                })
            });
            let first = random(4);
            for at in 0..4 {
                if at == 2 && random(2) == 0 {
                    till.set();
                }
                threads[(first + at) % 4].stop();
            }
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(*lock.try_enter().unwrap(), 8);
        });
    });
}
