//! Awaiting, setting and dropping at once; a progress that advances; deadlines.
//!
//! ```text
//!   setter            task                  third
//!     |                 |  poll: pending      |
//!   set() ──── wake ──> |  poll: ready        |  drop of another future
//! ```

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use selvedge::Signal;
use selvedge::signal::{self, Progress, WaitError};

use crate::{check, either_order, random, spawn};

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn awaiting_against_set_against_drop_loses_no_wake_and_leaves_nothing() {
    check(|| {
        let (signal, other) = (Signal::new(), Signal::new());
        let either = &signal | &other;
        let woken = Arc::new(Woken::default());
        let setter = spawn({
            let signal = signal.clone();
            move || assert!(signal.set())
        });
        let dropper = spawn({
            let future = (&either).into_future();
            move || {
                let mut future = future;
                let waker = Waker::noop();
                let _ = pin!(&mut future).poll(&mut Context::from_waker(waker));
                drop(future);
            }
        });
        let mut future = pin!((&either).into_future());
        let mut ready = false;
        for waker in [Waker::noop().clone(), Waker::from(Arc::clone(&woken))] {
            ready = future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(());
        }
        setter.join().unwrap();
        dropper.join().unwrap();
        assert!(ready || woken.0.load(SeqCst) == 1, "the last waker");
        assert!(either.is_set());
        assert_eq!((signal.links(), other.links()), (0, 0));
    });
}

#[test]
fn block_on_until_ends_by_the_future_or_the_signal_and_leaves_both() {
    check(|| {
        let (done, late) = (Signal::new(), Signal::new());
        let setter = spawn({
            let (done, late) = (done.clone(), late.clone());
            let only_late = random(2) == 0;
            move || {
                if !only_late {
                    done.set();
                }
                late.set();
                only_late
            }
        });
        let ended = signal::block_on_until(&late, (&done).into_future());
        let only_late = setter.join().unwrap();
        match ended {
            Ok(()) => assert!(!only_late),
            Err(ended) => assert!(matches!(ended, WaitError::Expired)),
        }
        assert_eq!((done.links(), late.links()), (0, 0));
    });
}

/// It may be woken after it was polled and before it sleeps.
#[test]
fn block_on_sleeps_until_its_future_is_woken_from_another_thread() {
    check(|| {
        let (first, second) = (Signal::new(), Signal::new());
        let setter = spawn({
            let (first, second) = (first.clone(), second.clone());
            move || {
                first.set();
                second.set();
            }
        });
        let both = async {
            (&first).await;
            (&second).await;
        };
        signal::block_on(both).unwrap();
        setter.join().unwrap();
        assert_eq!((first.links(), second.links()), (0, 0));
    });
}

#[test]
fn every_mark_is_set_by_who_reaches_it_and_none_stays() {
    check(|| {
        let progress = Progress::new();
        let advancers = [(); 2].map(|()| {
            let progress = progress.clone();
            spawn(move || progress.advance(1))
        });
        let dropper = spawn({
            let progress = progress.clone();
            move || {
                drop(progress.reached(2));
                drop(progress.reached(9)); // nobody gets so far
            }
        });
        for n in [1, 2] {
            progress.reached(n).wait().unwrap();
            assert!(progress.get() >= n);
        }
        let reached = advancers.map(|advancer| advancer.join().unwrap());
        dropper.join().unwrap();
        assert_eq!(reached.iter().sum::<u64>(), 3);
        assert_eq!(progress.marks(), 0);
    });
}

#[test]
fn nested_deadlines_end_a_wait_whichever_is_first() {
    check(|| {
        let (outer, inner, never) = (Signal::new(), Signal::new(), Signal::new());
        let setter = spawn({
            let (outer, inner) = (outer.clone(), inner.clone());
            let which = random(3);
            move || match which {
                0 => assert!(outer.set()),
                1 => assert!(inner.set()),
                _ => either_order(|| _ = outer.set(), || _ = inner.set()),
            }
        });
        let stopped = signal::deadline(&outer, || signal::deadline(&inner, || never.wait()));
        assert!(stopped.unwrap_err().is_deadline());
        setter.join().unwrap();
        assert_eq!((outer.links(), inner.links(), never.links()), (0, 0, 0));
    });
}
