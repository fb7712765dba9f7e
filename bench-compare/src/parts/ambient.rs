//! Locals beside thread-locals, scoped-tls, opentelemetry's context and tokio's task locals.

use std::cell::Cell;
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use opentelemetry as otel;
use opentelemetry::context::FutureExt;
use selvedge::{Ambient, Carry, Wrap, local};

use crate::measure::{Loop, Report, Row, repeat};

local! { static N: u64; static OTHER: u64; }
thread_local! { static CELL: Cell<u64> = const { Cell::new(0) } }
scoped_tls::scoped_thread_local!(static SCOPED: u64);
tokio::task_local! { static TASK: u64; static OTHER_TASK: u64; }

/// What opentelemetry finds by its type.
struct Value(u64);

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

#[inline(never)]
fn read_task() -> u64 {
    black_box(TASK.with(|n| *n))
}

#[inline(never)]
fn read_otel() -> u64 {
    black_box(otel::Context::map_current(|context| {
        context.get::<Value>().map_or(0, |value| value.0)
    }))
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
                (
                    "opentelemetry",
                    Box::new(|n| {
                        let _guard = otel::Context::new().with_value(Value(7)).attach();
                        repeat(n, |_| read_otel())
                    }),
                ),
            ],
        });
    }
    binding_rows(report);
    carrying_rows(report);
}

fn binding_rows(report: &mut Report) {
    let scoped = || -> (&'static str, Loop<'static>) {
        let rows = Box::new(|n| repeat(n, |i| SCOPED.set(&i, read_scoped)));
        ("scoped-tls", rows)
    };
    report.row(Row {
        name: "bind_copy a block",
        ours: Box::new(|n| repeat(n, |i| N.bind_copy(i, read_local))),
        peers: vec![scoped()],
    });
    let value = Arc::new(7);
    let clone = {
        let value = Arc::clone(&value);
        move |n| repeat(n, |_| *black_box(Arc::clone(&value)))
    };
    report.row(Row {
        name: "bind_arc of a clone",
        ours: {
            let value = Arc::clone(&value);
            Box::new(move |n| repeat(n, |_| N.bind_arc(Arc::clone(&value), read_local)))
        },
        peers: vec![scoped(), ("the clone and its drop alone", Box::new(clone))],
    });
    let block = N.to_arc(value);
    report.row(Row {
        name: "run a clone of a ready-made block",
        ours: Box::new(move |n| repeat(n, |_| block.clone().run(read_local))),
        peers: vec![scoped()],
    });
    report.row(Row {
        name: "bind a fresh value",
        ours: Box::new(|n| repeat(n, |i| N.bind(i, read_local))),
        peers: vec![(
            "opentelemetry, attach",
            Box::new(|n| {
                repeat(n, |i| {
                    let _guard = otel::Context::current_with_value(Value(i)).attach();
                    read_otel()
                })
            }),
        )],
    });
}

fn carrying_rows(report: &mut Report) {
    let prebuilt = || -> (&'static str, Loop<'static>) {
        let context = otel::Context::new().with_value(Value(7));
        let attach = move |n| {
            repeat(n, |_| {
                let _guard = context.clone().attach();
                read_otel()
            })
        };
        ("opentelemetry, attach a prebuilt one", Box::new(attach))
    };
    report.row(Row {
        name: "capture + drop",
        ours: Box::new(|n| {
            N.bind_copy(7, || {
                repeat(n, |i| {
                    drop(black_box(Ambient::capture()));
                    i
                })
            })
        }),
        peers: vec![
            prebuilt(),
            (
                "opentelemetry, current + drop",
                Box::new(|n| {
                    let _guard = otel::Context::current_with_value(Value(7)).attach();
                    repeat(n, |i| {
                        drop(black_box(otel::Context::current()));
                        i
                    });
                }),
            ),
        ],
    });
    let ambient = N.bind_copy(7, Ambient::capture);
    let carried = ambient.clone();
    report.row(Row {
        name: "run in a captured ambient",
        ours: Box::new(move |n| repeat(n, |_| ambient.run(read_local))),
        peers: vec![prebuilt()],
    });
    report.row(Row {
        name: "poll a future that was put into an ambient",
        ours: Box::new(move |n| polls(n, reads(read_local).in_ambient(carried.clone()))),
        peers: vec![
            (
                "the future alone",
                Box::new(|n| N.bind_copy(7, || polls(n, reads(read_local)))),
            ),
            (
                "opentelemetry, with_context",
                Box::new(|n| {
                    let context = otel::Context::new().with_value(Value(7));
                    polls(n, reads(read_otel).with_context(context))
                }),
            ),
        ],
    });
    report.row(Row {
        name: "poll a future that was wrapped in two bindings",
        ours: Box::new(|n| polls(n, N.to(7).and(OTHER.to(8)).wrap(reads(read_local)))),
        peers: vec![(
            "tokio, two task locals",
            Box::new(|n| {
                let inner = TASK.scope(7, reads(read_task));
                polls(n, OTHER_TASK.scope(8, inner))
            }),
        )],
    });
}

/// A future that is never ready and reads at each poll.
fn reads(read: fn() -> u64) -> impl Future<Output = u64> {
    poll_fn(move |_| {
        if read() == u64::MAX {
            Poll::Ready(0)
        } else {
            Poll::Pending
        }
    })
}

fn polls(n: u64, future: impl Future<Output = u64>) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..n {
        assert!(black_box(future.as_mut().poll(&mut context)).is_pending());
    }
}
