//! What became of the writes of an isolating block: committed, discarded, in conflict.

use std::sync::{Arc, Mutex};

use selvedge::shared::{self, Conflict};
use selvedge::{Ambient, context, singleton};

use super::Discards;
use crate::ambient::elsewhere;

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
