//! Unique, many, force.

use crate::sync::{soon, until_it_waits};
use selvedge::sync::{PushError, Queue};
use selvedge::testing::World;
use selvedge::thread as tree;
use std::thread;

/// 229: once popped, it may come again; and `unique` counts elements that are there already.
#[test]
fn a_unique_queue_lets_a_popped_element_come_again() {
    let queue = Queue::bounded(9);
    queue.extend([1, 2, 1]).unwrap();
    let queue = queue.unique();
    assert_eq!(queue.len(), 2);
    queue.push(2).unwrap();
    assert_eq!((queue.pop().unwrap(), queue.len()), (1, 1));
    queue.push(1).unwrap();
    assert_eq!(queue.pop_all(), [2, 1]);
    queue.push_front(2).unwrap();
    assert_eq!(queue.len(), 1);
}

/// An `Eq` that panics leaves the queue usable, and nobody registered who is not there.
#[test]
fn an_eq_that_panics_leaves_a_unique_queue_as_it_was() {
    #[derive(Debug)]
    struct Bad(u8);
    impl PartialEq for Bad {
        fn eq(&self, other: &Self) -> bool {
            assert!(self.0 != 2 && other.0 != 2, "bad");
            self.0 == other.0
        }
    }
    impl Eq for Bad {}
    impl std::hash::Hash for Bad {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            0_u8.hash(state);
        }
    }
    let queue = Queue::bounded(4).unique();
    queue.push(Bad(1)).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queue.push(Bad(2))));
    assert!(panicked.is_err());
    queue.push(Bad(3)).unwrap();
    let all: Vec<_> = queue.pop_all().iter().map(|bad| bad.0).collect();
    assert_eq!(all, [1, 3]);
}

/// 222: was: returns normally, and the elements are gone.
#[test]
fn a_blocked_extend_gives_back_what_it_did_not_add_when_the_queue_closes() {
    let world = World::new();
    world.run(|| {
        let queue = Queue::bounded(2);
        let extender = tree::spawn("extender", {
            let queue = queue.clone();
            move |_| match queue.extend(0..5) {
                Err(PushError::Closed(rest)) => Ok(rest),
                other => panic!("{other:?}"),
            }
        });
        until_it_waits("extender");
        queue.close();
        assert_eq!(extender.join_until(&soon()).unwrap(), [2, 3, 4]);
        assert_eq!(queue.pop_all(), [0, 1]);
    });
}

/// 221, 231: was: waits for the first room, then exceeds the bound.
#[test]
fn an_interrupted_extend_gives_back_the_rest_and_never_exceeded_the_bound() {
    let world = World::new();
    world.run(|| {
        let queue = Queue::bounded(2);
        let extender = tree::spawn("extender", {
            let queue = queue.clone();
            move |_| match queue.extend(0..6) {
                Err(PushError::Stopped(rest, _)) => Ok(rest),
                other => panic!("{other:?}"),
            }
        });
        let until_it_is_full = || {
            while queue.len() < 2 {
                thread::yield_now();
            }
            until_it_waits("extender");
            assert_eq!(queue.len(), 2);
        };
        for expected in 0..2 {
            until_it_is_full();
            assert_eq!(queue.pop().unwrap(), expected);
        }
        until_it_is_full();
        extender.stop();
        let rest = extender.join_until(&soon()).unwrap();
        let all: Vec<_> = queue.pop_all().into_iter().chain(rest).collect();
        assert_eq!(all, [2, 3, 4, 5]);
    });
}

/// 231: force ignores the bound, and a blocked push still waits until there is room.
#[test]
fn a_forced_push_ignores_the_bound_and_others_still_wait_for_room() {
    let world = World::new();
    world.run(|| {
        let queue = Queue::bounded(1);
        queue.push(0).unwrap();
        queue.force_push(1).unwrap();
        let blocked = tree::spawn("blocked", {
            let queue = queue.clone();
            move |_| Ok(queue.push(2)?)
        });
        until_it_waits("blocked");
        assert_eq!(queue.pop().unwrap(), 0);
        until_it_waits("blocked"); // one is still one too many
        assert_eq!(queue.pop().unwrap(), 1);
        blocked.join_until(&soon()).unwrap();
        assert_eq!(queue.pop().unwrap(), 2);
        queue.close();
        assert_eq!(queue.force_push(3).unwrap_err().into_inner(), 3);
    });
}
