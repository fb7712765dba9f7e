//! Captures: what travels, what it costs, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use selvedge::testing::World;
use selvedge::{Ambient, Till, Wrap, context, local, thread};

use super::{elsewhere, panic_of};

local! {
    static A: u32;
    static B: u32;
    static NAME: String;
}
context! { static WORK = "work"; }

fn both() -> (Option<u32>, Option<u32>) {
    (A.copied().ok(), B.copied().ok())
}

#[test]
fn running_a_capture_hides_the_caller_and_brings_it_back() {
    let a = A.bind(1, Ambient::capture);
    B.bind(2, || {
        assert_eq!(a.run(both), (Some(1), None));
        assert_eq!(both(), (None, Some(2)));
        assert_eq!(panic_of(|| a.run(|| panic!("in"))), "in");
        assert_eq!(both(), (None, Some(2)));
        assert_eq!(Ambient::empty().run(both), (None, None));
        assert_eq!(both(), (None, Some(2)));
    });
    assert_eq!(both(), (None, None));
}

// catalogue 64
#[test]
fn an_ambient_runs_again_nested_in_itself_and_on_two_threads_at_once() {
    let a = A.bind(1, Ambient::capture);
    for _ in 0..3 {
        assert_eq!(a.run(|| A.bind(2, || a.run(both))), (Some(1), None));
    }
    let (x, y) = (a.clone(), a.clone());
    let seen = World::new().run(|| {
        let late = Till::after(Duration::from_secs(10));
        let (x, y) = (
            thread::spawn("x", move |_| Ok(x.run(both))),
            thread::spawn("y", move |_| Ok(y.run(both))),
        );
        [x.join_until(&late).unwrap(), y.join_until(&late).unwrap()]
    });
    assert_eq!(seen, [(Some(1), None); 2]);
}

// catalogue 63
#[test]
fn an_empty_ambient_leaves_no_trace() {
    let empty = Ambient::capture();
    assert!(empty.is_empty() && Ambient::empty().is_empty());
    A.bind(1, || {
        assert_eq!(empty.run(both), (None, None));
        assert_eq!(empty.run(|| B.bind(2, both)), (None, Some(2)));
        assert_eq!(
            empty.run(|| B.bind(2, || Ambient::capture()).run(both)),
            (None, Some(2))
        );
        assert!(empty.run(Ambient::capture).is_empty());
        assert_eq!(both(), (Some(1), None));
    });
}

#[test]
fn a_capture_inside_a_captured_ambient_has_both_and_nothing_of_the_runner() {
    let a = A.bind(1, Ambient::capture);
    let nested = NAME.bind("runner".to_owned(), || {
        a.run(|| B.bind(2, Ambient::capture))
    });
    drop(a);
    elsewhere(move || {
        nested.run(|| {
            assert_eq!(both(), (Some(1), Some(2)));
            assert!(!NAME.is_bound());
            // Hides a captured binding, and shows it again.
            A.bind(9, || assert_eq!(both(), (Some(9), Some(2))));
            let third = A.bind(3, Ambient::capture);
            assert_eq!(third.run(both), (Some(3), Some(2)));
            assert_eq!(both(), (Some(1), Some(2)));
        });
    });
}

#[test]
fn run_in_run_in_run_unwinds_level_by_level() {
    let a = A.bind(1, Ambient::capture);
    let b = B.bind(2, Ambient::capture);
    a.run(|| {
        b.run(|| {
            Ambient::empty().run(|| {
                assert_eq!(both(), (None, None));
                a.run(|| assert_eq!(both(), (Some(1), None)));
                assert_eq!(both(), (None, None));
            });
            assert_eq!(both(), (None, Some(2)));
        });
        assert_eq!(both(), (Some(1), None));
    });
}

