//! Futures in blocks, polled by hand: at each poll, at the drop, on any thread, however they end.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn, ready};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use selvedge::probe::{self, Event};
use selvedge::{Ambient, Carry, Wrap, local};

use super::{elsewhere, panic_of};

local! {
    static A: u32;
    static B: u32;
    static TEXT: String;
}

type Seen = (Option<u32>, Option<u32>);

fn both() -> Seen {
    (A.copied().ok(), B.copied().ok())
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Is pending `times` times.
async fn steps(times: u32) {
    let mut left = times;
    poll_fn(|_| match left {
        0 => Poll::Ready(()),
        _ => {
            left -= 1;
            Poll::Pending
        }
    })
    .await;
}

/// What is bound at each poll of one future, and at its drop.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    fn note(&self) {
        self.0.lock().unwrap().push(both());
    }

    fn take(&self) -> Vec<Seen> {
        mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.note();
    }
}

/// Notes itself at three polls, and when what it holds is dropped.
async fn noted(log: Log) {
    for _ in 0..2 {
        log.note();
        steps(1).await;
    }
    log.note();
}

fn log() -> (Log, Log) {
    let log = Log::default();
    (Log(Arc::clone(&log.0)), log)
}

/// 69: a suspended task does not leak its bindings into its caller.
#[test]
fn a_wrapped_future_is_in_its_block_at_each_poll_and_nobody_else_is() {
    let (theirs, log) = log();
    let mut future = pin!(A.to(1).and(B.to(2)).wrap(noted(theirs)));
    for _ in 0..2 {
        assert!(poll(future.as_mut()).is_pending());
        assert_eq!(both(), (None, None));
    }
    // Inside another block, and then on nothing.
    assert!(A.bind(9, || poll(future.as_mut())).is_ready());
    assert_eq!(log.take(), [(Some(1), Some(2)); 4]);
    assert_eq!(both(), (None, None));
}

/// 53, 54: two tasks of one thread, taking turns.
#[test]
fn tasks_that_take_turns_on_one_thread_do_not_see_each_other() {
    let (first, second, plain) = (log(), log(), log());
    let mut one = pin!(A.to(1).wrap(noted(first.0)));
    let mut two = pin!(B.bind(7, || noted(second.0).inherit()));
    let mut three = pin!(noted(plain.0));
    for _ in 0..3 {
        let _ = (poll(one.as_mut()), poll(two.as_mut()), poll(three.as_mut()));
    }
    assert_eq!(first.1.take(), [(Some(1), None); 4]);
    assert_eq!(second.1.take(), [(None, Some(7)); 4]);
    assert_eq!(plain.1.take(), [(None, None); 4]);
}

#[test]
fn a_carried_future_has_its_ambient_on_every_thread_and_hides_the_pollers() {
    let (theirs, log) = log();
    let mut future = A.bind(1, || Box::pin(noted(theirs).inherit()));
    assert!(B.bind(5, || poll(future.as_mut())).is_pending());
    let mut future = elsewhere(move || {
        assert!(poll(future.as_mut()).is_pending());
        future
    });
    assert!(A.bind(6, || poll(future.as_mut())).is_ready());
    assert_eq!(log.take(), [(Some(1), None); 4]);
    let mut detached = pin!(async { both() }.detached());
    let seen = A.bind(1, || poll(detached.as_mut()));
    assert_eq!(seen, Poll::Ready((None, None)));
}

#[test]
fn a_future_that_is_dropped_half_way_is_dropped_in_its_block_on_any_thread() {
    for polls in 0..2 {
        let (theirs, seen) = log();
        let mut future = Box::pin(A.to(1).wrap(noted(theirs)));
        (0..polls).for_each(|_| assert!(poll(future.as_mut()).is_pending()));
        B.bind(3, || drop(future));
        // A block of bindings adds to what is there; an ambient replaces it.
        assert_eq!(seen.take().last(), Some(&(Some(1), Some(3))), "{polls}");
        let (theirs, seen) = log();
        let mut future = B.bind(2, || Box::pin(noted(theirs).inherit()));
        (0..polls).for_each(|_| assert!(poll(future.as_mut()).is_pending()));
        elsewhere(|| A.bind(9, || drop(future)));
        assert_eq!(seen.take().last(), Some(&(None, Some(2))), "{polls}");
    }
}

/// Notes `both()` as the last action of a block.
fn at_exit(exits: &Arc<Mutex<Vec<Seen>>>) -> impl FnOnce() + Send + use<> {
    let exits = Arc::clone(exits);
    move || exits.lock().unwrap().push(both())
}

