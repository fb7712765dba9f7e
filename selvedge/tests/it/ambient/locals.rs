//! Locals: a value for a block and all that it calls.

use std::cell::Cell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::{Ambient, Local, Signal, Till, Wrap, local, thread};

use super::{elsewhere, panic_of};

local! {
    static A: u32;
    static B: u32;
    static TEXT: String;
    static MAYBE: Option<u8> = Some(1);
    static LEVEL: u8 = 3;
    static UNIT: ();
}

fn callee() -> Option<u32> {
    A.copied().ok()
}

// catalogue 44, 45
#[test]
fn a_value_is_seen_by_all_that_the_block_calls_and_by_nobody_after_it() {
    assert_eq!(callee(), None);
    assert_eq!(A.bind(1, callee), Some(1));
    assert_eq!(callee(), None);
    assert!(!A.is_bound());
}

// catalogue 45, 81
#[test]
fn unbound_names_the_local_the_thread_and_what_was_there_instead() {
    let error = A.get().unwrap_err();
    assert!(error.name().ends_with("locals::A"), "{}", error.name());
    let text = error.to_string();
    assert!(
        text.contains("locals::A` is not bound in thread `"),
        "{text}"
    );
    assert!(text.ends_with("(nothing is bound here)"), "{text}");
    // Why it is not there, up to the line where an ambient was made.
    let chain = |error: selvedge::Unbound| {
        let text = error.to_string();
        let chain = text.split_once(" (").expect("the chain in parentheses").1;
        chain.split(':').next().expect("a file").to_owned()
    };
    let others = B.bind(1, || A.get());
    assert_eq!(chain(others.unwrap_err()), "other things are bound here)");
    let empty = Ambient::empty().run(|| A.get());
    assert_eq!(
        chain(empty.unwrap_err()),
        format!("the empty ambient made at {}", file!())
    );
    let captured = B.bind(1, || Ambient::capture()).run(|| A.get());
    assert_eq!(
        chain(captured.unwrap_err()),
        format!("the ambient captured at {}", file!())
    );
    let path = elsewhere(|| A.get().unwrap_err().thread().to_owned());
    assert!(path.ends_with("/elsewhere"), "{path}");
}

// catalogue 46, 47: there is no setter and no deletion; a callee can only bind for its own block.
#[test]
fn what_a_callee_binds_its_caller_never_sees() {
    fn meddler() {
        A.bind(9, || assert_eq!(callee(), Some(9)));
    }
    A.bind(1, || {
        meddler();
        assert_eq!(callee(), Some(1));
    });
}

// catalogue 48, 50, 51
#[test]
fn nested_blocks_shadow_and_restore_each_name_alone() {
    let both = || (A.copied().ok(), B.copied().ok());
    A.bind(1, || {
        B.bind_copy(2, || {
            assert_eq!(both(), (Some(1), Some(2)));
            A.bind_copy(3, || assert_eq!(both(), (Some(3), Some(2))));
            assert_eq!(both(), (Some(1), Some(2)));
        });
        assert_eq!(both(), (Some(1), None));
    });
    assert_eq!(both(), (None, None));
}

// catalogue 49
#[test]
fn the_outer_value_is_back_after_a_panic_and_after_an_early_return() {
    A.bind(1, || {
        assert_eq!(
            panic_of(|| A.bind(2, || B.bind(3, || panic!("inside")))),
            "inside"
        );
        assert_eq!((callee(), B.is_bound()), (Some(1), false));
        let early = || -> Result<u32, selvedge::Unbound> { A.bind(2, || Ok(B.copied()? + 1)) };
        assert!(early().is_err());
        assert_eq!(callee(), Some(1));
    });
    assert_eq!(callee(), None);
}

#[test]
fn a_panic_in_reading_a_value_leaves_it_bound() {
    TEXT.bind("kept".to_owned(), || {
        assert_eq!(panic_of(|| TEXT.with(|_| panic!("reader"))), "reader");
        assert_eq!(TEXT.with(String::clone).unwrap(), "kept");
    });
}

