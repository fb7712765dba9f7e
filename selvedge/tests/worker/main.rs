//! Workers, started for real: Python programs, this binary as a Rust worker, and programs that misbehave.
//!
//! Where there is no `python3`, the cases that need it are named as skipped. After all of them nothing is left.

mod cancel;
#[path = "../child/mod.rs"]
mod child;
mod life;
mod log;
#[path = "../alone_processes/proc.rs"]
mod proc;
mod python;
mod server;
mod wake;

use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};

use selvedge::process::worker::{Builder, Worker};
use selvedge::thread::Outcome;
use selvedge::{Signal, probe, process};

fn main() -> ExitCode {
    let has_python = Command::new("python3").arg("-V").output().is_ok();
    let mut cases = [
        server::CASES,
        life::CASES,
        cancel::CASES,
        wake::CASES,
        log::CASES,
    ]
    .concat();
    let of_python = [
        python::CASES,
        life::PYTHON_CASES,
        cancel::PYTHON_CASES,
        log::PYTHON_CASES,
    ]
    .concat();
    if has_python {
        cases.extend(of_python);
    } else {
        for (name, _) in of_python {
            println!("{name}: skipped, there is no python3");
        }
    }
    if child::is_child() {
        let scenarios = [server::SCENARIOS, wake::SCENARIOS, log::SCENARIOS].concat();
        return child::main(&scenarios, &[]);
    }
    // What the first program opens, for the signals of the system, stays.
    program(|_stop| Ok(()));
    let before = proc::Held::now();
    let status = child::main(&[], &cases);
    if std::env::args().count() == 1 {
        // Those that watch over the children of the tests end when they notice.
        let is_left = || format!("{:?} is left, not {before:?}", proc::Held::now());
        proc::until_explained(|| proc::Held::now() == before, is_left);
    }
    status
}

/// Runs `body` as a program, whose status must be success.
#[track_caller]
fn program(body: impl FnOnce(Signal) -> Outcome<()>) {
    let status = selvedge::run("test", body);
    assert_eq!(status, ExitCode::SUCCESS);
}

/// The Python worker of the package.
fn python() -> Builder {
    Builder::python("py", process::Command::new("python3"))
}

/// A Python worker that runs.
fn started() -> Worker {
    python().start().expect("it starts")
}

/// What was said by events of workers, as text.
struct Heard {
    texts: Arc<Mutex<Vec<String>>>,
    heard: Signal,
    _subscription: probe::Subscription,
}

impl Heard {
    /// Hears from now on; `heard` is set when a text contains `enough`.
    fn until(enough: &'static str) -> Self {
        let texts: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Signal::new();
        let (into, set) = (Arc::clone(&texts), heard.clone());
        let subscription = probe::subscribe(move |event| {
            let text = event.to_string();
            let is_enough = text.contains(enough);
            into.lock().unwrap().push(text);
            if is_enough {
                set.set();
            }
        });
        Self {
            texts,
            heard,
            _subscription: subscription,
        }
    }

    fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap().clone()
    }
}
