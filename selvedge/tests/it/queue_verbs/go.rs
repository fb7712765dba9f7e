//! What Go's tests of channels ask, as far as it applies.

use crate::sync::{soon, until_it_waits};
use selvedge::signal;
use selvedge::sync::{Queue, TryPushError, pop_any};
use selvedge::testing::World;
use selvedge::thread as tree;

/// Senders and receivers that arrive in any order; each element is received once.
#[test]
fn a_sieve_of_queues_finds_the_primes() {
    let world = World::new();
    let primes = world.run(|| {
        let mut source = Queue::bounded(0);
        let generator = tree::spawn("generator", {
            let source = source.clone();
            move |_| {
                for i in 2.. {
                    source.push(i)?;
                }
                Ok(())
            }
        });
        let mut filters = vec![generator];
        let mut primes = Vec::new();
        for n in 0..10 {
            let prime = source.pop().unwrap();
            primes.push(prime);
            let filtered = Queue::bounded(n % 2);
            filters.push(tree::spawn(&format!("filter-{prime}"), {
                let filtered = filtered.clone();
                move |_| {
                    for i in source.iter().filter(|i| i % prime != 0) {
                        filtered.push(i)?;
                    }
                    signal::stop().wait()?;
                    Ok(())
                }
            }));
            source = filtered;
        }
        for filter in &filters {
            filter.stop();
        }
        for filter in filters {
            match filter.join_until(&soon()) {
                Err(tree::JoinError::Stopped { .. }) | Ok(()) => {}
                Err(error) => panic!("{error}"),
            }
        }
        primes
    });
    assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
}

/// A select that has one way only to go on takes it, whatever the other queue is: empty, or closed.
#[test]
fn a_choice_between_a_closed_and_an_open_queue_waits_for_the_open_one() {
    let world = World::new();
    world.run(|| {
        let queues = [Queue::new(), Queue::bounded(0)];
        queues[0].close();
        let waiting = tree::spawn("waiting", {
            let queues = queues.clone();
            move |_| Ok(pop_any(&queues)?)
        });
        until_it_waits("waiting");
        queues[1].push(5).unwrap();
        assert_eq!(waiting.join_until(&soon()).unwrap(), (1, 5));
    });
}

/// A full queue of pointers keeps nothing alive after it was emptied, and drops what is left in it.
#[test]
fn elements_are_dropped_once_in_a_ring_that_wrapped_and_in_one_that_was_left() {
    use std::sync::Arc;
    let token = Arc::new(());
    for leave in [false, true] {
        let queue = Queue::bounded(3);
        for _ in 0..2 {
            queue.extend([token.clone(), token.clone()]).unwrap();
            drop(queue.pop().unwrap());
        }
        assert_eq!(Arc::strong_count(&token), 3);
        if leave {
            queue.push_front(token.clone()).unwrap();
            assert_eq!(Arc::strong_count(&token), 4);
        }
        drop(queue);
        assert_eq!(Arc::strong_count(&token), 1);
    }
}

/// Elements of no size, and so many that a ring of them would be too large.
#[test]
fn queues_of_units_and_huge_bounds_work() {
    let units = Queue::bounded(5);
    units.extend([(); 5]).unwrap();
    assert!(matches!(units.try_push(()), Err(TryPushError::Full(()))));
    assert_eq!(units.pop_all().len(), 5);
    let huge = Queue::bounded(usize::MAX);
    huge.extend(0..3000).unwrap();
    assert!(huge.iter().take(3000).eq(0..3000));
}
