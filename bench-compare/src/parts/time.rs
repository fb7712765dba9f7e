//! Tills beside tokio's sleep and async-io's timer.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};
use std::thread::sleep;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::executor::block_on;
use selvedge::Till;
use tokio::runtime::Runtime;
use tokio::time::Sleep;

use crate::machine::cpu_ns;
use crate::measure::{Report, Row, Sample, Values};

/// How many tills are due in the rows of firing, and alive in that of a million.
const DUE: usize = 100_000;
const ALIVE: u64 = 1_000_000;

pub fn rows(report: &mut Report) {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let _inside = tokio.enter();
    // In a tree: after the end of one every till is born set.
    _ = selvedge::run("bench-compare", |_stop| {
        create(report, "till: create + drop, none alive");
        let million = "till: create + drop, a million alive";
        if report.wants(million) {
            let _ours: Vec<_> = (0..ALIVE).map(|i| Till::after(far(i))).collect();
            let _tokio: Vec<_> = (0..ALIVE).map(|i| tokio_sleep(far(i))).collect();
            let _async_io: Vec<_> = (0..ALIVE).map(|i| async_io_timer(far(i))).collect();
            create(report, million);
        }
        fire(
            report,
            "100,000 tills due at once: CPU each",
            Duration::ZERO,
            &tokio,
        );
        fire(
            report,
            "100,000 tills due over 100 ms: CPU each",
            Duration::from_millis(100),
            &tokio,
        );
        for (name, ms, samples) in [
            ("lateness of 1 ms", 1, 45),
            ("lateness of 10 ms", 10, 25),
            ("lateness of 100 ms", 100, 9),
        ] {
            let timeout = Duration::from_millis(ms);
            report.values(Values {
                name,
                unit: "us",
                samples,
                ours: late(timeout, |d| Till::after(d).wait().expect("nobody stops us")),
                peers: vec![
                    (
                        "tokio sleep, block_on",
                        late(timeout, |d| {
                            tokio.block_on(async { tokio::time::sleep(d).await })
                        }),
                    ),
                    (
                        "async-io Timer, block_on",
                        late(timeout, |d| _ = block_on(Timer::after(d))),
                    ),
                ],
            });
        }
        Ok(())
    });
}

/// An hour and more from now, spread over ten minutes so that none is the next one for long.
pub fn far(i: u64) -> Duration {
    let spread = (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % 600_000_000;
    Duration::from_secs(3600) + Duration::from_micros(spread)
}

/// A sleep that the runtime knows of: boxed, as it may not move any more, and polled.
pub fn tokio_sleep(timeout: Duration) -> Pin<Box<Sleep>> {
    polled(Box::pin(tokio::time::sleep(timeout)), Waker::noop())
}

/// A timer that the reactor knows of.
pub fn async_io_timer(timeout: Duration) -> Timer {
    polled(Timer::after(timeout), Waker::noop())
}

fn polled<F: Future + Unpin>(mut future: F, waker: &Waker) -> F {
    _ = Pin::new(&mut future).poll(&mut Context::from_waker(waker));
    future
}

fn create(report: &mut Report, name: &'static str) {
    report.row(Row {
        name,
        ours: Box::new(|n| (0..n).for_each(|i| drop(black_box(Till::after(far(i)))))),
        peers: vec![
            (
                "tokio sleep, boxed and polled",
                Box::new(|n| (0..n).for_each(|i| drop(black_box(tokio_sleep(far(i)))))),
            ),
            (
                "async-io Timer, polled",
                Box::new(|n| (0..n).for_each(|i| drop(black_box(async_io_timer(far(i)))))),
            ),
        ],
    });
}

/// Counts what fired: as a waker for the peers, by itself for us.
#[derive(Default)]
struct Fired(AtomicUsize);

impl Wake for Fired {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn fire(report: &mut Report, name: &'static str, spread: Duration, tokio: &Runtime) {
    let asleep = |fired: &Fired| {
        while fired.0.load(Relaxed) < DUE {
            sleep(Duration::from_micros(500));
        }
    };
    report.values(Values {
        name,
        unit: "ns",
        samples: 9,
        ours: fired(
            spread,
            |at, fired| {
                let (till, fired) = (Till::at(at), fired.clone());
                let action = till.on_set(move || fired.wake());
                (till, action)
            },
            asleep,
        ),
        peers: vec![
            (
                "tokio sleep",
                fired(
                    spread,
                    |at, fired| {
                        let sleep = Box::pin(tokio::time::sleep_until(at.into()));
                        polled(sleep, &fired.clone().into())
                    },
                    |fired| {
                        tokio.block_on(async {
                            while fired.0.load(Relaxed) < DUE {
                                tokio::time::sleep(Duration::from_millis(1)).await;
                            }
                        })
                    },
                ),
            ),
            (
                "async-io Timer",
                fired(
                    spread,
                    |at, fired| polled(Timer::at(at), &fired.clone().into()),
                    asleep,
                ),
            ),
        ],
    });
}

/// Processor time of the whole process for each, from just before the first is due until all have fired.
fn fired<'l, T>(
    spread: Duration,
    make: impl Fn(Instant, &Arc<Fired>) -> T + 'l,
    until_all: impl Fn(&Fired) + 'l,
) -> Sample<'l> {
    let mut lead = Duration::from_millis(150);
    Box::new(move || {
        loop {
            let fired = Arc::new(Fired::default());
            let first = Instant::now() + lead;
            let made: Vec<_> = (0..DUE)
                .map(|i| {
                    make(
                        first + spread.mul_f64((i * 7919 % DUE) as f64 / DUE as f64),
                        &fired,
                    )
                })
                .collect();
            let left = first.saturating_duration_since(Instant::now());
            if left < Duration::from_millis(20) {
                lead *= 2; // the first was due before the last was made
                drop(made);
                continue;
            }
            sleep(left - Duration::from_millis(10));
            let before = cpu_ns();
            until_all(&fired);
            let took = cpu_ns() - before;
            drop(made);
            return took / DUE as f64;
        }
    })
}

/// By how much a wait is longer than it was asked to be, in microseconds.
fn late<'l>(timeout: Duration, wait: impl Fn(Duration) + 'l) -> Sample<'l> {
    Box::new(move || {
        let before = Instant::now();
        wait(timeout);
        (before.elapsed().as_nanos() as f64 - timeout.as_nanos() as f64) / 1000.0
    })
}
