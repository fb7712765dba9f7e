//! Blocks as values: combined, entered again and again, with last actions, around closures.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge::probe::{self, Event};
use selvedge::testing::World;
use selvedge::{Ambient, Carry, Enter, Signal, Till, Wrap, local, thread};

use super::{elsewhere, panic_of};

local! {
    static A: u32;
    static B: u32;
    static TEXT: String;
}

fn both() -> (Option<u32>, Option<u32>) {
    (A.copied().ok(), B.copied().ok())
}

/// Runs `f` and gives the texts of the events that tell of a panic at an exit of this thread.
fn told_by<R>(f: impl FnOnce() -> R) -> (R, Vec<String>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let subscription = probe::subscribe({
        let (told, here) = (Arc::clone(&told), std::thread::current().id());
        move |event| {
            if let Event::ExitPanicked { message, .. } = event
                && std::thread::current().id() == here
            {
                told.lock().unwrap().push((*message).to_owned());
            }
        }
    });
    let result = f();
    drop(subscription);
    let told = std::mem::take(&mut *told.lock().unwrap());
    (result, told)
}

/// 51: several names in one block; all bound at entry, all undone at exit.
#[test]
fn one_block_binds_several_locals_and_undoes_all() {
    A.bind(9, || {
        let block = A.to(1).and(B.to(2));
        assert_eq!(block.run(both), (Some(1), Some(2)));
        assert_eq!(both(), (Some(9), None));
    });
    assert_eq!(both(), (None, None));
}

#[test]
fn the_inner_of_two_bindings_of_one_local_wins_and_the_outer_one_is_below_it() {
    let block = A.to(1).and(B.to(2).and(A.to(3))).and(B.to(4));
    assert_eq!(block.clone().run(both), (Some(3), Some(4)));
    let outer_first = A.to(1).and(Ambient::empty()).and(B.to(2));
    assert_eq!(outer_first.run(both), (None, Some(2)));
    let captured = B.bind(7, Ambient::capture);
    assert_eq!(captured.clone().and(A.to(1)).run(both), (Some(1), Some(7)));
    assert_eq!(A.to(1).and(captured).run(both), (None, Some(7)));
}

/// 64, 65: a block may be used again, also nested in itself and by two threads at once.
#[test]
fn a_block_is_entered_again_nested_in_itself_and_on_two_threads_at_once() {
    let block = A.to(1).and(B.to(2));
    for _ in 0..3 {
        let nested = block.clone().run(|| {
            A.bind(5, || {
                let inner = block.clone().run(both);
                (inner, both())
            })
        });
        assert_eq!(nested, ((Some(1), Some(2)), (Some(5), Some(2))));
    }
    World::new().run(|| {
        let late = Till::after(Duration::from_secs(10));
        let (left, right) = (Signal::named("left"), Signal::named("right"));
        let start = |name, mine: &Signal, other: &Signal| {
            let (mine, other, late) = (mine.clone(), other.clone(), late.clone());
            let body = block.clone().wrap(move |_stop: Signal| {
                mine.set();
                other.wait_until(&late)?; // both are inside now
                Ok(both())
            });
            thread::spawn(name, body)
        };
        let threads = [start("l", &left, &right), start("r", &right, &left)];
        for thread in threads {
            assert_eq!(thread.join_until(&late).unwrap(), (Some(1), Some(2)));
        }
    });
}

#[test]
fn a_ready_made_value_is_bound_itself_and_counted_only_while_somebody_keeps_it() {
    let text = Arc::new("shared".to_owned());
    let block = TEXT.to_arc(Arc::clone(&text));
    block.clone().run(|| {
        assert_eq!(Arc::strong_count(&text), 3); // ours, the block's, the clone's
        let kept = TEXT.get().unwrap();
        assert!(Arc::ptr_eq(&kept, &text));
        assert_eq!(Arc::strong_count(&text), 4);
    });
    let ambient = block.run(Ambient::capture);
    assert_eq!(Arc::strong_count(&text), 2); // the block is gone, the capture holds it
    // By reference, which the trait's verb is not.
    let again = Ambient::run(&ambient, || TEXT.get().unwrap());
    assert!(Arc::ptr_eq(&again, &text));
    drop((ambient, again));
    assert_eq!(Arc::strong_count(&text), 1);
}

