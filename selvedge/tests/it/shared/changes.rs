//! What became of the writes of an isolating block: committed, discarded, in conflict.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use selvedge::shared::{self, Changes, Conflict, Isolate, Singleton};
use selvedge::{Ambient, context, singleton};

use super::Discards;
use crate::ambient::{elsewhere, panic_of};

context! { static PLUGIN_WORK = "plugin-work" isolates; }

#[test]
fn a_commit_makes_the_writes_those_of_the_caller() {
    singleton! { static A: u32 = 1; static B: String = String::new(); static READ: u32 = 0; }
    let (result, changes) = shared::isolated(|| {
        A.update(|a| *a += 1);
        B.update(|b| b.push('b'));
        *READ.get()
    });
    assert_eq!(result, 0);
    assert!(!changes.is_empty());
    let names: Vec<_> = changes
        .names()
        .iter()
        .map(|name| name.rsplit("::").next().unwrap())
        .collect();
    assert_eq!(names, ["A", "B"]);
    assert!(format!("{changes:?}").contains("changes::A"), "{changes:?}");
    assert_eq!((*A.get(), B.get().as_str()), (1, ""));
    assert_eq!(changes.commit(), Ok(()));
    assert_eq!((*A.get(), B.get().as_str()), (2, "b"));
}

#[test]
fn a_block_that_only_reads_has_no_changes() {
    singleton! { static N: u32 = 1; }
    let (_, nothing) = shared::isolated(|| ());
    assert!(nothing.is_empty() && nothing.names().is_empty());
    assert_eq!(nothing.commit(), Ok(()));
    let (_, read) = shared::isolated(|| *N.get());
    assert!(read.is_empty());
    N.update(|n| *n = 2); // no conflict with a reader
    assert_eq!(read.commit(), Ok(()));
}

#[test]
fn a_conflict_names_the_singleton_and_changes_nothing_at_all() {
    singleton! { static FREE: u32 = 1; static TAKEN: u32 = 1; static ALSO_FREE: u32 = 1; }
    let all = || (*FREE.get(), *TAKEN.get(), *ALSO_FREE.get());
    let ((), changes) = shared::isolated(|| {
        FREE.update(|n| *n = 2);
        TAKEN.update(|n| *n = 2);
        ALSO_FREE.update(|n| *n = 2);
    });
    elsewhere(|| TAKEN.update(|n| *n = 7));
    let conflict: Conflict = changes.commit().unwrap_err();
    assert!(conflict.singleton().ends_with("changes::TAKEN"));
    let text = conflict.to_string();
    assert!(
        text.contains("TAKEN` was written by somebody else meanwhile"),
        "{text}"
    );
    assert_eq!(all(), (1, 7, 1));
    for update in [&FREE, &TAKEN, &ALSO_FREE] {
        update.update(|n| *n += 1); // no lock was left behind
    }
    assert_eq!(all(), (2, 8, 2));
}

#[test]
fn a_write_between_the_first_touch_and_the_block_s_own_write_is_a_conflict() {
    singleton! { static N: u32 = 1; }
    let ((), changes) = shared::isolated(|| {
        assert_eq!(*N.get(), 1);
        elsewhere(|| N.update(|n| *n = 5));
        N.update(|n| *n += 1);
    });
    assert!(changes.commit().is_err());
    assert_eq!(*N.get(), 5);
    // Before the first touch it is none.
    let ((), changes) = shared::isolated(|| {
        elsewhere(|| N.update(|n| *n = 6));
        N.update(|n| *n += 1);
    });
    assert_eq!(changes.commit(), Ok(()));
    assert_eq!(*N.get(), 7);
}

#[test]
fn of_two_blocks_that_wrote_the_same_the_second_commit_is_refused() {
    singleton! { static N: u32 = 1; }
    let write = || shared::isolated(|| N.update(|n| *n += 1)).1;
    let (first, second) = (write(), write());
    assert_eq!(first.commit(), Ok(()));
    assert!(second.commit().is_err());
    assert_eq!(*N.get(), 2);
}

#[test]
fn dropped_changes_are_reported_and_settled_ones_are_not() {
    singleton! { static DROPPED_X: u32 = 1; static DROPPED_Y: u32 = 1; }
    let heard = Discards::of("DROPPED");
    let write = || {
        shared::isolated(|| {
            DROPPED_X.update(|n| *n += 1);
            DROPPED_Y.update(|n| *n += 1);
        })
        .1
    };
    drop(write());
    assert_eq!(
        heard.take(),
        ["DROPPED_X in isolated", "DROPPED_Y in isolated"]
    );
    write().discard();
    assert!(heard.take().is_empty());
    write().commit().unwrap();
    assert!(heard.take().is_empty());
    // A refused commit throws them away: they are heard of by the error and the event.
    let refused = write();
    DROPPED_Y.update(|n| *n = 0);
    assert!(refused.commit().is_err());
    assert_eq!(
        heard.take(),
        ["DROPPED_X in isolated", "DROPPED_Y in isolated"]
    );
    assert_eq!((*DROPPED_X.get(), *DROPPED_Y.get()), (2, 0));
}

