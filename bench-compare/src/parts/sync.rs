//! Queues beside std's, crossbeam's and kanal's channels.

use std::hint::black_box;
use std::thread;

use selvedge::sync::Queue;

use crate::measure::{Report, Row};

const BOUND: usize = 1024;

pub fn rows(report: &mut Report) {
    let queue = Queue::bounded(BOUND);
    let (std_in, std_out) = std::sync::mpsc::sync_channel(BOUND);
    let (cross_in, cross_out) = crossbeam_channel::bounded(BOUND);
    let (kanal_in, kanal_out) = kanal::bounded(BOUND);
    report.row(Row {
        name: "push + pop, one thread",
        ours: Box::new(|n| {
            for i in 0..n {
                queue.push(i).expect("open");
                black_box(queue.pop().expect("open"));
            }
        }),
        peers: vec![
            (
                "std sync_channel",
                Box::new(|n| {
                    for i in 0..n {
                        std_in.send(i).expect("open");
                        black_box(std_out.recv().expect("open"));
                    }
                }),
            ),
            (
                "crossbeam",
                Box::new(|n| {
                    for i in 0..n {
                        cross_in.send(i).expect("open");
                        black_box(cross_out.recv().expect("open"));
                    }
                }),
            ),
            (
                "kanal",
                Box::new(|n| {
                    for i in 0..n {
                        kanal_in.send(i).expect("open");
                        black_box(kanal_out.recv().expect("open"));
                    }
                }),
            ),
        ],
    });
    report.row(Row {
        name: "1 producer, 1 consumer, per element",
        ours: Box::new(|n| {
            let queue = Queue::bounded(BOUND);
            thread::scope(|s| {
                s.spawn(|| (0..n).for_each(|i| queue.push(i).expect("open")));
                (0..n).for_each(|_| _ = black_box(queue.pop()));
            });
        }),
        peers: vec![
            (
                "std sync_channel",
                Box::new(|n| {
                    let (sender, receiver) = std::sync::mpsc::sync_channel(BOUND);
                    thread::scope(|s| {
                        s.spawn(move || (0..n).for_each(|i| sender.send(i).expect("open")));
                        (0..n).for_each(|_| _ = black_box(receiver.recv()));
                    });
                }),
            ),
            (
                "crossbeam",
                Box::new(|n| {
                    let (sender, receiver) = crossbeam_channel::bounded(BOUND);
                    thread::scope(|s| {
                        s.spawn(move || (0..n).for_each(|i| sender.send(i).expect("open")));
                        (0..n).for_each(|_| _ = black_box(receiver.recv()));
                    });
                }),
            ),
        ],
    });
}
