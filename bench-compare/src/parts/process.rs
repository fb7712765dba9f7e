//! Child processes, beside std's, which neither watches over them nor knows a tree.

use std::process::{Command as StdCommand, Stdio as StdStdio};
use std::time::Instant;

use selvedge::process::{Command, Process, Stdin, Stdio};

use crate::machine::bytes_kept;
use crate::measure::{Loop, Report, Row, Sample, Values};

/// How many are started for one sample.
const SPAWNED: u32 = 50;
/// How many wait at the same time.
const HELD: usize = 50;
/// A large heap.
const HEAP: usize = 1 << 30;

pub fn rows(report: &mut Report) {
    // In a program: the engine and the guard live as long as that.
    _ = selvedge::run("bench-compare", |_stop| {
        all(report);
        Ok(())
    });
}

fn all(report: &mut Report) {
    report.row(Row {
        name: "spawn + wait of /bin/true",
        ours: spawn_and_wait(),
        peers: vec![(
            "std",
            Box::new(|n| {
                for _ in 0..n {
                    let mut command = StdCommand::new("/bin/true");
                    let command = command.stdin(StdStdio::null());
                    let command = command.stdout(StdStdio::null());
                    let status = command.stderr(StdStdio::null()).status();
                    assert!(status.expect("a status").success());
                }
            }),
        )],
    });
    report.row(Row {
        name: "captured echo",
        ours: Box::new(|n| {
            let echo = Command::new("/bin/echo").arg("hi");
            for _ in 0..n {
                let output = echo.spawn().expect("a process").output();
                assert_eq!(output.expect("its output").stdout, b"hi\n");
            }
        }),
        peers: vec![(
            "std",
            Box::new(|n| {
                for _ in 0..n {
                    let output = StdCommand::new("/bin/echo").arg("hi").output();
                    assert_eq!(output.expect("its output").stdout, b"hi\n");
                }
            }),
        )],
    });
    report.values(Values {
        name: "spawn + wait with 1 GB touched",
        unit: "us",
        samples: 9,
        ours: Box::new(|| {
            let heap = vec![1_u8; HEAP];
            let time = micros_of(spawn_and_wait());
            assert_eq!(std::hint::black_box(&heap)[HEAP / 2], 1);
            time
        }),
        peers: vec![(
            "a small heap",
            Box::new(|| micros_of(spawn_and_wait())) as Sample<'_>,
        )],
    });
    report.values(Values {
        name: "heap of a waiting process",
        unit: "B",
        samples: 9,
        ours: Box::new(|| {
            let (bytes, processes) = bytes_kept(|| -> Vec<Process> {
                let cat = Command::new("cat").stdin(Stdin::Pipe);
                let started = (0..HELD).map(|_| cat.spawn().expect("a process"));
                let processes: Vec<_> = started.collect();
                // Each has answered: it is in the engine's hands.
                for process in &processes {
                    process.stdin().push(b"\n".to_vec()).expect("room");
                    process.stdout().pop().expect("a line");
                }
                processes
            });
            for process in &processes {
                process.stdin().close();
                process.wait().expect("its end");
            }
            bytes / HELD as f64
        }),
        peers: vec![(
            "std",
            Box::new(|| {
                let (bytes, mut processes) = bytes_kept(|| {
                    let mut cat = StdCommand::new("cat");
                    cat.stdin(StdStdio::piped()).stdout(StdStdio::piped());
                    cat.stderr(StdStdio::piped());
                    let started = (0..HELD).map(|_| cat.spawn().expect("a process"));
                    started.collect::<Vec<_>>()
                });
                for process in &mut processes {
                    drop(process.stdin.take());
                    process.wait().expect("its end");
                }
                bytes / HELD as f64
            }),
        )],
    });
}

fn spawn_and_wait() -> Loop<'static> {
    let quiet = Command::new("/bin/true").stdout(Stdio::Null);
    let quiet = quiet.stderr(Stdio::Null);
    Box::new(move |n| {
        for _ in 0..n {
            let exit = quiet.spawn().expect("a process").wait();
            assert!(exit.expect("its end").success());
        }
    })
}

fn micros_of(mut spawn: Loop<'_>) -> f64 {
    let start = Instant::now();
    spawn(SPAWNED.into());
    start.elapsed().as_secs_f64() * 1e6 / f64::from(SPAWNED)
}