#[test]
fn the_last_actions_of_a_future_run_once_when_it_is_ready_or_dropped_and_never_before_its_first_poll()
 {
    let exits = Arc::new(Mutex::new(Vec::new()));
    let count = || exits.lock().unwrap().len();
    // Ready: before the poll returns, after what the future held is gone.
    let (theirs, seen) = log();
    let mut future = Box::pin(A.to(1).on_exit(at_exit(&exits)).wrap(noted(theirs)));
    assert!(poll(future.as_mut()).is_pending() && poll(future.as_mut()).is_pending());
    assert_eq!(count(), 0);
    assert!(poll(future.as_mut()).is_ready());
    assert_eq!((count(), seen.take().len()), (1, 4));
    drop(future);
    assert_eq!(count(), 1);
    // Cancelled by drop: with the bindings, on the thread of the drop.
    let block = || A.to(2).and(B.to(3)).on_exit(at_exit(&exits));
    let mut future = Box::pin(block().wrap(pending::<()>()));
    assert!(poll(future.as_mut()).is_pending());
    elsewhere(|| drop(future));
    // Never polled: never begun.
    drop(block().wrap(pending::<()>()));
    // Forgotten: nothing at all.
    let mut future = Box::pin(block().wrap(pending::<()>()));
    assert!(poll(future.as_mut()).is_pending());
    mem::forget(future);
    assert_eq!(
        *exits.lock().unwrap(),
        [(Some(1), None), (Some(2), Some(3))]
    );
    assert_eq!(both(), (None, None));
}

#[test]
fn a_panic_in_a_poll_puts_everything_back_and_the_block_ends_when_the_future_is_dropped() {
    let exits = Arc::new(Mutex::new(Vec::new()));
    A.bind(9, || {
        let work = async {
            steps(1).await;
            B.bind(4, || panic!("in a poll"))
        };
        let block = A.to(1).and(Ambient::empty()).and(B.to(2));
        let mut future = Box::pin(block.on_exit(at_exit(&exits)).wrap(work));
        assert!(poll(future.as_mut()).is_pending());
        assert_eq!(panic_of(|| poll(future.as_mut())), "in a poll");
        assert_eq!(both(), (Some(9), None));
        assert_eq!(exits.lock().unwrap().len(), 0);
        drop(future);
        assert_eq!(both(), (Some(9), None));
    });
    assert_eq!(*exits.lock().unwrap(), [(None, Some(2))]);
    // The kept table is whole after a panic: the next poll sees what the first one saw.
    let mut polls = 0;
    let work = poll_fn(move |_| {
        polls += 1;
        let seen = both();
        A.bind(50, || B.bind(60, || assert!(polls != 2, "second")));
        match polls {
            3 => Poll::Ready(seen),
            _ => Poll::Pending,
        }
    });
    let mut future = pin!(A.bind(1, || work.inherit()));
    assert!(poll(future.as_mut()).is_pending());
    assert_eq!(panic_of(|| poll(future.as_mut())), "second");
    assert_eq!(poll(future.as_mut()), Poll::Ready((Some(1), None)));
}

/// Panics when it is dropped, which may happen while another panic unwinds.
struct Bomb(&'static str);
impl Drop for Bomb {
    fn drop(&mut self) {
        let message = self.0;
        panic!("{message}");
    }
}

#[test]
fn a_future_that_is_dropped_while_unwinding_unwinds_no_further_and_its_panics_are_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let subscription = probe::subscribe({
        let (told, here) = (Arc::clone(&told), std::thread::current().id());
        move |event| {
            if let Event::ExitPanicked { message, block } = event
                && std::thread::current().id() == here
            {
                assert!(block.file().ends_with("futures.rs"));
                told.lock().unwrap().push((*message).to_owned());
            }
        }
    });
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let bomb = Bomb("of the future");
        let work = async move {
            let _bomb = bomb;
            pending::<()>().await;
        };
        let block = A.to(1).on_exit(|| panic!("of the action"));
        let mut future = Box::pin(block.wrap(work));
        assert!(poll(future.as_mut()).is_pending());
        panic!("outside");
    }));
    assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"outside"));
    assert_eq!(*told.lock().unwrap(), ["of the action", "of the future"]);
    // Without another panic the first of the two comes out of the drop.
    let bomb = Bomb("of the work");
    let work = async move {
        let _bomb = bomb;
        pending::<()>().await;
    };
    let mut future = Box::pin(A.to(1).wrap(work));
    assert!(poll(future.as_mut()).is_pending());
    assert_eq!(panic_of(|| drop(future)), "of the work");
    assert_eq!(told.lock().unwrap().len(), 2);
    assert_eq!(both(), (None, None));
    drop(subscription);
}

