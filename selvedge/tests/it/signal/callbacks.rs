//! Callbacks.

use selvedge::Signal;
use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use super::{Alive, reported, soon};

// catalogue 165
#[test]
fn an_action_runs_once_on_the_setting_thread_or_here_if_it_is_set_already() {
    let (signal, seen) = (Signal::new(), Arc::new(Mutex::new(Vec::new())));
    let note = |seen: &Arc<Mutex<Vec<_>>>| {
        let seen = Arc::clone(seen);
        move || seen.lock().unwrap().push(thread::current().id())
    };
    signal.on_set(note(&seen)).forever();
    let setter = thread::scope(|scope| {
        let setter = scope.spawn(|| {
            signal.set();
            signal.set();
            thread::current().id()
        });
        setter.join().unwrap()
    });
    assert_eq!(*seen.lock().unwrap(), [setter]);
    let late = signal.on_set(note(&seen));
    assert_eq!(*seen.lock().unwrap(), [setter, thread::current().id()]);
    drop(late);
    assert_eq!(seen.lock().unwrap().len(), 2);
}

// catalogue 166
#[test]
fn actions_run_in_the_order_added_after_waiters_were_released_and_outside_locks() {
    let (signal, passed) = (Signal::new(), Signal::new());
    let order = Arc::new(Mutex::new(Vec::new()));
    thread::scope(|scope| {
        scope.spawn(|| {
            signal.wait_until(&soon()).unwrap();
            passed.set();
        });
        while signal.links() == 0 {
            thread::yield_now();
        }
        for i in 0..10 {
            let (order, passed, own) = (Arc::clone(&order), passed.clone(), signal.clone());
            signal
                .on_set(move || {
                    // Set by the waiter, which therefore was released first.
                    passed.wait_until(&soon()).unwrap();
                    assert!(own.is_set());
                    order.lock().unwrap().push(i);
                })
                .forever();
        }
        signal.set();
    });
    assert_eq!(*order.lock().unwrap(), (0..10).collect::<Vec<_>>());
}

// catalogue 167
#[test]
fn the_same_action_added_twice_runs_twice() {
    let (signal, ran) = (Signal::new(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&ran);
    let action = move || _ = count.fetch_add(1, SeqCst);
    signal.on_set(action.clone()).forever();
    signal.on_set(action).forever();
    signal.set();
    assert_eq!(ran.load(SeqCst), 2);
}

// catalogue 168
#[test]
fn an_action_may_set_wait_add_and_drop_on_its_own_signal() {
    let signal = Signal::new();
    let ran = Arc::new(AtomicUsize::new(0));
    let hook = Arc::new(Mutex::new(None));
    let third = Arc::clone(&ran);
    *hook.lock().unwrap() = Some(signal.on_set(move || _ = third.fetch_add(100, SeqCst)));
    let (own, inner, others) = (signal.clone(), Arc::clone(&ran), Arc::clone(&hook));
    signal
        .on_set(move || {
            assert!(!own.set());
            own.wait().unwrap();
            let count = Arc::clone(&inner);
            own.on_set(move || _ = count.fetch_add(1, SeqCst)).forever();
            drop(others.lock().unwrap().take()); // a hook of this very signal
            drop(own); // perhaps the last handle
            inner.fetch_add(10, SeqCst);
        })
        .forever();
    signal.set();
    drop(signal);
    assert_eq!(ran.load(SeqCst), 111);
}

// catalogue 169, 170
#[test]
fn a_panicking_action_is_reported_alike_before_and_after_the_set_and_the_others_run() {
    let signal = Signal::named("panics");
    let ran = Arc::new(AtomicUsize::new(0));
    let messages = reported("panics", || {
        for _ in 0..2 {
            let count = Arc::clone(&ran);
            signal.on_set(|| panic!("broken")).forever();
            signal
                .on_set(move || _ = count.fetch_add(1, SeqCst))
                .forever();
            signal.set();
        }
    });
    assert_eq!(ran.load(SeqCst), 2);
    assert_eq!(messages, ["broken", "broken"]);
}

#[test]
fn a_payload_that_is_no_text_or_that_panics_when_dropped_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Self); // for ever, one inside the other
        }
    }
    let signal = Signal::named("bombs");
    let ran = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ran);
    let messages = reported("bombs", || {
        signal.on_set(|| panic_any(42)).forever();
        signal.on_set(|| panic_any(Bomb)).forever();
        signal.on_set(|| panic_any(String::from("text"))).forever();
        signal.on_set(move || flag.store(true, SeqCst)).forever();
        assert!(signal.set());
    });
    assert!(ran.load(SeqCst));
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert_eq!(messages[2], "text");
}

