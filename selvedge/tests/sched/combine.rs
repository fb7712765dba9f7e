//! Setting operands, hanging on combinations and dropping them, all at once.
//!
//! ```text
//!   setter of a       setter of b       waiter of a | b, or of a & b
//!     |                 |                 |  links itself to a
//!   a.set() ───┐      b.set() ───┐        |  links itself to b
//!     |        └──────> |        └──────> |  wakes, once, with an operand's reason
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use selvedge::{Signal, signal};

use crate::{check, either_order, pause, random, spawn};

#[test]
fn an_or_wakes_its_waiter_with_the_reason_of_an_operand() {
    check(|| {
        let (a, b) = (Signal::named("a"), Signal::named("b"));
        let either = &a | &b;
        let setters = [(a.clone(), "a"), (b.clone(), "b")]
            .map(|(it, name)| spawn(move || assert!(it.set_because(name))));
        either.wait().unwrap();
        let reason = either.reason().unwrap();
        assert!(matches!(reason.text(), Some("a" | "b")));
        for setter in setters {
            setter.join().unwrap();
        }
        assert_eq!((either.links(), a.links(), b.links()), (0, 0, 0));
    });
}

#[test]
fn an_and_wakes_its_waiter_when_both_are_set_and_not_before() {
    check(|| {
        let (a, b) = (Signal::new(), Signal::new());
        let both = &a & &b;
        let setters = [a.clone(), b.clone()].map(|it| spawn(move || assert!(it.set())));
        both.wait().unwrap();
        assert!(a.is_set() && b.is_set());
        for setter in setters {
            setter.join().unwrap();
        }
        assert_eq!((both.links(), a.links(), b.links()), (0, 0, 0));
    });
}

#[test]
fn an_and_counts_operands_that_were_set_and_dropped() {
    check(|| {
        let parts = [(); 3].map(|()| Signal::new());
        let whole = signal::all(&parts);
        let setters = parts.map(|part| spawn(move || assert!(part.set())));
        whole.wait().unwrap();
        for setter in setters {
            setter.join().unwrap();
        }
        assert_eq!(whole.links(), 0);
    });
}

#[test]
fn nested_combinations_wake_every_waiter_and_run_every_action_once() {
    check(|| {
        let parts = [(); 4].map(|()| Signal::new());
        let [a, b, c, d] = &parts;
        let left = a & b;
        let whole = &(&left | c) & &(&left | d);
        let ran = Arc::new(AtomicUsize::new(0));
        for signal in [&left, &whole] {
            let ran = Arc::clone(&ran);
            signal
                .on_set(move || {
                    ran.fetch_add(1, SeqCst);
                })
                .forever();
        }
        let waiter = spawn({
            let whole = whole.clone();
            move || whole.wait().unwrap()
        });
        let setter = spawn({
            let (a, c) = (a.clone(), c.clone());
            move || either_order(|| assert!(a.set()), || assert!(c.set()))
        });
        either_order(|| assert!(b.set()), || assert!(d.set()));
        whole.wait().unwrap();
        setter.join().unwrap();
        waiter.join().unwrap();
        assert!(left.is_set());
        assert_eq!(ran.load(SeqCst), 2);
        assert_eq!(parts.map(|part| part.links()), [0, 0, 0, 0]);
    });
}

#[test]
fn an_action_hung_on_a_combination_while_its_operands_are_set_runs_once() {
    for combine in [
        |a: &Signal, b: &Signal| a | b,
        |a: &Signal, b: &Signal| a & b,
    ] {
        check(move || {
            let (a, b) = (Signal::new(), Signal::new());
            let ran = Arc::new(AtomicUsize::new(0));
            let setters = [a.clone(), b.clone()].map(|it| spawn(move || assert!(it.set())));
            let up = Arc::clone(&ran);
            combine(&a, &b)
                .on_set(move || {
                    up.fetch_add(1, SeqCst);
                })
                .forever();
            for setter in setters {
                setter.join().unwrap();
            }
            assert_eq!(ran.load(SeqCst), 1);
            assert_eq!((a.links(), b.links()), (0, 0));
        });
    }
}

