//! How groutines end: by themselves, killed, by errors and panics; and what a call that is over says.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};

use selvedge::call::groutine::{Exchange, any};
use selvedge::call::{Addr, Groutines};
use selvedge::{Wrap, open};

use super::{Notes, elsewhere, panic_of};

#[open]
fn add(a: u32, b: u32) -> u32 {
    assert!(a < 1_000, "too much");
    a + b
}

/// Notes its name when it is dropped.
struct Dropped(&'static str, Notes<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.1.note(self.0);
    }
}

/// 152: killed where it stands, in every state: its destructors run, without unwinding.
#[test]
fn killing_runs_destructors_in_every_state() {
    let notes = Notes::new();
    let exchange = Exchange::<(), ()>::new();
    let groutine = |name, state: u32| {
        let (notes, exchange) = (notes.clone(), exchange.clone());
        move || {
            let (dropped, exchange) = (Dropped(name, notes.clone()), exchange.clone());
            async move {
                let _dropped = dropped;
                match state {
                    0 => {}
                    1 => {
                        add::called().await;
                    }
                    2 => exchange.yield_to_parent(()).await,
                    3 => (&selvedge::Signal::new()).await,
                    _ => {
                        let call = add::called().await;
                        add::panicked().same(&call).await;
                    }
                }
            }
        }
    };
    Groutines::new()
        .with(groutine("done at once", 0))
        .with(groutine("for a call", 1))
        .with(groutine("for its parent", 2))
        .with(groutine("for a signal", 3))
        .with(groutine("for the end", 4))
        .with(groutine("heard nothing", 1))
        .run(|| {
            assert_eq!(notes.take(), ["done at once"]);
            add(1, 1);
            assert_eq!(notes.take(), ["for a call", "heard nothing"]);
        });
    // 153: killing a finished one is harmless; the last one first.
    assert_eq!(
        notes.take(),
        ["for the end", "for a signal", "for its parent"]
    );
    assert!(exchange.resume(()).is_err());
}

/// 152, 154: killed after a panic of the block as well, inside the block.
#[test]
fn a_panic_of_the_block_kills_them_too() {
    let notes = Notes::new();
    let noting = notes.clone();
    let wait = move || {
        let dropped = Dropped("killed", noting.clone());
        async move {
            let _dropped = dropped;
            add::called().await;
        }
    };
    assert_eq!(
        panic_of(|| Groutines::new().with(wait).run(|| panic!("block"))),
        "block"
    );
    assert_eq!(notes.take(), ["killed"]);
}

/// 132, 133: a panic rises in the caller, the groutine is dead, the others go on; and so for an error.
#[test]
fn a_panic_rises_in_the_caller_and_the_others_go_on() {
    let panics = || async {
        add::called().await.with(|_| panic!("of the groutine"));
    };
    let fails = || async {
        add::called().await;
        Err::<(), _>("no such thing")
    };
    let answers = || async {
        loop {
            add::called().await.ret(9);
        }
    };
    Groutines::new()
        .with(panics)
        .named("fails", fails)
        .with(answers)
        .run(|| {
            assert_eq!(panic_of(|| add(1, 2)), "of the groutine");
            assert_eq!(
                panic_of(|| add(1, 2)),
                "the groutine `fails` failed: no such thing"
            );
            assert_eq!(add(1, 2), 9);
        });
    assert_eq!(add(1, 2), 3);
}

/// 131: a panic of the function is told, may be answered, and the hook survives it.
#[test]
fn a_panic_of_the_function_is_told_and_may_be_answered() {
    let notes = Notes::new();
    let noting = notes.clone();
    let hears = move || {
        let notes = noting.clone();
        async move {
            add::panicked()
                .await
                .with(|unwound| notes.note(unwound.message().to_owned()));
            let call = add::called().await;
            add::panicked().same(&call).await.ret(0);
        }
    };
    Groutines::new().with(hears).run(|| {
        assert_eq!(panic_of(|| add(1_000, 0)), "too much");
        assert_eq!(notes.take(), ["too much"]);
        assert_eq!(add(1_000, 0), 0);
        assert_eq!(panic_of(|| add(1_000, 0)), "too much");
    });
}

