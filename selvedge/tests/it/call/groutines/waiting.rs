//! Groutines that wait for signals, tills and wakers: they go on at the flow's next open or blocking call.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use selvedge::call::Groutines;
use selvedge::call::groutine::{OneOf2, any};
use selvedge::testing::World;
use selvedge::{Signal, Till, open, thread};

use super::{Notes, elsewhere};

#[open]
fn noop() {}

#[open]
fn other() -> u32 {
    1
}

fn noting(signal: &Signal, notes: &Notes<&'static str>) -> Groutines {
    let (signal, notes) = (signal.clone(), notes.clone());
    Groutines::new().with(move || {
        let (signal, notes) = (signal.clone(), notes.clone());
        async move {
            (&signal).await;
            notes.note("seen");
        }
    })
}

/// A signal is seen at the next open call, though nobody listens to that function and it was quiet before.
#[test]
fn a_signal_is_seen_at_the_next_open_call() {
    noop();
    assert!(noop::__site().passes());
    let (signal, notes) = (Signal::new(), Notes::new());
    noting(&signal, &notes).run(|| {
        noop();
        assert_eq!(notes.take(), [""; 0]);
        let setter = signal.clone();
        elsewhere(move || setter.set());
        assert_eq!(notes.take(), [""; 0]);
        noop();
        assert_eq!(notes.take(), ["seen"]);
        assert_eq!(other(), 1);
    });
}

/// It is seen at the next blocking call that has to wait, before that waits.
#[test]
fn a_signal_is_seen_at_the_next_blocking_call() {
    World::new().run(|| {
        let (signal, notes) = (Signal::new(), Notes::new());
        noting(&signal, &notes).run(|| {
            signal.set();
            let other = Signal::always();
            other.wait().unwrap(); // does not have to wait
            assert_eq!(notes.take(), [""; 0]);
            let late = Till::after(Duration::from_millis(1));
            late.wait().unwrap();
            assert_eq!(notes.take(), ["seen"]);
        });
        let queue = selvedge::sync::Queue::<u8>::new();
        let (signal, push) = (Signal::new(), queue.clone());
        let feeds = {
            let signal = signal.clone();
            move || {
                let (signal, push) = (signal.clone(), push.clone());
                async move {
                    (&signal).await;
                    push.push(7).unwrap();
                }
            }
        };
        Groutines::new().with(feeds).run(|| {
            signal.set();
            assert_eq!(queue.pop().unwrap(), 7);
        });
    });
}

/// Killed while it was woken: nothing stays armed.
#[test]
fn one_that_was_woken_and_killed_leaves_nothing_armed() {
    noop();
    let (signal, notes) = (Signal::new(), Notes::new());
    noting(&signal, &notes).run(|| signal.set());
    assert_eq!(notes.take(), [""; 0]);
    noting(&Signal::always(), &notes).run(|| assert_eq!(notes.take(), ["seen"]));
}

/// A call or a signal, whichever comes first; a till as well.
#[test]
fn a_call_or_a_signal() {
    let (signal, notes) = (Signal::new(), Notes::new());
    let (till, noting) = (signal.clone(), notes.clone());
    let either = move || {
        let (till, notes) = (till.clone(), noting.clone());
        async move {
            loop {
                match any((other::called(), &till)).await {
                    OneOf2::A(call) => call.ret(5),
                    OneOf2::B(()) => return notes.note("over"),
                }
            }
        }
    };
    Groutines::new().with(either).run(|| {
        assert_eq!((other(), other()), (5, 5));
        signal.set();
        assert_eq!(other(), 1);
        assert_eq!(notes.take(), ["over"]);
    });
}

/// What keeps its waker, or has woken it already, goes on at the next open call too.
#[test]
fn whatever_keeps_its_waker_may_be_awaited() {
    let notes = Notes::new();
    let noting = notes.clone();
    let yields = move || {
        let notes = noting.clone();
        async move {
            let mut turns = 0;
            poll_fn(|context| {
                turns += 1;
                context.waker().wake_by_ref();
                if turns < 3 {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
            .await;
            notes.note("ready");
        }
    };
    Groutines::new().with(yields).run(|| {
        noop();
        assert_eq!(notes.take(), [""; 0]);
        noop();
        assert_eq!(notes.take(), ["ready"]);
    });
}

/// Other flows see nothing of it, and are not disturbed.
#[test]
fn other_flows_are_not_resumed() {
    World::new().run(|| {
        let (signal, notes) = (Signal::new(), Notes::new());
        noting(&signal, &notes).run(|| {
            signal.set();
            let there = thread::spawn("other", |_| Ok(other()));
            assert_eq!(elsewhere(other), 1);
            assert_eq!(notes.take(), [""; 0]);
            assert_eq!(there.join().unwrap(), 1);
        });
    });
}
