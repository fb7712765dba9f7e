//! Many threads.

use selvedge::sync::{
    PopError, PopUntilError, PushError, PushUntilError, Queue, TryPopError, TryPushError,
};
use selvedge::testing::World;
use selvedge::thread as tree;
use selvedge::{Signal, Till, signal};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{soon, until_it_waits};

// catalogue 215
#[test]
fn several_producers_and_consumers_lose_and_double_nothing_and_keep_each_order() {
    for bound in [0, 1, 3, 1024] {
        let queue = Queue::bounded(bound);
        let received: Vec<Vec<(usize, usize)>> = thread::scope(|scope| {
            let consumers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| queue.iter().collect()))
                .collect();
            let producers: Vec<_> = (0..4)
                .map(|producer| {
                    let queue = &queue;
                    scope.spawn(move || {
                        for i in 0..500 {
                            queue.push((producer, i)).unwrap();
                        }
                    })
                })
                .collect();
            producers
                .into_iter()
                .for_each(|producer| producer.join().unwrap());
            queue.close();
            consumers
                .into_iter()
                .map(|consumer| consumer.join().unwrap())
                .collect()
        });
        for consumer in &received {
            for producer in 0..4 {
                let own = consumer.iter().filter(|element| element.0 == producer);
                assert!(
                    own.map(|element| element.1).is_sorted(),
                    "order of {producer}"
                );
            }
        }
        let mut all: Vec<_> = received.into_iter().flatten().collect();
        all.sort_unstable();
        let expected: Vec<_> = (0..4).flat_map(|p| (0..500).map(move |i| (p, i))).collect();
        assert_eq!(all, expected, "bound {bound}");
    }
}

/// A small generator, so that rounds differ.
fn next_random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

// catalogue 222
#[test]
fn what_went_in_came_out_or_came_back_at_a_close_and_a_stop_in_the_middle() {
    for round in 0..40_u64 {
        let world = World::new();
        let bound = (round % 4) as usize;
        world.run(|| {
            let queue = Queue::bounded(bound);
            let (back, out) = (
                Arc::new(Mutex::new(Vec::new())),
                Arc::new(Mutex::new(Vec::new())),
            );
            let begun = Arc::new(AtomicUsize::new(0));
            let workers: Vec<_> = (0..8_usize)
                .map(|i| {
                    let (queue, back, out) = (queue.clone(), Arc::clone(&back), Arc::clone(&out));
                    let begun = Arc::clone(&begun);
                    let mut random = round * 8 + i as u64 + 1;
                    tree::spawn(&format!("worker-{i}"), move |_stop| {
                        begun.fetch_add(1, SeqCst);
                        if i % 2 == 0 {
                            for n in 0..200 {
                                let element = i * 1000 + n;
                                let returned = match next_random(&mut random) % 4 {
                                    0 => queue.push_front(element).err().map(|e| e.into_inner()),
                                    1 => {
                                        let till = Till::after(Duration::from_micros(50));
                                        let pushed = queue.push_until(element, &till);
                                        pushed.err().map(|e| e.into_inner())
                                    }
                                    2 => queue.try_push(element).err().map(|e| e.into_inner()),
                                    _ => queue.push(element).err().map(|e| e.into_inner()),
                                };
                                back.lock().unwrap().extend(returned);
                            }
                        } else {
                            loop {
                                let got = match next_random(&mut random) % 3 {
                                    0 => queue.pop().map_err(|_| true),
                                    1 => {
                                        let till = Till::after(Duration::from_micros(50));
                                        queue.pop_until(&till).map_err(|error| {
                                            !matches!(error, PopUntilError::Expired)
                                        })
                                    }
                                    _ => queue.try_pop().map_err(|error| {
                                        error == TryPopError::Closed || signal::stop().is_set()
                                    }),
                                };
                                match got {
                                    Ok(element) => out.lock().unwrap().push(element),
                                    Err(true) => break,
                                    Err(false) => thread::yield_now(),
                                }
                            }
                        }
                        Ok(())
                    })
                })
                .collect();
            let mut random = round + 99;
            let wait = Duration::from_micros(next_random(&mut random) % 3000);
            let _ = Till::after(wait).wait();
            if round % 2 == 0 {
                queue.close();
            }
            for worker in &workers {
                if round % 3 == 0 {
                    worker.stop();
                }
            }
            // Producers end by themselves once nobody is asked: someone must take what they push.
            if round % 2 != 0 {
                for worker in &workers {
                    worker.stop();
                }
            }
            for worker in workers {
                match worker.join_until(&soon()) {
                    Ok(()) | Err(tree::JoinError::Stopped { .. }) => {}
                    Err(error) => panic!("{error} (bound {bound}, round {round})"),
                }
            }
            queue.close();
            let mut all = queue.pop_all();
            all.append(&mut back.lock().unwrap());
            all.append(&mut out.lock().unwrap());
            all.sort_unstable();
            let each = |i: usize| (0..200).map(move |n| i * 1000 + n);
            let expected: Vec<_> = [0, 2, 4, 6].into_iter().flat_map(each).collect();
            assert_eq!(begun.load(SeqCst), 8);
            assert_eq!(all, expected, "bound {bound}, round {round}");
        });
    }
}

