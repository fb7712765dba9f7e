//! Recursion: a handler's own calls skip it, those of the body do not.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use selvedge::call::{Binding, Condition, Groutines, Installed, Log};
use selvedge::{Ambient, bind, context, open};

use super::{step, trail};
use crate::ambient::elsewhere;

#[open]
fn fact(n: u64) -> u64 {
    if n == 0 { 1 } else { n * fact(n - 1) }
}

#[test]
fn recursive_calls_of_the_body_are_patched_too() {
    let patch = fact::around(|args, next| {
        step("call");
        next.proceed(args)
    });
    trail();
    assert_eq!(patch.run(|| fact(4)), 24);
    assert_eq!(trail().len(), 5);
    let cut = fact::around(|args, next| if args.n == 2 { 100 } else { next.proceed(args) });
    assert_eq!(cut.run(|| fact(4)), 1_200);
}

#[test]
fn a_handler_s_own_calls_skip_it_before_and_after_it_proceeds() {
    let patch = fact::around(|args, next| {
        step("handler");
        let (before, n) = (fact(args.n), args.n);
        let result = next.proceed(args);
        assert_eq!((before, fact(n)), (result, result));
        result + 1
    });
    trail();
    // 1 for 0, then 1*1+1, then 2*2+1: the body's own calls are patched again.
    assert_eq!(fact(2), 2);
    assert_eq!(patch_run(&patch, 0), 2);
    trail();
    let once = fact::around(|args, _| {
        step("once");
        fact(args.n) * 10
    });
    assert_eq!(patch_run(&once, 3), 60);
    assert_eq!(trail(), ["once"]);
}

fn patch_run(patch: &selvedge::call::Patch, n: u64) -> u64 {
    patch.run(|| fact(n))
}

#[test]
fn a_handler_s_own_calls_skip_that_handler_alone() {
    let (outer, inner) = (
        fact::around(|args, next| {
            step("outer");
            next.proceed(args)
        }),
        fact::around(|args, _| {
            step("inner");
            fact(args.n) // goes to `outer`
        }),
    );
    trail();
    assert_eq!(outer.run(|| inner.run(|| fact(0))), 1);
    assert_eq!(trail(), ["inner", "outer"]);
    // A patch that the handler makes is in force for its calls.
    let nesting = fact::around(|args, _| fact::around(|_, _| 77).run(|| fact(args.n)));
    assert_eq!(patch_run(&nesting, 3), 77);
}

#[test]
fn calls_of_another_open_function_come_back_unmasked_only_through_proceed() {
    #[open]
    fn ping(n: u32) -> u32 {
        if n == 0 { 0 } else { pong(n - 1) + 1 }
    }
    #[open]
    fn pong(n: u32) -> u32 {
        if n == 0 { 0 } else { ping(n - 1) + 1 }
    }
    let (a, b) = (
        ping::around(|args, next| {
            step("ping");
            next.proceed(args)
        }),
        pong::around(|args, _| {
            step("pong");
            ping(args.n) // `ping` is not masked here
        }),
    );
    trail();
    assert_eq!(a.run(|| b.run(|| ping(2))), 2);
    // ping(2): body, pong(1): its handler calls ping(1): body, pong(0): masked as the handler's own.
    assert_eq!(trail(), ["ping", "pong", "ping"]);
}

#[test]
fn other_threads_are_unaffected_by_a_mask_and_a_capture_carries_it() {
    let patch = fact::around(|args, next| {
        step("handler");
        let bare = elsewhere(|| fact(3));
        let ambient = Ambient::capture();
        let carried = elsewhere(move || {
            ambient.run(|| {
                trail();
                let result = fact(3);
                (result, trail().len())
            })
        });
        assert_eq!(
            (bare, carried),
            (6, (6, 0)),
            "carried, it is still inside the handler"
        );
        next.proceed(args)
    });
    trail();
    assert_eq!(patch_run(&patch, 0), 1);
    // What the body carries is patched.
    #[open]
    fn outer() -> u64 {
        let ambient = Ambient::capture();
        elsewhere(move || ambient.run(inner_value))
    }
    #[open]
    fn inner_value() -> u64 {
        1
    }
    let through = outer::around(|args, next| next.proceed(args) + 1);
    let value = inner_value::around(|_, _| 40);
    assert_eq!(through.run(|| value.run(outer)), 41);
}

context! { static LOUD = "loud"; }

#[open]
fn greet(name: &str) -> String {
    format!("hello {name}")
}

#[bind(greet, thread = LOUD)]
fn shout(name: &str) -> String {
    greet(name).to_uppercase() // its own call goes past it
}

#[test]
fn a_bound_function_may_call_what_it_is_bound_to() {
    assert_eq!(LOUD.run(|| greet("Ada")), "HELLO ADA");
    greet::bind(
        &[Condition::Thread(&LOUD), Condition::Thread(&LOUD)],
        |args, next| format!("{}{}", greet(args.name), next.proceed(args)),
    );
    // A replacement of `shout`: one condition, named twice.
    assert_eq!(LOUD.run(|| greet("B")), "hello Bhello B");
}

std::thread_local! { static MARKS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) }; }

#[open]
fn down(n: u32) -> u32 {
    let here = 0_u8;
    if n == 0 || n == 10_000 {
        MARKS.with_borrow_mut(|marks| marks.push((&raw const here).addr()));
    }
    if n == 0 { 0 } else { down(n - 1) + 1 }
}

