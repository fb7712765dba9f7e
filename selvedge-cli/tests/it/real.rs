//! The verbs with a program that runs.

use std::env;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::canned::{Folder, told};
use crate::inspected;

/// Runs the example instead of a test, in a process that [`Inspected`] has started.
#[test]
fn the_program_that_is_looked_at() {
    if env::var_os("SELVEDGE_CLI_INSPECTED").is_some() {
        inspected::main();
    }
}

/// The example, in a process of its own.
pub(crate) struct Inspected {
    child: Child,
    pub(crate) folder: Folder,
}

impl Inspected {
    pub(crate) fn start() -> Self {
        let folder = Folder::new();
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "real::the_program_that_is_looked_at"])
            .env("SELVEDGE_CLI_INSPECTED", "1")
            .env("SELVEDGE_INSPECT", folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self { child, folder };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !told(&program.folder.selvedge(&["tree"]))
            .1
            .contains("held by `inspected/loom/keeper`")
        {
            assert!(Instant::now() < deadline, "it does not get going");
        }
        program
    }
}

impl Drop for Inspected {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_program_is_looked_at_without_a_change() {
    let program = Inspected::start();
    let run = |arguments: &[&str]| told(&program.folder.selvedge(arguments));
    let pid = program.child.id().to_string();

    let (_, out, _) = run(&["ps"]);
    assert!(
        out.lines()
            .any(|line| line.starts_with("inspected") && line.contains(&pid)),
        "{out}"
    );

    let (_, out, _) = run(&["tree", &pid]);
    let auditor = out
        .lines()
        .find(|line| line.contains("─ auditor "))
        .unwrap();
    assert!(
        auditor.contains("for lock `ledger`, held by `inspected/loom/keeper` at "),
        "{out}"
    );

    let (status, out, _) = run(&["watch", "**::weave", "--max", "4"]);
    assert_eq!((status, out.lines().count()), (Some(0), 4), "{out}");
    assert!(out.contains("> ") && out.contains("weave(job: "), "{out}");

    let (status, _, err) = run(&["watch", "[", "--max", "4"]);
    assert_eq!(status, Some(1), "{err}");

    let (status, _, err) = run(&["record", "load.jsonl", "--for", "300ms", "--every", "100ms"]);
    assert_eq!(status, Some(0), "{err}");
    let recorded = fs::read_to_string(program.folder.path().join("load.jsonl")).unwrap();
    assert!(
        recorded.matches("\"snapshot\"").count() >= 2
            && recorded.contains("inspected/loom/worker-2")
    );

    let (status, out, _) = run(&["stop", "inspected/loom/nobody"]);
    assert_eq!((status, &*out), (Some(1), ""));
    let (status, out, _) = run(&["stop", "inspected/loom/worker-1"]);
    assert_eq!(
        (status, &*out),
        (Some(0), "`inspected/loom/worker-1` is asked to stop\n")
    );
    while run(&["tree"]).1.contains("─ worker-1 ") {}
}
