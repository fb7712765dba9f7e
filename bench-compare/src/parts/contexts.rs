//! Contexts and their resources, beside locals.

use std::hint::black_box;

use selvedge::{context, local};

use crate::measure::{Report, Row, repeat};

local! { static LOCAL: u64; }
context! {
    static NAME = "name";
    static ONE = "one" { value: u64 }
    static EIGHT = "eight" { a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, value: u64 }
}

#[inline(never)]
fn read_local() -> u64 {
    black_box(LOCAL.with(|n| *n).unwrap_or(0))
}

#[inline(never)]
fn read_resource() -> u64 {
    black_box(EIGHT.value.with(|n| *n).unwrap_or(0))
}

/// Runs `f` under `depth` other blocks.
fn at_depth(depth: u32, f: &mut dyn FnMut()) {
    if depth == 0 {
        f()
    } else {
        NAME.run(|| at_depth(depth - 1, f))
    }
}

pub fn rows(report: &mut Report) {
    for (name, depth) in [
        ("read a resource, one of eight", 0),
        ("the same, under 64 blocks", 64),
    ] {
        let in_eight = move |n: u64| {
            let read = &mut || at_depth(depth, &mut || repeat(n, |_| read_resource()));
            EIGHT.enter().value(7).run(read)
        };
        report.row(Row {
            name,
            ours: Box::new(in_eight),
            peers: vec![(
                "a local",
                Box::new(|n| LOCAL.bind(7, || repeat(n, |_| read_local()))),
            )],
        });
    }
    let eight = EIGHT.enter().a(1).b(2).c(3).d(4).e(5).f(6).g(7).value(8);
    report.row(Row {
        name: "enter a prepared block of eight resources",
        ours: Box::new(move |n| repeat(n, |_| eight.clone().run(read_resource))),
        peers: vec![(
            "bind a fresh value to a local",
            Box::new(|n| repeat(n, |i| LOCAL.bind(i, read_local))),
        )],
    });
    report.row(Row {
        name: "enter with one fresh resource",
        ours: Box::new(|n| repeat(n, |i| ONE.enter().value(i).run(|| black_box(i)))),
        peers: vec![(
            "bind a fresh value to a local",
            Box::new(|n| repeat(n, |i| LOCAL.bind(i, || black_box(i)))),
        )],
    });
    report.row(Row {
        name: "enter a context that is only a name",
        ours: Box::new(|n| repeat(n, |i| NAME.run(|| black_box(i)))),
        peers: vec![(
            "bind_copy a local",
            Box::new(|n| repeat(n, |i| LOCAL.bind_copy(i, || black_box(i)))),
        )],
    });
}
