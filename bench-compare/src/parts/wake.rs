//! Waking a thread: how long until it runs, and back and forth between two.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use selvedge::Signal;
use tokio_util::sync::CancellationToken;

use crate::machine::{Cores, Seat};
use crate::measure::{Loop, Report, Row, Sample, Values, median};

/// Wake-ups of one sample; it gives their median.
const ROUNDS: usize = 15;
/// How long the other thread has to fall asleep.
const ASLEEP: Duration = Duration::from_micros(500);

pub fn rows(report: &mut Report) {
    for (name, cores) in [
        ("wake a sleeping thread, 2 cores", Cores::Two),
        ("wake a sleeping thread, 1 core", Cores::One),
    ] {
        report.values(Values {
            name,
            unit: "us",
            samples: 9,
            ours: latency::<Signal>(cores),
            peers: vec![
                ("park/unpark", latency::<Parking>(cores)),
                (
                    "CancellationToken, block_on",
                    latency::<CancellationToken>(cores),
                ),
            ],
        });
    }
    for (name, cores) in [
        ("ping-pong by fresh signals, 2 cores", Cores::Two),
        ("ping-pong by fresh signals, 1 core", Cores::One),
    ] {
        report.row(Row {
            name,
            ours: fresh::<Signal>(cores),
            peers: vec![
                ("park/unpark, one atomic each", parked(cores)),
                (
                    "CancellationToken, fresh",
                    fresh::<CancellationToken>(cores),
                ),
            ],
        });
    }
}

/// Something that is set once and that one thread waits for.
trait Flag: Default + Send + Sync {
    fn wait(&self);
    fn set(&self);
}

impl Flag for Signal {
    fn wait(&self) {
        Self::wait(self).expect("nobody stops this thread");
    }
    fn set(&self) {
        Self::set(self);
    }
}

impl Flag for CancellationToken {
    fn wait(&self) {
        block_on(self.cancelled());
    }
    fn set(&self) {
        self.cancel();
    }
}

/// A flag beside the thread that parks until it is set.
#[derive(Default)]
struct Parking {
    set: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Flag for Parking {
    fn wait(&self) {
        self.thread.get_or_init(thread::current);
        while !self.set.load(Acquire) {
            thread::park();
        }
    }
    fn set(&self) {
        self.set.store(true, Release);
        self.thread.get().expect("it waits").unpark();
    }
}

/// From the set until the other thread runs, in microseconds.
fn latency<F: Flag>(cores: Cores) -> Sample<'static> {
    Box::new(move || {
        let _pinned = cores.pin(Seat::First);
        let flags: Vec<F> = (0..ROUNDS).map(|_| F::default()).collect();
        let (waits, woken) = (AtomicUsize::new(0), AtomicU64::new(0));
        let began = Instant::now();
        let now = || began.elapsed().as_nanos() as u64;
        thread::scope(|s| {
            s.spawn(|| {
                let _pinned = cores.pin(Seat::Second);
                for (i, flag) in flags.iter().enumerate() {
                    waits.store(i + 1, Release);
                    flag.wait();
                    woken.store(now(), Release);
                }
            });
            let mut took: Vec<_> = (1..)
                .zip(&flags)
                .map(|(round, flag)| {
                    while waits.load(Acquire) != round {
                        thread::yield_now();
                    }
                    thread::sleep(ASLEEP);
                    woken.store(0, Release);
                    let set = now();
                    flag.set();
                    loop {
                        match woken.load(Acquire) {
                            0 => thread::yield_now(),
                            at => break (at - set) as f64 / 1000.0,
                        }
                    }
                })
                .collect();
            median(&mut took)
        })
    })
}

/// Round trips; each by two flags that are made, used and dropped within the time measured.
fn fresh<F: Flag>(cores: Cores) -> Loop<'static> {
    Box::new(move |n| {
        let _pinned = cores.pin(Seat::First);
        let pairs: Vec<(F, F)> = (0..n).map(|_| Default::default()).collect();
        thread::scope(|s| {
            s.spawn(|| {
                let _pinned = cores.pin(Seat::Second);
                for (there, back) in &pairs {
                    there.wait();
                    back.set();
                }
            });
            for (there, back) in &pairs {
                there.set();
                back.wait();
            }
        });
    })
}

/// Round trips by parking and one atomic for each direction, used again and again.
fn parked(cores: Cores) -> Loop<'static> {
    Box::new(move |n| {
        let _pinned = cores.pin(Seat::First);
        let (there, back) = (AtomicBool::new(false), AtomicBool::new(false));
        let wait = |flag: &AtomicBool| {
            while !flag.swap(false, AcqRel) {
                thread::park();
            }
        };
        let first = thread::current();
        thread::scope(|s| {
            let second = s.spawn(|| {
                let _pinned = cores.pin(Seat::Second);
                for _ in 0..n {
                    wait(&there);
                    back.store(true, Release);
                    first.unpark();
                }
            });
            for _ in 0..n {
                there.store(true, Release);
                second.thread().unpark();
                wait(&back);
            }
        });
    })
}
