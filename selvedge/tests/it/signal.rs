//! Signals: set once, waited for, combined; what hangs on them is freed.

use std::panic::{Location, panic_any};
use std::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use selvedge::probe::{self, Event};
use selvedge::signal::{self, WaitError};
use selvedge::{Signal, Till};

/// A bound for what should take no time at all.
fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

/// The timer wakes a waiter first, and takes the combination off its other operands then.
fn until_it_is_left(signal: &Signal) {
    let end = soon();
    while signal.links() > 0 {
        assert!(!end.is_set(), "{} links are left", signal.links());
        thread::yield_now();
    }
}

/// How many values of this kind are alive.
#[derive(Clone, Default)]
struct Alive(Arc<()>);

impl Alive {
    fn others(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

/// The panics of callbacks of the signal called `name`, as they are reported while `f` runs.
fn reported(name: &str, f: impl FnOnce()) -> Vec<String> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let subscription = probe::subscribe({
        let (heard, name) = (Arc::clone(&heard), format!("signal `{name}`"));
        move |event| {
            if let Event::CallbackPanicked { signal, message } = event
                && signal.to_string() == name
            {
                heard.lock().unwrap().push((*message).to_owned());
            }
        }
    });
    f();
    drop(subscription);
    let heard = heard.lock().unwrap();
    heard.clone()
}

/// Runs `f` on a thread with a stack of 128 KiB.
fn on_a_small_stack<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let small = thread::Builder::new().stack_size(128 << 10);
    small.spawn(f).unwrap().join().unwrap()
}

// ---- the flag

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
    assert!(a.to_string().contains("signal.rs:"), "{a}");
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

// ---- callbacks

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

// ---- combinations

// catalogue 174
#[test]
fn or_is_set_with_either_and_and_with_both() {
    for first in 0..2 {
        let operands = [Signal::new(), Signal::new()];
        let either = &operands[0] | &operands[1];
        let both = &operands[0] & &operands[1];
        assert!(!either.is_set() && !both.is_set());
        operands[first].set();
        assert!(either.is_set() && !both.is_set());
        operands[1 - first].set();
        assert!(either.is_set() && both.is_set());
    }
}

#[test]
fn combinations_agree_with_logic_however_they_are_looked_at() {
    // ((a | b) & (b | c)) | (a & c), for every set of operands, in every order, looked at lazily, by an
    // action, and by a waiter.
    let logic = |s: [bool; 3]| ((s[0] | s[1]) & (s[1] | s[2])) | (s[0] & s[2]);
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        for hooked in [false, true] {
            let s = [Signal::new(), Signal::new(), Signal::new()];
            let whole = ((&s[0] | &s[1]) & (&s[1] | &s[2])) | (&s[0] & &s[2]);
            let seen = Signal::new();
            let hook = hooked.then(|| {
                let seen = seen.clone();
                whole.on_set(move || _ = seen.set())
            });
            let mut set = [false; 3];
            for i in order {
                s[i].set();
                set[i] = true;
                if hooked {
                    assert_eq!(seen.is_set(), logic(set), "{order:?} {set:?}");
                }
                assert_eq!(whole.is_set(), logic(set), "{order:?} {set:?} {hooked}");
                assert_eq!(whole.reason().is_some(), logic(set));
            }
            drop(hook);
            assert!(s.iter().all(|s| s.links() == 0));
        }
    }
}

// catalogue 175, 176, 177
#[test]
fn combining_with_what_is_decided_needs_no_new_signal() {
    let (a, set, never) = (Signal::named("a"), Signal::always(), Signal::never());
    assert!((&a | &set).is_set() && (&set | &a).is_set());
    assert_eq!((&a | &never).to_string(), a.to_string());
    assert_eq!((&never | &a).to_string(), a.to_string());
    assert_eq!((&a & &set).to_string(), a.to_string());
    assert_eq!((&set & &a).to_string(), a.to_string());
    assert!((&set & &set).is_set());
    assert!(!(&a & &never).is_set());
    let out_of_reach = &a & &never;
    a.set();
    assert!(!out_of_reach.is_set() && !out_of_reach.set());
}

#[test]
fn any_of_none_is_never_and_all_of_none_is_set() {
    assert!(!signal::any([]).set());
    assert!(signal::all([]).is_set());
    let one = Signal::named("one");
    assert_eq!(signal::any([&one]).to_string(), "signal `one`");
    assert_eq!(signal::all([&one]).to_string(), "signal `one`");
}

// catalogue 178
#[test]
fn setting_a_combination_does_not_touch_its_operands() {
    let (a, b) = (Signal::new(), Signal::new());
    for combined in [&a | &b, &a & &b, a.child()] {
        let hook = combined.on_set(|| ());
        assert!(combined.set_because("alone"));
        assert!(combined.is_set());
        assert_eq!(combined.reason().unwrap().text(), Some("alone"));
        assert!(!a.is_set() && !b.is_set());
        assert_eq!((a.links(), b.links()), (0, 0), "it has left them");
        drop(hook);
    }
}

