//! Queues beside std's, crossbeam's, kanal's and flume's channels, and a deque behind a lock.

use std::hint::black_box;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use selvedge::sync::Queue;
use tokio_util::sync::CancellationToken;

use super::pipe::{Pop, Push, Selecting, TokioIn, TokioOut, locked};
use crate::machine::{Cores, Seat};
use crate::measure::{Loop, Report, Row, Sample, Values, repeats, span, whole};

const BOUND: usize = 1024;
/// How long a sample of throughput takes, about.
const SAMPLE: Duration = Duration::from_millis(40);
const SAMPLES: usize = 9;

pub fn rows(report: &mut Report) {
    report.row(Row {
        name: "push + pop, one thread",
        ours: alone(ours()),
        peers: vec![
            ("std sync_channel", alone(mpsc::sync_channel(BOUND))),
            ("crossbeam", alone(crossbeam_channel::bounded(BOUND))),
            ("kanal", alone(kanal::bounded(BOUND))),
            ("parking_lot Mutex<VecDeque>", alone(locked(BOUND))),
        ],
    });
    for (name, producers, consumers) in [
        ("1 producer, 1 consumer, per element", 1, 1),
        ("2 producers, 2 consumers, per element", 2, 2),
        ("4 producers, 4 consumers, per element", 4, 4),
        ("8 producers, 1 consumer, per element", 8, 1),
    ] {
        if report.wants(name) {
            through(report, name, producers, consumers);
        }
    }
    // On a thread of a tree `pop` obeys its stop.
    _ = selvedge::run("bench-compare", |_stop| {
        with_stop(report);
        Ok(())
    });
    for (name, cores) in [
        ("ping-pong by two queues, 2 cores", Cores::Two),
        ("ping-pong by two queues, 1 core", Cores::One),
        ("ping-pong by two queues, unpinned", Cores::Any),
    ] {
        report.row(Row {
            name,
            ours: ping_pong(cores, ours),
            peers: vec![
                (
                    "std sync_channel",
                    ping_pong(cores, || mpsc::sync_channel(BOUND)),
                ),
                (
                    "crossbeam",
                    ping_pong(cores, || crossbeam_channel::bounded(BOUND)),
                ),
                ("kanal", ping_pong(cores, || kanal::bounded(BOUND))),
            ],
        });
    }
}

fn ours() -> (Queue<usize>, Queue<usize>) {
    let queue = Queue::bounded(BOUND);
    (queue.clone(), queue)
}

/// Pushes and pops on one thread.
fn alone(ends: (impl Push + 'static, impl Pop + 'static)) -> Loop<'static> {
    let (mut push, mut pop) = ends;
    Box::new(move |n| {
        for i in 0..n {
            push.push(i as usize);
            black_box(pop.pop());
        }
    })
}

fn through(report: &mut Report, name: &'static str, producers: usize, consumers: usize) {
    let mut peers = vec![
        (
            "crossbeam",
            shared(producers, consumers, || crossbeam_channel::bounded(BOUND)),
        ),
        (
            "kanal",
            shared(producers, consumers, || kanal::bounded(BOUND)),
        ),
        (
            "flume",
            shared(producers, consumers, || flume::bounded(BOUND)),
        ),
        (
            "parking_lot Mutex<VecDeque>",
            shared(producers, consumers, || locked(BOUND)),
        ),
    ];
    if consumers == 1 {
        // Its receiver has one owner.
        peers.insert(
            0,
            (
                "std sync_channel",
                single(producers, || mpsc::sync_channel(BOUND)),
            ),
        );
    }
    report.values(Values {
        name,
        unit: "ns",
        samples: SAMPLES,
        ours: shared(producers, consumers, ours),
        peers,
    });
}

/// Elements through a queue that many may pop from.
fn shared<I: Push, O: Pop + Clone>(
    producers: usize,
    consumers: usize,
    make: impl Fn() -> (I, O) + 'static,
) -> Sample<'static> {
    timed(move |n| {
        let (push, pop) = make();
        pass(vec![push; producers], vec![pop; consumers], n)
    })
}

