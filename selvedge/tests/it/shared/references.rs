//! Writes through references, which nobody sees happen, and late ones: what was changed is found by comparing.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use selvedge::shared::{self, Isolate};
use selvedge::{Ambient, context, singleton};

use super::Discards;
use crate::ambient::panic_of;

context! { static PLUGIN_WORK = "plugin-work" isolates; }

/// An isolation that was carried away may be written after its changes were committed.
#[test]
fn a_write_after_the_commit_is_reported_when_it_is_thrown_away() {
    singleton! { static AFTER_COMMIT: u32 = 0; }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let _subscription = selvedge::probe::subscribe({
        let heard = Arc::clone(&heard);
        move |event| {
            let line = event.to_string();
            if line.contains("AFTER_COMMIT") {
                heard.lock().unwrap().push(line);
            }
        }
    });
    let (carried, changes) = shared::isolated(|| {
        AFTER_COMMIT.update(|late| *late = 1);
        Ambient::capture()
    });
    changes.commit().unwrap();
    assert!(heard.lock().unwrap().is_empty());
    carried.run(|| AFTER_COMMIT.update(|late| *late = 2));
    drop(carried);
    assert_eq!(heard.lock().unwrap().len(), 1);
    assert_eq!(*AFTER_COMMIT.get(), 1);
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
