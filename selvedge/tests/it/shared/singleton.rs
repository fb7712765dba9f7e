//! One value for the whole process: made once, updated one at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::{Signal, Till, context, local, open, shared, singleton, thread};

use crate::ambient::{elsewhere, panic_of};

context! { static PLUGIN_WORK = "plugin-work" isolates; }

// catalogue 1
#[test]
fn every_access_by_name_yields_the_same_object() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    singleton! { static ONE: usize = MADE.fetch_add(1, SeqCst); }
    assert_eq!(MADE.load(SeqCst), 0);
    let mine = ONE.get();
    let theirs = elsewhere(|| ONE.get());
    assert!(Arc::ptr_eq(&mine, &theirs));
    assert_eq!(MADE.load(SeqCst), 1);
    assert!(ONE.name().ends_with("singleton::ONE"), "{}", ONE.name());
}

#[test]
fn threads_that_race_for_the_first_use_make_one_object() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    singleton! { static RACED: usize = MADE.fetch_add(1, SeqCst); }
    World::new().run(|| {
        let (go, late) = (Signal::new(), Till::after(Duration::from_secs(10)));
        let threads: Vec<_> = (0..4)
            .map(|i| {
                let go = go.clone();
                thread::spawn(&format!("t{i}"), move |_| {
                    go.wait()?;
                    Ok(RACED.get())
                })
            })
            .collect();
        go.set();
        let mine = RACED.get();
        assert!(
            threads
                .iter()
                .all(|t| Arc::ptr_eq(&mine, &t.join_until(&late).unwrap()))
        );
    });
    assert_eq!(MADE.load(SeqCst), 1);
}

#[test]
fn an_initialiser_that_panics_is_tried_again() {
    static FAILS: AtomicUsize = AtomicUsize::new(1);
    singleton! {
        static SHAKY: u32 = {
            assert!(FAILS.fetch_sub(1, SeqCst) != 1, "not yet");
            5
        };
    }
    assert_eq!(panic_of(|| SHAKY.get()), "not yet");
    assert_eq!(*SHAKY.get(), 5);
}

/// The shared object outlives the block that happened to use it first.
#[test]
fn an_initialiser_sees_nothing_of_the_block_of_its_first_user() {
    local! { static LOCAL: u32 = 1; }
    singleton! {
        static BASE: u32 = 10;
        static DERIVED: u32 = *BASE.get() + LOCAL.copied().unwrap() + number();
    }
    #[open]
    fn number() -> u32 {
        100
    }
    let patch = number::around(|_, _| 900);
    patch.run(|| {
        LOCAL.bind(2, || {
            PLUGIN_WORK.run(|| {
                BASE.update(|base| *base = 50); // a rogue
                assert_eq!(*DERIVED.get(), 111);
            });
        });
    });
    assert_eq!(*DERIVED.get(), 111);
}

// catalogue 34
#[test]
fn a_change_in_the_default_context_is_seen_at_once_by_workers_in_it() {
    singleton! { static VARIABLES: HashMap<String, i64> = HashMap::new(); }
    World::new().run(|| {
        let (set, seen) = (Signal::new(), Signal::new());
        let late = Till::after(Duration::from_secs(10));
        let worker = thread::spawn("worker", {
            let (set, seen) = (set.clone(), seen.clone());
            move |_| {
                set.wait()?;
                let x = VARIABLES.read(|v| v["x"]);
                VARIABLES.update(|v| v.insert("y".into(), x + 1));
                seen.set();
                Ok(x)
            }
        });
        VARIABLES.update(|v| v.insert("x".into(), 5));
        set.set();
        seen.wait_until(&late).unwrap();
        assert_eq!(VARIABLES.read(|v| v["y"]), 6);
        assert_eq!(worker.join_until(&late).unwrap(), 5);
    });
}

#[test]
fn updates_of_many_threads_exclude_one_another() {
    singleton! { static TOTAL: u64 = 0; }
    World::new().run(|| {
        let late = Till::after(Duration::from_secs(10));
        let threads: Vec<_> = (0..4)
            .map(|i| {
                thread::spawn(&format!("t{i}"), |_| {
                    for _ in 0..500 {
                        TOTAL.update(|total| *total += 1);
                        let held = TOTAL.get(); // makes the next update copy
                        TOTAL.update(|total| *total += *held - *held + 1);
                    }
                    Ok(())
                })
            })
            .collect();
        for thread in threads {
            thread.join_until(&late).unwrap();
        }
    });
    assert_eq!(*TOTAL.get(), 4_000);
}

