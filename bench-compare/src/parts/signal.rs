//! Signals beside atomics, tokio-util's cancellation token and tokio's oneshot.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Acquire};
use std::task::{Context, Waker};

use futures::future::select;
use selvedge::Signal;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::measure::{Report, Row};

const CHILDREN: usize = 100;

pub fn rows(report: &mut Report) {
    let (signal, token) = (Signal::new(), CancellationToken::new());
    let (flag, once) = (AtomicBool::new(false), OnceLock::<()>::new());
    report.row(Row {
        name: "is_set",
        ours: Box::new(|n| (0..n).for_each(|_| _ = black_box(black_box(&signal).is_set()))),
        peers: vec![
            (
                "AtomicBool load",
                Box::new(|n| (0..n).for_each(|_| _ = black_box(black_box(&flag).load(Acquire)))),
            ),
            (
                "OnceLock is set",
                Box::new(|n| (0..n).for_each(|_| _ = black_box(black_box(&once).get().is_some()))),
            ),
            (
                "CancellationToken",
                Box::new(|n| (0..n).for_each(|_| _ = black_box(black_box(&token).is_cancelled()))),
            ),
        ],
    });
    report.row(Row {
        name: "create + set + drop",
        ours: Box::new(|n| (0..n).for_each(|_| _ = black_box(Signal::new()).set())),
        peers: vec![
            (
                "CancellationToken",
                Box::new(|n| (0..n).for_each(|_| black_box(CancellationToken::new()).cancel())),
            ),
            (
                "tokio oneshot",
                Box::new(|n| {
                    (0..n).for_each(|_| {
                        let (sender, receiver) = black_box(oneshot::channel());
                        sender.send(()).expect("the receiver lives");
                        black_box(poll_once(pin!(receiver)));
                    })
                }),
            ),
        ],
    });
    either(report, &signal, &token);
    family(report);
}

/// `a | b` where neither is set: what it costs to look at both as one.
fn either(report: &mut Report, signal: &Signal, token: &CancellationToken) {
    let (other, second) = (Signal::new(), CancellationToken::new());
    report.row(Row {
        name: "a | b: create + check + drop",
        ours: Box::new(|n| (0..n).for_each(|_| _ = black_box(black_box(signal) | &other).is_set())),
        peers: vec![
            (
                "CancellationToken child",
                Box::new(|n| {
                    (0..n).for_each(|_| _ = black_box(token.child_token()).is_cancelled())
                }),
            ),
            (
                "select of two cancelled(), stack",
                Box::new(|n| {
                    (0..n).for_each(|_| {
                        let (a, b) = (pin!(token.cancelled()), pin!(second.cancelled()));
                        black_box(poll_once(pin!(select(a, b))));
                    })
                }),
            ),
            (
                "select of two cancelled(), boxed",
                Box::new(|n| {
                    (0..n).for_each(|_| {
                        let a = Box::pin(token.cancelled());
                        let b = Box::pin(second.cancelled());
                        black_box(poll_once(pin!(select(a, b))));
                    })
                }),
            ),
        ],
    });
}

fn family(report: &mut Report) {
    report.row(Row {
        name: "a parent, 100 children: make, stop, drop",
        ours: Box::new(|n| {
            (0..n).for_each(|_| {
                let parent = Signal::new();
                let children: Vec<_> = (0..CHILDREN).map(|_| parent.child()).collect();
                parent.set();
                assert!(children[CHILDREN - 1].is_set());
            })
        }),
        peers: vec![(
            "CancellationToken",
            Box::new(|n| {
                (0..n).for_each(|_| {
                    let parent = CancellationToken::new();
                    let children: Vec<_> = (0..CHILDREN).map(|_| parent.child_token()).collect();
                    parent.cancel();
                    assert!(children[CHILDREN - 1].is_cancelled());
                })
            }),
        )],
    });
}

/// Whether the future is ready at its first poll.
pub fn poll_once<F: Future>(future: Pin<&mut F>) -> bool {
    future
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}
