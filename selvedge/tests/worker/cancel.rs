//! Calls that nobody waits for any more: those that run, and those that wait for others.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::process::{self, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use selvedge::Till;
use selvedge::process::worker::{Builder, PYTHON_SOURCE};

use crate::child::Case;
use crate::server::command;
use crate::{program, python, started};

pub(crate) const CASES: &[Case] = &[(
    "a_call_that_waits_in_a_rust_worker_is_cancelled_at_once",
    a_call_that_waits_in_a_rust_worker_is_cancelled_at_once,
)];

pub(crate) const PYTHON_CASES: &[Case] = &[
    (
        "a_call_that_waits_in_a_python_worker_is_cancelled_at_once",
        a_call_that_waits_in_a_python_worker_is_cancelled_at_once,
    ),
    (
        "a_cancelled_call_that_waits_does_not_cost_the_worker",
        a_cancelled_call_that_waits_does_not_cost_the_worker,
    ),
    (
        "a_call_that_is_cancelled_while_it_begins_is_cancelled",
        a_call_that_is_cancelled_while_it_begins_is_cancelled,
    ),
];

/// Two pipes that calls of other processes open by their names: one to say that they run, one to be held by.
struct Hold {
    begun: (PipeReader, PipeWriter),
    till: (PipeReader, PipeWriter),
}

impl Hold {
    fn new() -> Self {
        Self {
            begun: pipe().unwrap(),
            till: pipe().unwrap(),
        }
    }

    /// What a call is given: where it says that it has begun, and what it reads to the end.
    fn names(&self) -> (String, String) {
        let name = |fd: i32| format!("/proc/{}/fd/{fd}", process::id());
        let (begun, till) = (self.begun.1.as_raw_fd(), self.till.0.as_raw_fd());
        (name(begun), name(till))
    }

    fn wait_for_begin(&mut self) {
        self.begun.0.read_exact(&mut [0]).unwrap();
    }

    /// The first of those that are held reads this.
    fn release(self) {
        let (_reads, mut till) = self.till;
        till.write_all(b"released").unwrap();
    }
}

/// The expression that does in Python what `hold` does in Rust.
fn held((begun, till): &(String, String)) -> String {
    format!("(lambda f: [open('{begun}', 'w').write('x'), f.read()][1])(open('{till}'))")
}

/// A server with `threads` threads, spoken to by hand: as many calls run, and the next one, which would kill it, is
/// cancelled.
fn cancel_behind(mut server: process::Command, preamble: &str, threads: u64, is_python: bool) {
    let mut server = server
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut calls = server.stdin.take().unwrap();
    let mut answers = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut answer = || answers.next().expect("it lives").unwrap();
    write!(
        calls,
        "{preamble}{{\"config\":{{\"version\":1,\"name\":\"w\",\"max_line\":65536,\"threads\":{threads}}}}}\n"
    )
    .unwrap();
    assert!(answer().contains("\"out\":\"ok\""));

    let mut hold = Hold::new();
    let names = hold.names();
    for id in 1..=threads {
        let call = match is_python {
            true => format!("\"eval\",\"args\":[\"{}\"]", held(&names)),
            false => format!("\"hold\",\"args\":[\"{}\",\"{}\"]", names.0, names.1),
        };
        writeln!(calls, "{{\"id\":{id},\"call\":{call}}}").unwrap();
        hold.wait_for_begin();
    }
    // So that a worker that answers too late fails the test, and does not hang it.
    let (release, is_released) = channel();
    let holder = thread::Builder::new().spawn(move || {
        let _ = is_released.recv_timeout(Duration::from_secs(15));
        hold.release();
    });
    let fatal = match is_python {
        true => "\"eval\",\"args\":[\"__import__('os')._exit(9)\"]",
        false => "\"die\",\"args\":[9]",
    };
    let next = threads + 1;
    writeln!(calls, "{{\"id\":{next},\"call\":{fatal}}}").unwrap();
    writeln!(calls, "{{\"cancel\":{next}}}").unwrap();
    let first = answer();
    let head = format!("{{\"id\":{next},\"err\":{{\"type\":\"Cancelled\"");
    assert!(first.starts_with(&head), "{first}");
    release.send(()).unwrap();
    holder.unwrap().join().unwrap();
    let mut rest: Vec<_> = (0..threads).map(|_| answer()).collect();
    rest.sort();
    for (id, line) in (1..).zip(&rest) {
        assert!(
            line.starts_with(&format!("{{\"id\":{id},\"out\":")),
            "{line}"
        );
    }
    let has_read = rest.iter().filter(|line| line.contains("released")).count();
    assert_eq!(has_read, 1, "{rest:?}");
    writeln!(calls, "{{\"stop\":true}}").unwrap();
    assert!(answers.next().is_none());
    assert!(server.wait().unwrap().success());
}

fn a_call_that_waits_in_a_rust_worker_is_cancelled_at_once() {
    for (scenario, threads) in [("adder", 1), ("pool", 3)] {
        let mut server = process::Command::new(std::env::current_exe().unwrap());
        server.env("SELVEDGE_TEST_CHILD", scenario);
        cancel_behind(server, "", threads, false);
    }
}

fn a_call_that_waits_in_a_python_worker_is_cancelled_at_once() {
    let begin = "import sys, types
source = sys.stdin.buffer.raw.read(int(sys.argv[1])).decode()
module = sys.modules['selvedge_worker'] = types.ModuleType('selvedge_worker')
exec(source, module.__dict__)
module.serve()";
    for threads in [1, 2] {
        let mut server = process::Command::new("python3");
        server.args(["-c", begin, &PYTHON_SOURCE.len().to_string()]);
        cancel_behind(server, PYTHON_SOURCE, threads, true);
    }
}

/// The call that runs has all the time that it wants; who had waited behind it is not what held up the worker.
fn a_cancelled_call_that_waits_does_not_cost_the_worker() {
    program(|_| {
        let limit = Duration::from_secs(2);
        let rust = Builder::new("rust", command("adder"));
        let (rust, python) = (rust.cancel_within(limit), python().cancel_within(limit));
        let (rust, python) = (rust.start()?, python.start()?);
        let mut holds = [Hold::new(), Hold::new()];
        let names = holds.each_ref().map(Hold::names);
        let calls = [
            rust.begin::<String>("hold", &names[0])?,
            python.begin::<String>("eval", (held(&names[1]),))?,
        ];
        holds.iter_mut().for_each(Hold::wait_for_begin);
        rust.begin::<()>("die", (9,))?.cancel();
        python.begin::<()>("exit", (9,))?.cancel();
        Till::after(limit + limit / 4).wait()?; // by then they would have been killed
        holds.into_iter().for_each(Hold::release);
        for call in calls {
            assert_eq!(call.wait()?, "released");
        }
        Ok(())
    });
}

/// The signal that interrupts it may arrive between its first steps.
fn a_call_that_is_cancelled_while_it_begins_is_cancelled() {
    program(|_| {
        let worker = started();
        worker.import_module("time")?;
        worker.exec("import sys; sys.setswitchinterval(1e-6)")?; // its threads take turns as often as they can
        for n in 0..1000 {
            let call = worker.begin::<()>("sleep", (1000,))?;
            for _ in 0..n {
                std::hint::spin_loop();
            }
            call.cancel();
            assert_eq!(worker.call::<i64>("abs", (-3,))?, 3);
        }
        Ok(())
    });
}
