//! Isolating blocks: what is a copy, when it is made, and who sees it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge::shared::{self, Isolate};
use selvedge::testing::World;
use selvedge::{Ambient, Signal, Till, context, singleton, thread};

use super::Discards;
use crate::ambient::{elsewhere, panic_of};

context! {
    static PLUGIN_WORK = "plugin-work" isolates;
    static NOT_ISOLATING = "not-isolating";
}

type Variables = HashMap<String, i64>;

fn five() -> Variables {
    HashMap::from([("x".to_owned(), 5)])
}

// catalogue 32, 33: literally, with the rogue that claims `-`.
#[test]
fn x_minus_one_is_four_twice_though_a_rogue_sets_x() {
    singleton! { static VARIABLES: Variables = five(); }
    fn subtract(name: &str, right: i64) -> i64 {
        let result = VARIABLES.read(|variables| variables[name] - right);
        VARIABLES.update(|variables| variables.insert(name.to_owned(), 3));
        assert_eq!(VARIABLES.read(|variables| variables[name]), 3);
        result
    }
    for _ in 0..2 {
        assert_eq!(PLUGIN_WORK.run(|| subtract("x", 1)), 4);
    }
    assert_eq!(VARIABLES.read(|variables| variables["x"]), 5);
    // Without isolation: what the document complains of.
    assert_eq!([subtract("x", 1), subtract("x", 1)], [4, 2]);
}

// catalogue 35
#[test]
fn a_handle_taken_before_the_block_is_still_the_shared_object() {
    singleton! { static CELL: Mutex<i64> = Mutex::new(5); }
    let before = CELL.get();
    PLUGIN_WORK.run(|| {
        assert!(!Arc::ptr_eq(&before, &CELL.get()));
        *before.lock().unwrap() = 6;
        assert_eq!(
            *CELL.get().lock().unwrap(),
            5,
            "the copy was made before the write"
        );
    });
    assert_eq!(*CELL.get().lock().unwrap(), 6);
}

// catalogue 36, as DESIGN decides: one copy for each block, so a block sees its own writes.
#[test]
fn two_lookups_in_one_block_are_one_copy_and_two_blocks_have_two() {
    singleton! { static N: Mutex<u32> = Mutex::new(0); }
    let first = PLUGIN_WORK.run(|| {
        assert!(Arc::ptr_eq(&N.get(), &N.get()));
        N.get()
    });
    let second = PLUGIN_WORK.run(|| N.get());
    assert!(!Arc::ptr_eq(&first, &second));
}

// catalogue 37
#[test]
fn nothing_of_a_plugin_is_visible_after_it_also_if_it_panicked() {
    singleton! { static VALUE: Vec<u32> = vec![5]; }
    let text = panic_of(|| {
        PLUGIN_WORK.run(|| {
            VALUE.update(|value| value.push(1));
            panic!("a plugin")
        })
    });
    assert_eq!(text, "a plugin");
    assert_eq!(*VALUE.get(), [5]);
    panic_of(|| {
        shared::isolated(|| {
            VALUE.update(|value| -> () {
                drop(std::mem::take(value));
                panic!()
            })
        })
    });
    assert_eq!(*VALUE.get(), [5]);
}

#[test]
fn a_context_that_does_not_isolate_changes_nothing_here() {
    singleton! { static N: u32 = 1; }
    NOT_ISOLATING.run(|| N.update(|n| *n = 2));
    assert_eq!(*N.get(), 2);
    // Unless the caller asks for it.
    let ((), changes) = NOT_ISOLATING.isolated(|| {
        assert!(NOT_ISOLATING.is_active());
        N.update(|n| *n = 3);
    });
    assert_eq!(*N.get(), 2);
    changes.discard();
}

#[test]
fn a_block_sees_what_was_there_at_its_first_touch_whatever_others_do() {
    singleton! { static N: u32 = 1; }
    World::new().run(|| {
        let (touched, changed) = (Signal::new(), Signal::new());
        let late = Till::after(Duration::from_secs(10));
        let plugin = thread::spawn("plugin", {
            let (touched, changed) = (touched.clone(), changed.clone());
            move |_| {
                PLUGIN_WORK.run(|| {
                    let first = *N.get();
                    touched.set();
                    changed.wait()?;
                    Ok((first, *N.get()))
                })
            }
        });
        touched.wait_until(&late).unwrap();
        N.update(|n| *n = 2);
        changed.set();
        assert_eq!(plugin.join_until(&late).unwrap(), (1, 1));
    });
    assert_eq!(*N.get(), 2);
}

/// Counts its copies. `INTERIOR` is a parameter.
struct Counted<const INTERIOR: bool> {
    copies: Arc<AtomicUsize>,
    value: AtomicU32,
}

impl<const INTERIOR: bool> Counted<INTERIOR> {
    fn new() -> Self {
        Self {
            copies: Arc::default(),
            value: AtomicU32::new(1),
        }
    }

    fn copies(&self) -> usize {
        self.copies.load(SeqCst)
    }
}

impl<const INTERIOR: bool> Isolate for Counted<INTERIOR> {
    const INTERIOR: bool = INTERIOR;
    fn isolate(&self) -> Self {
        self.copies.fetch_add(1, SeqCst);
        Self {
            copies: Arc::clone(&self.copies),
            value: self.value.isolate(),
        }
    }
    fn is_same(&self, other: &Self) -> bool {
        self.value.is_same(&other.value)
    }
}

