//! Permits, promises, watched values and batches: what comes just when somebody gives up is not lost.

use std::convert::Infallible;

use selvedge::Signal;
use selvedge::sync::{AcquireUntilError, BatchQueue, ChangedError, Promise, Semaphore, Watch};

use crate::{check, spawn};

#[test]
fn a_permit_that_is_granted_when_its_request_expires_is_not_lost() {
    check(|| {
        let (semaphore, late) = (Semaphore::new(1), Signal::new());
        let held = semaphore.acquire().unwrap();
        let expires = spawn({
            let (semaphore, late) = (semaphore.clone(), late.clone());
            move || match semaphore.acquire_until(&late) {
                Ok(permit) => drop(permit),
                Err(AcquireUntilError::Expired) => {}
                Err(other) => panic!("{other}"),
            }
        });
        let stays = spawn({
            let semaphore = semaphore.clone();
            move || drop(semaphore.acquire().unwrap())
        });
        let expirer = spawn({
            let late = late.clone();
            move || assert!(late.set())
        });
        drop(held);
        for thread in [expires, stays, expirer] {
            thread.join().unwrap();
        }
        assert_eq!(semaphore.available(), 1);
        assert_eq!(late.links(), 0);
    });
}

#[test]
fn a_promise_that_two_assign_has_the_value_of_the_one_that_succeeded() {
    check(|| {
        let promise = Promise::new();
        let assigners = [1, 2].map(|n| {
            let promise = promise.clone();
            spawn(move || promise.assign(n).is_ok().then_some(n))
        });
        let value = *promise.wait().unwrap();
        let assigned: Vec<_> = assigners
            .into_iter()
            .filter_map(|assigner| assigner.join().unwrap())
            .collect();
        assert_eq!(assigned, [value]);
    });
}

#[test]
fn a_change_that_races_a_look_is_seen_and_so_is_the_end() {
    check(|| {
        let watch = Watch::new(0);
        let mut watcher = watch.subscribe();
        let setter = spawn(move || {
            watch.set(1);
            watch.set(2);
        });
        let mut last = 0;
        loop {
            match watcher.changed() {
                Ok(value) => last = *value,
                Err(ChangedError::Closed) => break,
                Err(ChangedError::Stopped(stopped)) => panic!("{stopped}"),
            }
        }
        assert_eq!(last, 2);
        setter.join().unwrap();
    });
}

#[test]
fn an_item_that_races_the_stop_is_delivered_or_comes_back() {
    check(|| {
        let batches = BatchQueue::named("raced", 1, std::time::Duration::ZERO);
        let server = spawn({
            let batches = batches.clone();
            move || {
                let mut delivered = Vec::new();
                let served = batches.serve(|batch| {
                    delivered.append(batch);
                    Ok::<_, Infallible>(())
                });
                served.unwrap();
                delivered
            }
        });
        let producers = [1, 2].map(|n| {
            let batches = batches.clone();
            spawn(move || batches.push(n).is_ok().then_some(n))
        });
        batches.stop().unwrap();
        let mut pushed: Vec<_> = producers
            .into_iter()
            .filter_map(|producer| producer.join().unwrap())
            .collect();
        let mut delivered = server.join().unwrap();
        pushed.sort_unstable();
        delivered.sort_unstable();
        assert_eq!(delivered, pushed);
    });
}