/// A panic in a filter is one of the groutine; a panic in a destructor of a killed one comes out of the block.
#[test]
fn panics_in_filters_and_destructors() {
    struct Bad(&'static str);
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("destructor of {}", self.0);
        }
    }
    let filter = || async {
        add::called().when(|_| panic!("filter")).await;
    };
    Groutines::new().with(filter).run(|| {
        assert_eq!(panic_of(|| add(1, 1)), "filter");
        assert_eq!(add(1, 1), 2);
    });
    let bad = |name| {
        move || async move {
            let _bad = Bad(name);
            add::called().await;
        }
    };
    let two = Groutines::new().with(bad("a")).with(bad("b"));
    // The first goes on, the other is told to `probe`.
    assert_eq!(panic_of(|| two.clone().run(|| ())), "destructor of b");
    // A panic of the block wins.
    assert_eq!(panic_of(|| two.run(|| panic!("block"))), "block");
    assert_eq!(add(1, 1), 2);
}

/// A call that is over says so, and what it was.
#[test]
fn a_call_that_is_over_says_so() {
    let notes = Notes::new();
    let noting = notes.clone();
    let keeps = move || {
        let notes = noting.clone();
        async move {
            let mut first = add::called().await;
            assert!(first.is_live());
            let mut second = add::called().await;
            assert!(!first.is_live() && second.is_live());
            let message = panic_of(|| first.with(|_| ()));
            assert!(message.contains("::ends::add` is over"), "{message}");
            second.with(|call| notes.note(call.args.a));
            add::returned().same(&second).await;
            assert!(panic_of(|| second.ret(1)).contains("is over"));
            notes.note(0);
        }
    };
    Groutines::new().with(keeps).run(|| (add(1, 1), add(2, 2)));
    assert_eq!(notes.take(), [2, 0]);
}

/// Nested use of one call is refused, and another thread finds it over.
#[test]
fn a_call_is_lent_to_one_look_at_a_time_on_one_thread() {
    let two = || async {
        let (one, other) = (add::called(), add::called());
        let (mut one, mut other) = selvedge::call::groutine::all((one, other)).await;
        one.with(|call| {
            call.args.a = 5;
            assert!(panic_of(|| other.with(|_| ())).contains("is being looked at"));
        });
        other.with(|call| assert_eq!(call.args.a, 5));
        std::thread::scope(|s| {
            let there = s.spawn(|| panic_of(|| other.with(|_| ()))).join().unwrap();
            assert!(there.contains("is over"), "{there}");
        });
    };
    assert_eq!(Groutines::new().with(two).run(|| add(1, 1)), 6);
}

/// What nothing can wake is reported, by name.
#[test]
fn a_future_that_nothing_can_wake_is_reported() {
    let stuck = Groutines::new().named("stuck", std::future::pending::<()>);
    let message = panic_of(|| stuck.run(|| ()));
    assert!(
        message.starts_with("the groutine `stuck` awaits something that nothing can wake"),
        "{message}"
    );
    let round = Groutines::new().with(empty_round);
    assert!(panic_of(|| round.run(|| ())).contains("empty_round` goes round without waiting"));
    #[selvedge::groutine(loop)]
    async fn empty_round() {}
}

/// A wait outside of a groutine says so.
#[test]
fn a_wait_outside_of_a_groutine_is_refused() {
    let mut wait = pin!(add::called());
    let mut context = Context::from_waker(Waker::noop());
    let message = panic_of(|| wait.as_mut().poll(&mut context));
    assert!(
        message.contains("::ends::add` is awaited outside of a groutine"),
        "{message}"
    );
}

/// 130: the last listener to leave disarms the function; so does one that is killed.
#[test]
fn the_last_listener_disarms_the_function() {
    #[open]
    fn quiet() {}
    quiet();
    assert!(quiet::__site().passes());
    let two = || async {
        any((quiet::called(), quiet::returned())).await;
        add::called().await;
    };
    Groutines::new().with(two).run(|| {
        assert!(!quiet::__site().passes());
        quiet();
        assert!(quiet::__site().passes());
        assert!(!add::__site().passes());
    });
    assert!(add::__site().passes());
}

