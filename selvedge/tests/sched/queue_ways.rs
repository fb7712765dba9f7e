//! A queue that changes its ways while it is used: nothing is lost, doubled or left asleep.
//!
//! ```text
//!   producers            somebody               consumers
//!     | push               | push_front            | pop, pop_any
//!     v                    v                       v
//!   ring ──── left, under the lock ────> deque, in the same order
//! ```

use selvedge::sync::{PopError, Queue, pop_any};

use crate::{check, pause, random, spawn};

#[test]
fn a_front_push_in_the_middle_loses_and_reorders_nothing() {
    check(|| {
        let queue = Queue::bounded(2);
        let producers = [0, 100].map(|first| {
            let queue = queue.producer();
            spawn(move || {
                for i in first..first + 3 {
                    queue.push(i).unwrap();
                }
            })
        });
        let urgent = {
            let queue = queue.producer();
            spawn(move || queue.push_front(-1).unwrap())
        };
        let consumers = [(); 2].map(|()| {
            let queue = queue.clone();
            spawn(move || queue.iter().collect::<Vec<i32>>())
        });
        let popped = consumers.map(|consumer| consumer.join().unwrap());
        for part in &popped {
            // Each consumer sees each producer's elements in their order.
            for first in [0, 100] {
                let of_one = part.iter().filter(|i| (first..first + 3).contains(*i));
                assert!(of_one.is_sorted(), "{part:?}");
            }
        }
        let mut all = popped.concat();
        all.sort_unstable();
        assert_eq!(all, [-1, 0, 1, 2, 100, 101, 102]);
        for thread in producers {
            thread.join().unwrap();
        }
        urgent.join().unwrap();
    });
}

#[test]
fn nobody_sleeps_beside_an_element_when_some_wait_for_any_of_two_queues() {
    check(|| {
        let queues = [Queue::bounded(1), Queue::bounded(1)];
        let producers = [0, 1].map(|at| {
            let queue = queues[at].clone();
            spawn(move || {
                for i in 0..2 {
                    queue.push(at * 10 + i).unwrap();
                }
            })
        });
        let out = Queue::bounded(4);
        let of_any = {
            let (queues, out) = (queues.clone(), out.clone());
            spawn(move || {
                loop {
                    match pop_any(&queues) {
                        Ok((at, element)) => {
                            assert_eq!(element / 10, at);
                            out.push(element).unwrap();
                        }
                        Err(PopError::Closed) => return,
                        Err(PopError::Stopped(by)) => panic!("nobody asked: {by}"),
                    }
                }
            })
        };
        let of_second = {
            let (queue, out) = (queues[1].clone(), out.clone());
            spawn(move || queue.iter().for_each(|element| out.push(element).unwrap()))
        };
        for producer in producers {
            producer.join().unwrap();
        }
        // Nobody closes before all have arrived: who sleeps beside an element sleeps for ever.
        let mut all: Vec<_> = (0..4).map(|_| out.pop().unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 10, 11]);
        for queue in &queues {
            queue.close();
        }
        of_any.join().unwrap();
        of_second.join().unwrap();
    });
}

#[test]
fn a_forced_element_and_a_blocked_push_both_arrive() {
    check(|| {
        let queue = Queue::bounded(1);
        queue.push(0).unwrap();
        let blocked = {
            let queue = queue.clone();
            spawn(move || queue.push(1).unwrap())
        };
        let forced = {
            let queue = queue.clone();
            spawn(move || queue.force_push(2).unwrap())
        };
        let mut popped = Vec::new();
        while popped.len() < 3 {
            if random(2) == 0 {
                popped.push(queue.pop().unwrap());
            } else {
                popped.extend(queue.pop_all());
                pause();
            }
        }
        popped.sort_unstable();
        assert_eq!(popped, [0, 1, 2]);
        blocked.join().unwrap();
        forced.join().unwrap();
    });
}

#[test]
fn who_waits_for_a_ready_queue_is_not_left_asleep_by_those_who_pop() {
    check(|| {
        let queue = Queue::bounded(1);
        let by_signal = {
            let queue = queue.clone();
            spawn(move || {
                let mut popped = 0;
                while !(queue.is_closed() && queue.is_empty()) {
                    queue.ready().wait().unwrap();
                    popped += usize::from(queue.try_pop().is_ok());
                }
                popped
            })
        };
        let by_pop = {
            let queue = queue.clone();
            spawn(move || queue.iter().count())
        };
        for i in 0..3 {
            queue.push(i).unwrap();
        }
        queue.close();
        assert_eq!(by_signal.join().unwrap() + by_pop.join().unwrap(), 3);
    });
}

#[test]
fn who_was_woken_by_two_queues_and_takes_of_one_wakes_another_for_the_other() {
    check(|| {
        let queues = [Queue::bounded(1), Queue::bounded(1)];
        let once = {
            let queues = queues.clone();
            spawn(move || pop_any(&queues).unwrap())
        };
        let of_second = {
            let queue = queues[1].clone();
            spawn(move || queue.pop().ok())
        };
        queues[0].push(0).unwrap();
        queues[1].push(1).unwrap();
        let (at, element) = once.join().unwrap();
        assert_eq!(at, element);
        if at == 0 {
            assert_eq!(of_second.join().unwrap(), Some(1)); // or it sleeps beside it
        } else {
            queues[1].close();
            assert_eq!(of_second.join().unwrap(), None);
        }
    });
}

#[test]
fn a_front_push_that_races_close_is_popped_or_comes_back() {
    check(|| {
        let queue = Queue::bounded(4);
        queue.push_front(0).unwrap();
        let pusher = {
            let queue = queue.clone();
            spawn(move || queue.push_front(1).is_ok())
        };
        let closer = {
            let queue = queue.clone();
            spawn(move || queue.close())
        };
        let popped: Vec<_> = queue.iter().collect();
        closer.join().unwrap();
        assert_eq!(popped.contains(&1), pusher.join().unwrap());
        assert!(queue.is_empty());
    });
}
