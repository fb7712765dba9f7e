//! Combinations of signals, and the links that they leave on their operands.

use std::sync::Arc;

use loom::thread;
use selvedge::Signal;

use crate::{Cell, Count, model};

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
