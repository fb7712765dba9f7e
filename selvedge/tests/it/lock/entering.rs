//! Entering.

use selvedge::Signal;
use selvedge::sync::{EnterUntilError, Lock, TryEnterError};
use selvedge::testing::World;
use selvedge::thread::{self};
use std::sync::{Arc, Mutex};

use super::{ENTERING, join_all, until_it_waits, with_lock};

/// 199: entering twice in one thread is told, with name, thread and place.
#[test]
fn entering_twice_is_an_error_that_says_where_it_was_entered() {
    let lock = Lock::named("totals", 1);
    let held = lock.enter();
    let line = line!() - 1;
    let Err(TryEnterError::AlreadyHeld(error)) = lock.try_enter() else {
        panic!("entered twice");
    };
    let message = error.to_string();
    assert!(message.contains("lock `totals`"), "{message}");
    assert!(
        message.contains(&format!("lock/entering.rs:{line}:")),
        "{message}"
    );
    assert!(message.contains(thread::current().path()), "{message}");
    assert!(matches!(
        lock.enter_until(&Signal::always()),
        Err(EnterUntilError::AlreadyHeld(_))
    ));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(lock.enter())));
    let panic = panic.expect_err("entered twice");
    let text = panic.downcast_ref::<String>().expect("a formatted message");
    assert_eq!(*text, message);
    drop(held); // the failed attempts have not left it
    assert_eq!(*lock.enter(), 1);
}

#[test]
fn another_threads_lock_is_not_entered_twice() {
    with_lock(|lock| {
        let held = lock.enter();
        let other = thread::spawn("other", {
            let lock = Arc::clone(&lock);
            move |_| Ok(matches!(lock.try_enter(), Err(TryEnterError::WouldBlock)))
        });
        assert!(other.join().unwrap());
        drop(held);
    });
}

#[test]
fn an_unnamed_lock_is_called_by_where_it_was_made() {
    let lock = Lock::new(1);
    let line = line!() - 1;
    assert!(
        lock.to_string()
            .contains(&format!("lock/entering.rs:{line}:"))
    );
    assert!(format!("{lock:?}").contains(&format!("lock/entering.rs:{line}:")));
}

/// Printing shows the data if it can, and never waits.
#[test]
fn text_of_a_held_lock_says_so() {
    let lock = Lock::named("l", "data");
    assert_eq!(format!("{lock:?}"), r#"Lock { name: "l", data: "data" }"#);
    let held = lock.enter();
    assert_eq!(format!("{lock:?}"), r#"Lock { name: "l", data: <held> }"#);
    assert_eq!(format!("{held:?} {held}"), r#""data" data"#);
}

#[test]
fn enter_until_takes_a_free_lock_then_obeys_the_signal_then_the_stop() {
    with_lock(|lock| {
        drop(lock.enter_until(&Signal::always()).unwrap());
        let held = lock.enter();
        let refused = thread::spawn("refused", {
            let lock = Arc::clone(&lock);
            move |stop: Signal| {
                stop.wait().unwrap();
                let expired = lock.enter_until(&Signal::always());
                assert!(matches!(expired, Err(EnterUntilError::Expired)));
                let stopped = lock.enter_until(&Signal::never());
                Ok(matches!(stopped, Err(EnterUntilError::Stopped(_))))
            }
        });
        refused.stop();
        assert!(refused.join().unwrap());
        drop(held);
        assert!(lock.try_enter().is_ok());
    });
}

/// A stop does not end `enter`.
#[test]
fn enter_waits_through_a_stop() {
    with_lock(|lock| {
        let held = lock.enter();
        let thread = thread::spawn("a", {
            let lock = Arc::clone(&lock);
            move |_| Ok(*lock.enter())
        });
        thread.stop();
        until_it_waits("a", ENTERING);
        let mut held = held;
        *held = true;
        drop(held);
        assert!(thread.join().unwrap());
    });
}

/// Who waits to enter enters in the order in which they came, when nobody barges.
#[test]
fn threads_enter_in_order() {
    with_lock(|lock| {
        let (held, order) = (lock.enter(), Arc::new(Mutex::new(Vec::new())));
        let names = ["a", "b", "c", "d"];
        let threads = names.map(|name| {
            let (lock, order) = (Arc::clone(&lock), Arc::clone(&order));
            let thread = thread::spawn(name, move |_| {
                let _held = lock.enter();
                order.lock().unwrap().push(name);
                Ok(())
            });
            until_it_waits(name, ENTERING);
            thread
        });
        drop(held);
        join_all(threads);
        assert_eq!(*order.lock().unwrap(), names);
    });
}

/// A thread that enters again at once and all the time does not keep another out.
#[test]
fn a_thread_that_waits_to_enter_enters_though_another_barges() {
    with_lock(|lock| {
        let thread = thread::spawn("a", {
            let lock = Arc::clone(&lock);
            move |_| {
                *lock.enter() = true;
                Ok(())
            }
        });
        while !*lock.enter() {}
        thread.join().unwrap();
    });
}

#[test]
fn fifty_threads_with_a_hundred_increments_each_make_five_thousand() {
    World::new().run(|| {
        let sum = Arc::new(Lock::new(0));
        let threads: Vec<_> = (0..50)
            .map(|_| {
                let sum = Arc::clone(&sum);
                thread::spawn("adder", move |_| {
                    for _ in 0..100 {
                        let mut held = sum.enter();
                        let before = *held;
                        std::hint::spin_loop();
                        *held = before + 1;
                    }
                    Ok(())
                })
            })
            .collect();
        join_all(threads);
        assert_eq!(*sum.enter(), 5000);
    });
}

#[test]
fn a_panic_while_it_is_held_leaves_it() {
    let lock = Lock::new(1);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        *lock.enter() = 2;
        let _held = lock.enter();
        panic!("half-way");
    }));
    assert!(panic.is_err());
    assert_eq!(*lock.try_enter().unwrap(), 2);
}

#[test]
fn data_goes_in_and_comes_out() {
    let mut lock: Lock<Vec<u8>> = Lock::default();
    lock.get_mut().push(1);
    lock.enter().push(2);
    assert_eq!(lock.into_inner(), [1, 2]);
    assert_eq!(*Lock::from("x").enter(), "x");
    let unsized_data: &Lock<[u8]> = &Lock::new([1, 2, 3]);
    assert_eq!(unsized_data.enter().len(), 3);
}
