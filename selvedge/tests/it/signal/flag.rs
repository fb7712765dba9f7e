//! The flag.

use selvedge::Signal;
use selvedge::signal::WaitError;
use std::panic::Location;
use std::sync::atomic::{
    AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Barrier};
use std::thread;

use super::soon;

// catalogue 161, 162
#[test]
fn a_signal_starts_unset_and_stays_set() {
    let signal = Signal::new();
    assert!(!signal.is_set());
    assert!(signal.reason().is_none());
    assert!(signal.set());
    assert!(signal.is_set());
    assert!(!signal.set(), "again has no effect");
    assert!(!signal.set_because("again"), "nor has a reason");
    assert!(signal.is_set());
    assert_eq!(signal.reason().unwrap().text(), None, "the first one stays");
}

#[test]
fn a_clone_is_the_same_flag() {
    let signal = Signal::new();
    let other = signal.clone();
    signal.set();
    assert!(other.is_set());
}

// catalogue 163
#[test]
fn of_many_setters_exactly_one_takes_effect_and_its_reason_stays() {
    for _ in 0..200 {
        let (signal, start) = (Signal::new(), Barrier::new(8));
        let ran = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ran);
        signal
            .on_set(move || _ = count.fetch_add(1, SeqCst))
            .forever();
        let winners: Vec<usize> = thread::scope(|scope| {
            let setters: Vec<_> = (0..8)
                .map(|i| {
                    let (signal, start) = (&signal, &start);
                    scope.spawn(move || {
                        start.wait();
                        let won = signal.set_because(format!("setter {i}"));
                        assert!(signal.is_set(), "after any set returns");
                        assert!(signal.reason().unwrap().text().is_some());
                        won.then_some(i)
                    })
                })
                .collect();
            setters
                .into_iter()
                .filter_map(|setter| setter.join().unwrap())
                .collect()
        });
        let [winner] = winners[..] else {
            panic!("{winners:?} all set it")
        };
        let reason = signal.reason().unwrap();
        assert_eq!(reason.text(), Some(&*format!("setter {winner}")));
        assert_eq!(ran.load(SeqCst), 1);
    }
}

// catalogue 164
#[test]
fn wait_passes_for_all_present_and_later_waiters() {
    let signal = Signal::new();
    let passed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                signal.wait_until(&soon()).unwrap();
                assert!(signal.is_set());
                passed.fetch_add(1, SeqCst);
            });
        }
        while signal.links() < 8 {
            thread::yield_now(); // until all of them wait
        }
        assert_eq!(passed.load(SeqCst), 0, "nobody passes an unset signal");
        signal.set();
    });
    assert_eq!(passed.load(SeqCst), 8);
    signal.wait().unwrap();
    assert_eq!(signal.links(), 0, "waiters leave nothing behind");
}

#[test]
fn who_was_woken_sees_what_the_setter_did_before() {
    for _ in 0..500 {
        let (signal, data) = (Signal::new(), AtomicUsize::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                signal.wait_until(&soon()).unwrap();
                assert_eq!(data.load(Relaxed), 7);
            });
            data.store(7, Relaxed);
            signal.set();
        });
    }
}

#[test]
fn wait_until_tells_which_one_it_was_and_prefers_its_own() {
    let (signal, other) = (Signal::new(), Signal::new());
    other.set();
    assert!(matches!(signal.wait_until(&other), Err(WaitError::Expired)));
    assert_eq!(signal.links(), 0, "an expired wait leaves nothing behind");
    signal.set();
    assert!(signal.wait_until(&other).is_ok());
}

#[test]
fn never_refuses_to_be_set_and_always_is() {
    let never = Signal::never();
    assert!(!never.set());
    assert!(!never.set_because("please"));
    assert!(!never.is_set());
    assert!(Signal::always().is_set());
    assert!(Signal::always().reason().is_some());
}

#[test]
fn a_reason_says_who_where_and_when() {
    let signal = Signal::new();
    let here = Location::caller();
    thread::Builder::new()
        .name("somebody".into())
        .spawn({
            let signal = signal.clone();
            move || signal.set_because("disk full")
        })
        .unwrap()
        .join()
        .unwrap();
    let reason = signal.reason().unwrap();
    assert_eq!(reason.thread(), "somebody");
    assert_eq!(reason.location().file(), here.file());
    assert!(reason.location().line() > here.line());
    assert!(reason.when().is_some());
    assert!(!reason.is_shutdown() && !reason.is_elapsed());
    let text = reason.to_string();
    assert!(text.starts_with("disk full (by `somebody` at "), "{text}");
}

#[test]
fn a_plain_set_reads_no_clock_but_notes_the_place() {
    let signal = Signal::new();
    signal.set();
    let line = line!() - 1;
    let reason = signal.reason().unwrap();
    assert_eq!(reason.when(), None);
    assert_eq!(reason.location().line(), line);
}

// catalogue 173
#[test]
fn a_signal_has_a_text() {
    assert_eq!(Signal::named("done").to_string(), "signal `done`");
    let (a, b) = (Signal::new(), Signal::new());
    assert!(a.to_string().contains("signal/flag.rs:"), "{a}");
    assert!(format!("{a:?}").contains("set: false"), "{a:?}");
    assert!((&a | &b).to_string().contains("any"), "{}", &a | &b);
    assert!((&a & &b).to_string().contains("all"), "{}", &a & &b);
    assert!(format!("{}", Signal::never()).contains("never"));
}

// catalogue 184
#[test]
fn names_are_bounded_also_of_combinations() {
    let long = Signal::named(&"ä".repeat(1000));
    assert!(long.to_string().len() <= 100 + "signal ``".len());
    let mut chain = Signal::named(&"x".repeat(90));
    for _ in 0..50 {
        chain = chain | Signal::named(&"y".repeat(90));
        assert!(chain.to_string().len() < 250, "{chain}");
        assert!(format!("{chain:?}").len() < 350, "{chain:?}");
    }
}
