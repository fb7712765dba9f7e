//! Waiting.

use selvedge::signal::WaitError;
use selvedge::sync::{Lock, TryEnterError};
use selvedge::testing::World;
use selvedge::thread::{self};
use selvedge::{Signal, Stopped, Till, signal};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{
    ENTERING, WAITING, idle, idle_and_then, join_all, until_it_waits, until_woken, with_lock,
};

/// 200, 201: whatever ends a wait, the lock is held; three times within one guard.
#[test]
fn three_waits_that_expire_inside_one_guard_each_return_with_the_lock_held() {
    with_lock(|lock| {
        let mut held = lock.enter();
        for _ in 0..3 {
            let before = Instant::now();
            let till = Till::after(Duration::from_millis(2));
            let waited = held.wait_until(&till);
            assert!(matches!(waited, Err(WaitError::Expired)), "{waited:?}");
            assert!(before.elapsed() >= Duration::from_millis(2));
            assert!(matches!(
                lock.try_enter(),
                Err(TryEnterError::AlreadyHeld(_))
            ));
            assert_eq!(till.links(), 0);
        }
        drop(held);
        assert!(lock.try_enter().is_ok());
    });
}

/// 201: signalled and expired is signalled.
#[test]
fn a_wait_that_was_signalled_and_then_expired_was_signalled() {
    with_lock(|lock| {
        let expire = Signal::new();
        let waiter = thread::spawn("a", {
            let (lock, expire) = (Arc::clone(&lock), expire.clone());
            move |_| Ok(lock.enter().wait_until(&expire).is_ok())
        });
        until_it_waits("a", WAITING);
        let mut held = lock.enter();
        let between = thread::spawn("b", {
            let (lock, expire) = (Arc::clone(&lock), expire.clone());
            move |_| {
                let _held = lock.enter();
                expire.set(); // `a` has its baton already, and waits for us to leave
                until_it_waits("a", ENTERING);
                Ok(())
            }
        });
        until_it_waits("b", ENTERING);
        // A use, which is for `a`; the lock goes to `b`, who came before.
        let waited = held.wait_until(&Signal::always());
        assert!(matches!(waited, Err(WaitError::Expired)), "{waited:?}");
        drop(held);
        between.join().unwrap();
        assert!(waiter.join().unwrap());
    });
}

/// 202: with a signal that is set, those who want to enter have the lock once.
#[test]
fn a_wait_that_has_expired_before_gives_others_the_lock_once() {
    with_lock(|lock| {
        let mut held = lock.enter();
        let thread = thread::spawn("a", {
            let lock = Arc::clone(&lock);
            move |_| {
                *lock.enter() = true;
                Ok(())
            }
        });
        until_it_waits("a", ENTERING);
        let waited = held.wait_until(&Signal::always());
        assert!(matches!(waited, Err(WaitError::Expired)), "{waited:?}");
        assert!(*held, "it came first");
        drop(held);
        thread.join().unwrap();
    });
}

/// 200: a stop ends a wait, with the lock held; a given signal counts before it.
#[test]
fn a_stop_ends_a_wait_with_the_lock_held() {
    with_lock(|lock| {
        let waiter = thread::spawn("a", {
            let lock = Arc::clone(&lock);
            move |_| {
                let mut held = lock.enter();
                let stopped: Result<(), Stopped> = held.wait();
                assert!(stopped.is_err());
                let expired = held.wait_until(&Signal::always());
                assert!(matches!(expired, Err(WaitError::Expired)));
                let stopped = held.wait_until(&Signal::never());
                assert!(matches!(stopped, Err(WaitError::Stopped(_))));
                *held = true;
                Ok(())
            }
        });
        until_it_waits("a", WAITING);
        waiter.stop();
        waiter.join().unwrap();
        assert!(*lock.enter());
    });
}

