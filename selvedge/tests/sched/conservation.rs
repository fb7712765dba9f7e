//! What was pushed is popped once, in each producer's order, by somebody.
//!
//! ```text
//!   producer 1   producer 2        consumer 1   consumer 2
//!     push 10      push 20 ──────────> pop           |
//!     push 11 ─────── | ──────────────────────────> pop
//!     |            push 21             |             |
//!   close() after both, or in the middle
//! ```

use selvedge::sync::Queue;

use crate::{check, random, spawn};

const EACH: u32 = 3;

/// Producers say which elements they got rid of.
fn producers(queue: &Queue<u32>) -> Vec<crate::thread::JoinHandle<Vec<u32>>> {
    [10, 20]
        .map(|first| {
            let queue = queue.clone();
            spawn(move || {
                let pushed = (first..first + EACH).take_while(|&element| {
                    queue
                        .push(element)
                        .map_err(|error| assert_eq!(error.into_inner(), element))
                        .is_ok()
                });
                pushed.collect()
            })
        })
        .into()
}

fn consumers(queue: &Queue<u32>) -> Vec<crate::thread::JoinHandle<Vec<u32>>> {
    [(); 2]
        .map(|()| {
            let queue = queue.clone();
            spawn(move || queue.iter().collect::<Vec<_>>())
        })
        .into()
}

fn ended(threads: Vec<crate::thread::JoinHandle<Vec<u32>>>) -> Vec<Vec<u32>> {
    threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}

fn sorted(lists: &[Vec<u32>]) -> Vec<u32> {
    let mut all = lists.concat();
    all.sort_unstable();
    all
}

#[test]
fn nothing_is_lost_or_doubled_when_closed_after_the_last_push() {
    check(|| {
        let queue = Queue::bounded(random(3));
        let (producers, consumers) = (producers(&queue), consumers(&queue));
        let pushed = ended(producers);
        queue.close();
        let popped = ended(consumers);
        assert_eq!(sorted(&pushed), [10, 11, 12, 20, 21, 22]);
        assert_eq!(sorted(&popped), sorted(&pushed));
        for list in &popped {
            for first in [10, 20] {
                let of_one = list.iter().filter(|it| (first..first + EACH).contains(*it));
                assert!(
                    of_one.is_sorted(),
                    "each producer's order is kept: {list:?}"
                );
            }
        }
    });
}

#[test]
fn nothing_is_lost_or_doubled_when_closed_in_the_middle() {
    check(|| {
        let queue = Queue::bounded(random(3));
        let (producers, consumers) = (producers(&queue), consumers(&queue));
        queue.close();
        let (pushed, popped) = (ended(producers), ended(consumers));
        assert_eq!(sorted(&popped), sorted(&pushed));
        assert!(queue.is_empty());
    });
}

#[test]
fn pop_all_takes_what_is_there_and_wakes_who_waits_for_room() {
    check(|| {
        let queue = Queue::bounded(1);
        let producers = producers(&queue);
        let mut popped = Vec::new();
        while popped.len() < 2 * EACH as usize {
            popped.push(queue.pop().unwrap());
            popped.extend(queue.pop_all());
        }
        assert_eq!(sorted(&[popped]), sorted(&ended(producers)));
    });
}
