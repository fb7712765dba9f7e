//! Pipes, devices and operating system signals.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::child::{Live, TempFile, interruptible};
use crate::{FORMULAS, formulas, oracle};

#[test]
fn nothing_gives_nothing() {
    formulas(&[], "").quiet().code(0).says("");
    formulas(&["/dev/null"], "1\n").quiet().code(0).says("");
    formulas(&["/dev/null", "-", "/dev/null"], "1\n")
        .quiet()
        .code(0)
        .says("1\n");
}

#[test]
fn a_line_is_answered_before_the_next_one_is_asked_for() {
    let mut live = Live::start(interruptible(FORMULAS).stdin(Stdio::piped()));
    live.write("x = 2\n");
    live.wait_for("x = 2\n");
    live.write("x * 3");
    live.write("\n");
    live.wait_for("x = 2\n6\n");
    live.end().quiet().code(0).says("x = 2\n6\n");
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let input = formulas(&["generate", "--lines", "200000", "--names", "10"], "")
        .code(0)
        .stdout;
    let file = TempFile::new("big.txt", input);
    let mut child = Command::new(FORMULAS)
        .arg(file.name())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap(); // And closed.
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn help_and_generated_lines_may_go_to_a_closed_pipe() {
    for arguments in [&["generate", "--lines", "1000000"][..], &["--list-plugins"]] {
        let mut child = Command::new(FORMULAS)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr.len()),
            (Some(0), 0),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return; // There is none on this system.
    };
    let source = TempFile::new("in.txt", "1\n");
    let output = Command::new(FORMULAS)
        .arg(source.name())
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("formulas: error: cannot go on: "),
        "{stderr}"
    );
}

#[test]
fn ctrl_c_while_waiting_for_input_is_a_death_by_signal() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut live = Live::start(interruptible(FORMULAS).stdin(Stdio::piped()));
        live.write("1\n2\n");
        live.wait_for("1\n2\n");
        live.send(signal);
        // Standard input is still open: nothing but the signal can end it.
        let stdin = live.stdin.take();
        live.end().quiet().signal(signal).says("1\n2\n");
        drop(stdin);
    }
}

#[test]
fn ctrl_c_in_the_middle_prints_what_was_computed_in_order() {
    let input = formulas(&["generate", "--lines", "100000", "--names", "100"], "")
        .code(0)
        .stdout;
    let file = TempFile::new("big.txt", &input);
    let expected = oracle::run(&input).stdout;
    let mut live = Live::start(
        interruptible(FORMULAS)
            .arg(file.name())
            .stdin(Stdio::null()),
    );
    // Its output has begun, and there is far more of it than a pipe holds.
    live.wait_for(expected.lines().next().unwrap());
    live.send(Signal::INT);
    let ended = live.end().quiet().signal(Signal::INT);
    assert!(expected.starts_with(&ended.stdout) && ended.stdout.ends_with('\n'));
}

#[test]
fn a_device_without_end_does_not_fill_the_memory_and_can_be_interrupted() {
    let mut live = Live::start(
        interruptible(FORMULAS)
            .args(["-", "/dev/zero"])
            .stdin(Stdio::piped()),
    );
    live.write("1\n");
    drop(live.stdin.take());
    live.wait_for("1\n");
    live.send(Signal::INT);
    live.end().signal(Signal::INT);
}

#[test]
fn memory_does_not_grow_with_the_input() {
    let input = formulas(&["generate", "--lines", "20000", "--names", "500"], "")
        .code(0)
        .stdout;
    let mut live = Live::start(
        interruptible(FORMULAS)
            .args(["--workers", "4"])
            .stdin(Stdio::piped()),
    );
    let mut peak_after = |round: u32| {
        live.write(&input);
        live.write(&format!("1000000 + {round}\n"));
        live.wait_for_last(&format!("\n{}\n", 1_000_000 + round));
        live.peak_memory()
    };
    let Some(first) = peak_after(1) else {
        return; // This system does not say.
    };
    let last = (2..=6)
        .map(|round| peak_after(round).unwrap())
        .max()
        .unwrap();
    // A hundred bytes kept of each of the 100,000 lines would be more than this.
    assert!(last < first + 8 * 1024, "{first} KiB, and then {last} KiB");
    live.end().quiet().code(0);
}
