//! A signal that is set while others wait for it, look at it, or hang actions on it.

use std::sync::Arc;

use loom::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};
use loom::thread;
use selvedge::Signal;

use crate::{Cell, Count, model};

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
