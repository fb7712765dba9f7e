//! Races of two or three threads on one word, every interleaving of them, by loom.
//!
//! ```text
//! RUSTFLAGS="--cfg selvedge_loom" LOOM_MAX_PREEMPTIONS=2 cargo test -p selvedge --release --test loom
//! ```
//!
//! Without `LOOM_MAX_PREEMPTIONS` the bound is 2. A lost wake-up is a deadlock here, and loom reports it;
//! data without a happens-before edge is a `Cell` below, and loom reports that too. Which mistake each
//! model was seen to catch is in `MODELS.md`.
//!
//! Loom tries two orders of two accesses only if nothing else touched the word in between: a thread that
//! reads a word and then writes it hides earlier reads of others. So every race here has a twin in
//! `sched`, and a model with a single interleaving fails.
#![cfg(selvedge_loom)]

#[path = "models/till.rs"]
mod till;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use loom::cell::UnsafeCell;
use loom::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};
use loom::thread;

use selvedge::Signal;
use selvedge::sync::{PopError, PushError, Queue};

#[cfg(unix)]
#[path = "models/descriptor.rs"]
mod descriptor;
#[path = "models/lock.rs"]
mod lock;
#[path = "models/signal.rs"]
mod signal_models;
#[path = "models/tree.rs"]
mod tree;
#[path = "models/waits.rs"]
mod waits;
#[path = "models/small.rs"]
mod small;

const PREEMPTIONS: usize = 2;

fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(PREEMPTIONS));
    builder.max_branches = 10_000;
    let runs = Arc::new(AtomicUsize::new(0));
    builder.check({
        let runs = Arc::clone(&runs);
        move || {
            runs.fetch_add(1, SeqCst);
            body();
        }
    });
    println!("{} interleavings", runs.load(SeqCst));
    assert!(
        runs.load(SeqCst) > 1,
        "a model without a choice models nothing"
    );
}

/// A word that is not atomic: loom complains when an access to it is not ordered after the last write.
struct Cell(UnsafeCell<u32>);

// SAFETY: every access goes through loom's cell, which checks that no two of them race.
unsafe impl Sync for Cell {}

impl Cell {
    fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(0)))
    }

    fn write(&self, value: u32) {
        // SAFETY: the pointer is good inside the closure, and loom checks for other accesses.
        self.0.with_mut(|word| unsafe { *word = value });
    }

    fn read(&self) -> u32 {
        // SAFETY: as in `write`.
        self.0.with(|word| unsafe { *word })
    }
}

/// How often something has happened; no point of choice for loom.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn up(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

#[test]
fn a_waiter_wakes_and_sees_what_the_setter_did() {
    model(|| {
        let (signal, data) = (Signal::new(), Cell::new());
        let setter = thread::spawn({
            let (signal, data) = (signal.clone(), Arc::clone(&data));
            move || {
                data.write(7);
                signal.set();
            }
        });
        signal.wait().expect("nobody asks an alien thread to stop");
        assert_eq!(data.read(), 7);
        setter.join().unwrap();
        assert_eq!(signal.links(), 0);
    });
}

#[test]
fn who_sees_the_flag_sees_what_the_setter_did() {
    model(|| {
        let (signal, data) = (Signal::new(), Cell::new());
        let setter = thread::spawn({
            let (signal, data) = (signal.clone(), Arc::clone(&data));
            move || {
                data.write(7);
                signal.set();
            }
        });
        if signal.is_set() {
            assert_eq!(data.read(), 7);
        }
        setter.join().unwrap();
    });
}

#[test]
fn who_sees_a_combination_sees_what_the_setter_of_its_operand_did() {
    model(|| {
        let (a, b, data) = (Signal::new(), Signal::new(), Cell::new());
        let either = &a | &b;
        let setter = thread::spawn({
            let (b, data) = (b.clone(), Arc::clone(&data));
            move || {
                data.write(7);
                b.set();
            }
        });
        if either.is_set() {
            assert_eq!(data.read(), 7);
            assert!(either.is_set(), "a signal is not cleared");
        }
        setter.join().unwrap();
        assert!(either.is_set());
        assert_eq!(data.read(), 7);
    });
}

