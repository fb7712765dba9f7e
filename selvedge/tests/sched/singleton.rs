//! Updates of one singleton exclude one another, and a commit never overwrites one.
//!
//! ```text
//!   updater           other             isolated block
//!     |  reads 1        |                 |  copied 1, wrote 2
//!     |  ...            |  waits          |
//!     |  writes 2       |                 |  commit: Conflict, or before the update
//!     |                 |  reads 2, writes 3
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use selvedge::shared::isolated;
use selvedge::{Ambient, probe, singleton};

use crate::{check, pause, spawn};

singleton! {
    static TOTAL: u64 = 0;
    static LEFT: u64 = 0;
    static RIGHT: u64 = 0;
    static SEEDED: u64 = 0;
    static STOCK: u64 = 0;
    static LATE: u64 = 0;
}

fn add_slowly(total: &mut u64) {
    let read = *total;
    pause();
    *total = read + 1;
}

#[test]
fn updates_exclude_one_another_and_readers_never_see_half_of_one() {
    check(|| {
        let before = *TOTAL.get();
        let updaters = [(); 2].map(|()| {
            spawn(|| {
                TOTAL.update(|total| {
                    add_slowly(total);
                    add_slowly(total);
                });
            })
        });
        let mut last = before;
        for _ in 0..3 {
            let seen = *TOTAL.get();
            assert!(seen >= last && (seen - before).is_multiple_of(2));
            last = seen;
        }
        for updater in updaters {
            updater.join().unwrap();
        }
        assert_eq!(*TOTAL.get(), before + 4);
    });
}

#[test]
fn a_commit_that_races_an_update_conflicts_or_both_count() {
    check(|| {
        let before = *STOCK.get();
        let updater = spawn(|| STOCK.update(add_slowly));
        let ((), changes) = isolated(|| STOCK.update(add_slowly));
        let committed = changes.commit().is_ok();
        updater.join().unwrap();
        assert_eq!(*STOCK.get(), before + 1 + u64::from(committed));
    });
}

#[test]
fn commits_of_two_singletons_are_all_or_nothing_and_wait_for_nobody_forever() {
    check(|| {
        let before = (*LEFT.get(), *RIGHT.get());
        let committers = [true, false].map(|left_first| {
            spawn(move || {
                let ((), changes) = isolated(|| {
                    if left_first {
                        LEFT.update(add_slowly);
                        RIGHT.update(add_slowly);
                    } else {
                        RIGHT.update(add_slowly);
                        LEFT.update(add_slowly);
                    }
                });
                u64::from(changes.commit().is_ok())
            })
        });
        let committed: u64 = committers.map(|it| it.join().unwrap()).iter().sum();
        assert!(committed >= 1, "a conflict needs somebody who committed");
        assert_eq!(
            (*LEFT.get(), *RIGHT.get()),
            (before.0 + committed, before.1 + committed)
        );
    });
}

#[test]
fn threads_that_carry_one_isolating_block_share_its_copy() {
    check(|| {
        SEEDED.seeded(Arc::new(10), || {
            let updaters = [(); 2].map(|()| {
                let ambient = Ambient::capture();
                spawn(move || ambient.run(|| SEEDED.update(add_slowly)))
            });
            for updater in updaters {
                updater.join().unwrap();
            }
            assert_eq!(*SEEDED.get(), 12);
        });
        assert_eq!(*SEEDED.get(), 0);
    });
}

/// What the other thread writes comes before the commit and is in it, or after, and then it is an event.
#[test]
fn an_isolated_update_that_races_the_commit_is_committed_or_reported() {
    check(|| {
        let discarded = Arc::new(AtomicU64::new(0));
        let _subscription = probe::subscribe({
            let discarded = Arc::clone(&discarded);
            move |event| {
                if event.to_string().contains("LATE") {
                    discarded.fetch_add(1, SeqCst);
                }
            }
        });
        let before = *LATE.get();
        let (writer, changes) = isolated(|| {
            LATE.update(add_slowly);
            let ambient = Ambient::capture();
            spawn(move || ambient.run(|| LATE.update(add_slowly)))
        });
        changes.commit().unwrap();
        writer.join().unwrap();
        assert_eq!(*LATE.get() + discarded.load(SeqCst), before + 2);
    });
}
