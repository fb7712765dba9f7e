//! Reasons through combinations.

use selvedge::Signal;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

use super::soon;

#[test]
fn a_reason_survives_or_and_and_also_when_nobody_waited() {
    for hooked in [false, true] {
        let (a, b) = (Signal::new(), Signal::new());
        let either = (&a | &b) | Signal::new();
        let both = (&a & &b) | Signal::new();
        let hooks = hooked.then(|| (either.on_set(|| ()), both.on_set(|| ())));
        a.set_because("a's");
        assert_eq!(either.reason().unwrap().text(), Some("a's"));
        assert!(both.reason().is_none());
        b.set_because("b's");
        assert_eq!(
            either.reason().unwrap().text(),
            Some("a's"),
            "the first stays"
        );
        assert_eq!(
            both.reason().unwrap().text(),
            Some("b's"),
            "the one that completed it"
        );
        drop(hooks);
    }
}

#[test]
fn a_combination_has_a_reason_as_soon_as_it_is_set() {
    for _ in 0..500 {
        let (a, b) = (Signal::new(), Signal::new());
        let either = &a | &b;
        let _hook = either.on_set(|| ());
        let start = Barrier::new(3);
        thread::scope(|scope| {
            for (signal, why) in [(&a, "a"), (&b, "b")] {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    signal.set_because(why);
                });
            }
            start.wait();
            while !either.is_set() {
                std::hint::spin_loop();
            }
            let first = either.reason().unwrap();
            assert!(matches!(first.text(), Some("a" | "b")));
        });
    }
}

#[test]
fn setting_both_operands_at_once_fires_each_combination_once() {
    for _ in 0..300 {
        let (a, b, start) = (Signal::new(), Signal::new(), Barrier::new(2));
        let ran = Arc::new(AtomicUsize::new(0));
        for combined in [&a | &b, &a & &b, &(&a | &b) & &(&b | &a)] {
            let ran = Arc::clone(&ran);
            combined
                .on_set(move || _ = ran.fetch_add(1, SeqCst))
                .forever();
        }
        let both = &a & &b;
        thread::scope(|scope| {
            for signal in [&a, &b] {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    signal.set();
                });
            }
            both.wait_until(&soon()).unwrap();
        });
        assert_eq!(ran.load(SeqCst), 3);
        assert_eq!((a.links(), b.links()), (0, 0));
    }
}

#[test]
fn hooking_and_unhooking_combinations_while_operands_are_set_loses_nothing() {
    for round in 0..300 {
        let (a, b, start) = (Signal::new(), Signal::new(), Barrier::new(3));
        let combined = if round % 2 == 0 { &a | &b } else { &a & &b };
        let ran = Arc::new(AtomicUsize::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                for _ in 0..20 {
                    drop(combined.on_set(|| ()));
                }
                let count = Arc::clone(&ran);
                combined
                    .on_set(move || _ = count.fetch_add(1, SeqCst))
                    .forever();
            });
            scope.spawn(|| {
                start.wait();
                for _ in 0..20 {
                    drop(combined.on_set(|| ()));
                }
            });
            start.wait();
            a.set();
            b.set();
        });
        assert_eq!(ran.load(SeqCst), 1);
        assert!(combined.is_set());
        assert_eq!((a.links(), b.links()), (0, 0));
    }
}