#[test]
fn two_waiters_of_one_signal_both_wake() {
    model(|| {
        let signal = Signal::new();
        let waiter = thread::spawn({
            let signal = signal.clone();
            move || signal.wait().unwrap()
        });
        let setter = thread::spawn({
            let signal = signal.clone();
            move || assert!(signal.set())
        });
        signal.wait().unwrap();
        waiter.join().unwrap();
        setter.join().unwrap();
        assert_eq!(signal.links(), 0);
    });
}

#[test]
fn an_action_that_is_kept_runs_exactly_once() {
    model(|| {
        let (signal, count) = (Signal::new(), Count::default());
        let setter = thread::spawn({
            let signal = signal.clone();
            move || {
                signal.set();
            }
        });
        let up = count.clone();
        signal.on_set(move || up.up()).forever();
        setter.join().unwrap();
        assert_eq!(count.get(), 1);
    });
}

#[test]
fn an_action_taken_back_before_set_began_never_runs_and_otherwise_at_most_once() {
    model(|| {
        let (signal, count) = (Signal::new(), Count::default());
        let taken_back = Arc::new(AtomicBool::new(false));
        let hook = signal.on_set({
            let count = count.clone();
            move || count.up()
        });
        let setter = thread::spawn({
            let (signal, taken_back) = (signal.clone(), Arc::clone(&taken_back));
            move || {
                let before = taken_back.load(Acquire);
                signal.set();
                before
            }
        });
        drop(hook);
        taken_back.store(true, Release);
        let was_taken_back_before = setter.join().unwrap();
        assert!(count.get() <= usize::from(!was_taken_back_before));
        assert_eq!(signal.links(), 0);
    });
}

#[test]
fn an_or_wakes_its_waiter_whichever_operand_is_first() {
    model(|| {
        let (a, b) = (Signal::new(), Signal::new());
        let either = &a | &b;
        let setters = [a.clone(), b.clone()].map(|operand| {
            thread::spawn(move || {
                operand.set();
            })
        });
        either.wait().unwrap();
        assert!(a.is_set() || b.is_set());
        for setter in setters {
            setter.join().unwrap();
        }
        assert_eq!((either.links(), a.links(), b.links()), (0, 0, 0));
    });
}

#[test]
fn an_and_wakes_its_waiter_when_both_operands_are_set_and_not_before() {
    model(|| {
        let (a, b) = (Signal::new(), Signal::new());
        let both = &a & &b;
        let setters = [a.clone(), b.clone()].map(|operand| {
            thread::spawn(move || {
                operand.set();
            })
        });
        both.wait().unwrap();
        assert!(a.is_set() && b.is_set());
        for setter in setters {
            setter.join().unwrap();
        }
        assert_eq!((both.links(), a.links(), b.links()), (0, 0, 0));
    });
}

#[test]
fn an_and_counts_an_operand_that_was_set_and_dropped() {
    model(|| {
        let (a, b) = (Signal::new(), Signal::new());
        let both = &a & &b;
        let setter = thread::spawn(move || {
            a.set();
        });
        let waiter = thread::spawn(move || both.wait().unwrap());
        b.set();
        drop(b);
        setter.join().unwrap();
        waiter.join().unwrap();
    });
}

#[test]
fn a_signal_that_was_set_before_another_counts_before_it() {
    model(|| {
        let (signal, late) = (Signal::new(), Signal::new());
        let setter = thread::spawn({
            let (signal, late) = (signal.clone(), late.clone());
            move || {
                signal.set();
                late.set();
            }
        });
        signal.wait_until(&late).expect("`late` is set after it");
        setter.join().unwrap();
    });
}

#[test]
fn an_action_of_a_combination_runs_once_though_both_operands_are_set() {
    model(|| {
        let (a, b, count) = (Signal::new(), Signal::new(), Count::default());
        let up = count.clone();
        (&a | &b).on_set(move || up.up()).forever();
        let setter = thread::spawn(move || {
            a.set();
        });
        b.set();
        setter.join().unwrap();
        assert_eq!(count.get(), 1);
    });
}

