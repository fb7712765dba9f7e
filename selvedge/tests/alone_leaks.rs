//! What the library takes, it gives back, to the byte, the descriptor and the thread.
//!
//! A binary of its own, with a single test: the allocator counts what every thread does.

use std::alloc::{GlobalAlloc, Layout, System};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
#[cfg(target_os = "linux")]
use std::time::Instant;

use selvedge::signal::{self, Progress};
#[cfg(target_os = "linux")]
use selvedge::sync::Lock;
use selvedge::sync::{BatchQueue, PriorityQueue, Promise, Queue, Semaphore, Watch};
use selvedge::{Ambient, Carry, Signal, Till, Wrap, call, local, open};
#[cfg(target_os = "linux")]
use selvedge::{io, thread};

local! { static NAME: String; }

#[open]
fn logged(n: u32) {
    if n > 0 {
        logged(n - 1);
    }
}

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

/// As `kept`, of rounds that start threads: bytes, descriptors and threads. 1,000 of them;
/// `SELVEDGE_ROUNDS` changes that.
///
/// A thread that was joined may still be on its way out; what it gives back last is counted when it is
/// gone.
#[cfg(target_os = "linux")]
fn kept_by_threads(round: impl Fn()) -> (isize, isize, isize) {
    let count = |what: &str| std::fs::read_dir(what).expect("there is /proc").count() as isize;
    let threads = || count("/proc/self/task");
    let begun = Instant::now();
    let gone = |left: isize| {
        while threads() > left && begun.elapsed() < Duration::from_secs(120) {
            std::thread::yield_now();
        }
    };
    let rounds = std::env::var("SELVEDGE_ROUNDS").map_or(1_000, |n| {
        n.parse::<usize>().expect("SELVEDGE_ROUNDS is a number")
    });
    round(); // the timer and its like
    let few = threads();
    (0..rounds).for_each(|_| round());
    gone(few);
    let now = || (BYTES.load(SeqCst), count("/proc/self/fd"), threads());
    let before = now();
    (0..rounds).for_each(|_| round());
    gone(before.2);
    let after = now();
    (after.0 - before.0, after.1 - before.1, after.2 - before.2)
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    let waker = Waker::from(Arc::new(Nobody));
    pin!(future).poll(&mut Context::from_waker(&waker))
}