#[test]
fn polled_after_it_was_ready_a_future_does_what_the_inner_one_does() {
    // One that may be polled again, in the bindings still.
    let mut fused = pin!(A.to(1).wrap(poll_fn(|_| Poll::Ready(both()))));
    for _ in 0..2 {
        assert_eq!(poll(fused.as_mut()), Poll::Ready((Some(1), None)));
    }
    // One that may not.
    let mut plain = pin!(A.to(1).wrap(async { both() }));
    assert!(poll(plain.as_mut()).is_ready());
    assert!(panic_of(|| poll(plain.as_mut())).contains("resumed after completion"));
    // Where the block has ended there is nothing left to poll in.
    let mut ended = pin!(A.to(1).on_exit(|| ()).wrap(poll_fn(|_| Poll::Ready(()))));
    assert!(poll(ended.as_mut()).is_ready());
    let text = panic_of(|| poll(ended.as_mut()));
    assert!(
        text.contains("futures.rs") && text.ends_with("is polled though it was ready"),
        "{text}"
    );
}

#[test]
fn futures_nest_in_futures_and_blocks_in_polls() {
    let inner = async {
        let mut seen = Vec::new();
        for n in 0..3 {
            seen.push(B.bind(n, both));
            steps(1).await;
        }
        seen.push(both());
        seen
    };
    let carried = A.bind(1, || inner.inherit());
    let outer = B.to(70).wrap(async move { (carried.await, both()) });
    let mut future = pin!(A.to(80).wrap(outer));
    let mut polls = 0;
    let (inside, outside) = loop {
        polls += 1;
        if let Poll::Ready(seen) = A.bind(90, || poll(future.as_mut())) {
            break seen;
        }
        assert_eq!(both(), (None, None));
    };
    let of = |n| (Some(1), n);
    assert_eq!(inside, [of(Some(0)), of(Some(1)), of(Some(2)), of(None)]);
    assert_eq!((outside, polls), ((Some(80), Some(70)), 4));
}

#[test]
fn a_capture_inside_a_polled_future_outlives_it() {
    let text = Arc::new("held".to_owned());
    let work = async {
        steps(1).await;
        B.bind(2, Ambient::capture)
    };
    let mut future = Box::pin(TEXT.to_arc(Arc::clone(&text)).and(A.to(1)).wrap(work));
    assert!(poll(future.as_mut()).is_pending());
    let Poll::Ready(ambient) = poll(future.as_mut()) else {
        panic!("two polls")
    };
    drop(future);
    assert_eq!(ambient.run(both), (Some(1), Some(2)));
    assert_eq!(ambient.run(|| TEXT.with(String::clone)).unwrap(), "held");
    elsewhere(move || drop(ambient));
    assert_eq!(Arc::strong_count(&text), 1);
}

/// The frames of a carried future start from what was captured, which is copied at no poll.
#[test]
fn captures_in_the_polls_of_a_carried_future_copy_nothing() {
    let text = Arc::new("held".to_owned());
    let work = poll_fn(|_| Poll::<()>::Pending.map(|()| ()));
    let captures = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&captures);
    let mut work = Box::pin(work);
    let capturing = poll_fn(move |context| {
        kept.lock().unwrap().push(Ambient::capture());
        work.as_mut().poll(context)
    });
    let mut future = pin!(TEXT.bind_arc(Arc::clone(&text), || capturing.inherit()));
    for _ in 0..1_000 {
        assert!(poll(future.as_mut()).is_pending());
    }
    assert_eq!(captures.lock().unwrap().len(), 1_000);
    assert_eq!(
        Arc::strong_count(&text),
        2,
        "ours, and that of the one copy"
    );
}

#[test]
fn a_wrapped_future_is_send_when_its_work_is_and_unpin_when_its_work_is() {
    fn is_send<T: Send>(_: &T) {}
    fn is_unpin<T: Unpin>(_: &T) {}
    let carried = ready(Cell::new(1)).inherit();
    is_send(&carried);
    is_unpin(&carried);
    is_send(
        &A.to(1)
            .and(TEXT.to(String::new()))
            .wrap(async { steps(2).await }),
    );
    is_send(&A.to(1).on_exit(|| ()).wrap(async { steps(2).await }));
}

/// 72, where the error tells what was carried from where.
#[test]
fn unbound_in_a_carried_future_names_the_line_where_inherit_was_called() {
    let line = line!() + 1;
    let mut future = pin!(B.bind(1, || async { A.copied().unwrap_err() }.inherit()));
    let Poll::Ready(error) = poll(future.as_mut()) else {
        panic!("one poll")
    };
    let captured = format!("(the ambient captured at {}:{line}:", file!());
    assert!(error.to_string().contains(&captured), "{error}");
    let line = line!() + 1;
    let mut future = pin!(async { A.copied().unwrap_err() }.detached());
    let Poll::Ready(error) = poll(future.as_mut()) else {
        panic!("one poll")
    };
    let fresh = format!("(the empty ambient made at {}:{line}:", file!());
    assert!(error.to_string().contains(&fresh), "{error}");
}
