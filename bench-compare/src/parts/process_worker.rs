//! A call of a worker, there and back, beside a line through two pipes.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};

use selvedge::process::worker::{Builder, Server, Worker};
use selvedge::process::{self, Command};

use crate::measure::{Loop, Report, Row};

/// What the program is told to be the worker, or the pipe's other end.
pub const WORKER: &str = "worker-of-bench";
pub const PIPE: &str = "pipe-of-bench";

pub fn rows(report: &mut Report) {
    const RUST: &str = "worker, a call and its result";
    const PYTHON: &str = "python worker, a call and its result";
    if !report.wants(RUST) && !report.wants(PYTHON) {
        return;
    }
    let program = std::env::current_exe().expect("this program");
    _ = selvedge::run("bench", |_| {
        let rust = Builder::new("rust", Command::new(&program).arg(WORKER)).start()?;
        let mut child = std::process::Command::new(&program)
            .arg(PIPE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        report.row(Row {
            name: RUST,
            ours: calls(&rust),
            peers: vec![("two pipes, a line", lines(&mut input, &mut output))],
        });
        let python = process::Command::new("python3");
        if let Ok(python) = Builder::python("python", python).start() {
            python.exec("def add(a, b): return a + b")?;
            report.row(Row {
                name: PYTHON,
                ours: calls(&python),
                peers: vec![("two pipes, a line", lines(&mut input, &mut output))],
            });
        }
        drop(input);
        child.wait()?;
        Ok(())
    });
}

fn calls<'w>(worker: &'w Worker) -> Loop<'w> {
    Box::new(move |n| {
        for i in 0..n {
            let sum: u64 = worker.call("add", (i, 1)).expect("it answers");
            assert_eq!(black_box(sum), i + 1);
        }
    })
}

fn lines<'p>(input: &'p mut ChildStdin, output: &'p mut BufReader<ChildStdout>) -> Loop<'p> {
    Box::new(move |n| {
        let mut line = String::new();
        for _ in 0..n {
            // As long as a call.
            input
                .write_all(b"{\"id\":1234,\"call\":\"add\",\"args\":[1234,1]}\n")
                .expect("it reads");
            line.clear();
            output.read_line(&mut line).expect("it answers");
            black_box(&line);
        }
    })
}

/// The worker.
pub fn serve() -> std::process::ExitCode {
    selvedge::run("worker", |_| {
        Server::new()
            .function("add", |(a, b): (u64, u64)| Ok(a + b))
            .serve()?;
        Ok(())
    })
}

/// The other end of the pipes: each read is answered by a line.
pub fn answer() -> std::process::ExitCode {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut buffer = [0; 4096];
    while let Ok(1..) = input.read(&mut buffer) {
        let answered = output.write_all(b"{\"id\":1234,\"out\":1235}\n");
        if answered.and_then(|()| output.flush()).is_err() {
            break;
        }
    }
    std::process::ExitCode::SUCCESS
}