#[test]
fn inner_changes_are_committed_into_the_outer_block_and_no_further() {
    singleton! { static N: Vec<u32> = vec![1]; static M: u32 = 0; }
    let ((), outer) = shared::isolated(|| {
        N.update(|n| n.push(2));
        let ((), inner) = shared::isolated(|| {
            assert_eq!(*N.get(), [1, 2]); // it sees the outer writes
            N.update(|n| n.push(3));
            M.update(|m| *m = 9); // touched here first
        });
        assert_eq!(*N.get(), [1, 2]);
        inner.commit().unwrap();
        assert_eq!((&**N.get(), *M.get()), (&[1, 2, 3][..], 9));
        let ((), thrown) = shared::isolated(|| N.update(Vec::clear));
        thrown.discard();
        assert_eq!(*N.get(), [1, 2, 3]);
    });
    assert_eq!((&**N.get(), *M.get()), (&[1][..], 0));
    assert_eq!(outer.names().len(), 2);
    outer.commit().unwrap();
    assert_eq!((&**N.get(), *M.get()), (&[1, 2, 3][..], 9));
}

#[test]
fn inner_and_outer_conflict_when_the_outer_block_writes_between() {
    singleton! { static N: u32 = 1; }
    let ((), outer) = shared::isolated(|| {
        let ((), inner) = shared::isolated(|| N.update(|n| *n = 2));
        N.update(|n| *n = 3);
        assert!(inner.commit().is_err());
        assert_eq!(*N.get(), 3);
    });
    outer.commit().unwrap();
    assert_eq!(*N.get(), 3);
}

#[test]
fn nested_commits_work_for_types_with_interior_mutability() {
    singleton! { static CELL: Mutex<u32> = Mutex::new(1); }
    let value = || *CELL.get().lock().unwrap();
    let ((), outer) = shared::isolated(|| {
        let ((), inner) = shared::isolated(|| CELL.update(|cell| *cell.get_mut().unwrap() = 2));
        assert_eq!(value(), 1);
        inner.commit().unwrap();
        assert_eq!(value(), 2);
    });
    assert_eq!(value(), 1);
    outer.commit().unwrap();
    assert_eq!(value(), 2);
}

#[test]
fn three_levels_merge_one_at_a_time() {
    singleton! { static N: u32 = 0; }
    let ((), one) = shared::isolated(|| {
        let ((), two) = PLUGIN_WORK.isolated(|| {
            let ((), three) = shared::isolated(|| N.update(|n| *n = 3));
            three.commit().unwrap();
            assert_eq!(*N.get(), 3);
        });
        assert_eq!(*N.get(), 0);
        two.commit().unwrap();
        assert_eq!(*N.get(), 3);
    });
    assert_eq!(*N.get(), 0);
    one.commit().unwrap();
    assert_eq!(*N.get(), 3);
}

#[test]
fn changes_are_committed_into_the_block_that_commits_them_on_whatever_thread() {
    singleton! { static N: u32 = 1; }
    let ((), changes) = shared::isolated(|| N.update(|n| *n = 2));
    elsewhere(move || changes.commit().unwrap());
    assert_eq!(*N.get(), 2);
    // Into an isolating block elsewhere: only there.
    let ((), changes) = shared::isolated(|| N.update(|n| *n = 3));
    let ambient = PLUGIN_WORK.run(Ambient::capture);
    elsewhere(move || {
        ambient.run(|| {
            changes.commit().unwrap();
            assert_eq!(*N.get(), 3);
        });
    });
    assert_eq!(*N.get(), 2);
}

#[test]
fn a_reader_that_holds_the_value_keeps_it_over_a_commit() {
    singleton! { static N: Vec<u32> = vec![1]; }
    let held = N.get();
    let ((), changes) = shared::isolated(|| N.update(|n| n.push(2)));
    changes.commit().unwrap();
    assert_eq!((held.len(), N.read(Vec::len)), (1, 2));
}

#[test]
fn a_panic_of_a_replaced_value_s_destructor_comes_when_all_is_committed() {
    struct Fragile(u32);
    impl Drop for Fragile {
        fn drop(&mut self) {
            assert!(self.0 != 1 || FIRST.read(|it| it.0) == 1, "fragile"); // reads what is locked, too
        }
    }
    impl Isolate for Fragile {
        const INTERIOR: bool = false;
        fn isolate(&self) -> Self {
            Self(self.0)
        }
    }
    singleton! {
        static FIRST: Fragile = Fragile(1);
        static SECOND: Fragile = Fragile(1);
        static DROPPED_LAST: u32 = 1;
    }
    let heard = Discards::of("DROPPED_LAST");
    let ((), changes) = shared::isolated(|| {
        FIRST.update(|it| it.0 = 2);
        SECOND.update(|it| it.0 = 2);
        DROPPED_LAST.update(|it| *it = 2);
    });
    assert_eq!(panic_of(|| changes.commit()), "fragile");
    let now = (
        FIRST.read(|it| it.0),
        SECOND.read(|it| it.0),
        *DROPPED_LAST.get(),
    );
    assert_eq!((now, heard.take().len()), ((2, 2, 2), 0));
}