/// 203, 204: leaving wakes the one that has waited longest, also when unwinding; and that one, leaving, the next.
#[test]
fn leaving_wakes_the_oldest_waiter_also_when_unwinding() {
    for panics in [false, true] {
        with_lock(|lock| {
            let order = Arc::new(Mutex::new(Vec::new()));
            let start = |name| {
                let order = Arc::clone(&order);
                idle_and_then(name, &lock, move || order.lock().unwrap().push(name))
            };
            let a = start("a");
            let b = start("b");
            until_woken(&[("a", &a)], 1); // so that now `b` has waited longest
            let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut held = lock.enter();
                *held = true;
                assert!(!panics, "on purpose");
            }));
            assert_eq!(unwound.is_err(), panics);
            join_all([a.thread, b.thread]);
            assert_eq!(*order.lock().unwrap(), ["b", "a"]);
        });
    }
}

/// 205: a wait by a holder that has entered wakes one waiter.
#[test]
fn waiting_wakes_another_waiter() {
    with_lock(|lock| {
        let waiter = thread::spawn("a", {
            let lock = Arc::clone(&lock);
            move |_| Ok(lock.enter().wait()?)
        });
        until_it_waits("a", WAITING);
        let mut held = lock.enter();
        held.wait().unwrap(); // `a` is woken by this, leaves, and so wakes us
        drop(held);
        waiter.join().unwrap();
    });
}

/// 206, 207: one use wakes each waiter once, and then nobody.
#[test]
fn each_use_wakes_every_idle_waiter_once() {
    with_lock(|lock| {
        let a = idle("a", &lock);
        let b = idle("b", &lock);
        until_woken(&[("a", &a)], 1); // by b's first wait, a use
        let c = idle("c", &lock);
        until_woken(&[("a", &a), ("b", &b)], 1);
        until_woken(&[("a", &a)], 2); // by c's first wait, as b, which passed it on
        let all = [("a", &a), ("b", &b), ("c", &c)];
        let before = all.map(|(_, idle)| idle.woken.load(SeqCst));
        assert_eq!(before, [2, 1, 0]);
        for n in 1..=20 {
            drop(lock.enter()); // one use
            for (at, one) in all.iter().enumerate() {
                until_woken(&[*one], before[at] + n);
            }
        }
        let after = all.map(|(_, idle)| idle.woken.load(SeqCst));
        assert_eq!(after, [22, 21, 20]);
        *lock.enter() = true;
        join_all([a.thread, b.thread, c.thread]);
    });
}

/// 206: two threads in `while !todo { held.wait() }` are quiet.
#[test]
fn two_idle_waiters_do_not_wake_each_other() {
    with_lock(|lock| {
        let (a, b) = (idle("a", &lock), idle("b", &lock));
        until_woken(&[("a", &a)], 1); // by b's first wait
        // Nothing can be waited for that shall not happen; the old fault made 77,000 wake-ups a second.
        Till::after(Duration::from_millis(50)).wait().unwrap();
        assert_eq!((a.woken.load(SeqCst), b.woken.load(SeqCst)), (1, 0));
        *lock.enter() = true;
        join_all([a.thread, b.thread]);
    });
}

/// 207: a woken holder that has changed the data wakes others by waiting again.
#[test]
fn a_change_before_the_next_wait_is_a_use() {
    World::new().run(|| {
        let lock = Arc::new(Lock::named("l", 0));
        let count = |name, parity| {
            let lock = Arc::clone(&lock);
            thread::spawn(name, move |_| {
                let mut held = lock.enter();
                while *held < 100 {
                    if *held % 2 == parity {
                        *held += 1; // never leaves: only its waits tell the other
                    } else {
                        held.wait()?;
                    }
                }
                Ok(())
            })
        };
        let threads = [count("even", 0), count("odd", 1)];
        join_all(threads);
        assert_eq!(*lock.enter(), 100);
    });
}

/// 208: a hundred waiters are all released by others who merely enter and leave.
#[test]
fn a_hundred_waiters_proceed_as_others_enter_and_leave() {
    with_lock(|lock| {
        let waiters: Vec<_> = (0..100)
            .map(|_| {
                let lock = Arc::clone(&lock);
                thread::spawn("waiter", move |_| Ok(lock.enter().wait()?))
            })
            .collect();
        while waiters.iter().any(|waiter| !waiter.stopped().is_set()) {
            drop(lock.enter());
            std::thread::yield_now();
        }
        join_all(waiters);
    });
}

