//! Profiles and the log beside tracing's spans and its non-blocking writer.

use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use selvedge::observe::logging::{self, Full, Level};
use selvedge::observe::profile;
use selvedge::open;
use tracing_subscriber::Registry;

use crate::measure::{Loop, Report, Row, repeat};

#[open]
fn opened(x: u64) -> u64 {
    black_box(x) + 1
}

#[inline(never)]
fn measured(x: u64) -> u64 {
    opened(x)
}

/// In no profile, ever.
#[open]
fn untouched(x: u64) -> u64 {
    black_box(x) + 1
}

#[inline(never)]
fn never_measured(x: u64) -> u64 {
    untouched(x)
}

#[inline(never)]
fn plain(x: u64) -> u64 {
    black_box(x) + 1
}

#[inline(never)]
#[tracing::instrument(skip_all)]
fn instrumented(x: u64) -> u64 {
    black_box(x) + 1
}

fn in_a_block(x: u64) -> u64 {
    let _block = profile::block("block");
    black_box(x) + 1
}

fn in_a_span(x: u64) -> u64 {
    let _span = tracing::info_span!("block").entered();
    black_box(x) + 1
}

/// With a subscriber that keeps spans, and does nothing else with them.
fn subscribed<'l>(f: impl Fn(u64) -> u64 + 'l) -> Loop<'l> {
    let dispatch = tracing::Dispatch::new(Registry::default());
    Box::new(move |n| tracing::dispatcher::with_default(&dispatch, || repeat(n, &f)))
}

fn profiled<'l>(builder: profile::Builder, f: impl Fn(u64) -> u64 + 'l) -> Loop<'l> {
    Box::new(move |n| {
        let profiling = builder.clone().start().expect("no other profile");
        repeat(n, &f);
        drop(profiling);
    })
}

/// A line as a program writes it.
const LINE: &[u8] =
    b"2026-11-21T10:53:59.123456Z  INFO app/worker-3 app::views: answered request 4711 in 12 ms\n";

pub fn rows(report: &mut Report) {
    opened(0); // the first call looks for bindings
    report.row(Row {
        name: "open function, no profile",
        ours: Box::new(|n| repeat(n, measured)),
        peers: vec![("plain call", Box::new(|n| repeat(n, plain)))],
    });
    let own = profile::Builder::new().functions("**::opened");
    drop(own.start().expect("no other profile"));
    untouched(0);
    report.row(Row {
        name: "open function, a profile is over",
        ours: Box::new(|n| repeat(n, measured)),
        peers: vec![(
            "open function, there was none",
            Box::new(|n| repeat(n, never_measured)),
        )],
    });
    report.row(Row {
        name: "block, no profile",
        ours: Box::new(|n| repeat(n, in_a_block)),
        peers: vec![("span, no subscriber", Box::new(|n| repeat(n, in_a_span)))],
    });
    report.row(Row {
        name: "open function, profiled",
        ours: profiled(profile::Builder::new(), measured),
        peers: vec![("tracing::instrument, registry", subscribed(instrumented))],
    });
    report.row(Row {
        name: "open function, profiled, one of 16 timed",
        ours: profiled(profile::Builder::new().sample(16), measured),
        peers: vec![("tracing::instrument, registry", subscribed(instrumented))],
    });
    report.row(Row {
        name: "block, profiled",
        ours: profiled(profile::Builder::new(), in_a_block),
        peers: vec![("span, registry", subscribed(in_a_span))],
    });
    let logged = selvedge::run("bench", |_stop| {
        lines(report);
        Ok(())
    });
    assert_eq!(logged, ExitCode::SUCCESS, "the log has failed");
}

/// Lines for a thread that throws them away; who finds no room goes on.
fn lines(report: &mut Report) {
    let log = logging::to(std::io::sink())
        .when_full(Full::Drop)
        .bound(128_000);
    let log = log.install().expect("no other log");
    let (mut theirs, _guard) = tracing_appender::non_blocking(std::io::sink());
    let mut ours = log.writer();
    report.row(Row {
        name: "a line to the log's thread",
        ours: Box::new(|n| (0..n).for_each(|_| ours.write_all(LINE).expect("it does not fail"))),
        peers: vec![(
            "tracing_appender::non_blocking",
            Box::new(|n| (0..n).for_each(|_| theirs.write_all(LINE).expect("it does not fail"))),
        )],
    });
    let (writer, _other_guard) = tracing_appender::non_blocking(std::io::sink());
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(writer)
        .finish();
    let dispatch = tracing::Dispatch::new(subscriber);
    report.row(Row {
        name: "a record, formatted, to the log's thread",
        ours: Box::new(|n| {
            (0..n).for_each(|i| log.say(Level::Info, format_args!("answered request {i}")));
        }),
        peers: vec![(
            "tracing::info!, non_blocking",
            Box::new(|n| {
                tracing::dispatcher::with_default(&dispatch, || {
                    (0..n).for_each(|i| tracing::info!("answered request {i}"));
                });
            }),
        )],
    });
    let pause = || std::thread::sleep(Duration::from_micros(100));
    let mut ours = log.writer();
    let (mut theirs, _third_guard) = tracing_appender::non_blocking(std::io::sink());
    report.row(Row {
        name: "a line now and then, 100 us apart, sleep in it",
        ours: Box::new(move |n| {
            for _ in 0..n {
                pause();
                ours.write_all(LINE).expect("it does not fail");
            }
        }),
        peers: vec![(
            "tracing_appender::non_blocking",
            Box::new(move |n| {
                for _ in 0..n {
                    pause();
                    theirs.write_all(LINE).expect("it does not fail");
                }
            }),
        )],
    });
    log.close();
}