#[test]
fn an_action_hung_on_an_or_while_an_operand_is_set_runs_once() {
    model(|| {
        let (a, b, count) = (Signal::new(), Signal::new(), Count::default());
        let setter = thread::spawn({
            let a = a.clone();
            move || {
                a.set();
            }
        });
        let up = count.clone();
        (&a | &b).on_set(move || up.up()).forever();
        setter.join().unwrap();
        assert_eq!(count.get(), 1);
        assert_eq!((a.links(), b.links()), (0, 0));
    });
}

#[test]
fn an_action_hung_on_an_and_while_its_operands_are_set_runs_once() {
    model(|| {
        let (a, b, count) = (Signal::new(), Signal::new(), Count::default());
        let setters = [a.clone(), b.clone()].map(|operand| {
            thread::spawn(move || {
                operand.set();
            })
        });
        let up = count.clone();
        (&a & &b).on_set(move || up.up()).forever();
        for setter in setters {
            setter.join().unwrap();
        }
        assert_eq!(count.get(), 1);
        assert_eq!((a.links(), b.links()), (0, 0));
    });
}

#[test]
fn a_combination_dropped_while_an_operand_is_set_leaves_nothing_behind() {
    model(|| {
        let (a, b, count) = (Signal::new(), Signal::new(), Count::default());
        let setter = thread::spawn({
            let a = a.clone();
            move || {
                a.set();
            }
        });
        let either = &a | &b;
        let up = count.clone();
        let hook = either.on_set(move || up.up());
        drop(either);
        drop(hook);
        setter.join().unwrap();
        assert!(count.get() <= 1);
        assert_eq!((a.links(), b.links()), (0, 0));
    });
}

#[test]
fn two_hooks_of_a_combination_come_and_go_and_leave_nothing_behind() {
    model(|| {
        let (a, b) = (Signal::new(), Signal::new());
        let either = &a | &b;
        let other = thread::spawn({
            let either = either.clone();
            move || drop(either.on_set(|| ()))
        });
        drop(either.on_set(|| ()));
        other.join().unwrap();
        assert_eq!((either.links(), a.links(), b.links()), (0, 0, 0));
        b.set();
        assert!(either.is_set());
    });
}

#[test]
fn of_two_first_writers_one_wins_and_its_reason_stays() {
    model(|| {
        let signal = Signal::new();
        let other = thread::spawn({
            let signal = signal.clone();
            move || (signal.set_because("other"), signal.reason().unwrap())
        });
        let mine = signal.set_because("mine");
        let seen = signal.reason().unwrap();
        let (others, seen_by_other) = other.join().unwrap();
        assert!(mine != others, "exactly one of them set it");
        let winner = if mine { "mine" } else { "other" };
        assert_eq!(seen.text(), Some(winner));
        assert_eq!(seen_by_other.text(), Some(winner));
    });
}

#[test]
fn close_gives_a_blocked_push_its_element_back() {
    model(|| {
        let queue = Queue::bounded(1);
        queue.push(1).unwrap();
        let closer = thread::spawn({
            let queue = queue.clone();
            move || queue.close()
        });
        match queue.push(2) {
            Err(PushError::Closed(element)) => assert_eq!(element, 2),
            other => panic!("nobody makes room: {other:?}"),
        }
        closer.join().unwrap();
        assert_eq!(queue.pop_all(), [1]);
    });
}

#[test]
fn close_wakes_a_blocked_pop() {
    model(|| {
        let queue = Queue::<u32>::bounded(1);
        let closer = thread::spawn({
            let queue = queue.clone();
            move || queue.close()
        });
        assert!(matches!(queue.pop(), Err(PopError::Closed)));
        closer.join().unwrap();
    });
}

#[test]
fn a_pop_wakes_a_blocked_push_and_the_order_stays() {
    model(|| {
        let queue = Queue::bounded(1);
        queue.push(1).unwrap();
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(2).unwrap()
        });
        assert_eq!(queue.pop().unwrap(), 1);
        assert_eq!(queue.pop().unwrap(), 2);
        producer.join().unwrap();
        assert!(queue.is_empty());
    });
}

