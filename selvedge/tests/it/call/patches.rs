//! Patches: another behaviour for a block and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::{Ambient, Signal, Till, local, open, thread};

use super::{step, trail};
use crate::ambient::{elsewhere, panic_of};

#[open]
fn add(a: u32, b: u32) -> u32 {
    step("body");
    a + b
}

#[test]
fn a_patch_is_in_force_in_its_block_and_nowhere_else() {
    let patch = add::around(|args, next| next.proceed(args) * 10);
    assert_eq!(add(1, 2), 3, "it is not in force by being made");
    assert_eq!(patch.run(|| add(1, 2)), 30);
    assert_eq!(add(1, 2), 3);
    assert_eq!(patch.run(|| elsewhere(|| add(1, 2))), 3);
    // It may be used again, and cloned.
    assert_eq!(patch.clone().run(|| patch.run(|| add(1, 2))), 300);
}

#[test]
fn nested_patches_stand_innermost_first() {
    let (outer, inner) = (
        add::around(|args, next| {
            step("outer");
            next.proceed(args)
        }),
        add::around(|args, next| {
            step("inner");
            let result = next.proceed(args);
            step("inner again");
            result
        }),
    );
    trail();
    outer.run(|| inner.run(|| add(1, 1)));
    assert_eq!(trail(), ["inner", "outer", "body", "inner again"]);
    inner.run(|| outer.run(|| add(1, 1)));
    assert_eq!(trail(), ["outer", "inner", "body", "inner again"]);
}

#[test]
fn a_patch_that_does_not_proceed_hides_the_outer_ones() {
    let (outer, inner) = (add::around(|_, _| panic!("hidden")), add::around(|_, _| 7));
    trail();
    assert_eq!(outer.run(|| inner.run(|| add(1, 1))), 7);
    assert_eq!(trail(), [""; 0]);
}

#[test]
fn two_threads_have_different_patches_at_the_same_time() {
    World::new().run(|| {
        let late = Till::after(Duration::from_secs(10));
        let (left, right) = (Signal::new(), Signal::new());
        let start = |name, factor, mine: &Signal, other: &Signal| {
            let (mine, other, late) = (mine.clone(), other.clone(), late.clone());
            thread::spawn(name, move |_| {
                add::around(move |args, next| next.proceed(args) * factor).run(|| {
                    mine.set();
                    other.wait_until(&late)?;
                    Ok(add(1, 1))
                })
            })
        };
        let threads = [
            start("l", 10, &left, &right),
            start("r", 100, &right, &left),
        ];
        assert_eq!(add(1, 1), 2);
        assert_eq!(
            threads.map(|thread| thread.join_until(&late).unwrap()),
            [20, 200]
        );
    });
}

#[test]
fn a_carried_patch_is_in_force_there_after_its_handle_is_gone() {
    let dropped = Arc::new(());
    let held = Arc::clone(&dropped);
    let patch =
        add::around(move |args, next| next.proceed(args) + u32::from(Arc::strong_count(&held) > 1));
    let ambient = patch.run(Ambient::capture);
    drop(patch);
    assert_eq!(ambient.run(|| add(1, 1)), 3);
    let again = ambient.clone();
    assert_eq!(
        elsewhere(move || (again.run(|| add(1, 1)), add(1, 1))),
        (3, 2)
    );
    drop(ambient);
    assert_eq!(
        Arc::strong_count(&dropped),
        1,
        "the last capture lets it go"
    );
    assert_eq!(add(1, 1), 2);
}

#[test]
fn dropping_the_handle_inside_the_block_changes_nothing() {
    let patch = add::around(|_, _| 9);
    let clone = patch.clone();
    clone.run(move || {
        drop(patch);
        assert_eq!(add(1, 1), 9);
    });
}

#[test]
fn an_empty_ambient_hides_the_patches_of_the_caller() {
    add::around(|_, _| 9).run(|| {
        assert_eq!(Ambient::empty().run(|| add(1, 1)), 2);
        assert_eq!(add(1, 1), 9);
    });
}

