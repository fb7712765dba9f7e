//! Locals beside thread-locals and scoped-tls.

use std::cell::Cell;
use std::hint::black_box;

use selvedge::{Ambient, local};

use crate::measure::{Report, Row};

local! { static N: u64; static OTHER: u64; }
thread_local! { static CELL: Cell<u64> = const { Cell::new(0) } }
scoped_tls::scoped_thread_local!(static SCOPED: u64);

// `black_box` inside: otherwise the compiler proves that a read has no effect and does it once.
#[inline(never)]
fn read_local() -> u64 {
    black_box(N.with(|n| *n).unwrap_or(0))
}

#[inline(never)]
fn read_cell() -> u64 {
    black_box(CELL.get())
}

#[inline(never)]
fn read_scoped() -> u64 {
    black_box(SCOPED.with(|n| *n))
}

fn repeat(n: u64, f: impl Fn(u64) -> u64) {
    let mut sum = 0_u64;
    for i in 0..n {
        sum = sum.wrapping_add(f(i));
    }
    black_box(sum);
}

/// Runs `f` under `depth` other bindings.
fn at_depth(depth: u32, f: &mut dyn FnMut()) {
    if depth == 0 {
        f()
    } else {
        OTHER.bind_copy(1, || at_depth(depth - 1, f))
    }
}

pub fn rows(report: &mut Report) {
    CELL.set(black_box(7)); // a cell that nobody writes would be read as a constant
    for (name, depth) in [
        ("read a local from a callee", 0),
        ("the same, under 64 bindings", 64),
    ] {
        report.row(Row {
            name,
            ours: Box::new(move |n| {
                N.bind_copy(7, || at_depth(depth, &mut || repeat(n, |_| read_local())))
            }),
            peers: vec![
                (
                    "const thread_local Cell",
                    Box::new(|n| repeat(n, |_| read_cell())),
                ),
                (
                    "scoped-tls",
                    Box::new(|n| SCOPED.set(&7, || repeat(n, |_| read_scoped()))),
                ),
            ],
        });
    }
    report.row(Row {
        name: "bind_copy a block",
        ours: Box::new(|n| repeat(n, |i| N.bind_copy(i, read_local))),
        peers: vec![(
            "scoped-tls",
            Box::new(|n| repeat(n, |i| SCOPED.set(&i, read_scoped))),
        )],
    });
    let ambient = N.bind_copy(7, Ambient::capture);
    report.row(Row {
        name: "run in a captured ambient",
        ours: Box::new(|n| repeat(n, |_| ambient.run(read_local))),
        peers: vec![(
            "scoped-tls set",
            Box::new(|n| repeat(n, |i| SCOPED.set(&i, read_scoped))),
        )],
    });
}