/// 137, 139, 121: methods of one object, and nothing is left on it.
#[test]
fn calls_on_one_object() {
    #[derive(PartialEq, Debug)]
    struct Unrelated(u8);
    let (a, b) = (super::app::View::default(), Unrelated(1));
    let message = panic_of(|| drop(add::called().on(Addr::of(&b))));
    assert!(message.contains("is not called on an object"), "{message}");
    let message = panic_of(|| drop(super::app::view::pre_save::called().on(Addr::of(&b))));
    assert!(message.contains("no call is on this"), "{message}");
    drop(super::app::view::pre_save::called().on(Addr::of(&a)));
}

struct Door(u8);

#[open]
impl Door {
    fn open(&self, key: u8) -> u8 {
        self.0 + key
    }
}

/// Of two objects in one block: its calls and its returns are heard, the other's pass.
#[test]
fn a_call_on_another_object_is_not_heard() {
    let (front, back) = (Door(10), Door(20));
    let (it, notes) = (Addr::of(&front), Notes::new());
    let noting = notes.clone();
    let answers = move || {
        let notes = noting.clone();
        async move {
            for _ in 0..2 {
                let mut call = door::open::called().on(it).await;
                call.with(|call| notes.note(call.args.key));
                let mut returned = door::open::returned().on(it).await;
                returned.with(|returned| *returned.result += 100);
            }
        }
    };
    Groutines::new().with(answers).run(|| {
        assert_eq!([back.open(1), front.open(2), back.open(3)], [21, 112, 23]);
        assert_eq!([back.open(4), front.open(5), front.open(6)], [24, 115, 16]);
    });
    assert_eq!(notes.take(), [2, 5]);
}

/// A set belongs to a wrapped future, wherever it is polled, and to nobody between its polls.
#[test]
fn a_set_goes_with_a_wrapped_future() {
    let notes = Notes::new();
    let noting = notes.clone();
    let set = Groutines::new().with(move || {
        let dropped = Dropped("killed", noting.clone());
        async move {
            let _dropped = dropped;
            loop {
                add::called().await.ret(0);
            }
        }
    });
    let mut turns = 0;
    let mut work = Box::pin(set.wrap(async move {
        let mut sums = vec![add(1, 1)];
        std::future::poll_fn(|_| {
            turns += 1;
            if turns < 3 {
                std::task::Poll::Pending
            } else {
                std::task::Poll::Ready(())
            }
        })
        .await;
        sums.push(add(2, 2));
        sums
    }));
    let mut context = Context::from_waker(Waker::noop());
    assert!(work.as_mut().poll(&mut context).is_pending());
    assert_eq!(add(1, 1), 2);
    let mut work = elsewhere(move || {
        let mut context = Context::from_waker(Waker::noop());
        assert!(work.as_mut().poll(&mut context).is_pending());
        assert_eq!(add(1, 1), 2);
        work
    });
    assert_eq!(notes.take(), [""; 0]);
    assert_eq!(
        work.as_mut().poll(&mut context),
        std::task::Poll::Ready(vec![0, 0])
    );
    assert_eq!(notes.take(), ["killed"]);
}

/// A groutine that panics at its start: the block does not run, those that were started are killed.
#[test]
fn a_panic_at_the_start_is_the_blocks() {
    let notes = Notes::new();
    let noting = notes.clone();
    let first = move || {
        let dropped = Dropped("first", noting.clone());
        async move {
            let _dropped = dropped;
            add::called().await;
        }
    };
    let set = Groutines::new()
        .with(first)
        .with(|| async { panic!("at once") });
    let ran = catch_unwind(AssertUnwindSafe(|| set.run(|| unreachable!())));
    assert!(ran.is_err());
    assert_eq!(notes.take(), ["first"]);
    assert!(add::__site().passes());
}