// catalogue 171
#[test]
fn adding_while_setting_loses_no_action_and_runs_none_twice() {
    for _ in 0..300 {
        let (signal, start) = (Signal::new(), Barrier::new(5));
        let ran = Arc::new([const { AtomicUsize::new(0) }; 4]);
        thread::scope(|scope| {
            for i in 0..4 {
                let (signal, start, ran) = (&signal, &start, Arc::clone(&ran));
                scope.spawn(move || {
                    start.wait();
                    signal
                        .on_set(move || _ = ran[i].fetch_add(1, SeqCst))
                        .forever();
                });
            }
            start.wait();
            signal.set();
        });
        let ran: Vec<_> = ran.iter().map(|n| n.load(SeqCst)).collect();
        assert_eq!(ran, [1; 4]);
    }
}

// catalogue 172
#[test]
fn taking_an_action_back_works_in_every_order_and_is_harmless_when_it_ran() {
    let (signal, ran) = (Signal::new(), Arc::new(AtomicUsize::new(0)));
    let hook = |weight: usize| {
        let ran = Arc::clone(&ran);
        signal.on_set(move || _ = ran.fetch_add(weight, SeqCst))
    };
    let (a, b, c) = (hook(1), hook(10), hook(100));
    assert_eq!(signal.links(), 3);
    drop(b);
    assert_eq!(signal.links(), 2);
    signal.set();
    assert_eq!(ran.load(SeqCst), 101);
    drop((a, c));
    drop(hook(1000));
    let gone = Signal::new();
    let orphan = gone.on_set(|| ());
    drop(gone);
    drop(orphan);
    assert_eq!(ran.load(SeqCst), 1101);
}

#[test]
fn unhooking_while_setting_runs_the_action_once_or_drops_it_unrun() {
    for round in 0..600 {
        let (signal, alive) = (Signal::new(), Alive::default());
        let source = if round % 2 == 0 {
            signal.clone()
        } else {
            signal.child()
        };
        let ran = Arc::new(AtomicUsize::new(0));
        let hook = source.on_set({
            let (ran, alive) = (Arc::clone(&ran), alive.clone());
            move || {
                ran.fetch_add(1, SeqCst);
                drop(alive);
            }
        });
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                signal.set();
            });
            start.wait();
            drop(hook);
        });
        assert!(ran.load(SeqCst) <= 1);
        assert_eq!(alive.others(), 0);
        assert_eq!(signal.links(), 0);
    }
}

#[test]
fn an_action_taken_back_before_the_set_never_runs() {
    let (signal, ran) = (Signal::new(), Arc::new(AtomicBool::new(false)));
    let flag = Arc::clone(&ran);
    let hook = signal.on_set(move || flag.store(true, SeqCst));
    drop(hook);
    assert_eq!(Arc::strong_count(&ran), 1, "it is dropped at once");
    signal.set();
    assert!(!ran.load(SeqCst));
}

#[test]
fn an_action_s_captures_may_use_the_signal_when_they_are_dropped() {
    struct Uses(Signal);
    impl Drop for Uses {
        fn drop(&mut self) {
            self.0.on_set(|| ()).forever();
            self.0.set();
        }
    }
    let signal = Signal::new();
    let uses = Uses(signal.clone());
    drop(signal.on_set(move || drop(uses)));
    assert!(signal.is_set());
}
