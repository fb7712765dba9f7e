//! Closing a queue wakes everybody who waits, and an element is in the queue or with its owner.
//!
//! ```text
//!   closer            producer (full)      consumer (empty)
//!     |                 |  sees no room      |  sees no element
//!   close() ────┬─────> |  element comes back
//!     |         └──────────────────────────> |  Closed
//! ```

use selvedge::sync::{PopError, PushError, Queue};

use crate::{check, spawn};

#[test]
fn close_gives_blocked_pushes_their_elements_back() {
    check(|| {
        let queue = Queue::bounded(1);
        queue.push(0).unwrap();
        let producers = [1, 2].map(|element| {
            let queue = queue.clone();
            spawn(move || match queue.push(element) {
                Err(PushError::Closed(back)) => assert_eq!(back, element),
                other => panic!("nobody makes room: {other:?}"),
            })
        });
        queue.close();
        for producer in producers {
            producer.join().unwrap();
        }
        assert_eq!(queue.pop_all(), [0]);
    });
}

#[test]
fn close_wakes_blocked_pops() {
    check(|| {
        let queue = Queue::<u8>::bounded(1);
        let consumers = [(); 2].map(|()| {
            let queue = queue.clone();
            spawn(move || assert!(matches!(queue.pop(), Err(PopError::Closed))))
        });
        queue.close();
        for consumer in consumers {
            consumer.join().unwrap();
        }
    });
}

#[test]
fn a_push_that_races_close_is_popped_or_comes_back() {
    for bound in [0, 1] {
        check(move || {
            let queue = Queue::bounded(bound);
            let producers = [1, 2].map(|element| {
                let queue = queue.clone();
                spawn(move || match queue.push(element) {
                    Ok(()) => Some(element),
                    Err(error) => {
                        assert_eq!(error.into_inner(), element);
                        None
                    }
                })
            });
            let closer = spawn({
                let queue = queue.clone();
                move || queue.close()
            });
            let mut popped: Vec<i32> = queue.iter().collect();
            let mut pushed: Vec<i32> = producers
                .into_iter()
                .filter_map(|producer| producer.join().unwrap())
                .collect();
            closer.join().unwrap();
            popped.extend(queue.pop_all());
            popped.sort_unstable();
            pushed.sort_unstable();
            assert_eq!(popped, pushed);
        });
    }
}