#[test]
fn a_type_without_interior_mutability_is_copied_at_the_first_write_only() {
    singleton! { static PLAIN: Counted<false> = Counted::new(); }
    let shared = PLAIN.get();
    let ((), changes) = shared::isolated(|| {
        assert!(Arc::ptr_eq(&shared, &PLAIN.get()));
        assert_eq!(shared.copies(), 0);
        PLAIN.update(|plain| *plain.value.get_mut() = 2);
        assert_eq!(shared.copies(), 1);
        PLAIN.update(|plain| *plain.value.get_mut() += 1);
        assert_eq!(shared.copies(), 1);
    });
    changes.discard();
    assert_eq!(shared.value.load(SeqCst), 1);
}

/// Two copies: the block's, and what it was, to compare with.
#[test]
fn a_type_with_interior_mutability_is_copied_at_the_first_touch() {
    singleton! { static INNER: Counted<true> = Counted::new(); }
    let shared = INNER.get();
    let ((), changes) = shared::isolated(|| {
        assert_eq!(INNER.read(|inner| inner.value.load(SeqCst)), 1);
        assert_eq!(shared.copies(), 2);
        INNER.read(|inner| inner.value.store(9, SeqCst)); // through `&self`
        assert_eq!(INNER.read(|inner| inner.value.load(SeqCst)), 9);
        assert_eq!(shared.copies(), 2);
    });
    assert!(changes.names()[0].ends_with("INNER"));
    changes.discard();
    assert_eq!(shared.value.load(SeqCst), 1);
}

#[test]
fn a_touch_that_leaves_everything_as_it_was_is_no_write() {
    singleton! { static TOUCHED_INNER: Counted<true> = Counted::new(); }
    let heard = Discards::of("TOUCHED_INNER");
    let ((), changes) = shared::isolated(|| {
        TOUCHED_INNER.read(|inner| inner.value.fetch_add(1, SeqCst));
        TOUCHED_INNER.read(|inner| inner.value.fetch_sub(1, SeqCst));
    });
    assert!(changes.is_empty());
    drop(changes);
    assert!(heard.take().is_empty());
}

#[test]
fn an_untouched_singleton_costs_a_block_nothing() {
    singleton! { static UNTOUCHED: Counted<true> = Counted::new(); static TOUCHED: u32 = 0; }
    let shared = UNTOUCHED.get();
    PLUGIN_WORK.run(|| TOUCHED.update(|n| *n += 1));
    assert_eq!(shared.copies(), 0);
}

#[test]
fn isolation_travels_with_a_capture_and_not_otherwise() {
    singleton! { static N: u32 = 1; }
    let ((), changes) = shared::isolated(|| {
        N.update(|n| *n = 2);
        assert_eq!(elsewhere(|| *N.get()), 1, "a new thread is not isolated");
        let ambient = Ambient::capture();
        elsewhere(move || {
            ambient.run(|| {
                assert_eq!(*N.get(), 2);
                N.update(|n| *n += 10);
            });
            assert_eq!(*N.get(), 1);
        });
        assert_eq!(*N.get(), 12, "it is the same isolation");
        Ambient::empty().run(|| assert_eq!(*N.get(), 1));
    });
    assert_eq!(changes.names().len(), 1);
    changes.commit().unwrap();
    assert_eq!(*N.get(), 12);
}

#[test]
fn a_thread_that_touches_first_in_a_carried_isolation_makes_the_one_copy_of_all() {
    singleton! { static LIST: Vec<usize> = Vec::new(); }
    let ((), changes) = shared::isolated(|| {
        World::new().run(|| {
            let (go, late) = (Signal::new(), Till::after(Duration::from_secs(10)));
            let threads: Vec<_> = (0..4)
                .map(|i| {
                    let (go, ambient) = (go.clone(), Ambient::capture());
                    thread::spawn(&format!("t{i}"), move |_| {
                        go.wait()?;
                        ambient.run(|| LIST.update(|list| list.push(i)));
                        Ok(())
                    })
                })
                .collect();
            go.set();
            for thread in threads {
                thread.join_until(&late).unwrap();
            }
        });
        let mut seen = (*LIST.get()).clone();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3]);
    });
    assert!(LIST.get().is_empty());
    changes.discard();
}

#[test]
fn an_isolating_context_reports_what_it_threw_away_under_its_name() {
    singleton! { static REPORTED: u32 = 1; static REPORTED_NOT: u32 = 1; }
    let heard = Discards::of("REPORTED");
    PLUGIN_WORK.run(|| {
        assert_eq!(*REPORTED_NOT.get(), 1);
        REPORTED.update(|n| *n += 1);
        REPORTED.update(|n| *n += 1);
        assert!(heard.take().is_empty(), "not before the end of the block");
    });
    assert_eq!(heard.take(), ["REPORTED in plugin-work"]);
    panic_of(|| PLUGIN_WORK.isolated(|| REPORTED.update(|_| -> () { panic!() })));
    assert_eq!(heard.take(), ["REPORTED in plugin-work"]);
    // A capture keeps the isolation alive.
    let ambient = PLUGIN_WORK.run(|| {
        REPORTED.update(|n| *n += 1);
        Ambient::capture()
    });
    assert!(heard.take().is_empty());
    assert_eq!(ambient.run(|| *REPORTED.get()), 2);
    drop(ambient);
    assert_eq!(heard.take(), ["REPORTED in plugin-work"]);
}