#[test]
fn a_rendezvous_hands_each_element_from_one_push_to_one_pop() {
    let queue = Queue::bounded(0);
    assert!(matches!(queue.try_push(0), Err(TryPushError::Full(0))));
    assert!(matches!(
        queue.push_until(0, &Signal::always()),
        Err(PushUntilError::Expired(0))
    ));
    let handed = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..100 {
                queue.push_until(i, &soon()).unwrap();
                // Nothing is kept in between: whatever was pushed has been popped.
                handed.fetch_add(1, SeqCst);
                assert_eq!(queue.len(), 0);
            }
        });
        for i in 0..100 {
            assert!(handed.load(SeqCst) <= i);
            assert_eq!(queue.pop_until(&soon()).unwrap(), i);
        }
    });
}

// catalogue 220, 221, 222
#[test]
fn close_wakes_blocked_readers_and_writers_who_get_their_elements_back() {
    for bound in [0, 1] {
        let world = World::new();
        world.run(|| {
            let full = Queue::bounded(bound);
            for i in 0..bound {
                full.push(i).unwrap();
            }
            let empty: Queue<u8> = Queue::new();
            let writer = {
                let full = full.clone();
                tree::spawn("writer", move |_| Ok(full.push(77)))
            };
            let front = {
                let full = full.clone();
                tree::spawn("front", move |_| Ok(full.push_front(78)))
            };
            let bounded = {
                let full = full.clone();
                tree::spawn("bounded", move |_| Ok(full.push_until(79, &Signal::new())))
            };
            let reader = {
                let empty = empty.clone();
                tree::spawn("reader", move |_| Ok(empty.pop()))
            };
            for name in ["writer", "front", "bounded", "reader"] {
                until_it_waits(name);
            }
            full.close();
            empty.close();
            assert!(matches!(
                writer.join_until(&soon()),
                Ok(Err(PushError::Closed(77)))
            ));
            assert!(matches!(
                front.join_until(&soon()),
                Ok(Err(PushError::Closed(78)))
            ));
            assert!(matches!(
                bounded.join_until(&soon()),
                Ok(Err(PushUntilError::Closed(79)))
            ));
            assert!(matches!(
                reader.join_until(&soon()),
                Ok(Err(PopError::Closed))
            ));
            assert_eq!(full.pop_all().len(), bound);
        });
    }
}

#[test]
fn a_stop_gives_a_blocked_push_its_element_back_and_takes_nothing_for_a_blocked_pop() {
    let world = World::new();
    world.run(|| {
        let (full, empty) = (Queue::bounded(1), Queue::<u8>::new());
        full.push(1).unwrap();
        let writer = {
            let full = full.clone();
            tree::spawn("writer", move |_| Ok(full.push(2)))
        };
        let reader = {
            let empty = empty.clone();
            tree::spawn("reader", move |_| Ok(empty.pop()))
        };
        until_it_waits("writer");
        until_it_waits("reader");
        writer.stop_because("enough");
        reader.stop_because("enough");
        match writer.join_until(&soon()).unwrap() {
            Err(PushError::Stopped(2, stopped)) => {
                assert_eq!(stopped.reason().text(), Some("enough"));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            reader.join_until(&soon()),
            Ok(Err(PopError::Stopped(_)))
        ));
        assert_eq!(full.pop_all(), [1]);
        empty.push(3).unwrap();
        assert_eq!(empty.pop().unwrap(), 3, "nobody is left who takes it");
    });
}