// catalogue 179
#[test]
fn one_operand_twice_does_not_complete_an_and_but_is_enough_for_itself() {
    let (a, b) = (Signal::new(), Signal::new());
    let ran = Signal::new();
    let seen = ran.clone();
    let _hook = (&a & &b).on_set(move || _ = seen.set());
    a.set();
    a.set();
    assert!(!ran.is_set());
    b.set();
    assert!(ran.is_set());

    let (a, ran) = (Signal::new(), Signal::new());
    let (twice, seen) = (&a & &a, ran.clone());
    let _hook = twice.on_set(move || _ = seen.set());
    a.set();
    assert!(ran.is_set() && twice.is_set());
}

// catalogue 180
#[test]
fn an_action_of_a_combination_that_nobody_holds_runs() {
    let ran = Arc::new(AtomicUsize::new(0));
    for and in [false, true] {
        let (a, b, count) = (Signal::new(), Signal::new(), Arc::clone(&ran));
        let action = move || _ = count.fetch_add(1, SeqCst);
        if and {
            (&a & &b).on_set(action).forever()
        } else {
            (&a | &b).on_set(action).forever()
        }
        a.set();
        b.set();
        assert_eq!((a.links(), b.links()), (0, 0));
    }
    assert_eq!(ran.load(SeqCst), 2);
}

#[test]
fn a_waiter_of_a_combination_is_woken_by_its_operand() {
    let (a, b) = (Signal::new(), Signal::new());
    let nested = (&a & &b) | (&b & &a);
    thread::scope(|scope| {
        scope.spawn(|| {
            nested.wait_until(&soon()).unwrap();
        });
        while a.links() == 0 {
            thread::yield_now();
        }
        a.set();
        b.set();
    });
    assert_eq!((a.links(), b.links()), (0, 0));
}

// catalogue 181
#[test]
fn dropped_combinations_leave_nothing_on_their_operands() {
    let main = Signal::new();
    for _ in 0..10_000 {
        let _ = &main | &Signal::new();
        let _ = &main & &Signal::new();
        let _ = main.child();
        assert_eq!(main.links(), 0);
    }
    for _ in 0..10_000 {
        drop((&main | &Signal::new()).on_set(|| ()));
        drop((&main & &Signal::new()).on_set(|| ()));
        drop((&(&main | &Signal::new()) & &Signal::new()).on_set(|| ()));
        assert_eq!(main.links(), 0);
    }
    let many: Vec<_> = (0..10_000).map(|_| &main | &Signal::new()).collect();
    assert_eq!(main.links(), 0, "unhooked ones are unknown to it");
    let hooks: Vec<_> = many.iter().map(|c| c.on_set(|| ())).collect();
    assert_eq!(main.links(), 10_000);
    drop(many);
    drop(hooks);
    assert_eq!(main.links(), 0);
}

// catalogue 182
#[test]
fn waiting_in_a_loop_for_a_till_or_a_stop_collects_nothing_on_the_stop() {
    let stop = Signal::new();
    for _ in 0..30 {
        (Till::after(Duration::from_millis(1)) | &stop)
            .wait()
            .unwrap();
        assert!(stop.links() <= 1);
    }
    until_it_is_left(&stop);
}

// catalogue 183
#[test]
fn a_hundred_thousand_chained_tills_collapse() {
    on_a_small_stack(|| {
        let root = Signal::new();
        let mut chain = root.clone();
        for _ in 0..100_000 {
            chain = chain | Till::after(Duration::from_secs(3600));
        }
        assert!(!chain.is_set());
        let ran = Signal::new();
        let seen = ran.clone();
        chain.on_set(move || _ = seen.set()).forever();
        root.set();
        assert!(ran.is_set() && chain.is_set());
        drop(chain);
        assert_eq!(root.links(), 0);
    });
}

#[derive(Clone, Copy, Debug)]
enum Chain {
    Or,
    And,
    Alternating,
    Children,
}

const CHAINS: [Chain; 4] = [Chain::Or, Chain::And, Chain::Alternating, Chain::Children];
/// Deep enough for a small stack to overflow by a few bytes a link; longer in the long run.
fn length() -> usize {
    if std::env::var_os("SELVEDGE_SLOW").is_some() {
        100_000
    } else {
        20_000
    }
}

/// A chain, the operands from inner to outer, and no other handle of its links.
fn chain_of(kind: Chain) -> (Signal, Vec<Signal>) {
    let mut operands = vec![Signal::new()];
    let mut chain = operands[0].clone();
    for i in 0..length() {
        let operand = Signal::new();
        chain = match kind {
            Chain::Or => &chain | &operand,
            Chain::And => &chain & &operand,
            Chain::Alternating if i % 2 == 0 => &chain | &operand,
            Chain::Alternating => &chain & &operand,
            Chain::Children => chain.child(),
        };
        operands.push(operand);
    }
    (chain, operands)
}

#[test]
fn a_long_chain_is_looked_at_printed_and_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        for kind in CHAINS {
            let (chain, operands) = chain_of(kind);
            assert!(!chain.is_set());
            assert!(chain.to_string().len() < 200 && format!("{chain:?}").len() < 300);
            drop(chain);
            assert!(
                operands.iter().all(|operand| operand.links() == 0),
                "{kind:?}"
            );
        }
    });
}

