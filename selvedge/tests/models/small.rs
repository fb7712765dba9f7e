//! Permits, promises, watched values: what comes just when somebody gives up, or looks, is not lost.

use super::{Arc, Cell, model};
use loom::thread;
use selvedge::Signal;
use selvedge::sync::{AcquireUntilError, Promise, Semaphore, Watch};

#[test]
fn a_permit_carries_what_its_last_holder_did() {
    model(|| {
        let (semaphore, data) = (Semaphore::new(1), Cell::new());
        let other = thread::spawn({
            let (semaphore, data) = (semaphore.clone(), Arc::clone(&data));
            move || {
                let _held = semaphore.acquire().unwrap();
                data.write(data.read() + 1);
            }
        });
        {
            let _held = semaphore.acquire().unwrap();
            data.write(data.read() + 1);
        }
        other.join().unwrap();
        assert_eq!((data.read(), semaphore.available()), (2, 1));
    });
}

/// Granted, given up, or both at once: the permit is there afterwards.
#[test]
fn a_permit_that_is_granted_when_its_request_expires_is_not_lost() {
    model(|| {
        let (semaphore, late) = (Semaphore::new(1), Signal::new());
        let held = semaphore.acquire().unwrap();
        let expires = thread::spawn({
            let (semaphore, late) = (semaphore.clone(), late.clone());
            move || match semaphore.acquire_until(&late) {
                Ok(permit) => drop(permit),
                Err(AcquireUntilError::Expired) => {}
                Err(other) => panic!("{other}"),
            }
        });
        let expirer = thread::spawn({
            let late = late.clone();
            move || assert!(late.set())
        });
        drop(held);
        expires.join().unwrap();
        expirer.join().unwrap();
        assert_eq!((semaphore.available(), late.links()), (1, 0));
    });
}

/// Nothing comes back: only the one that gives up can let the other pass.
#[test]
fn a_large_request_that_gives_up_lets_the_small_one_behind_it_pass() {
    model(|| {
        let (semaphore, late) = (Semaphore::new(2), Signal::new());
        let held = semaphore.acquire().unwrap();
        let large = thread::spawn({
            let (semaphore, late) = (semaphore.clone(), late.clone());
            move || {
                let waited = semaphore.acquire_many_until(2, &late);
                assert!(matches!(waited, Err(AcquireUntilError::Expired)));
            }
        });
        let small = thread::spawn({
            let semaphore = semaphore.clone();
            move || drop(semaphore.acquire().unwrap())
        });
        late.set();
        large.join().unwrap();
        small.join().unwrap();
        assert_eq!(semaphore.available(), 1);
        drop(held);
    });
}

#[test]
fn a_promise_that_is_assigned_wakes_its_waiter_with_what_came_before() {
    model(|| {
        let (promise, data) = (Promise::new(), Cell::new());
        let assigner = thread::spawn({
            let (promise, data) = (promise.clone(), Arc::clone(&data));
            move || {
                data.write(1);
                promise.assign(7).unwrap();
            }
        });
        assert_eq!(*promise.wait().unwrap(), 7);
        assert_eq!(data.read(), 1);
        assigner.join().unwrap();
    });
}

/// The signal is set by one who saw the value, perhaps before the one who waits for it is woken.
#[test]
fn a_value_that_comes_when_a_wait_expires_is_handed_out() {
    model(|| {
        let (promise, late) = (Promise::new(), Signal::new());
        let assigner = thread::spawn({
            let promise = promise.clone();
            move || promise.assign(7).unwrap()
        });
        let expirer = thread::spawn({
            let (promise, late) = (promise.clone(), late.clone());
            move || {
                if promise.is_assigned() {
                    late.set();
                }
            }
        });
        assert_eq!(*promise.wait_until(&late).unwrap(), 7);
        assigner.join().unwrap();
        expirer.join().unwrap();
    });
}

/// Another setter stays, so that nothing but the change wakes the watcher.
#[test]
fn a_change_that_races_a_look_wakes_the_watcher() {
    model(|| {
        let (watch, data) = (Watch::new(0), Cell::new());
        let mut watcher = watch.subscribe();
        let setter = thread::spawn({
            let (watch, data) = (watch.clone(), Arc::clone(&data));
            move || {
                data.write(1);
                watch.set(1);
            }
        });
        assert_eq!(*watcher.changed().unwrap(), 1);
        assert_eq!(data.read(), 1);
        setter.join().unwrap();
        drop(watch);
    });
}

#[test]
fn a_watcher_that_waits_when_the_last_setter_goes_is_told() {
    model(|| {
        let watch = Watch::new(0);
        let mut watcher = watch.subscribe();
        let other = thread::spawn({
            let watch = watch.clone();
            move || drop(watch)
        });
        let setter = thread::spawn(move || _ = watch.set(1));
        assert_eq!(*watcher.changed().unwrap(), 1);
        assert!(watcher.changed().is_err());
        setter.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn updates_that_race_are_both_there() {
    model(|| {
        let watch = Watch::new(0);
        let other = thread::spawn({
            let watch = watch.clone();
            move || _ = watch.update(|n| n + 1)
        });
        watch.update(|n| n + 1);
        other.join().unwrap();
        assert_eq!(*watch.get(), 2);
    });
}
