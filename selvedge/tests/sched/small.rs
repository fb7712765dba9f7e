//! Permits, promises, watched values and batches: what comes just when somebody gives up is not lost.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge::Signal;
use selvedge::sync::{
    AcquireError, AcquireUntilError, BatchQueue, ChangedError, ChangedUntilError, Promise,
    Semaphore, StopError, Watch,
};
use selvedge::testing::World;
use selvedge::thread as tree;
use selvedge::{probe, signal};

use crate::{check, either_order, pause, random, spawn};

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

/// The permits that are out are counted outside: never more than there are, and the last comes back.
#[test]
fn permits_are_never_out_more_often_than_they_exist() {
    check(|| {
        let (semaphore, out) = (Semaphore::new(2), Arc::new(AtomicUsize::new(0)));
        let threads = [1, 2, 1].map(|n| {
            let (semaphore, out) = (semaphore.clone(), Arc::clone(&out));
            spawn(move || {
                for _ in 0..2 {
                    let permit = semaphore.acquire_many(n).unwrap();
                    assert!(out.fetch_add(n, SeqCst) + n <= 2, "too many are out");
                    pause();
                    out.fetch_sub(n, SeqCst);
                    drop(permit);
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(semaphore.available(), 2);
    });
}

/// Behind a large request that gives up, a small one gets what is free, though no permit comes back.
#[test]
fn a_large_request_that_gives_up_lets_the_small_one_behind_it_pass() {
    check(|| {
        let (semaphore, late) = (Semaphore::new(2), Signal::new());
        let held = semaphore.acquire().unwrap();
        let large = spawn({
            let (semaphore, late) = (semaphore.clone(), late.clone());
            move || match semaphore.acquire_many_until(2, &late) {
                Err(AcquireUntilError::Expired) => {}
                other => panic!("{other:?}"),
            }
        });
        let small = spawn({
            let semaphore = semaphore.clone();
            move || drop(semaphore.acquire().unwrap())
        });
        late.set();
        for thread in [large, small] {
            thread.join().unwrap();
        }
        assert_eq!((semaphore.available(), late.links()), (1, 0));
        drop(held);
    });
}

#[test]
fn a_request_that_races_the_permit_that_makes_it_impossible_is_refused() {
    check(|| {
        let semaphore = Semaphore::new(2);
        let held = semaphore.acquire().unwrap();
        let both = spawn({
            let semaphore = semaphore.clone();
            move || match semaphore.acquire_many(2) {
                Err(AcquireError::TooMany { asked: 2, total: 1 }) => {}
                other => panic!("{other:?}"),
            }
        });
        let one = spawn({
            let semaphore = semaphore.clone();
            move || drop(semaphore.acquire().unwrap())
        });
        held.forget();
        for thread in [both, one] {
            thread.join().unwrap();
        }
        assert_eq!(semaphore.available(), 1);
    });
}

/// The signal is set by one who saw the value, perhaps before those who wait for it are woken.
#[test]
fn a_value_that_comes_when_a_wait_expires_is_handed_out() {
    check(|| {
        let (promise, late) = (Promise::new(), Signal::new());
        let waiters = [(); 2].map(|()| {
            let (promise, late) = (promise.clone(), late.clone());
            spawn(move || *promise.wait_until(&late).unwrap())
        });
        let expirer = spawn({
            let (promise, late) = (promise.clone(), late.clone());
            move || {
                while !promise.is_assigned() {
                    pause();
                }
                late.set();
                *promise.wait().unwrap()
            }
        });
        promise.assign(7).unwrap();
        for waiter in waiters.into_iter().chain([expirer]) {
            assert_eq!(waiter.join().unwrap(), 7);
        }
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

/// Another setter stays, so that nothing but a change wakes the watcher.
#[test]
fn a_change_that_races_a_look_wakes_the_watcher() {
    check(|| {
        let watch = Watch::new(0);
        let watchers = [(); 2].map(|()| {
            let mut watcher = watch.subscribe();
            spawn(move || {
                let mut last = 0;
                while last < 2 {
                    let now = *watcher.changed().unwrap();
                    assert!(now > last, "{now} after {last}");
                    last = now;
                }
            })
        });
        let setter = spawn({
            let watch = watch.clone();
            move || {
                watch.set(1);
                watch.set(2);
            }
        });
        for thread in watchers {
            thread.join().unwrap();
        }
        setter.join().unwrap();
        drop(watch);
    });
}

#[test]
fn a_watcher_that_races_the_last_setter_sees_its_value_and_then_the_end() {
    check(|| {
        let watch = Watch::new(0);
        let mut watcher = watch.subscribe();
        let setters = [(); 2].map(|()| {
            let watch = watch.clone();
            spawn(move || _ = watch.update(|n| n + 1))
        });
        drop(watch);
        let mut last = 0;
        loop {
            match watcher.changed() {
                Ok(value) => last = *value,
                Err(ChangedError::Closed) => break,
                Err(ChangedError::Stopped(stopped)) => panic!("{stopped}"),
            }
        }
        assert_eq!(last, 2);
        for setter in setters {
            setter.join().unwrap();
        }
    });
}

/// A look that expires has not seen the change, or gives it.
#[test]
fn a_change_that_comes_when_a_look_expires_is_seen_by_it_or_by_the_next() {
    check(|| {
        let (watch, late) = (Watch::new(0), Signal::new());
        let mut watcher = watch.subscribe();
        let setter = spawn({
            let (watch, late) = (watch.clone(), late.clone());
            move || {
                either_order(
                    || _ = watch.set(1),
                    || {
                        late.set();
                    },
                )
            }
        });
        let ready = watcher.ready();
        let changed = match watcher.changed_until(&late) {
            Ok(value) => value,
            Err(ChangedUntilError::Expired) => {
                ready.wait().unwrap();
                watcher.try_changed().expect("it was not seen")
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(*changed, 1);
        setter.join().unwrap();
        assert_eq!(late.links(), 0);
        drop(watch);
    });
}

#[test]
fn an_item_that_races_the_stop_is_delivered_or_comes_back() {
    check(|| {
        let batches = BatchQueue::named("raced", 1, Duration::ZERO);
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

/// In is delivered plus handed back, whatever the sink does, and whoever ends it.
#[test]
fn items_that_race_a_failing_sink_are_delivered_or_come_back() {
    check(|| {
        let _quiet = probe::subscribe(|_| ());
        let (batches, asked) = (
            BatchQueue::bounded("failing", 2, Duration::ZERO, 2),
            Signal::new(),
        );
        let delivered = Arc::new(Mutex::new(Vec::new()));
        let server = spawn({
            let (batches, asked, delivered) =
                (batches.clone(), asked.clone(), Arc::clone(&delivered));
            move || {
                let served = catch_unwind(AssertUnwindSafe(|| {
                    signal::deadline(&asked, || {
                        batches.serve(|batch| {
                            let (does, n) = (random(6), random(batch.len() + 1));
                            let n = if does < 4 { batch.len() } else { n };
                            delivered.lock().unwrap().extend(batch.drain(..n));
                            match does {
                                5 => resume_unwind(Box::new("on purpose")),
                                4 => Err("on purpose"),
                                _ => Ok(()),
                            }
                        })
                    })
                }));
                drop(served);
            }
        });
        let producers = [0, 10].map(|from| {
            let batches = batches.clone();
            spawn(move || {
                (from..from + 3)
                    .take_while(|n| batches.push(*n).is_ok())
                    .last()
            })
        });
        let asker = spawn({
            let (asked, batches) = (asked.clone(), batches.clone());
            move || match random(2) {
                0 => _ = asked.set(),
                _ => batches.close(),
            }
        });
        let mut back = match batches.stop() {
            Ok(()) => Vec::new(),
            Err(StopError::Undelivered(lost)) => lost.take_items(),
            Err(other) => panic!("{other}"),
        };
        server.join().unwrap();
        asker.join().unwrap();
        let accepted = producers.map(|producer| producer.join().unwrap());
        let mut all = std::mem::take(&mut *delivered.lock().unwrap());
        all.append(&mut back);
        for (from, last) in [0, 10].into_iter().zip(accepted) {
            let of: Vec<_> = all
                .iter()
                .copied()
                .filter(|n| n / 10 == from / 10)
                .collect();
            let accepted: Vec<_> = last.map_or(Vec::new(), |last| (from..=last).collect());
            assert_eq!(of, accepted);
        }
    });
}

/// A sink that always fails and waits for long is ended by a stop all the same.
#[test]
fn a_stop_ends_the_pause_of_a_failing_sink() {
    check(|| {
        let _quiet = probe::subscribe(|_| ());
        World::new().run(|| {
            let batches = BatchQueue::named("pausing", 1, Duration::from_secs(100_000));
            batches.push(1).unwrap();
            let server = tree::spawn("server", {
                let batches = batches.clone();
                move |_| Ok(batches.serve(|_| Err("on purpose")).is_err())
            });
            let Err(StopError::Undelivered(lost)) = batches.stop() else {
                panic!("it was delivered");
            };
            assert!(server.join().unwrap());
            assert_eq!(lost.take_items(), [1]);
        });
    });
}

/// The last producer closes after what the others pushed.
#[test]
fn producers_that_end_together_close_after_their_last_items() {
    check(|| {
        let batches = BatchQueue::named("producers", 1, Duration::ZERO);
        let producers = [batches.producer(), batches.producer()];
        let producers = producers.map(|producer| spawn(move || producer.push(1).unwrap()));
        let mut delivered = Vec::new();
        let served = batches.serve(|batch| {
            delivered.append(batch);
            Ok::<_, Infallible>(())
        });
        served.unwrap();
        for producer in producers {
            producer.join().unwrap();
        }
        assert_eq!(delivered, [1, 1]);
    });
}
