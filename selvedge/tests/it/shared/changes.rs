//! What became of the writes of an isolating block: committed, discarded, in conflict.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use selvedge::shared::{self, Changes, Conflict, Isolate};
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

/// An isolation that was carried away may be written after its changes were committed.
#[test]
fn a_write_after_the_commit_is_reported_when_it_is_thrown_away() {
    singleton! { static LATE: u32 = 0; }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let _subscription = selvedge::probe::subscribe({
        let heard = Arc::clone(&heard);
        move |event| {
            let line = event.to_string();
            if line.contains("LATE") {
                heard.lock().unwrap().push(line);
            }
        }
    });
    let (carried, changes) = shared::isolated(|| {
        LATE.update(|late| *late = 1);
        Ambient::capture()
    });
    changes.commit().unwrap();
    assert!(heard.lock().unwrap().is_empty());
    carried.run(|| LATE.update(|late| *late = 2));
    drop(carried);
    assert_eq!(heard.lock().unwrap().len(), 1);
    assert_eq!(*LATE.get(), 1);
}

/// An isolation that is carried sees its own writes until they are committed or discarded, and then begins
/// anew with what is outside.
#[test]
fn a_carried_isolation_begins_anew_after_a_discard() {
    singleton! { static AGAIN: Mutex<u32> = Mutex::new(1); static AGAIN_PLAIN: u32 = 1; }
    let heard = Discards::of("AGAIN");
    let (carried, changes) = shared::isolated(|| {
        *AGAIN.get().lock().unwrap() = 2;
        AGAIN_PLAIN.update(|n| *n = 2);
        Ambient::capture()
    });
    let seen = || (*AGAIN.get().lock().unwrap(), *AGAIN_PLAIN.get());
    assert_eq!((seen(), carried.run(seen)), ((1, 1), (2, 2)));
    changes.discard();
    assert_eq!(carried.run(seen), (1, 1));
    carried.run(|| *AGAIN.get().lock().unwrap() = 3);
    assert!(heard.take().is_empty());
    drop(carried);
    assert_eq!(heard.take(), ["AGAIN in isolated"]);
    assert_eq!(seen(), (1, 1));
}

/// The copy becomes the shared object, so that later writes there would be seen by all.
#[test]
fn a_late_write_through_a_reference_does_not_reach_what_was_committed() {
    singleton! { static LATE_CELL: Mutex<u32> = Mutex::new(0); }
    let heard = Discards::of("LATE_CELL");
    let (carried, changes) = shared::isolated(|| {
        *LATE_CELL.get().lock().unwrap() = 1;
        Ambient::capture()
    });
    changes.commit().unwrap();
    carried.run(|| *LATE_CELL.get().lock().unwrap() += 10);
    assert_eq!(*LATE_CELL.get().lock().unwrap(), 1);
    drop(carried);
    assert_eq!(heard.take(), ["LATE_CELL in isolated"]);
}

#[test]
fn a_write_through_a_reference_is_committed() {
    singleton! { static INNER: (Mutex<u32>, AtomicU32) = (Mutex::new(1), AtomicU32::new(1)); }
    let seen = || INNER.read(|it| (*it.0.lock().unwrap(), it.1.load(SeqCst)));
    for (write, after) in [
        (
            (|| INNER.read(|it| *it.0.lock().unwrap() = 2)) as fn(),
            (2, 1),
        ),
        (|| INNER.read(|it| it.1.store(2, SeqCst)), (2, 2)),
    ] {
        let before = seen();
        let ((), changes) = shared::isolated(write);
        assert_eq!((seen(), changes.names().len()), (before, 1));
        changes.commit().unwrap();
        assert_eq!(seen(), after);
    }
}

#[test]
fn a_change_of_the_original_through_a_reference_is_a_conflict() {
    singleton! { static INNER: Mutex<u32> = Mutex::new(1); }
    let original = INNER.get();
    for write in [
        || *INNER.get().lock().unwrap() += 1,
        || INNER.update(|it| *it.get_mut().unwrap() += 1),
    ] {
        let ((), changes) = shared::isolated(write);
        *original.lock().unwrap() += 10;
        assert!(changes.commit().is_err());
    }
    assert_eq!(*INNER.get().lock().unwrap(), 21);
    // A block that only looked has nothing to lose.
    let (_, changes) = shared::isolated(|| *INNER.get().lock().unwrap());
    *original.lock().unwrap() += 10;
    assert_eq!(changes.commit(), Ok(()));
    assert_eq!(*INNER.get().lock().unwrap(), 31);
}

/// It cannot say whether it was changed, so nobody's change is overwritten.
#[test]
fn a_type_that_cannot_be_compared_is_not_committed() {
    struct Opaque(Mutex<u32>);
    impl Isolate for Opaque {
        fn isolate(&self) -> Self {
            Self(self.0.isolate())
        }
    }
    singleton! { static OPAQUE: Opaque = Opaque(Mutex::new(1)); }
    let (_, changes) = shared::isolated(|| *OPAQUE.get().0.lock().unwrap());
    assert_eq!(changes.names().len(), 1, "a touch may have been a write");
    let conflict = changes.commit().unwrap_err();
    let text = conflict.to_string();
    assert!(
        text.contains("OPAQUE` was written meanwhile: its type"),
        "{text}"
    );
    assert!(text.contains("no `Isolate::is_same`"), "{text}");
}

#[test]
fn a_comparison_that_panics_has_found_a_difference() {
    struct Loud(AtomicU32);
    impl Isolate for Loud {
        fn isolate(&self) -> Self {
            Self(self.0.isolate())
        }
        fn is_same(&self, _: &Self) -> bool {
            panic!("not comparable")
        }
    }
    singleton! { static LOUD: Loud = Loud(AtomicU32::new(1)); }
    let heard = Discards::of("LOUD");
    PLUGIN_WORK.run(|| drop(LOUD.get()));
    assert_eq!(heard.take(), ["LOUD in plugin-work"]);
    let text = panic_of(|| PLUGIN_WORK.run(|| LOUD.read(|_| panic!("while unwinding"))));
    assert_eq!(
        (text, heard.take().len()),
        ("while unwinding".to_owned(), 1)
    );
    let ((), changes) = shared::isolated(|| LOUD.read(|it| it.0.store(2, SeqCst)));
    assert!(changes.commit().is_err());
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
