//! What a user sees of a run while it runs: the bar, and what the inspector shows.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use selvedge::observe::inspect::Client;
use selvedge::observe::inspect::protocol::{Body, Command};

use crate::FORMULAS;
use crate::child::{LIMIT, TempFile, interruptible};

/// Runs the program with standard error on a terminal, and says what was written there.
fn on_a_terminal(arguments: &[&str], stdout_too: bool) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let side = || {
        let side = OpenOptions::new().read(true).write(true).open(&path);
        File::from(OwnedFd::from(side.unwrap()))
    };
    let mut command = interruptible(FORMULAS);
    command.args(arguments).env("TERM", "xterm").stderr(side());
    command.stdin(Stdio::null()).stdout(match stdout_too {
        true => Stdio::from(side()),
        false => Stdio::null(),
    });
    let mut child = command.spawn().unwrap();
    drop(command); // its sides of the terminal
    let (mut seen, mut master) = (Vec::new(), File::from(master));
    let _ = master.read_to_end(&mut seen); // ends with an error when nobody has the other side
    child.wait().unwrap();
    String::from_utf8(seen).unwrap()
}

#[test]
fn a_long_run_has_a_bar_where_it_disturbs_nobody() {
    let text = "x = 1 + 2 * 3\n".repeat(100_000) + ")\n";
    let file = TempFile::new("long", &text);
    let seen = on_a_terminal(&[file.name()], false);
    assert!(seen.contains("% of 1.3"), "{seen:?}");
    let complaint = format!("{}:100001:1: expected a number", file.name());
    let line = seen
        .split(['\r', '\n'])
        .find(|line| line.contains("expected"))
        .unwrap();
    assert!(
        line.ends_with(&complaint) || line.contains(&complaint),
        "on a line of its own: {seen:?}"
    );
    assert!(!line.contains('%'), "{line:?}");
    let last = seen.rsplit("\u{1b}[2K").next().unwrap();
    assert!(!last.contains('%'), "in the end it is gone: {last:?}");
    // Results on the terminal show by themselves how far it is.
    let short = TempFile::new("short", "1 + 1\n");
    assert_eq!(on_a_terminal(&[short.name()], true), "2\r\n");
}

#[test]
fn an_inspected_run_shows_its_workers_and_their_queue() {
    let socket = TempFile::new("socket", "");
    std::fs::remove_file(socket.path()).unwrap();
    let mut child = interruptible(FORMULAS)
        .arg(format!("--inspect={}", socket.name()))
        .args(["--workers", "2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + LIMIT;
    let mut program = loop {
        match Client::connect(socket.path()) {
            Ok(program) => break program,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    assert_eq!(program.hello().program, "formulas");
    loop {
        let Body::Queues(queues) = program.ask(Command::Queues).unwrap() else {
            panic!()
        };
        let waits = queues.iter().find(|queue| queue.queue == "jobs");
        if waits.is_some_and(|queue| queue.popping == ["formulas/worker-1", "formulas/worker-2"]) {
            break;
        }
        assert!(Instant::now() < deadline, "{queues:?}");
    }
    let limits = Command::Watch {
        glob: "formulas::**".to_owned(),
        max: Some(2),
        per_second: None,
        for_ms: None,
    };
    let watch = program.begin(limits).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"40 + 2\n").unwrap();
    let Body::Call(call) = program.next_of(watch).unwrap() else {
        panic!()
    };
    assert!(call.thread.starts_with("formulas/worker-"), "{call:?}");
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(
        !socket.path().exists(),
        "the socket is gone with the program"
    );
}