#[test]
fn a_combination_dropped_while_an_operand_is_set_leaves_nothing_behind() {
    check(|| {
        let (a, b) = (Signal::new(), Signal::new());
        let ran = Arc::new(AtomicUsize::new(0));
        let setter = spawn({
            let a = a.clone();
            move || assert!(a.set())
        });
        let either = &a | &b;
        let hook = either.on_set({
            let ran = Arc::clone(&ran);
            move || {
                ran.fetch_add(1, SeqCst);
            }
        });
        either_order(|| drop(either), || drop(hook));
        setter.join().unwrap();
        assert!(ran.load(SeqCst) <= 1);
        assert_eq!((a.links(), b.links()), (0, 0));
    });
}

#[test]
fn hooks_that_come_and_go_leave_a_combination_that_still_works() {
    check(|| {
        let (a, b) = (Signal::new(), Signal::new());
        let either = &a | &b;
        let others = [(); 2].map(|()| {
            let either = either.clone();
            spawn(move || {
                for _ in 0..2 {
                    let hook = either.on_set(|| panic!("nobody sets it while this hangs there"));
                    pause();
                    drop(hook);
                }
            })
        });
        for other in others {
            other.join().unwrap();
        }
        assert_eq!((either.links(), a.links(), b.links()), (0, 0, 0));
        let last = either.clone();
        let waiter = spawn(move || last.wait().unwrap());
        [a, b][random(2)].set();
        waiter.join().unwrap();
        assert!(either.is_set());
    });
}

#[test]
fn a_waiter_that_leaves_does_not_take_another_along() {
    check(|| {
        let (a, b, late) = (Signal::new(), Signal::new(), Signal::new());
        let either = &a | &b;
        let stays = spawn({
            let either = either.clone();
            move || either.wait().unwrap()
        });
        let leaves = spawn({
            let (either, late) = (either.clone(), late.clone());
            move || either.wait_until(&late).is_ok()
        });
        late.set();
        leaves.join().unwrap();
        b.set();
        stays.join().unwrap();
        assert_eq!((either.links(), a.links(), b.links()), (0, 0, 0));
    });
}

#[test]
fn a_child_signal_follows_its_parent_and_leaves_nothing_on_it() {
    check(|| {
        let parent = Signal::new();
        let child = parent.child();
        let waiter = spawn({
            let child = child.clone();
            move || child.wait().unwrap()
        });
        let alone = spawn({
            let child = child.clone();
            move || child.set_because("alone")
        });
        let other = parent.child();
        drop(other.on_set(|| ()));
        drop(other);
        parent.set_because("parent");
        let won = alone.join().unwrap();
        waiter.join().unwrap();
        let text = child.reason().unwrap().text().map(str::to_owned);
        if won {
            assert_eq!(text.as_deref(), Some("alone"));
        } else {
            assert_eq!(text.as_deref(), Some("parent"));
        }
        assert_eq!((parent.links(), child.links()), (0, 0));
    });
}

/// The first hook is linking the inner combination when the outer one fires and unlinks it; a second hook links it
/// again meanwhile. What the first one still notes is not of this time.
#[test]
fn a_combination_linked_again_while_somebody_still_links_it_leaves_nothing_behind() {
    check(|| {
        let [a, b, c] = [(); 3].map(|()| Signal::new());
        let inner = &a | &b;
        let outer = &inner | &c;
        let first = spawn(move || drop(outer.on_set(|| ())));
        if random(2) == 0 {
            pause();
        }
        c.set();
        let second = inner.on_set(|| panic!("nobody sets it"));
        first.join().unwrap();
        drop(second);
        assert_eq!((inner.links(), a.links(), b.links()), (0, 0, 0));
    });
}