#[test]
fn a_value_that_is_held_does_not_follow_later_writes() {
    singleton! { static WORDS: Vec<String> = vec!["a".into()]; }
    let held = WORDS.get();
    WORDS.update(|words| words.push("b".into()));
    assert_eq!((held.len(), WORDS.read(Vec::len)), (1, 2));
    // Nobody holds the new one: it is changed in place.
    let address = WORDS.read(|words| std::ptr::from_ref(words).addr());
    WORDS.update(|words| words.push("c".into()));
    assert_eq!(
        WORDS.read(|words| std::ptr::from_ref(words).addr()),
        address
    );
}

#[test]
fn a_read_holds_no_lock_so_that_it_may_update() {
    singleton! { static N: u32 = 1; }
    let after = N.read(|before| {
        N.update(|n| *n += 1);
        (*before, *N.get())
    });
    assert_eq!(after, (1, 2));
}

#[test]
fn using_a_singleton_inside_its_own_update_panics_and_names_it() {
    singleton! { static SELFISH: u32 = 1; static OTHER: u32 = 2; }
    let uses: [fn(); 4] = [
        || drop(SELFISH.get()),
        || SELFISH.read(|_| ()),
        || SELFISH.update(|_| ()),
        || drop(shared::isolated(|| SELFISH.get())),
    ];
    for inside in uses {
        let text = panic_of(|| SELFISH.update(|_| inside()));
        assert!(
            text.contains("singleton::SELFISH` is used inside its own update"),
            "{text}"
        );
    }
    // Another one may be used, and it works again afterwards, also in an isolating block.
    SELFISH.update(|selfish| *selfish += *OTHER.get());
    assert_eq!(*SELFISH.get(), 3);
    let text = panic_of(|| shared::isolated(|| SELFISH.update(|_| SELFISH.get())));
    assert!(text.contains("SELFISH"), "{text}");
    // The isolated copy is another object than the shared one.
    let ((), changes) = shared::isolated(|| SELFISH.update(|selfish| *selfish += 1));
    changes.commit().unwrap();
    assert_eq!(*SELFISH.get(), 4);
}

/// It would wait for itself.
#[test]
fn a_commit_inside_an_update_of_what_it_commits_panics_and_changes_nothing() {
    singleton! { static A_FIRST: u32 = 1; static BUSY: u32 = 1; }
    let ((), changes) = shared::isolated(|| {
        A_FIRST.update(|a| *a = 2);
        BUSY.update(|b| *b = 2);
    });
    let text = panic_of(|| BUSY.update(|_| changes.commit()));
    assert!(
        text.contains("singleton::BUSY` is used inside its own update"),
        "{text}"
    );
    assert_eq!((*A_FIRST.get(), *BUSY.get()), (1, 1));
    A_FIRST.update(|a| *a += 1); // no lock was left behind
    BUSY.update(|b| *b += 1);
}

#[test]
fn a_panic_in_an_update_leaves_what_was_done_and_the_singleton_usable() {
    singleton! { static LIST: Vec<u32> = Vec::new(); }
    let text = panic_of(|| {
        LIST.update(|list| {
            list.push(1);
            panic!("half-way")
        })
    });
    assert_eq!(text, "half-way");
    assert_eq!(*LIST.get(), [1]);
    LIST.update(|list| list.push(2));
    assert_eq!(*LIST.get(), [1, 2]);
    assert_eq!(panic_of(|| LIST.read(|_| panic!("reader"))), "reader");
    assert_eq!(LIST.read(Vec::len), 2);
}

#[test]
fn a_panic_in_the_copy_leaves_the_old_value() {
    struct Shy(u32);
    impl shared::Isolate for Shy {
        const INTERIOR: bool = false;
        fn isolate(&self) -> Self {
            panic!("not copied")
        }
    }
    singleton! { static SHY: Shy = Shy(1); }
    SHY.update(|shy| shy.0 += 1); // nobody holds it: no copy
    let held = SHY.get();
    assert_eq!(panic_of(|| SHY.update(|shy| shy.0 += 1)), "not copied");
    drop(held);
    SHY.update(|shy| shy.0 += 1);
    assert_eq!(SHY.read(|shy| shy.0), 3);
}

#[test]
fn debug_names_it() {
    singleton! { static SHOWN: u32 = 1; }
    assert!(format!("{:?}", &SHOWN).contains("singleton::SHOWN"));
}

#[test]
#[should_panic(expected = "MIRROR needs itself to be made")]
fn an_initialiser_that_reads_its_own_singleton_is_named() {
    singleton! { static MIRROR: u32 = *MIRROR.get() + 1; }
    let _ = MIRROR.get();
}
