//! Awaiting signals, and futures in blocking code.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::time::Duration;

use selvedge::signal::{self, WaitError};
use selvedge::{Signal, Till};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Starts a thread outside every tree.
fn outside<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<T> {
    std::thread::Builder::new().spawn(body).unwrap()
}

#[test]
fn a_future_is_ready_when_its_signal_is_set_and_wakes_once() {
    let (signal, count) = (Signal::new(), Arc::new(Count::default()));
    let waker = Waker::from(Arc::clone(&count));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(signal.clone().into_future());
    for _ in 0..3 {
        assert_eq!(future.as_mut().poll(&mut cx), Poll::Pending);
    }
    assert_eq!(signal.links(), 1);
    signal.set();
    assert_eq!(count.0.load(SeqCst), 1);
    assert_eq!(future.as_mut().poll(&mut cx), Poll::Ready(()));
}

#[test]
fn the_waker_of_the_last_poll_is_woken_and_no_other() {
    let signal = Signal::new();
    let counts = [Arc::new(Count::default()), Arc::new(Count::default())];
    let mut future = pin!((&signal).into_future());
    for count in &counts {
        let waker = Waker::from(Arc::clone(count));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(polled, Poll::Pending);
    }
    assert_eq!(Arc::strong_count(&counts[0]), 1, "the first waker is gone");
    signal.set();
    assert_eq!(counts.each_ref().map(|count| count.0.load(SeqCst)), [0, 1]);
}

#[test]
fn a_dropped_future_leaves_nothing_behind() {
    let (main, count) = (Signal::new(), Arc::new(Count::default()));
    let waker = Waker::from(Arc::clone(&count));
    for _ in 0..100 {
        let mut future = (&main | &Signal::new()).into_future();
        let polled = pin!(&mut future).poll(&mut Context::from_waker(&waker));
        assert_eq!(polled, Poll::Pending);
        assert_eq!(main.links(), 1);
    }
    drop(waker);
    assert_eq!((main.links(), Arc::strong_count(&count)), (0, 1));
    main.set();
    assert_eq!(count.0.load(SeqCst), 0);
}

/// A waker that panics in one of its functions, of which `WHICH` is the number.
fn panicking<const WHICH: u8>() -> Waker {
    const fn table<const WHICH: u8>() -> &'static RawWakerVTable {
        fn clone<const WHICH: u8>(_: *const ()) -> RawWaker {
            assert!(WHICH != 0, "clone panics");
            RawWaker::new(std::ptr::null(), table::<WHICH>())
        }
        fn wake<const WHICH: u8>(_: *const ()) {
            assert!(WHICH != 1, "wake panics");
        }
        fn drop<const WHICH: u8>(_: *const ()) {
            assert!(WHICH != 2 || std::thread::panicking(), "drop panics");
        }
        &const { RawWakerVTable::new(clone::<WHICH>, wake::<WHICH>, wake::<WHICH>, drop::<WHICH>) }
    }
    // SAFETY: the functions follow the contract of wakers: there is no state.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), table::<WHICH>())) }
}

fn poll_with(future: &mut signal::IsSet, waker: &Waker) -> Poll<()> {
    pin!(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn a_waker_that_panics_harms_nobody_else() {
    // In clone: the poll panics, the future is as before.
    let signal = Signal::new();
    let mut future = (&signal).into_future();
    let clone = panicking::<0>();
    assert!(catch_unwind(AssertUnwindSafe(|| poll_with(&mut future, &clone))).is_err());
    assert_eq!(poll_with(&mut future, Waker::noop()), Poll::Pending);

    // In wake: it is reported, and the others run.
    let mut second = (&signal).into_future();
    assert_eq!(poll_with(&mut second, &panicking::<1>()), Poll::Pending);
    let after = Signal::new();
    let also = after.clone();
    signal.on_set(move || _ = also.set()).forever();
    signal.set();
    assert!(after.is_set());
    assert_eq!(poll_with(&mut future, Waker::noop()), Poll::Ready(()));

    // In drop: the dropper panics, the signal and what it is made of are left all the same.
    let operand = Signal::new();
    let mut third = (&operand | &Signal::new()).into_future();
    let waker = panicking::<2>();
    assert_eq!(poll_with(&mut third, &waker), Poll::Pending);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(third))).is_err());
    assert_eq!(operand.links(), 0);
    std::mem::forget(waker);
}

#[test]
fn a_till_wakes_its_future_through_the_dispatcher() {
    signal::block_on(async { Till::after(Duration::from_millis(2)).await }).unwrap();
}

#[test]
fn block_on_prefers_what_is_ready_then_the_signal_then_the_stop() {
    let over = Signal::always();
    assert_eq!(signal::block_on_until(&over, async { 7 }).unwrap(), 7);
    let ended = signal::deadline(&over, || signal::block_on_until(&over, pending::<()>()));
    assert!(matches!(ended, Err(WaitError::Expired)));
    let ended = signal::deadline(&over, || signal::block_on(pending::<()>()));
    assert!(ended.unwrap_err().is_deadline());
    let ended = signal::deadline(&over, || signal::block_on(async { 7 }));
    assert_eq!(ended.unwrap(), 7);
}

#[test]
fn block_on_drops_the_future_before_it_returns() {
    struct Probe(Signal);
    impl Drop for Probe {
        fn drop(&mut self) {
            self.0.set();
        }
    }
    let (over, dropped) = (Till::after(Duration::from_millis(2)), Signal::new());
    let probe = Probe(dropped.clone());
    let ended = signal::block_on_until(&over, async move {
        let _probe = probe;
        pending::<()>().await
    });
    assert!(ended.is_err() && dropped.is_set());
    assert_eq!(over.links(), 0);
}

#[test]
fn block_on_is_woken_from_another_thread_again_and_again() {
    let steps: Vec<Signal> = (0..200).map(|_| Signal::new()).collect();
    let done = signal::block_on(async {
        let setter = outside({
            let steps = steps.clone();
            move || steps.iter().for_each(|step| _ = step.set())
        });
        for step in &steps {
            step.await;
        }
        setter
    });
    done.unwrap().join().unwrap();
    assert!(steps.iter().all(|step| step.links() == 0));
}

#[test]
fn a_future_that_wakes_itself_is_polled_again() {
    let mut left = 10;
    let yields = std::future::poll_fn(|cx| {
        left -= 1;
        cx.waker().wake_by_ref();
        if left == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    signal::block_on(yields).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn run_until_gives_the_output_or_nothing() {
    let cancelled = Signal::new();
    let run = cancelled.run_until(async { 3 });
    assert_eq!(signal::block_on(run).unwrap(), Some(3));
    let run = cancelled.run_until(pending::<()>());
    let setter = outside({
        let cancelled = cancelled.clone();
        move || cancelled.set()
    });
    assert_eq!(signal::block_on(run).unwrap(), None);
    setter.join().unwrap();
    assert_eq!(
        signal::block_on(cancelled.run_until(async { 4 })).unwrap(),
        Some(4)
    );
}

#[test]
fn futures_of_signals_go_where_tasks_go() {
    fn task<T: Send + 'static>(_: T) {}
    let signal = Signal::new();
    task(signal.clone().into_future());
    task(signal.run_until(async {}));
}