#[test]
fn ready_comes_before_the_signal_and_the_signal_before_the_stop() {
    let world = World::new();
    world.run(|| {
        let done = tree::spawn("consumer", |stop| {
            stop.set();
            let (queue, set) = (Queue::bounded(1), Signal::always());
            queue.push(1)?; // there is room: that comes before the stop
            assert!(matches!(queue.push(2), Err(PushError::Stopped(2, _))));
            assert!(matches!(queue.push_front(2), Err(PushError::Stopped(2, _))));
            let expired = queue.push_until(2, &set);
            assert!(matches!(expired, Err(PushUntilError::Expired(2))));
            let unset = Signal::new();
            let stopped = queue.push_until(2, &unset);
            assert!(matches!(stopped, Err(PushUntilError::Stopped(2, _))));
            assert_eq!(queue.pop_until(&set)?, 1);
            assert!(matches!(queue.pop_until(&set), Err(PopUntilError::Expired)));
            assert!(matches!(
                queue.pop_until(&unset),
                Err(PopUntilError::Stopped(_))
            ));
            assert!(matches!(queue.pop(), Err(PopError::Stopped(_))));
            assert!(queue.iter().next().is_none(), "iteration ends by a stop");
            queue.push(3)?;
            assert_eq!(queue.iter().collect::<Vec<_>>(), [3], "after what is ready");
            signal::shield(|| {
                assert!(matches!(queue.pop_until(&set), Err(PopUntilError::Expired)));
                assert!(matches!(
                    queue.pop_until(&Till::after(Duration::from_millis(1))),
                    Err(PopUntilError::Expired)
                ));
            });
            queue.close();
            assert!(
                matches!(queue.pop(), Err(PopError::Closed)),
                "closed comes first as well"
            );
            Ok(())
        });
        done.join_until(&soon()).unwrap();
    });
}

#[test]
fn blocked_producers_are_woken_in_the_order_in_which_they_came() {
    for bound in [0, 2] {
        let world = World::new();
        world.run(|| {
            let queue = Queue::bounded(bound);
            for i in 0..bound {
                queue.push(i).unwrap();
            }
            let producers: Vec<_> = (0..6)
                .map(|i| {
                    let (queue, name) = (queue.clone(), format!("producer-{i}"));
                    let element = bound + i;
                    let producer = tree::spawn(&name, move |_| Ok(queue.push(element)?));
                    until_it_waits(&name);
                    producer
                })
                .collect();
            // Room for one at a time: whoever was woken by it has come first.
            for (i, producer) in producers.into_iter().enumerate() {
                assert_eq!(queue.pop_until(&soon()).unwrap(), i);
                producer.join_until(&soon()).unwrap();
            }
            assert_eq!(queue.len(), bound);
        });
    }
}

#[test]
fn pop_all_lets_blocked_producers_in() {
    let world = World::new();
    world.run(|| {
        let queue = Queue::bounded(1);
        queue.push(0).unwrap();
        let producers: Vec<_> = (1..4)
            .map(|i| {
                let (queue, name) = (queue.clone(), format!("producer-{i}"));
                let producer = tree::spawn(&name, move |_| Ok(queue.push(i)?));
                until_it_waits(&name);
                producer
            })
            .collect();
        let mut all = Vec::new();
        while all.len() < 4 {
            assert!(queue.len() <= queue.bound());
            all.extend(queue.pop_all());
        }
        assert_eq!(all, [0, 1, 2, 3]);
        for producer in producers {
            producer.join_until(&soon()).unwrap();
        }
    });
}

#[test]
fn expired_pushes_leave_no_hole_for_those_behind_them() {
    let world = World::new();
    world.run(|| {
        let queue = Queue::bounded(1);
        queue.push(0).unwrap();
        let expire = Signal::new();
        let gives_up = {
            let (queue, expire) = (queue.clone(), expire.clone());
            tree::spawn("gives-up", move |_| Ok(queue.push_until(1, &expire)))
        };
        until_it_waits("gives-up");
        let behind = {
            let queue = queue.clone();
            tree::spawn("behind", move |_| Ok(queue.push(2)?))
        };
        until_it_waits("behind");
        expire.set();
        let expired = gives_up.join_until(&soon()).unwrap();
        assert!(matches!(expired, Err(PushUntilError::Expired(1))));
        assert_eq!(queue.pop().unwrap(), 0);
        behind.join_until(&soon()).unwrap();
        assert_eq!(queue.pop().unwrap(), 2);
    });
}

// catalogue 234
#[test]
fn iteration_waits_for_elements_and_ends_at_the_close() {
    let queue = Queue::bounded(2);
    let got = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut got = Vec::new();
            for element in &queue {
                got.push(element);
            }
            got
        });
        for i in 0..50 {
            queue.push_until(i, &soon()).unwrap();
        }
        queue.close();
        reader.join().unwrap()
    });
    assert_eq!(got, (0..50).collect::<Vec<_>>());
}

#[test]
fn a_push_wakes_one_waiting_consumer_each() {
    let world = World::new();
    world.run(|| {
        let queue = Queue::new();
        let consumers: Vec<_> = (0..5)
            .map(|i| {
                let (queue, name) = (queue.clone(), format!("consumer-{i}"));
                let consumer = tree::spawn(&name, move |_| Ok(queue.pop()?));
                until_it_waits(&name);
                consumer
            })
            .collect();
        for i in 0..5 {
            queue.push(i).unwrap();
        }
        let mut got: Vec<_> = consumers
            .iter()
            .map(|consumer| consumer.join_until(&soon()).unwrap())
            .collect();
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2, 3, 4]);
        assert!(queue.is_empty());
    });
}
