//! Models of signals in async code, of progress, of deadlines, and of `all`.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use loom::thread;
use selvedge::Signal;
use selvedge::signal::{self, Progress};

use crate::{Cell, Count, model};

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_waker_put_in_while_the_signal_is_set_is_woken_or_the_poll_is_ready() {
    model(|| {
        let (signal, data) = (Signal::new(), Cell::new());
        let woken = [Arc::new(Woken::default()), Arc::new(Woken::default())];
        let setter = thread::spawn({
            let (signal, data) = (signal.clone(), Arc::clone(&data));
            move || {
                data.write(7);
                signal.set();
            }
        });
        let mut future = pin!((&signal).into_future());
        let ready = woken.iter().any(|woken| {
            let waker = Waker::from(Arc::clone(woken));
            future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(())
        });
        if ready {
            assert_eq!(data.read(), 7);
        }
        setter.join().unwrap();
        let last = woken[1].0.load(SeqCst);
        assert!(
            ready || last == 1,
            "the waker of the last poll is not woken"
        );
    });
}

#[test]
fn block_on_sleeps_until_its_future_is_woken_from_another_thread() {
    model(|| {
        let (signal, data) = (Signal::new(), Cell::new());
        let setter = thread::spawn({
            let (signal, data) = (signal.clone(), Arc::clone(&data));
            move || {
                data.write(7);
                signal.set();
            }
        });
        signal::block_on(signal.clone().into_future()).unwrap();
        assert_eq!(data.read(), 7);
        setter.join().unwrap();
        assert_eq!(signal.links(), 0);
    });
}

#[test]
fn a_mark_made_while_the_progress_advances_is_set() {
    model(|| {
        let (progress, data) = (Progress::new(), Cell::new());
        let writer = thread::spawn({
            let (progress, data) = (progress.clone(), Arc::clone(&data));
            move || {
                data.write(7);
                progress.advance(1);
            }
        });
        let one = progress.reached(1);
        if progress.get() == 1 {
            assert_eq!(data.read(), 7);
        }
        writer.join().unwrap();
        assert!(one.is_set());
        assert_eq!(progress.marks(), 0);
    });
}

#[test]
fn a_mark_dropped_while_the_progress_advances_leaves_nothing() {
    model(|| {
        let progress = Progress::new();
        let ran = Count::default();
        let one = progress.reached(1);
        let hook = one.on_set({
            let ran = ran.clone();
            move || ran.up()
        });
        let writer = thread::spawn({
            let progress = progress.clone();
            move || progress.advance(1)
        });
        drop(hook);
        drop(one);
        writer.join().unwrap();
        assert!(ran.get() <= 1);
        assert_eq!(progress.marks(), 0);
    });
}

#[test]
fn a_wait_is_ended_by_a_deadline_that_is_set_meanwhile() {
    model(|| {
        let (over, never) = (Signal::new(), Signal::new());
        let setter = thread::spawn({
            let over = over.clone();
            move || over.set()
        });
        let stopped = signal::deadline(&over, || never.wait()).unwrap_err();
        assert!(stopped.is_deadline());
        setter.join().unwrap();
        assert_eq!((never.links(), over.links()), (0, 0));
    });
}

#[test]
fn what_is_ready_before_its_deadline_counts() {
    model(|| {
        let (over, done) = (Signal::new(), Signal::new());
        let setter = thread::spawn({
            let (over, done) = (over.clone(), done.clone());
            move || {
                done.set();
                over.set();
            }
        });
        signal::deadline(&over, || done.wait()).expect("`over` is set after it");
        setter.join().unwrap();
    });
}

#[test]
fn an_and_unhooked_by_two_threads_while_it_fires_runs_what_is_kept_and_leaves_nothing() {
    model(|| {
        let (a, b, ran, kept) = (
            Signal::new(),
            Signal::new(),
            Count::default(),
            Count::default(),
        );
        let both = &a & &b;
        both.on_set({
            let kept = kept.clone();
            move || kept.up()
        })
        .forever();
        a.set();
        let hooks = [(); 2].map(|()| {
            let ran = ran.clone();
            both.on_set(move || ran.up())
        });
        let [first, second] = hooks;
        let setter = thread::spawn({
            let b = b.clone();
            move || b.set()
        });
        let other = thread::spawn(move || drop(first));
        drop(second);
        setter.join().unwrap();
        other.join().unwrap();
        assert!(ran.get() <= 2 && both.is_set());
        assert_eq!(kept.get(), 1, "nobody took this one back");
        assert_eq!((a.links(), b.links(), both.links()), (0, 0, 0));
    });
}

#[test]
fn a_combination_linked_again_while_somebody_still_links_it_leaves_nothing_behind() {
    model(|| {
        let [a, b, c] = [(); 3].map(|()| Signal::new());
        let inner = &a | &b;
        let outer = &inner | &c;
        let first = thread::spawn(move || drop(outer.on_set(|| ())));
        c.set();
        let second = inner.on_set(|| panic!("nobody sets it"));
        first.join().unwrap();
        drop(second);
        assert_eq!((inner.links(), a.links(), b.links()), (0, 0, 0));
    });
}