// catalogue 52, 55
#[test]
fn another_thread_sees_a_value_only_when_it_is_carried_there() {
    A.bind(7, || {
        assert_eq!(elsewhere(callee), None);
        let ambient = Ambient::capture();
        assert_eq!(
            elsewhere(move || (ambient.run(callee), callee())),
            (Some(7), None)
        );
        assert_eq!(elsewhere(Ambient::capture().wrap(callee)), Some(7));
    });
}

// catalogue 56
#[test]
fn two_threads_bind_the_same_local_to_different_values_at_once() {
    World::new().run(|| {
        let late = Till::after(Duration::from_secs(10));
        let (left, right) = (Signal::named("left"), Signal::named("right"));
        let start = |name, value, mine: &Signal, other: &Signal| {
            let (mine, other, late) = (mine.clone(), other.clone(), late.clone());
            thread::spawn(name, move |_| {
                A.bind(value, || {
                    mine.set();
                    other.wait_until(&late)?; // both are inside now
                    Ok(callee())
                })
            })
        };
        let threads = [start("l", 1, &left, &right), start("r", 2, &right, &left)];
        let seen = threads.map(|thread| thread.join_until(&late).unwrap());
        assert_eq!(seen, [Some(1), Some(2)]);
    });
}

// catalogue 57
#[test]
fn nothing_holds_a_value_after_its_last_block() {
    let value = Arc::new("mine".to_owned());
    TEXT.bind_arc(Arc::clone(&value), || {
        assert!(Arc::ptr_eq(&value, &TEXT.get().unwrap()));
        assert_eq!(Arc::strong_count(&value), 2);
    });
    assert_eq!(Arc::strong_count(&value), 1);
}

