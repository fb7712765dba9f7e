//! Open functions beside plain calls and other probes that are off.

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use selvedge::call::{Condition, Groutines};
use selvedge::{context, open};

use crate::measure::{Loop, Report, Row, repeat};

#[open]
fn opened(x: u64) -> u64 {
    black_box(x) + 1
}

#[open]
fn patched(x: u64) -> u64 {
    black_box(x) + 1
}

#[open]
fn bound(x: u64) -> u64 {
    black_box(x) + 1
}

#[open]
fn heard(x: u64) -> u64 {
    black_box(x) + 1
}

#[open]
fn hooked(x: u64) -> u64 {
    black_box(x) + 1
}

#[open]
async fn opened_async(x: u64) -> u64 {
    black_box(x) + 1
}

async fn plain_async(x: u64) -> u64 {
    black_box(x) + 1
}

#[open]
async fn opened_pausing(x: u64) -> u64 {
    pause().await;
    black_box(x) + 1
}

async fn plain_pausing(x: u64) -> u64 {
    pause().await;
    black_box(x) + 1
}

#[open]
async fn hooked_async(x: u64) -> u64 {
    black_box(x) + 1
}

/// Ready at the second poll.
async fn pause() {
    let mut polled = false;
    poll_fn(|_| {
        if std::mem::replace(&mut polled, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Polls a future until it is ready.
fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        let polled = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(result) = polled {
            return result;
        }
    }
}

/// Awaits a function as programs do: in another one.
macro_rules! awaited {
    ($function:ident) => {
        |n| {
            finish(async {
                let mut sum = 0_u64;
                for i in 0..n {
                    sum = sum.wrapping_add($function(i).await);
                }
                black_box(sum);
            })
        }
    };
}

/// The nearest peer: a function that tests replace, and see the calls of.
mod mocked {
    #[mockall::automock]
    pub mod real {
        #[allow(dead_code, reason = "the peer replaces it")]
        pub fn count(x: u64) -> u64 {
            x + 1
        }
    }
    pub use mock_real::*;
}

context! { static INSIDE = "inside"; }

/// The quiet case as it stands in a program: called, not inlined.
#[inline(never)]
pub fn quiet(x: u64) -> u64 {
    opened(x)
}

#[inline(never)]
pub fn plain(x: u64) -> u64 {
    black_box(x) + 1
}

/// [`plain`], to be inlined.
#[inline]
fn inlined(x: u64) -> u64 {
    black_box(x) + 1
}

static ON: AtomicBool = AtomicBool::new(false);

#[inline(never)]
fn behind_a_flag(x: u64) -> u64 {
    if ON.load(Relaxed) {
        black_box(x) + 9
    } else {
        black_box(x) + 1
    }
}

#[inline(never)]
fn traced(x: u64) -> u64 {
    tracing::trace!(x, "probe");
    black_box(x) + 1
}

pub fn rows(report: &mut Report) {
    opened(0); // the first call looks for bindings
    report.row(Row {
        name: "quiet",
        ours: Box::new(|n| repeat(n, quiet)),
        peers: vec![
            ("plain call", Box::new(|n| repeat(n, plain))),
            ("static AtomicBool", Box::new(|n| repeat(n, behind_a_flag))),
            (
                "tracing::trace!, no subscriber",
                Box::new(|n| repeat(n, traced)),
            ),
        ],
    });
    report.row(Row {
        name: "quiet, inlined into a loop",
        ours: Box::new(|n| repeat(n, |x| black_box(opened(black_box(x))))),
        peers: vec![(
            "plain function, inlined",
            Box::new(|n| repeat(n, |x| black_box(inlined(black_box(x))))),
        )],
    });
    let mocked = mocked::count_context();
    mocked.expect().returning(|x| black_box(x) + 1);
    let mock = || {
        (
            "mockall, static function",
            Box::new(|n| repeat(n, mocked::count)) as Loop<'_>,
        )
    };
    let mock_anew = || {
        let anew = |x| {
            let context = mocked::count_context();
            context.expect().returning(move |_| x);
            context.checkpoint();
            x
        };
        (
            "mockall, expect and checkpoint",
            Box::new(move |n| repeat(n, anew)) as Loop<'_>,
        )
    };
    let before = hooked::before(|call| call.args.x += 1);
    report.row(Row {
        name: "before hook",
        ours: Box::new(|n| before.run(|| repeat(n, hooked))),
        peers: vec![mock()],
    });
    let answer = hooked::before(|call| call.ret(black_box(call.args.x) + 1));
    report.row(Row {
        name: "forced return",
        ours: Box::new(|n| answer.run(|| repeat(n, hooked))),
        peers: vec![mock()],
    });
    let after = hooked::after(|returned| *returned.result += 1);
    report.row(Row {
        name: "after hook",
        ours: Box::new(|n| after.run(|| repeat(n, hooked))),
        peers: vec![mock()],
    });
    let installed = hooked::before(|call| call.ret(black_box(call.args.x) + 1));
    report.row(Row {
        name: "forced return, installed process-wide",
        ours: Box::new(|n| {
            let on = installed.install();
            repeat(n, hooked);
            drop(on);
        }),
        peers: vec![mock()],
    });
    let patch = patched::around(|args, next| next.proceed(args));
    report.row(Row {
        name: "around with proceed",
        ours: Box::new(|n| patch.run(|| repeat(n, patched))),
        peers: vec![mock()],
    });
    report.row(Row {
        name: "patched, but not in this block",
        ours: Box::new(|n| repeat(n, patched)),
        peers: vec![("plain call", Box::new(|n| repeat(n, plain)))],
    });
    let make = |x| hooked::before(move |call| call.ret(x)).run(|| black_box(x));
    report.row(Row {
        name: "make a patch, enter and leave its block",
        ours: Box::new(|n| repeat(n, make)),
        peers: vec![mock_anew()],
    });
    mocked.expect().returning(|x| black_box(x) + 1); // the checkpoints have taken it
    report.row(Row {
        name: "enter and leave a patch's block",
        ours: Box::new(|n| repeat(n, |x| before.run(|| black_box(x)))),
        peers: vec![("plain call", Box::new(|n| repeat(n, plain)))],
    });
    let answers = || async {
        loop {
            heard::called()
                .await
                .with(|call| call.ret(black_box(call.args.x) + 1));
        }
    };
    report.row(Row {
        name: "groutine woken by a call, which it answers",
        ours: Box::new(|n| Groutines::new().with(answers).run(|| repeat(n, heard))),
        peers: vec![mock()],
    });
    let waits = Groutines::new().named("waits", || async {
        heard::called().await;
    });
    report.row(Row {
        name: "start and kill a groutine",
        ours: Box::new(|n| repeat(n, |x| waits.clone().run(|| black_box(x)))),
        peers: vec![mock_anew()],
    });
    bound::bind(&[Condition::Thread(&INSIDE)], |args, _| args.x + 2);
    report.row(Row {
        name: "bound by a thread-wide context, in it",
        ours: Box::new(|n| INSIDE.run(|| repeat(n, bound))),
        peers: vec![("plain call", Box::new(|n| repeat(n, plain)))],
    });
    report.row(Row {
        name: "bound by a thread-wide context, outside it",
        ours: Box::new(|n| repeat(n, bound)),
        peers: vec![("plain call", Box::new(|n| repeat(n, plain)))],
    });
    finish(opened_async(0));
    report.row(Row {
        name: "quiet async function, awaited",
        ours: Box::new(awaited!(opened_async)),
        peers: vec![("plain async function", Box::new(awaited!(plain_async)))],
    });
    finish(opened_pausing(0));
    report.row(Row {
        name: "quiet async function that waits once",
        ours: Box::new(awaited!(opened_pausing)),
        peers: vec![("plain async function", Box::new(awaited!(plain_pausing)))],
    });
    let answer = hooked_async::before(|call| call.ret(black_box(call.args.x) + 1));
    report.row(Row {
        name: "async function, forced return",
        ours: Box::new(|n| answer.run(|| repeat(n, |x| finish(hooked_async(x))))),
        peers: vec![mock()],
    });
    let patch = hooked_async::around(|args, next| Box::pin(async { next.proceed(args).await }));
    report.row(Row {
        name: "async function, around with proceed",
        ours: Box::new(|n| patch.run(|| repeat(n, |x| finish(hooked_async(x))))),
        peers: vec![mock()],
    });
}
