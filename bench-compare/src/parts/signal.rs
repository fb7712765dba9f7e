//! Signals beside atomics and tokio-util's cancellation token.

use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Acquire};

use selvedge::Signal;
use tokio_util::sync::CancellationToken;

use crate::measure::{Report, Row};

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
        peers: vec![(
            "CancellationToken",
            Box::new(|n| (0..n).for_each(|_| black_box(CancellationToken::new()).cancel())),
        )],
    });
    let other = Signal::new();
    report.row(Row {
        name: "a | b: create + check + drop",
        ours: Box::new(|n| {
            (0..n).for_each(|_| _ = black_box(black_box(&signal) | &other).is_set())
        }),
        peers: vec![(
            "CancellationToken child",
            Box::new(|n| (0..n).for_each(|_| _ = black_box(token.child_token()).is_cancelled())),
        )],
    });
}
