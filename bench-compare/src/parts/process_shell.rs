//! A command in a shell that is kept, beside a new `bash -c` for each.

use std::process::{Command, Stdio};

use selvedge::process::Shell;

use crate::measure::{Loop, Report, Row};

/// A new bash for each, its output captured.
fn anew(script: &'static str) -> Loop<'static> {
    Box::new(move |n| {
        for _ in 0..n {
            let mut command = Command::new("bash");
            command.args(["--noprofile", "--norc", "-c", script]);
            command.stdin(Stdio::null());
            assert!(command.output().expect("a bash").status.success());
        }
    })
}

/// In a shell that has run a command before.
fn kept(words: &'static [&'static str]) -> Loop<'static> {
    let shell = Shell::new();
    Box::new(move |n| {
        for _ in 0..n {
            let command = shell.run(words).expect("a shell");
            assert!(command.output().is_ok());
        }
    })
}

pub fn rows(report: &mut Report) {
    _ = selvedge::run("bench-compare", |_stop| {
        report.row(Row {
            name: "echo, a shell's own, in a kept shell",
            ours: kept(&["echo", "hi"]),
            peers: vec![("new bash -c", anew("echo hi"))],
        });
        report.row(Row {
            name: "/bin/echo in a kept shell",
            ours: kept(&["/bin/echo", "hi"]),
            peers: vec![("new bash -c", anew("/bin/echo hi"))],
        });
        Ok(())
    });
}
