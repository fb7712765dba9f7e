//! What is expected of the calls in a block.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use selvedge::call::Sequence;
use selvedge::{Carry, Wrap, open, probe};

use super::alien;

#[open]
fn send(to: &str, n: u32) -> u32 {
    n + u32::from(to.is_empty())
}

#[open]
fn begin() {}

#[open]
fn end() {}

#[open]
fn show<T: std::fmt::Debug + Clone + 'static>(value: T) -> String {
    format!("{value:?}")
}

struct Door;

#[open]
impl Door {
    fn knock(&self, times: u32) -> u32 {
        times
    }
}

/// The message of the panic of `f`.
fn panics<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => *payload.downcast::<String>().expect("a message"),
    }
}

/// A message without places and paths.
fn plain(text: &str) -> String {
    let mut plain = text.replace(&format!("{}::", module_path!()), "");
    let file = file!();
    while let Some(from) = plain.find(file) {
        let end = plain[from..].find([' ', ')']).unwrap() + from;
        plain.replace_range(from..end, "HERE");
    }
    plain
}

#[test]
fn what_was_expected_and_came_is_silent() {
    let sends = send::expect(2..=3).with(|args| args.n > 1).passing();
    sends.run(|| {
        assert_eq!(send("a", 2), 2);
        assert_eq!(send("", 3), 4);
        send("a", 1);
        assert_eq!(sends.count(), 2);
    });
    // And once more: each block is counted by itself.
    let message = panics(|| sends.run(|| send("a", 2)));
    assert!(message.contains("got 1"), "{message}");
}

#[test]
fn too_few_calls_fail_at_the_end_and_are_listed() {
    let sends = send::expect(2)
        .with(|args| args.n > 1)
        .returning(|args| args.n * 10);
    let message = panics(|| {
        sends.run(|| {
            assert_eq!(send("a", 2), 20);
            assert_eq!(send("b", 1), 1);
        })
    });
    assert_eq!(
        plain(&message),
        "expected 2 calls of `send` with arguments as HERE says (at HERE); got 1\n  \
         Its calls were:\n    \
         1. send(to: \"a\", n: 2)\n    \
         2. send(to: \"b\", n: 1)  (the arguments do not match)"
    );
    let message = panics(|| begin::expect(1..).passing().run(|| ()));
    assert_eq!(
        plain(&message),
        "expected 1 or more calls of `begin` (at HERE); got 0\n  It was not called."
    );
}

/// All of them have to be true: the last one alone counted.
#[test]
fn a_second_predicate_narrows_further() {
    let sends = send::expect(1)
        .with(|args| args.to == "a")
        .with(|args| args.n > 1)
        .returning(|_| 9);
    sends.run(|| {
        assert_eq!(send("b", 2), 2);
        send("a", 1);
        assert_eq!(send("a", 2), 9);
    });
    let message = panics(|| sends.run(|| send("b", 2)));
    let with = "expected 1 call of `send` with arguments as HERE and HERE say (at HERE); got 0";
    assert!(plain(&message).starts_with(with), "{message}");
    assert!(message.contains("do not match"), "{message}");
}

#[test]
fn a_call_too_many_panics_at_once_and_names_itself() {
    let sends = send::expect(1).returning(|_| 0);
    let message = panics(|| {
        sends.run(|| {
            send("a", 1);
            send("b", 2);
            unreachable!("the second call has panicked");
        })
    });
    assert_eq!(
        plain(&message),
        "unexpected call send(to: \"b\", n: 2): there were 1 already; expected 1 call of `send` (at HERE)"
    );
    let message = panics(|| send::expect(0).passing().run(|| send("c", 3)));
    assert_eq!(
        plain(&message),
        "unexpected call send(to: \"c\", n: 3): there may be none; expected no call of `send` (at HERE)"
    );
}

#[test]
fn a_call_too_many_whose_panic_was_swallowed_fails_at_the_end() {
    let sends = send::expect(..=1).returning(|_| 0);
    let message = panics(|| {
        sends.run(|| {
            send("a", 1);
            let _ = catch_unwind(|| send("b", 2));
        })
    });
    assert!(
        message.contains("unexpected call ") && message.contains("(unexpected)"),
        "{message}"
    );
}

#[test]
fn a_block_that_panics_is_not_verified() {
    let told = Arc::new(Mutex::new(0));
    let listener = probe::subscribe({
        let told = Arc::clone(&told);
        move |event| {
            if let probe::Event::ExitPanicked { message, .. } = event
                && message.contains("expectations::begin")
            {
                *told.lock().unwrap() += 1;
            }
        }
    });
    let both = begin::expect(5).passing().and(end::expect(5).passing());
    let message = panics(|| both.run(|| std::panic::panic_any("the news".to_owned())));
    assert_eq!(message, "the news");
    drop(listener);
    assert_eq!(*told.lock().unwrap(), 0);
    // The next block begins anew.
    let five = begin::expect(2).passing();
    let _ = panics(|| {
        five.run(|| {
            begin();
            std::panic::panic_any("early".to_owned())
        })
    });
    assert_eq!(five.count(), 0);
    five.run(|| (begin(), begin()));
}

