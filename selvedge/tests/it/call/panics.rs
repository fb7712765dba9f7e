//! Panics of destructors, predicates and `Debug`: who hears of them, and that nothing stays in force, masked or locked.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use selvedge::call::{Condition, Groutines, Installed, Log, Patch, Sequence};
use selvedge::probe::{self, Event};
use selvedge::{context, open};

use super::is_quiet;
use crate::ambient::panic_of;

/// Counts its drops, and panics in the first.
#[derive(Clone)]
struct Bad(Arc<AtomicU32>);

impl Bad {
    fn new() -> (Self, Arc<AtomicU32>) {
        let drops = Arc::default();
        (Self(Arc::clone(&drops)), drops)
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        assert!(self.0.fetch_add(1, SeqCst) != 0, "destructor");
    }
}

// catalogue 132
#[test]
fn a_destructor_of_a_handler_panics_where_its_last_handle_goes_and_nothing_is_left() {
    context! { static THERE = "there"; }
    #[open]
    fn held() -> u32 {
        1
    }
    let patch = || {
        let (bad, drops) = Bad::new();
        let patch = held::before(move |call| {
            let _ = &bad;
            call.ret(2);
        });
        (patch, drops)
    };
    let bind = || {
        let (bad, drops) = Bad::new();
        let binding = held::bind(&[Condition::Thread(&THERE)], move |_, _| {
            let _ = &bad;
            3
        });
        (binding, drops)
    };

    let (on_block, drops) = patch();
    assert_eq!(on_block.run(held), 2);
    assert_eq!(panic_of(|| drop(on_block)), "destructor");
    assert_eq!(drops.load(SeqCst), 1);
    assert!(is_quiet(held::__site()));

    let (patch, drops) = patch();
    let on = patch.install();
    drop(patch);
    assert_eq!(held(), 2);
    assert_eq!(panic_of(|| drop(on)), "destructor");
    assert_eq!((held(), drops.load(SeqCst)), (1, 1));
    assert!(is_quiet(held::__site()));

    // What is bound lives until its handle goes too; what is replaced, until it is replaced.
    let (binding, drops) = bind();
    assert!(binding.unbind());
    assert_eq!((THERE.run(held), drops.load(SeqCst)), (1, 0));
    assert_eq!(panic_of(|| drop(binding)), "destructor");
    assert!(is_quiet(held::__site()));
    drop(bind());
    let replaces = || held::bind(&[Condition::Thread(&THERE)], |_, _| 4);
    assert_eq!(panic_of(replaces), "destructor");
    assert_eq!(THERE.run(held), 4, "what was to be bound is bound");
    assert!(replaces().unbind());
    assert!(is_quiet(held::__site()));
}

/// The call is the last that has the handler: the destructor's panic is the call's, and its result is dropped.
#[test]
fn a_handler_that_takes_itself_off_may_panic_when_it_is_dropped() {
    #[open]
    fn itself(n: Arc<()>) -> Arc<()> {
        n
    }
    let (slot, (bad, drops)) = (Arc::new(Mutex::new(None::<Installed>)), Bad::new());
    let patch = itself::around({
        let slot = Arc::clone(&slot);
        move |args, next| {
            let _ = &bad;
            drop(slot.lock().unwrap().take());
            next.proceed(args)
        }
    });
    *slot.lock().unwrap() = Some(patch.install());
    drop(patch);
    let given = Arc::new(());
    assert_eq!(panic_of(|| itself(Arc::clone(&given))), "destructor");
    assert_eq!((drops.load(SeqCst), Arc::strong_count(&given)), (1, 1));
    assert!(Arc::ptr_eq(&itself(Arc::clone(&given)), &given));
    assert!(is_quiet(itself::__site()));
}

/// The destructor of an argument that is answered for, replaced or taken: a panic of the call, which ends there.
#[test]
fn a_destructor_of_an_argument_panics_in_the_call_once() {
    #[open]
    fn takes(bad: Bad) -> u32 {
        drop(bad);
        0
    }
    let patches: [(&str, Patch); 3] = [
        ("answered", takes::before(|call| call.ret(1))),
        (
            "replaced",
            takes::before(|call| *call.args.bad = Bad(Arc::new(5.into()))),
        ),
        (
            "taken",
            takes::around(|args, _| {
                drop(args.bad.take());
                1
            }),
        ),
    ];
    for (how, patch) in patches {
        let (bad, drops) = Bad::new();
        assert_eq!(panic_of(|| patch.run(|| takes(bad))), "destructor", "{how}");
        assert_eq!((drops.load(SeqCst), patch.hits()), (1, 1), "{how}");
        let answer = patch.run(|| takes(Bad(Arc::new(5.into()))));
        assert_eq!((answer, patch.hits()), (u32::from(how != "replaced"), 2));
    }
    assert!(is_quiet(takes::__site()));
}

