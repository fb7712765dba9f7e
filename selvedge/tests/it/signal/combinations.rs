//! Combinations.

use selvedge::signal::{self};
use selvedge::{Signal, Till};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use super::{Alive, on_a_small_stack, soon, until_it_is_left};

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
