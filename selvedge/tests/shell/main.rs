//! Commands in shells, run for real: in a process of their own, because they look at all its children.
#![cfg(target_os = "linux")]

mod commands;
mod ends;
mod kept;
mod races;
mod words;

use std::path::Path;
use std::process::exit;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{current, spawn, yield_now};
use std::time::{Duration, Instant};

use selvedge::process::{Process, Shell};
use selvedge::testing::World;
use selvedge::{Till, signal};

/// How long anything may take that never takes so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a test in a world of its own. A wait in it that is not over in time fails.
fn run<R>(body: impl FnOnce() -> R) -> R {
    let _watch = watch();
    World::new().run(|| signal::deadline(&Till::after(PATIENCE), body))
}

/// Where something hangs that no deadline ends, this ends the program, and says which test it was; until it is dropped.
fn watch() -> Sender<()> {
    let (here, there) = channel();
    let test = current().name().unwrap_or_default().to_owned();
    #[expect(
        clippy::disallowed_methods,
        reason = "it watches over the library from outside"
    )]
    spawn(move || {
        if there.recv_timeout(2 * PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("test {test} hangs");
            exit(101);
        }
    });
    here
}

/// What a script prints, without the last newline.
fn said(shell: &Shell, script: &str) -> String {
    text(&shell.run_script(script).unwrap())
}

fn text(command: &Process) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim_end_matches('\n').to_owned()
}

/// The next line that it prints.
fn next(command: &Process) -> String {
    let line = command.stdout().pop().unwrap();
    line.to_string_lossy().into_owned()
}

/// The number of the shell that a command gets now.
fn number(shell: &Shell) -> String {
    said(shell, "echo $$")
}

/// Is there a process with this number? One that nobody has reaped is one.
fn exists(number: &str) -> bool {
    Path::new("/proc").join(number).exists()
}

/// Waits for the end of a process that is not ours.
#[track_caller]
fn until_gone(number: &str) {
    until(&format!("process {number} is gone"), || !exists(number));
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it never was so: {what}");
        yield_now();
    }
}

/// Somebody else signals a process.
fn kill(signal: &str, number: &str) {
    let kill = std::process::Command::new("kill")
        .args([signal, number])
        .status();
    kill.unwrap();
}
