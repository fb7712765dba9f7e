//! Commands in shells, run for real: in a process of their own, because they look at all its children.
#![cfg(target_os = "linux")]

mod commands;
mod ends;
mod kept;
mod words;

use std::path::Path;

use selvedge::process::{Process, Shell};

/// What a script prints, without the last newline.
fn said(shell: &Shell, script: &str) -> String {
    text(&shell.run_script(script).unwrap())
}

fn text(command: &Process) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim_end_matches('\n').to_owned()
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
fn until_gone(number: &str) {
    while exists(number) {
        std::thread::yield_now();
    }
}