/// The same, with one consumer.
fn single<I: Push, O: Pop>(
    producers: usize,
    make: impl Fn() -> (I, O) + 'static,
) -> Sample<'static> {
    timed(move |n| {
        let (push, pop) = make();
        pass(vec![push; producers], vec![pop], n)
    })
}

/// Time for each of as many elements as take long enough.
fn timed(run: impl Fn(u64) -> Duration + 'static) -> Sample<'static> {
    let per_round = 8; // a multiple of every number of threads
    let n = per_round * repeats(SAMPLE, |n| run(per_round * n));
    Box::new(move || run(n).as_nanos() as f64 / n as f64)
}

/// How long `n` elements take, the same number from each producer and to each consumer.
fn pass<I: Push, O: Pop>(pushing: Vec<I>, popping: Vec<O>, n: u64) -> Duration {
    let n = n as usize;
    let (each_in, each_out) = (n / pushing.len(), n / popping.len());
    let ready = Barrier::new(pushing.len() + popping.len());
    thread::scope(|s| {
        let ready = &ready;
        let mut threads = Vec::new();
        for mut push in pushing {
            threads.push(s.spawn(move || span(ready, || (0..each_in).for_each(|i| push.push(i)))));
        }
        for mut pop in popping {
            threads.push(s.spawn(move || {
                span(ready, || {
                    (0..each_out).for_each(|_| _ = black_box(pop.pop()))
                })
            }));
        }
        let spans = threads
            .into_iter()
            .map(|thread| thread.join().expect("it passes all"));
        whole(&spans.collect::<Vec<_>>())
    })
}

fn with_stop(report: &mut Report) {
    let (_stops, stop) = crossbeam_channel::bounded(0);
    let selecting = {
        let stop = stop.clone();
        move || {
            let (push, pop) = crossbeam_channel::bounded(BOUND);
            (push, Selecting(pop, stop.clone()))
        }
    };
    let tokio = || {
        let (push, pop) = tokio::sync::mpsc::channel(BOUND);
        (TokioIn(push), TokioOut(pop, CancellationToken::new()))
    };
    report.row(Row {
        name: "push + pop, one thread, with a stop",
        ours: alone(ours()),
        peers: vec![
            ("crossbeam select!", alone(selecting())),
            ("tokio mpsc + CancellationToken", alone(tokio())),
        ],
    });
    let name = "1 producer, 1 consumer, with a stop";
    if report.wants(name) {
        report.values(Values {
            name,
            unit: "ns",
            samples: SAMPLES,
            ours: timed(in_tree),
            peers: vec![
                ("crossbeam select!", single(1, selecting)),
                ("tokio mpsc + CancellationToken", single(1, tokio)),
            ],
        });
    }
}

/// How long `n` elements take between two threads of the tree.
fn in_tree(n: u64) -> Duration {
    let (mut push, mut pop) = ours();
    let ready = Arc::new(Barrier::new(2));
    let at_push = ready.clone();
    let producer = selvedge::thread::spawn("producer", move |_| {
        Ok(span(&at_push, || {
            (0..n).for_each(|i| Push::push(&mut push, i as usize))
        }))
    });
    let consumer = selvedge::thread::spawn("consumer", move |_| {
        Ok(span(&ready, || {
            (0..n).for_each(|_| _ = black_box(Pop::pop(&mut pop)))
        }))
    });
    let pushed = producer.join().expect("it pushes all");
    let popped = consumer.join().expect("it pops all");
    whole(&[pushed, popped])
}

/// Round trips through two queues.
fn ping_pong<I: Push, O: Pop>(cores: Cores, make: impl Fn() -> (I, O) + 'static) -> Loop<'static> {
    Box::new(move |n| {
        let _pinned = cores.pin(Seat::First);
        let ((mut there, mut from_there), (mut back, mut from_back)) = (make(), make());
        thread::scope(|s| {
            s.spawn(move || {
                let _pinned = cores.pin(Seat::Second);
                for _ in 0..n {
                    back.push(from_there.pop());
                }
            });
            for i in 0..n {
                there.push(i as usize);
                black_box(from_back.pop());
            }
        });
    })
}
