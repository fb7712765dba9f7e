//! Progress, and the guard that sets a signal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use selvedge::Signal;
use selvedge::signal::Progress;

#[test]
fn a_progress_sets_what_it_reaches_in_order_and_nothing_else() {
    let progress = Progress::new();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    for n in [3, 1, 2, 4] {
        let order = Arc::clone(&order);
        progress
            .reached(n)
            .on_set(move || order.lock().unwrap().push(n))
            .forever();
    }
    assert_eq!((progress.get(), progress.marks()), (0, 4));
    assert_eq!(progress.advance(3), 3);
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    assert_eq!(progress.advance(0), 3);
    assert_eq!((progress.get(), progress.marks()), (3, 1));
    assert!(progress.reached(0).is_set() && progress.reached(3).is_set());
    assert_eq!(progress.advance(u64::MAX), u64::MAX);
    assert_eq!(*order.lock().unwrap(), [1, 2, 3, 4]);
    let last = Progress::default();
    let end = last.reached(u64::MAX);
    last.advance(u64::MAX);
    assert!(end.is_set());
}

#[test]
fn a_reason_tells_who_advanced() {
    let progress = Progress::new();
    let one = progress.reached(1);
    progress.advance(1);
    assert_eq!(one.reason().unwrap().location().line(), line!() - 1);
}

#[test]
fn marks_leave_no_residue() {
    let progress = Progress::new();
    for n in 1..1_000 {
        drop(progress.reached(n));
        drop(progress.reached(n).on_set(|| ()));
    }
    assert_eq!(progress.marks(), 0);
    let (alive, held) = (Arc::new(()), progress.reached(1));
    let captured = Arc::clone(&alive);
    progress.reached(1).on_set(move || drop(captured)).forever();
    assert_eq!((progress.marks(), Arc::strong_count(&alive)), (2, 2));
    drop(progress);
    assert_eq!(
        Arc::strong_count(&alive),
        1,
        "what can never run is dropped"
    );
    let captured = Arc::clone(&alive);
    held.on_set(move || drop(captured)).forever();
    drop(held);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn setting_a_mark_by_hand_moves_nobody_else() {
    let progress = Progress::new();
    let (mine, other) = (progress.reached(5), progress.reached(5));
    mine.set();
    assert!(!other.is_set() && progress.get() == 0);
    drop(mine);
    assert_eq!(progress.marks(), 1);
    progress.advance(5);
    assert!(other.is_set());
}

#[test]
fn many_may_advance_and_wait() {
    let progress = Progress::new();
    std::thread::scope(|scope| {
        for n in 1..=4 {
            let progress = &progress;
            scope.spawn(move || progress.reached(n * 100).wait().unwrap());
        }
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| _ = progress.advance(1)));
        }
    });
    assert_eq!((progress.get(), progress.marks()), (400, 0));
}

#[test]
fn a_progress_has_a_bounded_text() {
    let progress = Progress::named(&"x".repeat(1_000));
    assert_eq!(
        progress.to_string(),
        format!("progress `{}` at 0", "x".repeat(100))
    );
    assert!(format!("{progress:?}").len() < 200);
    assert!(Progress::new().to_string().contains("progress.rs:"));
    let text = progress.reached(1).to_string();
    assert!(
        text.contains("progress") && text.contains("progress.rs:"),
        "{text}"
    );
}

#[test]
fn a_guard_sets_its_signal_also_by_a_panic_unless_disarmed() {
    let (left, panicked, kept) = (Signal::new(), Signal::new(), Signal::new());
    drop(left.set_on_drop());
    assert_eq!(left.reason().unwrap().location().line(), line!() - 1);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _guard = panicked.set_on_drop();
        std::panic::resume_unwind(Box::new("out"));
    }));
    assert!(caught.is_err() && panicked.is_set());
    assert!(!kept.set_on_drop().disarm().is_set());
    assert!(!kept.is_set());
}
