//! Elements of queues, sinks, and what is done with locks, watches and promises.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use selvedge::sync::{
    BatchQueue, Lock, PriorityQueue, Promise, Queue, StopError, TryPushError, Watch,
};
use selvedge::thread::{self, JoinError, Outcome};
use selvedge::{Signal, signal};

use super::{Bomb, WAYS, Way, beside, panics, quietly, soon};

/// Counts its drops; one of them panics.
struct Element(Arc<AtomicUsize>, Option<Way>);

impl Drop for Element {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
        if let Some(way) = self.1 {
            way();
        }
    }
}

fn elements(way: Way, drops: &Arc<AtomicUsize>) -> VecDeque<Element> {
    let ways = [None, Some(way), None];
    ways.map(|way| Element(Arc::clone(drops), way)).into()
}

/// A queue's elements go with its last handle, all of them; the panic is that of who drops it.
#[test]
fn elements_of_queues() {
    for way in WAYS {
        let drops = Arc::new(AtomicUsize::new(0));
        let ring = Queue::bounded(8);
        assert!(ring.extend(elements(way, &drops)).is_ok());
        let deque = Queue::bounded(8);
        for element in elements(way, &drops) {
            assert!(deque.push_front(element).is_ok());
        }
        let levels = PriorityQueue::new(3);
        for (level, element) in elements(way, &drops).into_iter().enumerate() {
            assert!(levels.push(level, element).is_ok());
        }
        panics(|| drop(ring));
        assert_eq!(drops.load(SeqCst), 3);
        panics(|| drop(deque));
        assert_eq!(drops.load(SeqCst), 6);
        panics(|| drop(levels));
        assert_eq!(drops.load(SeqCst), 9);
    }
}

/// What is popped, refused or forced out is the caller's; the queue works on.
#[test]
fn elements_that_come_out_of_a_queue() {
    for way in WAYS {
        beside(|| {
            let queue = Queue::bounded(1);
            assert!(queue.push(Bomb(way)).is_ok());
            let Err(TryPushError::Full(refused)) = queue.try_push(Bomb(way)) else {
                panic!("it was not full");
            };
            panics(|| drop(refused));
            let consumer = thread::spawn("consumer", {
                let queue = queue.clone();
                move |_| {
                    drop(queue.pop()?);
                    Ok(())
                }
            });
            let error = consumer.join_until(&soon()).unwrap_err();
            assert!(matches!(error, JoinError::Panicked(_)), "{error}");
            assert!(queue.is_empty() && queue.try_push(Bomb(way)).is_ok());
            panics(|| drop(queue.pop_all()));
            queue.close();
            assert!(queue.is_empty());
        });
    }
}

/// The items of a sink that panicked are handed back; whoever serves has the panic, whoever stops is told.
#[test]
fn a_sink_and_what_runs_after_a_batch() {
    for way in WAYS {
        let batches = BatchQueue::named("rude", 2, Duration::from_millis(1));
        batches.extend(0..4).unwrap();
        let served = || {
            batches.serve(|batch| -> Outcome<()> {
                batch.remove(0);
                way();
                Ok(())
            })
        };
        panics(served);
        let Err(StopError::Undelivered(lost)) = batches.stop() else {
            panic!("it was delivered");
        };
        assert_eq!(lost.take_items(), [1, 2, 3]);

        let batches = BatchQueue::named("rude-functions", 2, Duration::from_millis(1));
        let mut delivered = Vec::new();
        batches.push(1).unwrap();
        batches.after_batch(way).unwrap();
        batches.push(2).unwrap();
        batches.close();
        let served = quietly(|| {
            batches.serve(|batch| -> Outcome<()> {
                delivered.append(batch);
                Ok(())
            })
        });
        served.unwrap();
        assert_eq!(delivered, [1, 2]);
    }
}

#[test]
fn items_of_a_batch_that_was_delivered() {
    for way in WAYS {
        let batches = BatchQueue::named("rude-items", 1, Duration::from_millis(1));
        assert!(batches.extend([Bomb(way), Bomb(way)]).is_ok());
        batches.close();
        let mut calls = 0;
        let served = quietly(|| {
            batches.serve(|_| -> Outcome<()> {
                calls += 1;
                Ok(())
            })
        });
        assert!(served.is_ok());
        assert_eq!(calls, 2);
    }
}

#[test]
fn an_update_of_a_watch() {
    for way in WAYS {
        let watch = Watch::new(1);
        let mut watcher = watch.subscribe();
        panics(|| {
            watch.update(|_| {
                way();
                2
            })
        });
        assert!(watcher.try_changed().is_none());
        watch.update(|value| value + 1);
        assert_eq!(*watcher.try_changed().unwrap(), 2);
        // Old values are whose who replaces them.
        let watch = Watch::new(Bomb(way));
        let old = watch.set(Bomb(way));
        panics(|| drop(old));
        panics(|| drop(watch));
    }
}

/// Inside a lock, in the condition of a wait, and in the data: the next one enters, and one that waits wakes.
#[test]
fn what_is_done_with_a_lock() {
    for way in WAYS {
        beside(|| {
            let lock = Arc::new(Lock::new(0));
            let waiter = thread::spawn("waiter", {
                let lock = Arc::clone(&lock);
                move |_| {
                    let mut held = lock.enter();
                    held.wait_while(|n| *n == 0)?;
                    Ok(*held)
                }
            });
            let breaks = thread::spawn("breaks", {
                let lock = Arc::clone(&lock);
                move |_| {
                    let mut held = lock.enter();
                    *held = 7; // the panic ends a use of it: somebody is woken
                    way();
                    Ok(())
                }
            });
            assert!(breaks.join_until(&soon()).is_err());
            assert_eq!(waiter.join_until(&soon()).unwrap(), 7);
            let condition = thread::spawn("condition", {
                let lock = Arc::clone(&lock);
                move |_| {
                    lock.enter().wait_while(|_| {
                        way();
                        true
                    })?;
                    Ok(())
                }
            });
            assert!(condition.join_until(&soon()).is_err());
            assert_eq!(*lock.try_enter().unwrap(), 7);
            panics(|| drop(Lock::new(Bomb(way))));
        });
    }
}

#[test]
fn values_of_promises() {
    for way in WAYS {
        beside(|| {
            let promise = Promise::new();
            let waiter = thread::spawn("waiter", {
                let promise = promise.clone();
                move |_| {
                    promise.wait()?;
                    std::mem::forget(promise); // not the last one
                    Ok(())
                }
            });
            assert!(promise.assign(Bomb(way)).is_ok());
            let refused = promise.assign(Bomb(way)).unwrap_err();
            panics(|| drop(refused.into_inner()));
            waiter.join_until(&soon()).unwrap();
            let last = Promise::new();
            assert!(last.assign(Bomb(way)).is_ok());
            let drops = thread::spawn("drops", move |_| {
                drop(last);
                Ok(())
            });
            let error = drops.join_until(&soon()).unwrap_err();
            assert!(matches!(error, JoinError::Panicked(_)), "{error}");
        });
    }
}

/// Blocks are left in order by every way to panic: nothing of them stays on the thread.
#[test]
fn inside_blocks_of_signals() {
    for way in WAYS {
        beside(|| {
            let never = Signal::new();
            panics(|| signal::shield(|| signal::deadline(&never, way)));
            assert!(!signal::stop().is_set());
            never.set();
            assert!(!signal::stop().is_set(), "the deadline has been left");
        });
    }
}