#[test]
fn a_push_that_races_close_is_popped_or_comes_back() {
    model(|| {
        let queue = Queue::bounded(1);
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(1).is_ok()
        });
        let closer = thread::spawn({
            let queue = queue.clone();
            move || queue.close()
        });
        let popped = queue.pop().is_ok();
        let pushed = producer.join().unwrap();
        closer.join().unwrap();
        assert_eq!(popped, pushed);
        assert!(queue.is_empty());
    });
}

#[test]
fn a_pop_that_expires_leaves_a_racing_element_for_the_next() {
    model(|| {
        let (queue, late) = (Queue::bounded(1), Signal::new());
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(1).unwrap()
        });
        let expirer = thread::spawn({
            let late = late.clone();
            move || {
                late.set();
            }
        });
        let popped = queue.pop_until(&late).is_ok();
        producer.join().unwrap();
        expirer.join().unwrap();
        assert_eq!(queue.len(), usize::from(!popped));
        assert_eq!(late.links(), 0);
    });
}

#[test]
fn a_ring_hands_each_element_to_one_of_two_consumers() {
    model(|| {
        let queue = Queue::bounded(2);
        let producer = thread::spawn({
            let queue = queue.clone();
            move || {
                queue.try_push(Box::new(1)).unwrap();
                queue.try_push(Box::new(2)).unwrap();
            }
        });
        let consumer = thread::spawn({
            let queue = queue.clone();
            move || queue.try_pop().ok()
        });
        let mine = queue.try_pop().ok();
        producer.join().unwrap();
        let theirs = consumer.join().unwrap();
        let mut all: Vec<_> = mine.into_iter().chain(theirs).collect();
        all.sort_unstable();
        all.extend(queue.pop_all());
        assert_eq!(all, [1, 2].map(Box::new));
    });
}

#[test]
fn elements_keep_their_order_when_a_front_push_leaves_the_ring() {
    model(|| {
        let queue = Queue::bounded(4);
        queue.push(Box::new(1)).unwrap();
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(Box::new(2)).unwrap()
        });
        let urgent = thread::spawn({
            let queue = queue.clone();
            move || queue.push_front(Box::new(0)).unwrap()
        });
        let mut popped: Vec<_> = queue.try_pop().into_iter().collect();
        producer.join().unwrap();
        urgent.join().unwrap();
        popped.extend(queue.pop_all());
        popped.retain(|element| **element != 0);
        assert_eq!(popped, [1, 2].map(Box::new));
    });
}

#[test]
fn a_pop_of_any_wakes_by_the_queue_that_gets_an_element() {
    model(|| {
        let queues = [Queue::bounded(1), Queue::bounded(1)];
        let producer = thread::spawn({
            let second = queues[1].clone();
            move || second.push(7).unwrap()
        });
        assert_eq!(selvedge::sync::pop_any(&queues).unwrap(), (1, 7));
        producer.join().unwrap();
    });
}

#[test]
fn a_ready_signal_is_set_by_a_racing_push() {
    model(|| {
        let queue = Queue::bounded(1);
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(7).unwrap()
        });
        queue.ready().wait().unwrap();
        assert_eq!(queue.try_pop(), Ok(7));
        producer.join().unwrap();
    });
}

#[test]
fn the_last_producer_closes_after_what_the_others_pushed() {
    model(|| {
        let queue = Queue::bounded(2);
        let producers = [queue.producer(), queue.producer()];
        let threads = producers.map(|producer| thread::spawn(move || producer.push(1).unwrap()));
        assert_eq!(queue.pop().unwrap() + queue.pop().unwrap(), 2);
        assert!(matches!(queue.pop(), Err(PopError::Closed)));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_slot_is_written_again_only_after_it_was_read() {
    model(|| {
        let queue = Queue::bounded(1);
        queue.push(Box::new(1)).unwrap();
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.try_push(Box::new(2)).is_ok()
        });
        assert_eq!(queue.try_pop(), Ok(Box::new(1)));
        let pushed = producer.join().unwrap();
        assert_eq!(queue.pop_all().len(), usize::from(pushed));
    });
}
