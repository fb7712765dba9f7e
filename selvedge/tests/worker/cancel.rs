//! Calls that nobody waits for any more: those that run, and those that wait for others.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{self, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use selvedge::Till;
use selvedge::process::worker::{Builder, PYTHON_SOURCE};
use serde_json::{Value, json};

use crate::child::Case;
use crate::server::command;
use crate::{program, python, started};

pub(crate) const CASES: &[Case] = &[
    (
        "a_call_that_waits_in_a_rust_worker_is_cancelled_at_once",
        a_call_that_waits_in_a_rust_worker_is_cancelled_at_once,
    ),
    (
        "a_rust_server_that_is_stopped_cancels_its_calls",
        a_rust_server_that_is_stopped_cancels_its_calls,
    ),
    (
        "a_call_that_comes_with_the_stop_does_not_begin",
        a_call_that_comes_with_the_stop_does_not_begin,
    ),
    (
        "a_number_that_is_free_again_may_be_used",
        a_number_that_is_free_again_may_be_used,
    ),
];

pub(crate) const PYTHON_CASES: &[Case] = &[
    (
        "a_call_that_waits_in_a_python_worker_is_cancelled_at_once",
        a_call_that_waits_in_a_python_worker_is_cancelled_at_once,
    ),
    (
        "a_python_server_that_is_stopped_lets_its_calls_end",
        a_python_server_that_is_stopped_lets_its_calls_end,
    ),
    (
        "a_python_server_whose_answers_nobody_reads_ends",
        a_python_server_whose_answers_nobody_reads_ends,
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

/// A server that is spoken to by hand.
pub(crate) struct Server {
    pub(crate) process: process::Child,
    calls: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    fn rust(scenario: &str, threads: usize) -> Self {
        Self::rust_with(scenario, threads, Stdio::inherit())
    }

    pub(crate) fn rust_with(scenario: &str, threads: usize, errors: Stdio) -> Self {
        let mut server = process::Command::new(std::env::current_exe().unwrap());
        server.stderr(errors);
        server.env("SELVEDGE_TEST_CHILD", scenario);
        Self::start(server, "", threads)
    }

    fn python(threads: usize) -> Self {
        let begin = "import sys, types
source = sys.stdin.buffer.raw.read(int(sys.argv[1])).decode()
module = sys.modules['selvedge_worker'] = types.ModuleType('selvedge_worker')
exec(source, module.__dict__)
module.serve()";
        let mut server = process::Command::new("python3");
        server.args(["-c", begin, &PYTHON_SOURCE.len().to_string()]);
        Self::start(server, PYTHON_SOURCE, threads)
    }

    fn start(mut command: process::Command, preamble: &str, threads: usize) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let calls = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut server = Self {
            process,
            calls,
            answers,
        };
        let config = json!({"version": 1, "name": "w", "max_line": 1 << 16, "threads": threads});
        write!(server.calls, "{preamble}").unwrap();
        server.say(&json!({"config": config}));
        assert_eq!(server.answer()["out"], "ok");
        server
    }

    pub(crate) fn say(&mut self, message: &Value) {
        writeln!(self.calls, "{message}").unwrap();
    }

    pub(crate) fn call(&mut self, id: usize, function: &str, args: &[&str]) {
        self.say(&json!({"id": id, "call": function, "args": args}));
    }

    pub(crate) fn answer(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.answers.read_line(&mut line).unwrap() > 0, "it lives");
        serde_json::from_str(&line).unwrap()
    }

    /// The pipe, of which something may be read.
    pub(crate) fn answers(&self) -> BorrowedFd<'_> {
        self.answers.get_ref().as_fd()
    }

    /// Returns when it has read all that was said, though its calls run.
    fn has_read(&mut self) {
        self.say(&json!({"nonsense": 1}));
        assert!(self.answer()["err"].is_object());
    }

    pub(crate) fn end(mut self) -> ExitStatus {
        assert_eq!(self.answers.read_line(&mut String::new()).unwrap(), 0);
        self.process.wait().unwrap()
    }
}

/// As many calls run as may, and the next one, which would kill the server, is cancelled.
fn cancel_behind(
    mut server: Server,
    threads: usize,
    held: impl Fn(&Hold) -> Vec<String>,
    fatal: &str,
) {
    let mut hold = Hold::new();
    for id in 1..=threads {
        let words = held(&hold);
        let words: Vec<_> = words.iter().map(|word| &**word).collect();
        server.call(id, words[0], &words[1..]);
        hold.wait_for_begin();
    }
    // So that a server that answers too late fails the test, and does not hang it.
    let (release, is_released) = channel();
    let holder = thread::Builder::new().spawn(move || {
        let _ = is_released.recv_timeout(Duration::from_secs(15));
        hold.release();
    });
    server.call(threads + 1, fatal, &[]);
    server.say(&json!({"cancel": threads + 1}));
    let first = server.answer();
    assert_eq!(first["id"], threads + 1, "{first}");
    assert_eq!(first["err"]["type"], "Cancelled", "{first}");
    release.send(()).unwrap();
    holder.unwrap().join().unwrap();
    let mut rest: Vec<_> = (0..threads).map(|_| server.answer()).collect();
    rest.sort_by_key(|answer| answer["id"].as_u64());
    for (id, answer) in (1..).zip(&rest) {
        assert_eq!(answer["id"], id, "{answer}");
    }
    let has_read = rest.iter().filter(|answer| answer["out"] == "released");
    assert_eq!(has_read.count(), 1, "{rest:?}");
    server.say(&json!({"stop": true}));
    assert!(server.end().success());
}