#[test]
fn a_frame_is_copied_once_however_often_it_is_captured() {
    A.bind_copy(1, || {
        let first = Ambient::capture();
        let second = B.bind(2, Ambient::capture);
        // `bind_copy` has no counted value before a capture makes one: the same one for both.
        let value = |ambient: &Ambient| ambient.run(|| A.get().unwrap());
        assert!(Arc::ptr_eq(&value(&first), &value(&second)));
        assert!(Arc::ptr_eq(&value(&first), &value(&Ambient::capture())));
    });
    let name = Arc::new("n".to_owned());
    NAME.bind_arc(Arc::clone(&name), || {
        let captures: Vec<_> = (0..1_000).map(|_| Ambient::capture()).collect();
        // The caller's, the frame's, the copy's.
        assert_eq!(Arc::strong_count(&name), 3);
        drop(captures);
    });
    assert_eq!(Arc::strong_count(&name), 1);
}

#[test]
fn a_capture_takes_the_innermost_of_shadowed_bindings_and_the_outer_ones_die_with_it() {
    let outer = Arc::new("outer".to_owned());
    let ambient = NAME.bind_arc(Arc::clone(&outer), || {
        NAME.bind("inner".to_owned(), Ambient::capture)
    });
    assert_eq!(ambient.run(|| NAME.with(String::clone)).unwrap(), "inner");
    drop(ambient);
    assert_eq!(Arc::strong_count(&outer), 1);
}

#[test]
fn the_block_may_drop_every_handle_to_the_ambient_that_it_runs_in() {
    let name = Arc::new("held".to_owned());
    let ambient = NAME.bind_arc(Arc::clone(&name), Ambient::capture);
    // `wrap` moves the only handle into the call.
    let inside = ambient.wrap(|| {
        let kept = NAME.get().unwrap();
        (NAME.with(String::clone).unwrap(), kept, Ambient::capture())
    });
    let (text, kept, again) = inside();
    assert_eq!((text.as_str(), kept.as_str()), ("held", "held"));
    drop(kept);
    assert_eq!(again.run(|| NAME.with(String::clone)).unwrap(), "held");
    drop(again);
    assert_eq!(Arc::strong_count(&name), 1);
}

#[test]
fn debug_says_how_much_is_bound_and_where_it_was_captured() {
    let ambient = A.bind(1, || B.bind(2, || A.bind(3, Ambient::capture)));
    let text = format!("{ambient:?}");
    assert!(text.contains("bound: 2"), "{text}");
    let here = A.bind(1, || Ambient::capture());
    assert!(format!("{here:?}").contains("captures.rs"), "{here:?}");
}

#[test]
fn contexts_travel_and_stay_as_deep_as_they_were() {
    let ambient = WORK.run(|| A.bind(1, Ambient::capture));
    elsewhere(move || {
        assert!(!WORK.is_active());
        ambient.run(|| {
            assert!(WORK.is_active());
            WORK.without(|| assert!(!WORK.is_active()));
        });
        assert!(!WORK.is_active());
    });
}

const DEEP: u32 = 200_000;

fn nest(depth: u32, value: &Arc<String>) -> Ambient {
    if depth == 0 {
        return Ambient::capture();
    }
    NAME.bind_arc(Arc::clone(value), || nest(depth - 1, value))
}

#[test]
fn a_chain_of_200_000_frames_is_captured_read_and_dropped_on_a_small_stack() {
    let value = Arc::new("deep".to_owned());
    let seen = World::new().run(|| {
        let late = Till::after(Duration::from_secs(30));
        let deep = thread::Builder::new("deep").stack_size(1 << 30).spawn({
            let value = Arc::clone(&value);
            move |_| Ok(nest(DEEP, &value))
        });
        let ambient = deep.unwrap().join_until(&late).unwrap();
        assert_eq!(Arc::strong_count(&value), DEEP as usize + 1);
        let small = thread::Builder::new("small")
            .stack_size(128 << 10)
            .spawn(move |_| {
                let seen = ambient.run(|| {
                    // Capturing on top of it does not walk it, and reading neither.
                    let top = A.bind(1, Ambient::capture);
                    top.run(|| (NAME.with(String::len).unwrap(), both()))
                });
                drop(ambient);
                Ok(seen)
            });
        small.unwrap().join_until(&late).unwrap()
    });
    assert_eq!(seen, (4, (Some(1), None)));
    assert_eq!(Arc::strong_count(&value), 1);
}
