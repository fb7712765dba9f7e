//! The inspector: a tree of a thousand threads, drawn here and by a client; and what a wait pays for being seen.

use std::thread::sleep;
use std::time::{Duration, Instant};

use selvedge::observe::inspect::protocol::{Body, Command};
use selvedge::observe::inspect::{Client, serve};
use selvedge::{Signal, thread};

use crate::machine::voluntary_switches;
use crate::measure::{Report, Values};

const THREADS: usize = 1_000;
/// What the whole may take, in microseconds.
const BOUND: f64 = 5_000.0;

pub fn rows(report: &mut Report) {
    let rows = [
        "tree of 1,000 threads drawn",
        "tree of 1,000 threads asked for and read",
        "tree of 1,000 threads with processor time",
        "a client that asks nothing: wake-ups in 2 s",
    ];
    if !rows.iter().any(|row| report.wants(row)) {
        return;
    }
    let path = std::env::temp_dir().join(format!("selvedge-bench-{}.sock", std::process::id()));
    let _ = selvedge::run("bench-compare", |_stop| {
        let end = Signal::new();
        for n in 0..THREADS {
            let end = end.clone();
            let wait = move |_stop| Ok(end.wait()?);
            thread::Builder::new(&format!("worker-{n}"))
                .stack_size(64 * 1024)
                .spawn(wait)?
                .release();
        }
        let serving = serve(&path)?;
        let mut client = Client::connect(serving.path())?;
        while !is_asleep() {
            std::thread::yield_now();
        }
        let bound = || -> crate::measure::Sample<'static> { Box::new(|| BOUND) };
        report.values(Values {
            name: rows[0],
            unit: "us",
            samples: 25,
            ours: Box::new(|| {
                let start = Instant::now();
                let drawn = thread::tree().to_string();
                let took = micros(start);
                assert!(drawn.lines().count() > THREADS);
                took
            }),
            peers: vec![("the bound", bound())],
        });
        for (row, cpu) in [(rows[1], false), (rows[2], true)] {
            report.values(Values {
                name: row,
                unit: "us",
                samples: 25,
                ours: Box::new(|| {
                    let start = Instant::now();
                    let answer = client.ask(Command::Tree { cpu });
                    let took = micros(start);
                    assert!(matches!(answer, Ok(Body::Tree(it)) if it.len() > THREADS));
                    took
                }),
                peers: vec![("the bound", bound())],
            });
        }
        report.values(Values {
            name: rows[3],
            unit: "",
            samples: 5,
            ours: Box::new(|| {
                let before = voluntary_switches();
                sleep(Duration::from_secs(2));
                voluntary_switches() - before
            }),
            peers: Vec::new(),
        });
        end.set();
        Ok(())
    });
}

fn is_asleep() -> bool {
    let tree = thread::tree();
    let waits = tree
        .nodes()
        .iter()
        .filter(|node| node.waits_for().is_some());
    waits.count() == THREADS
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}