/// A result that a hook replaces is dropped in the hook, so a panic of its destructor is one of the hook.
#[test]
fn a_destructor_of_a_result_panics_in_the_hook_that_replaces_it() {
    #[open]
    fn makes(drops: &Arc<AtomicU32>) -> Bad {
        Bad(Arc::clone(drops))
    }
    let good = || Bad(Arc::new(5.into()));
    let patches = [
        makes::after(move |returned| *returned.result = good()),
        makes::around(move |args, next| {
            drop(next.proceed(args));
            good()
        }),
        makes::before(move |call| {
            call.ret(Bad(Arc::clone(call.args.drops)));
            call.ret(good()); // of two answers the second counts
        }),
    ];
    for patch in patches {
        let drops = Arc::default();
        patch.run(|| {
            assert_eq!(panic_of(|| makes(&drops)), "destructor");
            assert_eq!(drops.load(SeqCst), 1);
            drop(makes(&drops));
            assert_eq!(drops.load(SeqCst), 2, "still in force");
        });
    }
    assert!(is_quiet(makes::__site()));
}

/// What `probe` is told of the hooks of a function, meanwhile.
fn told_of(name: &'static str, f: impl FnOnce()) -> Vec<String> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let subscription = probe::subscribe({
        let told = Arc::clone(&told);
        move |event| {
            if let Event::HookPanicked { function, .. } = event
                && function.ends_with(name)
            {
                told.lock().unwrap().push(event.to_string());
            }
        }
    });
    f();
    drop(subscription);
    let mut told = told.lock().unwrap();
    mem::take(&mut *told)
}

/// A hook panics after the call had a result, whose destructor panics too: the hook's panic goes on, the other one is
/// told to `probe`, and who hears of panics hears of the first.
// catalogue 131, 132
#[test]
fn a_destructor_of_a_result_does_not_hide_the_panic_that_made_it_void() {
    #[open]
    fn voided(drops: &Arc<AtomicU32>) -> Bad {
        Bad(Arc::clone(drops))
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let fails = voided::after(|_| panic!("the hook"));
    let hook = voided::unwound({
        let heard = Arc::clone(&heard);
        move |unwound| heard.lock().unwrap().push(unwound.message().to_owned())
    });
    let groutine = {
        let heard = Arc::clone(&heard);
        move || {
            let heard = Arc::clone(&heard);
            async move {
                let mut call = voided::panicked().await;
                let message = call.with(|call| call.message().to_owned());
                heard.lock().unwrap().push(message);
            }
        }
    };
    let groutines = Groutines::new().with(groutine);
    let check = |listen: &dyn Fn(&dyn Fn() -> String) -> String| {
        let drops = Arc::default();
        let told = told_of("::voided", || {
            let message = fails.run(|| listen(&|| panic_of(|| voided(&drops))));
            assert_eq!(message, "the hook");
        });
        assert_eq!(drops.load(SeqCst), 1);
        assert_eq!(*heard.lock().unwrap(), ["the hook"]);
        assert!(
            told.len() == 1 && told[0].contains("destructor"),
            "{told:?}"
        );
        heard.lock().unwrap().clear();
    };
    check(&|call| hook.run(call));
    check(&|call| groutines.clone().run(call));
    drop((fails, hook, groutines));
    assert!(is_quiet(voided::__site()));
}

/// The predicate of an expectation, asked for its own calls and for those that another one would not take.
#[test]
fn a_predicate_that_panics_is_a_panic_of_the_call_and_takes_nothing() {
    #[open]
    fn asked(n: u32) -> u32 {
        n
    }
    let strict = || {
        asked::expect(1)
            .with(|args| {
                assert!(args.n != 9, "predicate");
                true
            })
            .returning(|_| 10)
    };
    let alone = strict();
    alone.run(|| {
        assert_eq!(
            (panic_of(|| asked(9)), alone.count()),
            ("predicate".to_owned(), 0)
        );
        assert_eq!((asked(1), alone.count()), (10, 1));
    });
    // In an order, and asked by the one further in, which has had its call.
    let order = Sequence::new();
    let outer = strict().in_order(&order);
    let inner = asked::expect(1).returning(|_| 20).in_order(&order);
    let block = outer.clone().and(inner.clone());
    block.run(|| {
        assert_eq!(panic_of(|| asked(9)), "predicate");
        assert_eq!((outer.count(), inner.count()), (0, 0));
        assert_eq!((asked(1), asked(9)), (10, 20));
    });
    drop((alone, outer, inner));
    assert!(is_quiet(asked::__site()));
}

/// An argument whose `Debug` panics: a watcher shows nothing of it, an expectation cannot name the call.
#[test]
fn arguments_that_cannot_be_shown_leave_nothing_locked() {
    struct Hidden;
    impl fmt::Debug for Hidden {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no Debug")
        }
    }
    #[open]
    fn shows(hidden: Hidden) -> u32 {
        let Hidden = hidden;
        1
    }
    let log = Log::record("**::call::panics::shows").unwrap();
    assert_eq!(log.run(|| shows(Hidden)), 1);
    assert_eq!(
        log.calls().len(),
        0,
        "what could not be shown is not recorded"
    );
    let expected = shows::expect(..).returning(|_| 2);
    expected.run(|| assert_eq!(panic_of(|| shows(Hidden)), "no Debug"));
    assert_eq!((expected.count(), shows(Hidden)), (0, 1));
    drop((log, expected));
    assert!(is_quiet(shows::__site()));
}
