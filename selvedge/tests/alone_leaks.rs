//! What signals take, they give back, to the byte.
//!
//! A binary of its own, with a single test: the allocator counts what every thread does.

use std::alloc::{GlobalAlloc, Layout, System};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use selvedge::signal::{self, Progress};
use selvedge::{Ambient, Signal, Till};

struct Counting;

static BYTES: AtomicIsize = AtomicIsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: it counts, and hands everything to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size() as isize, SeqCst);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as isize, SeqCst);
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Enough rounds for a leak of a byte a round to stand out, and for every list to have found its size.
const ROUNDS: usize = 10_000;

/// The bytes of `ROUNDS` rounds that did not come back, after as many that warmed up.
fn kept(round: impl Fn()) -> isize {
    (0..ROUNDS).for_each(|_| round());
    let before = BYTES.load(SeqCst);
    (0..ROUNDS).for_each(|_| round());
    BYTES.load(SeqCst) - before
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

fn poll(future: &mut signal::IsSet) -> Poll<()> {
    let waker = Waker::from(Arc::new(Nobody));
    pin!(future).poll(&mut Context::from_waker(&waker))
}

#[test]
fn everything_is_given_back() {
    let leak = kept(|| std::mem::forget(Box::new(0_u8)));
    assert_eq!(leak, ROUNDS as isize, "the count counts");

    let main = Signal::new();
    let far = Till::after(Duration::from_secs(100_000));
    let numbers = Progress::new();
    let rounds: &[(&str, &dyn Fn())] = &[
        ("set and dropped", &|| _ = Signal::named("a name").set()),
        ("set with a text", &|| {
            let signal = Signal::new();
            signal.set_because(String::from("a text"));
            assert!(signal.reason().is_some());
        }),
        ("any and all", &|| {
            let (a, b) = (Signal::new(), Signal::new());
            let whole = (&main | &a) & &b;
            assert!(!whole.is_set());
            a.set();
            b.set();
            assert!(whole.is_set());
        }),
        ("combined and dropped", &|| {
            drop(signal::any([&main, &Signal::new(), &Signal::new()]));
            drop(main.child());
        }),
        ("an action taken back", &|| {
            let text = String::from("captured");
            drop((&main | &Signal::new()).on_set(move || drop(text)));
            drop((&main & &Signal::new()).on_set(|| ()));
        }),
        ("an action run", &|| {
            let other = Signal::new();
            let text = String::from("captured");
            (&main | &other).on_set(move || drop(text)).forever();
            other.set();
        }),
        ("an action that can never run", &|| {
            let (a, b) = (Signal::new(), Signal::new());
            (&a & &b).on_set(|| ()).forever();
            a.set();
        }),
        ("waits", &|| {
            let done = Signal::new();
            assert!(done.wait_until(&Till::after(Duration::ZERO)).is_err());
            assert!(signal::deadline(&Signal::always(), || done.wait()).is_err());
        }),
        ("futures", &|| {
            let mut dropped = (&main | &Signal::new()).into_future();
            assert!(poll(&mut dropped).is_pending());
            let other = Signal::new();
            let mut ready = (&other).into_future();
            assert!(poll(&mut ready).is_pending());
            assert!(poll(&mut ready).is_pending());
            other.set();
            assert!(poll(&mut ready).is_ready());
            signal::block_on(ready).unwrap();
        }),
        ("deadlines", &|| {
            let inside = signal::deadline(&main, || signal::deadline(&far, Ambient::capture));
            inside.run(|| assert!(!signal::stop().is_set()));
        }),
        ("tills", &|| {
            drop(Till::after(Duration::from_secs(1_000)));
            drop((&main | &Till::after(Duration::from_secs(1_000))).on_set(|| ()));
        }),
        ("progress", &|| {
            drop(numbers.reached(u64::MAX).on_set(|| ()));
            let progress = Progress::named("short");
            progress.reached(1).on_set(|| ()).forever();
            progress.reached(2).on_set(|| ()).forever();
            progress.advance(1);
        }),
        ("guards", &|| drop(Signal::new().set_on_drop())),
    ];
    for (what, round) in rounds {
        assert_eq!(kept(round), 0, "{what}");
        assert_eq!(main.links(), 0, "{what}");
    }
    assert_eq!((far.links(), numbers.marks()), (0, 0));
}