#[test]
fn a_long_chain_becomes_set_from_its_far_end_on_a_small_stack() {
    on_a_small_stack(|| {
        for kind in CHAINS {
            for hooked in [false, true] {
                let (chain, operands) = chain_of(kind);
                let ran = Signal::new();
                if hooked {
                    let seen = ran.clone();
                    chain.on_set(move || _ = seen.set()).forever();
                }
                operands[0].set_because("the far end");
                if !matches!(kind, Chain::Or | Chain::Children) {
                    assert!(!chain.is_set());
                    operands.iter().for_each(|operand| _ = operand.set());
                }
                assert!(chain.is_set(), "{kind:?}");
                assert!(chain.reason().is_some());
                assert_eq!(ran.is_set(), hooked, "{kind:?}");
                assert!(
                    operands.iter().all(|operand| operand.links() == 0),
                    "{kind:?}"
                );
            }
        }
    });
}

#[test]
fn a_long_hooked_chain_is_unhooked_on_a_small_stack() {
    on_a_small_stack(|| {
        for kind in CHAINS {
            let (chain, operands) = chain_of(kind);
            let hook = chain.on_set(|| ());
            assert_eq!(operands[0].links(), 1);
            drop(hook);
            assert!(
                operands.iter().all(|operand| operand.links() == 0),
                "{kind:?}"
            );
            drop(operands);
            drop(chain);
        }
    });
}

// The operands of a hooked chain hold it: the last of them frees it all, and must not recurse.
#[test]
fn a_long_chain_that_is_never_set_goes_with_its_operands_on_a_small_stack() {
    on_a_small_stack(|| {
        for kind in CHAINS {
            for inner_first in [false, true] {
                let (chain, mut operands) = chain_of(kind);
                let alive = Alive::default();
                let captured = alive.clone();
                chain.on_set(move || drop(captured)).forever();
                drop(chain);
                assert_eq!(alive.others(), 1);
                if inner_first {
                    operands.reverse();
                }
                while let Some(operand) = operands.pop() {
                    drop(operand);
                }
                assert_eq!(alive.others(), 0, "{kind:?}");
            }
        }
    });
}

#[test]
fn a_wide_combination_is_linked_fired_and_left() {
    let parts: Vec<_> = (0..1_000).map(|_| Signal::new()).collect();
    let (any, all) = (signal::any(&parts), signal::all(&parts));
    let ran = Arc::new(AtomicUsize::new(0));
    for combined in [&any, &all] {
        let count = Arc::clone(&ran);
        combined
            .on_set(move || _ = count.fetch_add(1, SeqCst))
            .forever();
    }
    assert!(parts.iter().all(|part| part.links() == 2));
    parts[500].set();
    assert_eq!(ran.load(SeqCst), 1);
    assert!(parts.iter().all(|part| part.links() <= 1));
    for part in &parts {
        part.set();
    }
    assert_eq!(ran.load(SeqCst), 2);
}

// ---- leaks

#[test]
fn an_action_is_dropped_when_its_signal_goes_unset() {
    let alive = Alive::default();
    let signal = Signal::new();
    let captured = alive.clone();
    signal.on_set(move || drop(captured)).forever();
    assert_eq!(alive.others(), 1);
    drop(signal);
    assert_eq!(alive.others(), 0);
}

#[test]
fn a_combination_that_is_never_set_frees_its_action_when_its_operands_go() {
    for and in [false, true] {
        let alive = Alive::default();
        let (a, b) = (Signal::new(), Signal::new());
        let combined = if and { &a & &b } else { &a | &b };
        let captured = alive.clone();
        combined.on_set(move || drop(captured)).forever();
        drop(combined);
        drop(a);
        assert_eq!(alive.others(), 1, "b can still set it, or holds it");
        drop(b);
        assert_eq!(alive.others(), 0);
    }
}

#[test]
fn an_action_that_holds_its_own_operand_is_freed_by_the_set_or_the_unhook() {
    let alive = Alive::default();
    for unhook in [false, true] {
        let (a, b) = (Signal::new(), Signal::new());
        let (captured, own) = (alive.clone(), a.clone());
        let hook = (&a | &b).on_set(move || drop((captured, own)));
        if unhook {
            drop(hook);
        } else {
            hook.forever();
            b.set();
        }
        assert_eq!(alive.others(), 0);
    }
}

#[test]
fn a_child_is_set_with_its_parent_and_alone_and_leaves_nothing() {
    let parent = Signal::new();
    let (first, second) = (parent.child(), parent.child());
    assert!(first.set());
    assert!(first.is_set() && !second.is_set() && !parent.is_set());
    parent.set_because("all of you");
    assert!(second.is_set());
    assert_eq!(second.reason().unwrap().text(), Some("all of you"));
    assert_eq!(parent.links(), 0);
}

// ---- reasons through combinations

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

// ---- stop and shield outside the tree

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