#[test]
fn everything_is_given_back() {
    let leak = kept(|| std::mem::forget(std::hint::black_box(Box::new(0_u8))));
    assert_eq!(leak, ROUNDS as isize, "the count counts");

    let main = Signal::new();
    let far = Till::after(Duration::from_secs(100_000));
    // The thread that keeps the time has begun, and has dropped what it began with.
    Till::after(Duration::from_millis(1)).wait().unwrap();
    let numbers = Progress::new();
    let log = call::Log::record("**::logged").unwrap().capacity(1);
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
        ("blocks and carried futures", &|| {
            let block = NAME.to("n".to_owned()).and(NAME.to("m".to_owned()));
            let ready = block.clone().run(|| async { Ambient::capture() }.inherit());
            let mut ready = pin!(ready);
            let Poll::Ready(ambient) = poll(&mut ready) else {
                panic!("it is ready")
            };
            let forever = std::future::pending::<()>().in_ambient(ambient);
            let mut dropped = pin!(block.on_exit(|| ()).wrap(forever));
            assert!(poll(&mut dropped).is_pending());
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
        ("calls whose records had to go while they ran", &|| {
            log.run(|| logged(2))
        }),
    ];
    for (what, round) in rounds {
        assert_eq!(kept(round), 0, "{what}");
        assert_eq!(main.links(), 0, "{what}");
    }
    assert_eq!((far.links(), numbers.marks()), (0, 0));
    for (what, round) in alone() {
        assert_eq!(kept(round), 0, "{what}");
    }
    #[cfg(target_os = "linux")]
    {
        let status = selvedge::run("leaks", |_| {
            for (what, round) in together::ROUNDS {
                assert_eq!(kept_by_threads(round), (0, 0, 0), "{what}");
            }
            Ok(())
        });
        assert_eq!(status, std::process::ExitCode::SUCCESS);
    }
}

/// What one thread can do with shared data.
fn alone() -> [(&'static str, fn()); 9] {
    fn text() -> String {
        String::from("an element")
    }
    [
        ("a ring", || {
            let queue = Queue::bounded(4);
            for _ in 0..3 {
                queue.push(text()).unwrap();
            }
            drop(queue.pop().unwrap());
            assert!(queue.try_push(text()).is_ok());
        }),
        ("a ring that was left", || {
            let queue = Queue::named("left", 4);
            queue.push(text()).unwrap();
            queue.push_front(text()).unwrap();
            queue.force_push(text()).unwrap();
            drop(queue.pop().unwrap());
            queue.close();
            assert!(queue.push(text()).is_err());
        }),
        ("a rendezvous", || {
            let queue = Queue::bounded(0);
            assert!(queue.push_until(text(), &Signal::always()).is_err());
            assert!(queue.pop_until(&Signal::always()).is_err());
            assert!(!queue.ready().is_set());
        }),
        ("a unique queue", || {
            let queue = Queue::bounded(4).unique();
            queue.push(text()).unwrap();
            queue.push(text()).unwrap();
            assert_eq!(queue.pop_all().len(), 1);
        }),
        ("a priority queue", || {
            let queue = PriorityQueue::bounded(3, 4);
            for level in [2, 0, 1] {
                queue.push(level, text()).unwrap();
            }
            drop(queue.pop().unwrap());
        }),
        ("a semaphore", || {
            let semaphore = Semaphore::named("permits", 2);
            let held = semaphore.acquire().unwrap();
            assert!(semaphore.acquire_many_until(2, &Signal::always()).is_err());
            held.forget();
        }),
        ("a promise", || {
            let promise = Promise::named("promise");
            assert!(promise.wait_until(&Signal::always()).is_err());
            promise.assign(text()).unwrap();
            assert!(promise.assign(text()).is_err());
            assert!(promise.assigned().is_set());
        }),
        ("a watched value", || {
            let watch = Watch::named("watch", text());
            let mut watcher = watch.subscribe();
            assert!(watcher.changed_until(&Signal::always()).is_err());
            let ready = watcher.ready();
            watch.set(text());
            assert!(ready.is_set());
            watch.update(|text| text.clone());
            drop(watch);
            assert!(watcher.changed().is_ok());
        }),
        ("batches", || {
            let batches = BatchQueue::named("batches", 2, Duration::ZERO);
            for _ in 0..3 {
                batches.push(text()).unwrap();
            }
            let kept = text();
            batches.after_batch(move || drop(kept)).unwrap();
            batches.close();
            let mut sent = 0;
            let served = batches.serve(|batch| {
                sent += batch.len();
                Ok::<_, Infallible>(())
            });
            served.unwrap();
            assert_eq!(sent, 3);
        }),
    ]
}

/// What needs two threads, or descriptors. The calling thread waits, because the other one must start first.
#[cfg(target_os = "linux")]
mod together {
    use super::*;

    pub(super) const ROUNDS: [(&str, fn()); 12] = [
        ("threads", || {
            let thread = thread::spawn("one", |_| Ok(String::from("a value")));
            drop(thread.join().unwrap());
        }),
        ("threads in threads, stopped from above", || {
            let above = thread::spawn("above", |stop| {
                let below = thread::spawn("below", |stop| Ok(stop.wait_until(&stop)?));
                thread::spawn("beside", |stop| Ok(stop.wait_until(&stop)?)).release();
                stop.wait_until(&stop).ok();
                drop(below);
                Ok(())
            });
            above.stop();
            _ = above.join();
        }),
        ("a stopped thread", || {
            let thread = thread::spawn("one", |stop| Ok(stop.wait_until(&stop)?));
            thread.stop();
            _ = thread.join();
        }),
        ("a blocked push", || {
            let queue = Queue::bounded(1);
            let popper = thread::spawn("popper", {
                let queue = queue.clone();
                move |_| {
                    for _ in 0..3 {
                        drop(queue.pop()?);
                    }
                    Ok(())
                }
            });
            for _ in 0..3 {
                queue.push(String::from("an element")).unwrap();
            }
            popper.join().unwrap();
        }),
        ("a blocked pop", || {
            let queue = Queue::bounded(1);
            let pusher = thread::spawn("pusher", {
                let queue = queue.clone();
                move |_| {
                    for _ in 0..3 {
                        queue.push(String::from("an element"))?;
                    }
                    Ok(())
                }
            });
            for _ in 0..3 {
                drop(queue.pop().unwrap());
            }
            pusher.join().unwrap();
        }),
        ("a rendezvous", || {
            let queue = Queue::bounded(0);
            let popper = thread::spawn("popper", {
                let queue = queue.clone();
                move |_| Ok(queue.pop()?)
            });
            queue.push(String::from("an element")).unwrap();
            drop(popper.join().unwrap());
        }),
        ("a lock", || {
            let lock = Arc::new(Lock::new(0));
            let other = thread::spawn("other", {
                let lock = Arc::clone(&lock);
                move |_| {
                    *lock.enter() += 1;
                    Ok(())
                }
            });
            let mut held = lock.enter();
            while *held == 0 {
                held.wait().unwrap();
            }
            drop(held);
            other.join().unwrap();
        }),
        ("permits", || {
            let semaphore = Semaphore::new(1);
            let held = semaphore.acquire().unwrap();
            let other = thread::spawn("other", move |_| {
                drop(held);
                Ok(())
            });
            drop(semaphore.acquire().unwrap());
            other.join().unwrap();
        }),
        ("a promise", || {
            let promise = Promise::new();
            let other = thread::spawn("other", {
                let promise = promise.clone();
                move |_| Ok(promise.assign(String::from("a value")).is_ok())
            });
            assert_eq!(promise.wait().unwrap(), "a value");
            assert!(other.join().unwrap());
        }),
        ("a watched value", || {
            let watch = Watch::new(String::from("a value"));
            let mut watcher = watch.subscribe();
            let other = thread::spawn("other", move |_| {
                watch.set(String::from("another"));
                Ok(())
            });
            while watcher.changed().is_ok() {}
            other.join().unwrap();
        }),
        ("batches", || {
            let batches = BatchQueue::named("batches", 2, Duration::from_secs(1_000));
            let server = thread::spawn("server", {
                let batches = batches.clone();
                move |_| Ok(batches.serve(|_| Ok::<_, Infallible>(()))?)
            });
            batches.extend((0..3).map(|n| n.to_string())).unwrap();
            batches.stop().unwrap();
            server.join().unwrap();
        }),
        ("descriptors", || {
            let signal = Signal::new();
            let first = signal.descriptor().unwrap();
            signal.set();
            drop(signal.descriptor().unwrap());
            drop(first);
            let (mut one, other) = std::os::unix::net::UnixStream::pair().unwrap();
            let mut buffer = [0];
            let early = io::read_until(&other, &mut buffer, &Signal::always());
            assert!(early.is_err());
            std::io::Write::write_all(&mut one, b"a").unwrap();
            assert_eq!(io::read(&other, &mut buffer).unwrap(), 1);
        }),
    ];
}
