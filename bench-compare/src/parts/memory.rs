//! Bytes: what a thing keeps allocated, and its handle.

use async_io::Timer;
use selvedge::sync::Queue;
use selvedge::{Signal, Till};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::time::{async_io_timer, far, tokio_sleep};
use crate::machine::bytes_kept;
use crate::measure::{Report, Sample, Values};

/// Of how many the mean is taken: what is allocated once for all of them counts little.
const MANY: u64 = 1000;

pub fn rows(report: &mut Report) {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let _inside = tokio.enter();
    // What is made once for the whole process is made before anything is counted.
    drop((tokio_sleep(far(0)), async_io_timer(far(0))));
    // In a tree: after the end of one every till is born set.
    _ = selvedge::run("bench-compare", |_stop| {
        drop(Till::after(far(0)));
        all(report);
        Ok(())
    });
}

fn all(report: &mut Report) {
    let mut row = |name, ours, peers| {
        report.values(Values {
            name,
            unit: "B",
            samples: 9,
            ours,
            peers,
        })
    };
    let token = || bytes(|_| CancellationToken::new());
    row(
        "memory of a signal",
        bytes(|_| Signal::new()),
        vec![
            ("CancellationToken", token()),
            ("tokio oneshot", bytes(|_| oneshot::channel::<()>())),
        ],
    );
    row(
        "memory of a signal with an action",
        bytes(|_| {
            let signal = Signal::new();
            let action = signal.on_set(|| ());
            (signal, action)
        }),
        vec![(
            "CancellationToken and child",
            bytes(|_| {
                let token = CancellationToken::new();
                let child = token.child_token();
                (token, child)
            }),
        )],
    );
    row(
        "memory of a till",
        bytes(|i| Till::after(far(i))),
        vec![
            (
                "tokio sleep, boxed and polled",
                bytes(|i| tokio_sleep(far(i))),
            ),
            (
                "async-io Timer, polled",
                bytes(|i| -> Timer { async_io_timer(far(i)) }),
            ),
        ],
    );
    row(
        "memory of an empty queue of 1024",
        bytes(|_| Queue::<usize>::bounded(1024)),
        vec![
            ("tokio mpsc", bytes(|_| mpsc::channel::<usize>(1024))),
            (
                "crossbeam",
                bytes(|_| crossbeam_channel::bounded::<usize>(1024)),
            ),
        ],
    );
    row(
        "memory of a queue of 1024 with one element",
        bytes(|_| {
            let queue = Queue::bounded(1024);
            queue.push(7_usize).expect("open");
            queue
        }),
        vec![
            (
                "tokio mpsc",
                bytes(|_| {
                    let ends = mpsc::channel(1024);
                    ends.0.try_send(7_usize).expect("open");
                    ends
                }),
            ),
            (
                "crossbeam",
                bytes(|_| {
                    let ends = crossbeam_channel::bounded(1024);
                    ends.0.send(7_usize).expect("open");
                    ends
                }),
            ),
        ],
    );
}

/// Bytes of one: its handle and what it holds on the heap.
fn bytes<T>(make: impl Fn(u64) -> T + 'static) -> Sample<'static> {
    Box::new(move || {
        let mut all = Vec::with_capacity(MANY as usize);
        let (kept, all) = bytes_kept(|| {
            all.extend((0..MANY).map(&make));
            all
        });
        drop(all);
        kept / MANY as f64 + size_of::<T>() as f64
    })
}