#[test]
fn a_panic_at_every_point_of_a_handler_leaves_the_block_as_it_was() {
    #[open]
    fn fails(at: u32) -> u32 {
        assert!(at != 2, "body");
        at
    }
    let patch = fails::around(|args, next| {
        let at = args.at;
        assert!(at != 1, "before");
        let result = next.proceed(args);
        assert!(at != 3, "after");
        result + 100
    });
    for (at, text) in [(1, "before"), (2, "body"), (3, "after")] {
        patch.run(|| {
            assert_eq!(panic_of(|| fails(at)), text);
            assert_eq!(fails(7), 107, "still in force");
        });
        assert_eq!(panic_of(|| patch.run(|| panic!("block"))), "block");
        assert_eq!(fails(7), 7);
    }
    // A handler may catch what the body throws.
    let catching = fails::around(|args, next| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| next.proceed(args))).unwrap_or(0)
    });
    catching.run(|| assert_eq!((fails(2), fails(7)), (0, 7)));
}

#[test]
fn a_handler_that_is_dropped_may_call_the_function() {
    struct Calls;
    impl Drop for Calls {
        fn drop(&mut self) {
            step(if add(1, 1) == 2 { "plain" } else { "patched" });
        }
    }
    let calls = Calls;
    let patch = add::around(move |_, _| {
        let _ = &calls;
        9
    });
    assert_eq!(patch.run(|| add(1, 1)), 9);
    trail();
    drop(patch);
    assert_eq!(trail(), ["body", "plain"]);
}

#[test]
fn a_handler_sees_the_ambient_of_the_call() {
    local! { static FACTOR: u32 = 1; }
    let patch = add::around(|args, next| next.proceed(args) * FACTOR.copied().unwrap());
    patch.run(|| {
        assert_eq!(add(1, 1), 2);
        assert_eq!(FACTOR.bind(5, || add(1, 1)), 10);
    });
    // And what it binds around `proceed`, the body sees.
    #[open]
    fn factor() -> u32 {
        FACTOR.copied().unwrap()
    }
    let bound = factor::around(|args, next| FACTOR.bind(8, || next.proceed(args)));
    assert_eq!(bound.run(factor), 8);
    assert_eq!(factor(), 1);
}

/// Each of many, more than are kept without an allocation, in its place: the newest is the first, inside all blocks.
// catalogue 130
#[test]
fn many_patches_keep_their_order_installed_and_carried() {
    #[open]
    fn digits(seen: String) -> String {
        seen
    }
    let patch = |digit: char| digits::before(move |call| call.args.seen.push(digit));
    let installed: Vec<_> = ('1'..='7').map(|digit| patch(digit).install()).collect();
    assert_eq!(digits(String::new()), "7654321");
    let (outer, inner) = (patch('o'), patch('i'));
    outer.run(|| {
        inner.run(|| {
            assert_eq!(digits(String::new()), "io7654321");
            let ambient = Ambient::capture();
            let carried = elsewhere(move || ambient.run(|| digits(String::new())));
            assert_eq!(carried, "io7654321");
        });
    });
    drop(installed);
    assert_eq!(digits(String::new()), "");
}

#[test]
fn a_result_is_dropped_once() {
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    #[open]
    fn pass(count: Count) -> Count {
        count
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let patch = pass::around(|args, next| next.proceed(args));
    let result = patch.run(|| patch.run(|| pass(Count(Arc::clone(&drops)))));
    assert_eq!(drops.load(SeqCst), 0);
    drop(result);
    assert_eq!(drops.load(SeqCst), 1);
    let replaced = pass::around(|args, _| Count(Arc::clone(&args.count.0)));
    drop(replaced.run(|| pass(Count(Arc::clone(&drops)))));
    assert_eq!(drops.load(SeqCst), 3);
}