// catalogue 26, 58
#[test]
fn a_thread_that_panics_in_a_block_leaves_nothing_to_later_threads() {
    let value = Arc::new("leak".to_owned());
    for _ in 0..20 {
        let held = Arc::clone(&value);
        let was_clean = elsewhere(|| {
            let was_clean = !TEXT.is_bound();
            // Unwinds through the block into the top of the thread's body.
            let ended = catch_unwind(AssertUnwindSafe(|| {
                TEXT.bind_arc(held, || panic!("dies inside"))
            }));
            was_clean && ended.is_err() && !TEXT.is_bound()
        });
        assert!(was_clean);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

// catalogue 59
#[test]
fn a_bound_none_and_a_bound_unit_are_bindings() {
    assert_eq!(MAYBE.copied(), Ok(Some(1)));
    assert!(!MAYBE.is_bound());
    MAYBE.bind(None, || {
        assert!(MAYBE.is_bound());
        assert_eq!(MAYBE.copied(), Ok(None));
    });
    assert!(UNIT.copied().is_err());
    UNIT.bind_copy((), || {
        assert_eq!((UNIT.copied(), UNIT.is_bound()), (Ok(()), true))
    });
    UNIT.bind((), || {
        assert_eq!((UNIT.copied(), UNIT.is_bound()), (Ok(()), true))
    });
}

// catalogue 60
#[test]
fn two_locals_of_one_name_in_two_modules_are_independent() {
    mod other {
        selvedge::local! { pub(super) static A: u32; }
    }
    A.bind(1, || {
        assert!(!other::A.is_bound());
        other::A.bind(2, || {
            assert_eq!((A.copied(), other::A.copied()), (Ok(1), Ok(2)))
        });
    });
    assert_ne!(A.name(), other::A.name());
}

// catalogue 71
#[test]
fn a_value_that_was_kept_does_not_follow_later_bindings() {
    let kept = TEXT.bind("first".to_owned(), || {
        let kept = TEXT.get().unwrap();
        TEXT.bind("second".to_owned(), || assert_eq!(*kept, "first"));
        kept
    });
    assert_eq!(*kept, "first");
}

// catalogue 72
#[test]
fn a_property_of_a_shared_object_gives_the_value_of_whoever_asks() {
    struct Renderer;
    impl Renderer {
        fn request(&self) -> String {
            TEXT.with(String::clone).unwrap()
        }
    }
    static SHARED: Renderer = Renderer;
    let ask = |text: &str| TEXT.bind(text.to_owned(), || SHARED.request());
    assert_eq!(ask("/a"), "/a");
    assert_eq!(
        TEXT.bind("/outer".to_owned(), || elsewhere(
            || TEXT.bind("/b".to_owned(), || SHARED.request())
        )),
        "/b"
    );
}

mod example {
    //! The document's module, which another one uses.
    selvedge::local! { pub(super) static X: i32; }
    pub(super) fn output() -> String {
        format!("hello world {}", X.copied().unwrap())
    }
}

// catalogue 73, 75
#[test]
fn the_example_of_the_document_says_hello_from_both_modules() {
    assert_eq!(example::X.bind(1, example::output), "hello world 1");
    use example::X as IMPORTED;
    assert_eq!(IMPORTED.bind(3, example::output), "hello world 3");
}

#[test]
fn a_default_is_evaluated_once_and_is_not_a_binding() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    local! { static MADE_ONCE: usize = MADE.fetch_add(1, SeqCst) + 10; }
    assert_eq!(MADE.load(SeqCst), 0);
    assert!(!MADE_ONCE.is_bound());
    assert_eq!(MADE_ONCE.copied(), Ok(10));
    assert_eq!(elsewhere(|| MADE_ONCE.copied()), Ok(10));
    assert!(Arc::ptr_eq(
        &MADE_ONCE.get().unwrap(),
        &MADE_ONCE.get().unwrap()
    ));
    assert_eq!(MADE.load(SeqCst), 1);
}

#[test]
fn a_default_that_panics_is_tried_again() {
    static FAILS: AtomicUsize = AtomicUsize::new(1);
    local! {
        static SHAKY: u32 = {
            assert!(FAILS.fetch_sub(1, SeqCst) != 1, "not yet");
            5
        };
    }
    assert_eq!(panic_of(|| SHAKY.copied()), "not yet");
    assert_eq!(SHAKY.copied(), Ok(5));
}

/// The default lives as long as the process: what the first reader happened to have bound, or to be inside
/// of, must not leak into it.
#[test]
fn a_default_does_not_see_what_its_first_reader_has_bound() {
    local! { static TWICE: u8 = LEVEL.copied().unwrap() * 2; }
    assert_eq!(LEVEL.bind(100, || TWICE.copied()), Ok(6));
    assert_eq!(TWICE.copied(), Ok(6));
}

/// What it sees when it is dropped.
struct Curious {
    seen: Arc<Mutex<Vec<Option<u32>>>>,
}

impl Drop for Curious {
    fn drop(&mut self) {
        let outside = A.copied().ok();
        let inside = A.bind(50, || Ambient::capture().run(|| A.copied().ok()));
        self.seen.lock().unwrap().extend([outside, inside]);
    }
}

local! { static CURIOUS: Curious; }

#[test]
fn the_drop_of_a_value_reads_binds_and_captures_outside_its_own_block() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let curious = || Curious {
        seen: Arc::clone(&seen),
    };
    let take = || std::mem::take(&mut *seen.lock().unwrap());
    A.bind(1, || CURIOUS.bind(curious(), || A.bind(2, || ())));
    assert_eq!(take(), [Some(1), Some(50)]);
    // On unwinding as well.
    A.bind(1, || {
        panic_of(|| CURIOUS.bind(curious(), || A.bind(2, || panic!("x"))))
    });
    assert_eq!(take(), [Some(1), Some(50)]);
    // A capture outlives the block: the value sees what is bound where the last count goes.
    let ambient = CURIOUS.bind(curious(), Ambient::capture);
    assert_eq!(take(), []);
    assert_eq!(elsewhere(move || A.bind(3, || drop(ambient))), ());
    assert_eq!(take(), [Some(3), Some(50)]);
}

struct Bomb;
impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a value's drop");
    }
}