#[test]
fn a_panic_of_the_copy_leaves_the_block_without_a_write() {
    struct Shy(u32);
    impl Isolate for Shy {
        const INTERIOR: bool = false;
        fn isolate(&self) -> Self {
            panic!("not copied")
        }
    }
    singleton! { static SHY: Shy = Shy(1); }
    let (text, changes) = shared::isolated(|| panic_of(|| SHY.update(|shy| shy.0 = 2)));
    assert_eq!((text.as_str(), changes.is_empty()), ("not copied", true));
    let (text, changes) = shared::isolated(|| {
        N.update(|n| *n += 1);
        panic_of(|| {
            N.update(|n| -> () {
                *n += 1;
                panic!("half-way")
            })
        })
    });
    singleton! { static N: u32 = 1; }
    assert_eq!((text.as_str(), changes.names().len()), ("half-way", 1));
    changes.commit().unwrap(); // what was done by then stays, as outside
    assert_eq!(*N.get(), 3);
}

/// The block's copy is locked by the update: taking it would wait for itself.
#[test]
fn a_commit_or_discard_inside_an_update_of_the_block_s_copy_panics_and_takes_nothing() {
    singleton! { static INSIDE: u32 = 1; static BEFORE: u32 = 1; }
    for settle in [|it: Changes| it.commit().unwrap(), Changes::discard] {
        let heard = Discards::of("INSIDE");
        let (carried, changes) = shared::isolated(|| {
            BEFORE.update(|n| *n = 2);
            INSIDE.update(|n| *n = 2);
            Ambient::capture()
        });
        let text = panic_of(|| carried.run(|| INSIDE.update(|_| settle(changes))));
        assert!(
            text.contains("INSIDE` is used inside its own update"),
            "{text}"
        );
        assert_eq!(carried.run(|| (*BEFORE.get(), *INSIDE.get())), (2, 2));
        drop(carried);
        assert_eq!((heard.take().len(), *BEFORE.get()), (1, 1));
    }
}

#[test]
fn two_threads_of_one_isolation_write_at_once_and_both_are_committed() {
    singleton! { static PLAIN: u64 = 0; static INNER: AtomicU32 = AtomicU32::new(0); }
    let ((), changes) = shared::isolated(|| {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let ambient = Ambient::capture();
                scope.spawn(move || {
                    ambient.run(|| {
                        for _ in 0..500 {
                            PLAIN.update(|n| *n += 1);
                            INNER.read(|n| n.fetch_add(1, SeqCst));
                        }
                    });
                });
            }
        });
    });
    assert_eq!((*PLAIN.get(), INNER.read(|n| n.load(SeqCst))), (0, 0));
    assert_eq!(changes.names().len(), 2);
    changes.commit().unwrap();
    assert_eq!(
        (*PLAIN.get(), INNER.read(|n| n.load(SeqCst))),
        (1_000, 1_000)
    );
}

#[test]
fn a_commit_is_that_of_the_block_that_was_left_last_or_first() {
    singleton! { static A: u32 = 0; static B: u32 = 0; }
    let write_a = || shared::isolated(|| A.update(|n| *n += 1)).1;
    let write_b = || shared::isolated(|| B.update(|n| *n += 1)).1;
    let (first, second) = (write_a(), write_b());
    drop(write_a()); // dropped in between
    second.commit().unwrap();
    first.commit().unwrap();
    assert_eq!((*A.get(), *B.get()), (1, 1));
}

/// More than are looked at one by one.
#[test]
fn a_block_finds_each_of_many_singletons_and_lists_them_in_the_order_of_their_first_touch() {
    let names: Vec<&'static str> = (0..50).map(|n| &*format!("many-{n}").leak()).collect();
    let make = |name: &&'static str| &*Box::leak(Box::new(Singleton::new(name, || 0_usize)));
    let many: Vec<&'static Singleton<usize>> = names.iter().map(make).collect();
    let ((), changes) = shared::isolated(|| {
        for (n, it) in many.iter().enumerate().rev() {
            it.update(|value| *value = n + 100);
            let seen = many.iter().map(|it| *it.get());
            let touched = (0..50).map(|other| if other < n { 0 } else { other + 100 });
            assert!(n % 7 != 0 || seen.eq(touched), "after {n}");
        }
    });
    assert!(many.iter().all(|it| *it.get() == 0));
    // The last one first; then its block looked at all.
    let (rest, last) = names.split_at(49);
    assert_eq!(changes.names(), [last, rest].concat());
    changes.commit().unwrap();
    assert!(many.iter().enumerate().all(|(n, it)| *it.get() == n + 100));
}