#[test]
fn several_expectations_of_a_function_share_its_calls() {
    let others = send::expect(0).passing();
    let ada = send::expect(1)
        .with(|args| args.to == "ada")
        .returning(|_| 1);
    let any = send::expect(1).with(|args| args.n == 7).returning(|_| 7);
    let all = || others.clone().and(ada.clone()).and(any.clone());
    // The innermost takes it first; used up, it hands it on.
    all().run(|| {
        assert_eq!(send("ada", 7), 7);
        assert_eq!(send("ada", 7), 1);
    });
    let message = panics(|| all().run(|| send("eve", 3)));
    assert!(
        message.contains("unexpected call ") && message.contains("no call of"),
        "{message}"
    );
    // Both are used up, and nobody else wants it.
    let two = || ada.clone().and(any.clone());
    let message = panics(|| {
        two().run(|| {
            send("ada", 7);
            send("ada", 7);
            send("ada", 7)
        })
    });
    assert!(message.contains("there were 1 already"), "{message}");
    // One is short: the other one's failure is no failure of it.
    let message = panics(|| two().run(|| send("ada", 1)));
    assert!(message.contains("got 0"), "{message}");
}

#[test]
fn calls_of_a_sequence_come_in_order() {
    let order = || {
        let order = Sequence::new();
        begin::expect(1)
            .passing()
            .in_order(&order)
            .and(
                send::expect(1..=2)
                    .with(|args| args.n == 1)
                    .returning(|_| 10)
                    .in_order(&order),
            )
            .and(send::expect(1).returning(|_| 20).in_order(&order))
            .and(end::expect(..=1).passing().in_order(&order))
    };
    order().run(|| {
        begin();
        assert_eq!((send("", 1), send("", 1), send("", 1)), (10, 10, 20));
        end();
    });
    order().run(|| {
        begin();
        assert_eq!((send("", 1), send("", 2)), (10, 20));
    });
    let message = panics(|| order().run(|| send("", 1)));
    assert_eq!(
        plain(&message),
        "unexpected call send(to: \"\", n: 1): it is too early: before it, 1 call of `begin` (at HERE), \
         got 0; expected 1 call of `send` (at HERE)"
    );
    let message = panics(|| {
        order().run(|| {
            begin();
            send("", 1);
            send("", 2);
            end();
            send("", 1)
        })
    });
    assert!(message.contains("it is too late: after it, "), "{message}");
    let message = panics(|| {
        order().run(|| {
            begin();
            send("", 1);
        })
    });
    assert!(message.contains("got 0"), "{message}");
}

/// Whoever comes late in its order hands calls on to earlier ones of that order, and to nobody else.
#[test]
fn an_expectation_in_an_order_leaves_no_call_to_one_that_is_in_another() {
    for outer_is_in_an_order in [false, true] {
        let (order, other) = (Sequence::new(), Sequence::new());
        let mut outer = send::expect(..).returning(|_| 1);
        if outer_is_in_an_order {
            outer = outer.in_order(&other);
        }
        let first = begin::expect(1).passing().in_order(&order);
        let inner = send::expect(1).returning(|_| 2).in_order(&order);
        outer.clone().and(first).and(inner).run(|| {
            begin();
            assert_eq!((send("", 0), send("", 0)), (2, 1)); // used up, it may be anybody's
        });
        assert_eq!(outer.count(), 0);
    }
}

#[test]
fn a_checkpoint_verifies_and_begins_anew() {
    let one = begin::expect(1).passing();
    one.run(|| {
        begin();
        one.checkpoint();
        begin();
    });
    let message = panics(|| {
        one.run(|| {
            begin();
            one.checkpoint();
            one.checkpoint();
        })
    });
    assert!(message.contains("got 0"), "{message}");
}

#[test]
fn an_expectation_may_be_of_one_object_or_one_type() {
    let (front, back) = ([Door, Door], 0);
    let _ = back;
    let doors: Vec<Box<(Door, u8)>> = vec![Box::new((Door, 1)), Box::new((Door, 2))];
    let _ = front;
    let knocks = door::knock::expect(1).returning(|_| 99).on(&doors[0].0);
    knocks.run(|| {
        assert_eq!((doors[1].0.knock(1), doors[0].0.knock(1)), (1, 99));
    });
    let shows = show::expect::<u8>(1)
        .with(|args| *args.value == 1)
        .returning(|_| "one".to_owned());
    shows.run(|| {
        assert_eq!(
            (show(1_u8), show(1_u16)),
            ("one".to_owned(), "1".to_owned())
        )
    });
}

#[test]
fn calls_on_other_threads_count_where_the_ambient_is_carried() {
    let begins = begin::expect(4).passing();
    begins.run(|| {
        let threads: Vec<_> = (0..4).map(|_| alien(begin.inherit())).collect();
        alien(begin).join().unwrap();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_wrapped_future_is_verified_when_it_is_ready() {
    let once = || begin::expect(1).passing();
    selvedge::signal::block_on(once().wrap(async { begin() })).unwrap();
    let message = panics(|| selvedge::signal::block_on(once().wrap(async {})));
    assert!(message.contains("got 0"), "{message}");
}

#[test]
fn many_calls_are_counted_and_the_first_are_shown() {
    let message = panics(|| {
        begin::expect(100..)
            .passing()
            .run(|| (0..80).for_each(|_| begin()))
    });
    assert!(
        message.contains("got 80") && message.contains("and 30 more"),
        "{message}"
    );
}