local! { static BOMB: Bomb; }

#[test]
fn a_panic_in_the_drop_of_a_value_comes_out_and_leaves_the_block() {
    A.bind(1, || {
        assert_eq!(
            panic_of(|| BOMB.bind(Bomb, || A.bind(2, callee))),
            "a value's drop"
        );
        assert_eq!((callee(), BOMB.is_bound()), (Some(1), false));
        // Where the drop of a captured value panics, the rest of the chain goes all the same.
        let rest = Arc::new("rest".to_owned());
        let ambient = TEXT.bind_arc(Arc::clone(&rest), || {
            BOMB.bind(Bomb, || A.bind(2, Ambient::capture))
        });
        assert_eq!(panic_of(|| drop(ambient)), "a value's drop");
        assert_eq!(Arc::strong_count(&rest), 1);
    });
    assert_eq!(callee(), None);
}

#[test]
fn a_block_returns_what_its_closure_returns_also_a_borrow_from_outside() {
    let words = ["a".to_owned(), "b".to_owned()];
    let longest: &str = A.bind(1, || words[A.copied().unwrap() as usize].as_str());
    assert_eq!(longest, "b");
    let count = Cell::new(0);
    A.bind_copy(4, || count.set(callee().unwrap()));
    assert_eq!(count.get(), 4);
}

#[test]
fn a_reader_may_bind_the_local_anew_while_it_looks_at_it() {
    TEXT.bind("outer".to_owned(), || {
        let seen = TEXT.with(|outer| {
            TEXT.bind("inner".to_owned(), || {
                TEXT.with(|inner| format!("{outer} {inner}")).unwrap()
            })
        });
        assert_eq!(seen.unwrap(), "outer inner");
    });
}

#[test]
fn large_values_and_overaligned_values_are_bound_in_place() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(256))]
    struct Wide([u64; 64]);
    local! { static WIDE: Wide; }
    let wide = Wide([7; 64]);
    WIDE.bind_copy(wide, || {
        let address = WIDE.with(|wide| std::ptr::from_ref(wide).addr()).unwrap();
        assert_eq!(address % 256, 0);
        let ambient = Ambient::capture();
        assert_eq!(elsewhere(move || ambient.run(|| WIDE.copied())), Ok(wide));
    });
}

#[test]
fn many_threads_that_bind_a_new_local_first_agree_on_what_it_is() {
    for round in 0..20 {
        // Leaked statics, so that each round has a local that nobody has bound yet.
        let fresh: &'static Local<usize> = Box::leak(Box::new(Local::new("fresh", None)));
        World::new().run(|| {
            let go = Signal::new();
            let threads: Vec<_> = (0..4)
                .map(|i| {
                    let go = go.clone();
                    thread::spawn(&format!("t{i}"), move |_| {
                        go.wait()?;
                        let seen = fresh.bind(i, || {
                            let ambient = Ambient::capture();
                            (fresh.copied(), ambient.run(|| fresh.copied()))
                        });
                        assert!(fresh.copied().is_err());
                        Ok(seen)
                    })
                })
                .collect();
            go.set();
            let late = Till::after(Duration::from_secs(10));
            let seen: HashSet<_> = threads
                .iter()
                .map(|thread| thread.join_until(&late).unwrap())
                .map(|(direct, carried)| {
                    assert_eq!(direct, carried);
                    direct.unwrap()
                })
                .collect();
            assert_eq!(seen.len(), 4, "round {round}");
        });
    }
}

#[test]
fn a_value_lives_exactly_as_long_as_its_block_its_captures_and_its_counts() {
    let value = Arc::new("v".to_owned());
    let weak: Weak<String> = Arc::downgrade(&value);
    let (ambient, kept) = TEXT.bind_arc(value, || (Ambient::capture(), TEXT.get().unwrap()));
    assert_eq!(weak.strong_count(), 2);
    drop(ambient);
    assert_eq!(weak.strong_count(), 1);
    drop(kept);
    assert_eq!(weak.strong_count(), 0);
}
