//! What waiting threads show of their waits, while others look.
//!
//! ```text
//!   holder            waiters              onlooker
//!   enter             enter: waits         draws the tree: a wait is held by the holder, or by a waiter,
//!   leave ────────>   enters, in turn      never by who waits; who has entered waits no more
//!                     the last drops the lock
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use selvedge::sync::{Lock, Queue};
use selvedge::testing::World;
use selvedge::thread;

use crate::check;

#[test]
fn a_wait_for_a_lock_is_shown_until_it_is_over() {
    check(|| {
        World::new().run(|| {
            let lock = Arc::new(Lock::new(0));
            let root = thread::current().path().to_owned();
            let mine = Arc::clone(&lock);
            let held = mine.enter();
            let entered = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
            let waiters = [0, 1].map(|n| {
                let (lock, entered) = (Arc::clone(&lock), Arc::clone(&entered));
                thread::spawn(&format!("waiter-{n}"), move |_stop| {
                    *lock.enter() += 1;
                    entered[n].store(1, SeqCst);
                    Ok(())
                })
            });
            let onlooker = thread::spawn("onlooker", {
                let (entered, root) = (Arc::clone(&entered), root.clone());
                move |_stop| {
                    for _ in 0..3 {
                        let before = [0, 1].map(|n| entered[n].load(SeqCst) == 1);
                        let tree = thread::tree();
                        for node in tree.nodes() {
                            if let Some(holder) = node.lock_holder() {
                                assert_ne!(holder, node.path());
                                // `?` is one that had not begun when the picture came to it.
                                let is_one = holder == root || holder.contains("/waiter-");
                                assert!(is_one || holder == "?", "{holder}");
                            }
                            for (n, before) in before.iter().enumerate() {
                                if *before && node.name() == format!("waiter-{n}") {
                                    assert_eq!(node.waits_for(), None);
                                }
                            }
                        }
                    }
                    Ok(())
                }
            });
            drop(lock);
            drop(held);
            drop(mine); // the last of the waiters drops it
            for waiter in waiters {
                waiter.join().unwrap();
            }
            onlooker.join().unwrap();
        });
    });
}

/// Nothing of a queue is looked at when somebody looks: what was noted stands, also for one that is gone.
#[test]
fn a_wait_at_a_queue_is_shown_until_it_is_over() {
    check(|| {
        World::new().run(|| {
            let queue = Queue::<u8>::bounded(1);
            let popped = Arc::new(AtomicUsize::new(0));
            let popper = thread::spawn("popper", {
                let (queue, popped) = (queue.clone(), Arc::clone(&popped));
                move |_stop| {
                    queue.pop()?;
                    popped.store(1, SeqCst);
                    Ok(())
                }
            });
            queue.push(1).unwrap();
            drop(queue);
            let is_done = popped.load(SeqCst) == 1;
            let tree = thread::tree();
            if let Some(popper) = tree.nodes().get(1).filter(|_| is_done) {
                assert_eq!((popper.waits_for(), popper.waits_since()), (None, None));
            }
            popper.join().unwrap();
        });
    });
}
