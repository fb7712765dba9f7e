//! Stop and shield outside the tree.

use selvedge::Signal;
use selvedge::signal::{self};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[test]
fn a_thread_outside_the_tree_has_no_stop_and_may_shield() {
    assert!(!signal::stop().is_set());
    assert!(!signal::stop().set(), "it is `never`");
    assert_eq!(signal::shield(|| 5), 5);
}

/// Each operand is counted, not all of them each time.
#[test]
fn an_all_of_many_fires_once_and_soon() {
    let parts: Vec<Signal> = (0..50_000).map(|_| Signal::new()).collect();
    let whole = signal::all(&parts);
    let n = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&n);
    whole
        .on_set(move || _ = counted.fetch_add(1, SeqCst))
        .forever();
    for part in &parts {
        assert_eq!(n.load(SeqCst), 0);
        part.set();
    }
    assert_eq!(n.load(SeqCst), 1);
    assert!(whole.is_set());
}