/// 49: a panic of the body leaves the whole block.
#[test]
fn a_panic_leaves_every_part_of_a_block() {
    A.bind(9, || {
        let block = A.to(1).and(Ambient::empty()).and(B.to(2));
        assert_eq!(panic_of(|| block.run(|| panic!("inside"))), "inside");
        assert_eq!(both(), (Some(9), None));
    });
}

#[test]
fn last_actions_run_once_in_reverse_order_inside_the_bindings() {
    let seen = RefCell::new(Vec::new());
    let see = |what: &'static str| {
        let seen = &seen;
        move || seen.borrow_mut().push((what, both()))
    };
    let block = A
        .to(1)
        .on_exit(see("first"))
        .on_exit(see("second"))
        .and(B.to(2).on_exit(see("inner")));
    let block = block.on_exit(see("outermost registered last"));
    block.run(|| {
        see("body")();
        // What the body binds is gone when they run.
        A.bind(5, || ());
    });
    assert_eq!(
        seen.take(),
        [
            ("body", (Some(1), Some(2))),
            ("outermost registered last", (Some(1), Some(2))),
            ("inner", (Some(1), Some(2))),
            ("second", (Some(1), None)),
            ("first", (Some(1), None)),
        ]
    );
    assert_eq!(both(), (None, None));
}

#[test]
fn last_actions_run_after_a_panic_of_the_body_which_wins_over_theirs() {
    let ran = Cell::new(0);
    let count = || ran.set(ran.get() + 1);
    let block = A
        .to(1)
        .on_exit(count)
        .on_exit(|| panic!("of an action"))
        .on_exit(count);
    let (message, told) = told_by(|| panic_of(|| block.run(|| panic!("of the body"))));
    assert_eq!((message.as_str(), ran.get()), ("of the body", 2));
    assert_eq!(told, ["of an action"]);
    assert_eq!(both(), (None, None));
}

#[test]
fn of_several_panics_of_last_actions_the_first_comes_out_and_the_others_are_told() {
    let dropped = Arc::new(());
    let block = A
        .to(1)
        .on_exit(|| panic!("third"))
        .and(B.to(2).on_exit(|| panic!("second")))
        .on_exit(|| panic!("first"));
    let result = Arc::clone(&dropped);
    let (message, mut told) = told_by(|| panic_of(|| block.run(move || result)));
    told.sort_unstable(); // each once, in no order
    assert_eq!(message, "first");
    assert_eq!(told, ["second", "third"]);
    assert_eq!(both(), (None, None));
    assert_eq!(Arc::strong_count(&dropped), 1, "the result is dropped");
}

struct Bomb(&'static str);
impl Drop for Bomb {
    fn drop(&mut self) {
        let message = self.0;
        panic!("{message}");
    }
}
local! { static BOMB: Bomb; }

#[test]
fn a_value_whose_drop_panics_leaves_the_outer_bindings_whole() {
    A.bind(9, || {
        // Without actions it is dropped by `run`, with them at the end of the block.
        let plain = || A.to(1).and(BOMB.to(Bomb("plain"))).run(both);
        assert_eq!(panic_of(plain), "plain");
        let ran = Cell::new(None);
        let block = A.to(1).and(BOMB.to(Bomb("with an action")));
        let whole = || block.on_exit(|| ran.set(Some(both()))).run(both);
        assert_eq!(panic_of(whole), "with an action");
        assert_eq!(ran.get(), Some((Some(1), None)));
        assert_eq!((both(), BOMB.is_bound()), ((Some(9), None), false));
        // After another panic it is told.
        let block = BOMB.to(Bomb("second")).on_exit(|| ());
        let (message, told) = told_by(|| panic_of(|| block.run(|| panic!("first"))));
        assert_eq!((message.as_str(), told), ("first", vec!["second".into()]));
        assert_eq!(both(), (Some(9), None));
    });
}

#[test]
fn a_result_whose_drop_panics_does_not_hide_the_panic_of_a_last_action() {
    let block = A.to(1).on_exit(|| panic!("of the action"));
    let ended = catch_unwind(AssertUnwindSafe(|| block.run(|| Bomb("of the result"))));
    let panic = ended.map(std::mem::forget).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"of the action"));
    assert_eq!(both(), (None, None));
}