/// Calls are long enough for the listener to read, so that the next one may be read before the last one is forgotten.
fn a_number_that_is_free_again_may_be_used() {
    for (scenario, threads) in [("adder", 1), ("pool", 3)] {
        let mut server = Server::rust(scenario, threads);
        let id = rustix::process::Pid::from_child(&server.process);
        let (ended, is_ended) = channel::<()>();
        let watch = thread::Builder::new().spawn(move || {
            if is_ended.recv_timeout(Duration::from_secs(15)) == Err(RecvTimeoutError::Timeout) {
                let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
            }
        });
        for round in 0..200 {
            server.say(&json!({"id": 7, "call": "nap", "args": [5]}));
            assert_eq!(server.answer()["id"], 7, "{round}");
        }
        drop(ended);
        watch.unwrap().join().unwrap();
        server.say(&json!({"stop": true}));
        assert!(server.end().success());
    }
}

fn a_call_that_waits_in_a_rust_worker_is_cancelled_at_once() {
    for (scenario, threads) in [("adder", 1), ("pool", 3)] {
        let held = |hold: &Hold| {
            let (begun, till) = hold.names();
            vec!["hold".to_owned(), begun, till]
        };
        cancel_behind(Server::rust(scenario, threads), threads, held, "fall");
    }
}

fn a_call_that_waits_in_a_python_worker_is_cancelled_at_once() {
    for threads in [1, 2] {
        let held = |hold: &Hold| vec!["eval".to_owned(), held(&hold.names())];
        cancel_behind(Server::python(threads), threads, held, "os.abort");
    }
}

/// SIGTERM cancels what runs, and what waits does not begin.
fn a_rust_server_that_is_stopped_cancels_its_calls() {
    for (scenario, threads) in [("adder", 1), ("pool", 3)] {
        let mut server = Server::rust(scenario, threads);
        let mut hold = Hold::new();
        for id in 1..=threads {
            server.call(id, "begin_and_wait", &[&hold.names().0]);
            hold.wait_for_begin();
        }
        server.call(threads + 1, "fall", &[]);
        server.has_read();
        terminate(server.process.id());
        for _ in 1..=threads {
            let answer = server.answer();
            assert_eq!(answer["err"]["type"], "Cancelled", "{answer}");
        }
        let end = server.end();
        assert_eq!(end.signal(), Some(15), "{end}"); // of SIGTERM, and not of the call
    }
}

/// Both are read at once; the call would kill the server.
fn a_call_that_comes_with_the_stop_does_not_begin() {
    for (scenario, threads) in [("adder", 1), ("pool", 3)] {
        let mut server = Server::rust(scenario, threads);
        let lines = b"{\"stop\":true}\n{\"id\":1,\"call\":\"fall\"}\n";
        server.calls.write_all(lines).unwrap();
        assert!(server.end().success());
    }
}

/// SIGTERM is as a `stop`: what runs may end, what waits does not begin.
fn a_python_server_that_is_stopped_lets_its_calls_end() {
    let mut server = Server::python(1);
    let mut hold = Hold::new();
    server.call(1, "eval", &[&held(&hold.names())]);
    hold.wait_for_begin();
    server.call(2, "eval", &["__import__('os').abort()"]);
    server.has_read();
    terminate(server.process.id());
    hold.release();
    assert_eq!(server.answer(), json!({"id": 1, "out": "released"}));
    assert!(server.end().success());
}

/// Whoever would get its answers is gone, though its input goes on.
fn a_python_server_whose_answers_nobody_reads_ends() {
    let mut server = Server::python(1);
    let mut hold = Hold::new();
    server.call(1, "eval", &[&held(&hold.names())]);
    hold.wait_for_begin();
    let Server {
        mut process,
        mut calls,
        answers,
    } = server;
    drop(answers);
    calls
        .write_all(b"{\"id\":2,\"call\":\"abs\",\"args\":[1]}\n{\"cancel\":2}\n")
        .unwrap();
    let start = Instant::now();
    while process.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(20) {
            process.kill().unwrap();
            process.wait().unwrap();
            panic!("it lives on");
        }
        thread::yield_now();
    }
}

fn terminate(pid: u32) {
    let script = format!("kill -s TERM {pid}");
    let status = process::Command::new("sh").args(["-c", &script]).status();
    assert!(status.unwrap().success());
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