/// Ten thousand calls inside one another, each hooked. The marks of their stacks are noted by the body.
fn deep(patch: impl Fn() -> selvedge::call::Patch + Send + 'static) -> usize {
    let run = move || {
        let patch = patch();
        assert_eq!(patch.run(|| down(10_000)), 10_000);
        assert_eq!(patch.hits(), 10_001);
        let marks = MARKS.take();
        (marks[0] - marks[1]) / 10_000
    };
    let builder = std::thread::Builder::new().stack_size(256 << 20);
    builder.spawn(run).unwrap().join().unwrap()
}

/// Every level costs the same, in time too: nothing is walked that grows with the depth.
#[test]
fn a_recursion_of_ten_thousand_calls_is_hooked_at_every_level() {
    let levels = [
        ("before", deep(|| down::before(|_| ()))),
        ("after", deep(|| down::after(|_| ()))),
        (
            "around",
            deep(|| down::around(|args, next| next.proceed(args))),
        ),
        ("unwound", deep(|| down::unwound(|_| ()))),
    ];
    println!("bytes of stack a level: {levels:?}");
    for (kind, bytes) in levels {
        assert!(bytes < 10_000, "{kind}: {bytes} bytes a level");
    }
}

/// Whatever takes part besides patches of a block: installed patches, bindings, watches, groutines, expectations.
#[test]
fn a_recursion_of_ten_thousand_calls_is_seen_by_everybody_at_every_level() {
    context! { static DEEP = "deep"; }
    #[open]
    fn seen(n: u32) -> u32 {
        if n == 0 { 0 } else { seen(n - 1) + 1 }
    }
    let run = || {
        let patch = seen::before(|_| ());
        let bound = Arc::new(AtomicU32::new(0));
        let binding = seen::bind(&[Condition::Thread(&DEEP)], {
            let bound = Arc::clone(&bound);
            move |args, next| {
                bound.fetch_add(1, SeqCst);
                next.proceed(args)
            }
        });
        let log = Log::record("**::recursion::seen").unwrap().capacity(20_000);
        let expected = seen::expect(10_001).passing();
        let heard = Arc::new(AtomicU32::new(0));
        let groutine = {
            let heard = Arc::clone(&heard);
            move || {
                let heard = Arc::clone(&heard);
                async move {
                    loop {
                        seen::called().await;
                        heard.fetch_add(1, SeqCst);
                    }
                }
            }
        };
        let on = patch.install();
        let all = || DEEP.run(|| log.run(|| expected.run(|| seen(10_000))));
        assert_eq!(Groutines::new().with(groutine).run(all), 10_000);
        drop(on);
        assert!(binding.unbind());
        let counts = [patch.hits(), log.calls().len() as u64];
        assert_eq!(counts, [10_001; 2]);
        assert_eq!([bound, heard].map(|count| count.load(SeqCst)), [10_001; 2]);
        assert_eq!(log.calls()[10_000].depth(), 10_000);
    };
    let builder = std::thread::Builder::new().stack_size(512 << 20);
    builder.spawn(run).unwrap().join().unwrap();
    assert!(super::is_quiet(seen::__site()));
}

/// Taken off by its own handler, deep in a recursion: the calls that are running end with it, the next ones are plain.
#[test]
fn a_patch_that_takes_itself_off_in_a_recursion_is_still_around_the_calls_it_began_with() {
    #[open]
    fn falls(n: u32) -> u32 {
        if n == 0 { 0 } else { falls(n - 1) + 1 }
    }
    let run = || {
        let slot = Arc::new(Mutex::new(None::<Installed>));
        let patch = falls::around({
            let slot = Arc::clone(&slot);
            move |args, next| {
                if args.n == 5_000 {
                    drop(slot.lock().unwrap().take());
                }
                next.proceed(args) + 1
            }
        });
        *slot.lock().unwrap() = Some(patch.install());
        assert_eq!(falls(10_000), 10_000 + 5_001);
        assert_eq!((patch.hits(), falls(10)), (5_001, 10));
    };
    let builder = std::thread::Builder::new().stack_size(256 << 20);
    builder.spawn(run).unwrap().join().unwrap();
    assert!(super::is_quiet(falls::__site()));
}

/// A binding that unbinds itself, and a patch that replaces the binding that it runs in.
#[test]
fn a_binding_may_be_unbound_or_replaced_by_its_own_handler() {
    context! { static SELF = "self"; }
    #[open]
    fn bound(n: u32) -> u32 {
        n
    }
    let (slot, alive) = (Arc::new(Mutex::new(None::<Binding>)), Arc::new(()));
    let bind = |replaces: bool| {
        let (inner, alive) = (Arc::clone(&slot), Arc::clone(&alive));
        let binding = bound::bind(&[Condition::Thread(&SELF)], move |args, next| {
            if replaces {
                bound::bind(&[Condition::Thread(&SELF)], |_, _| 70);
            }
            let own = inner.lock().unwrap().take().unwrap();
            assert_eq!(own.unbind(), !replaces);
            drop(own);
            assert_eq!(
                Arc::strong_count(&alive),
                2,
                "it is alive to the end of the call"
            );
            next.proceed(args) + 10
        });
        *slot.lock().unwrap() = Some(binding);
    };
    bind(false);
    assert_eq!(SELF.run(|| (bound(1), bound(1))), (11, 1));
    bind(true);
    assert_eq!(SELF.run(|| (bound(1), bound(1))), (11, 70));
    assert_eq!(Arc::strong_count(&alive), 1, "and no longer");
}