#[test]
fn a_last_action_may_capture_bind_and_enter_a_block_that_has_one() {
    let seen = RefCell::new(Vec::new());
    A.to(1)
        .on_exit(|| {
            let ambient = Ambient::capture();
            let inner = B.to(2).on_exit(|| seen.borrow_mut().push(both()));
            inner.run(|| seen.borrow_mut().push(ambient.run(both)));
        })
        .run(|| ());
    assert_eq!(seen.take(), [(Some(1), None), (Some(1), Some(2))]);
}

#[test]
fn a_block_that_is_never_entered_runs_no_last_action() {
    let ran = Cell::new(false);
    drop(A.to(1).on_exit(|| ran.set(true)));
    drop(A.to(1).on_exit(|| ran.set(true)).wrap(|| ()));
    assert!(!ran.get());
}

/// 55: `with_xlocal`: the spawner wraps what it spawns.
#[test]
fn a_wrapped_closure_is_in_its_block_wherever_it_is_called() {
    let reads = A.to(1).and(B.to(2)).wrap(both);
    assert_eq!(B.bind(9, || elsewhere(reads)), (Some(1), Some(2)));
    let log = Arc::new(Mutex::new(Vec::new()));
    let end = {
        let log = Arc::clone(&log);
        move || log.lock().unwrap().push(both())
    };
    let adds = A.to(1).on_exit(end).wrap(|n: u32| n + A.copied().unwrap());
    assert_eq!(elsewhere(move || (adds(4), both())), (5, (None, None)));
    assert_eq!(*log.lock().unwrap(), [(Some(1), None)]);
    // By reference to what is outside, and only once.
    let words = ["x".to_owned()];
    let borrows = A
        .to(0)
        .wrap(|| words[A.copied().unwrap() as usize].as_str());
    assert_eq!(borrows(), "x");
}

/// 55: nothing is inherited unless it is asked for.
#[test]
fn a_carried_closure_has_the_ambient_that_it_was_given_and_only_that() {
    let (inherits, detached, given) = A.bind(1, || {
        let given = Ambient::capture();
        (both.inherit(), both.detached(), both.in_ambient(given))
    });
    B.bind(2, || {
        assert_eq!(both(), (None, Some(2)));
        assert_eq!(inherits(), (Some(1), None));
        assert_eq!(detached(), (None, None));
        assert_eq!(elsewhere(given), (Some(1), None));
    });
    let body = A.bind(3, || (|stop: Signal| Ok((stop.is_set(), both()))).inherit());
    World::new().run(|| {
        let thread = thread::spawn("inherits", body);
        let late = Till::after(Duration::from_secs(10));
        assert_eq!(thread.join_until(&late).unwrap(), (false, (Some(3), None)));
    });
}

fn twice<E: Enter + Clone>(block: E) -> [(Option<u32>, Option<u32>); 2] {
    [block.clone().run(both), block.wrap(both)()]
}

#[test]
fn a_function_takes_any_block() {
    assert_eq!(twice(A.to(1)), [(Some(1), None); 2]);
    assert_eq!(twice(A.to(1).and(B.to(2))), [(Some(1), Some(2)); 2]);
    assert_eq!(twice(B.bind(2, Ambient::capture)), [(None, Some(2)); 2]);
    assert_eq!(twice(A.to(1).on_exit(|| ())), [(Some(1), None); 2]);
}