/// Two waiters, with and without a till, finish while a third keeps using the lock.
#[test]
fn waiters_with_and_without_a_till_finish_while_a_third_uses_the_lock() {
    with_lock(|lock| {
        let done = Signal::new();
        let user = thread::spawn("user", {
            let (lock, done) = (Arc::clone(&lock), done.clone());
            move |_| {
                while !done.is_set() {
                    drop(lock.enter());
                }
                Ok(())
            }
        });
        let with = thread::spawn("with", {
            let lock = Arc::clone(&lock);
            move |_| {
                for _ in 0..50 {
                    let _ = lock
                        .enter()
                        .wait_until(&Till::after(Duration::from_micros(50)));
                }
                Ok(())
            }
        });
        let without = thread::spawn("without", {
            let lock = Arc::clone(&lock);
            move |_| {
                for _ in 0..50 {
                    lock.enter().wait()?;
                }
                Ok(())
            }
        });
        join_all([with, without]);
        done.set();
        user.join().unwrap();
    });
}

/// 209: a waiter that expired leaves nothing: neither on its signal nor in the lock.
#[test]
fn an_expired_waiter_leaves_no_residue() {
    with_lock(|lock| {
        let (stop, a) = (signal::stop(), idle("a", &lock));
        let links = stop.links();
        for _ in 0..100 {
            let before = a.woken.load(SeqCst);
            let mut held = lock.enter();
            let till = Till::after(Duration::from_micros(100));
            let waited = held.wait_until(&till); // wakes `a`, which has nothing to do
            assert!(matches!(waited, Err(WaitError::Expired)), "{waited:?}");
            drop(held); // and this again
            until_woken(&[("a", &a)], before + 1);
            assert_eq!((till.links(), stop.links()), (0, links));
        }
        // If those waits had left something, it would be woken in place of `a`.
        *lock.enter() = true;
        a.thread.join().unwrap();
        assert!(!format!("{lock:?}").contains("<held>"));
    });
}

/// 211: a time is a signal; one in the past expires at once, one in the future not before.
#[test]
fn a_time_is_given_as_a_till() {
    let world = World::with_mock_clock();
    world.run(|| {
        let lock = Arc::new(Lock::named("l", false));
        let waiter = thread::spawn("a", {
            let lock = Arc::clone(&lock);
            move |_| {
                let expired = lock
                    .enter()
                    .wait_until(&Till::after(Duration::from_secs(5)));
                Ok(matches!(expired, Err(WaitError::Expired)))
            }
        });
        until_it_waits("a", WAITING);
        world.advance(Duration::from_secs(4));
        assert!(!waiter.stopped().is_set());
        world.advance(Duration::from_secs(1));
        assert!(waiter.join().unwrap());
    });
}

/// 212, 213: a function around a private lock cannot be entered by itself, and says so.
#[test]
fn recursion_through_a_private_lock_is_told_and_leaves_it_free() {
    static PRIVATE: Lock<u32> = Lock::new(0);
    fn locked(depth: u32) -> u32 {
        let mut held = PRIVATE.enter();
        *held += 1;
        if depth == 0 { *held } else { locked(depth - 1) }
    }
    assert_eq!(locked(0), 1);
    let panic = std::panic::catch_unwind(|| locked(1)).expect_err("entered twice");
    let message = panic.downcast_ref::<String>().expect("a formatted message");
    assert!(message.contains("not re-entrant"), "{message}");
    assert_eq!(locked(0), 3);
}

#[test]
fn wait_while_returns_when_the_condition_no_longer_holds() {
    with_lock(|lock| {
        let waiter = thread::spawn("a", {
            let lock = Arc::clone(&lock);
            move |_| {
                let mut held = lock.enter();
                held.wait_while(|done| !done)?;
                Ok(*held)
            }
        });
        until_it_waits("a", WAITING);
        *lock.enter() = true;
        assert!(waiter.join().unwrap());
        signal::shield(|| lock.enter().wait_while(|_| false)).unwrap();
    });
}
