//! How the program itself ends, and what becomes of its processes then.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::time::{Duration, Instant};

use selvedge::probe::Event;
use selvedge::process::{Command, Stdio};
use selvedge::program::Builder;
use selvedge::{Signal, signal, thread};

use crate::child::{Case, Child, Scenario, end_of, hear, say};
use crate::proc::{is_alive, members, until};
use crate::streams::sh;

/// A process with a child in its group.
fn family() -> Command {
    sh("trap '' TERM HUP INT; sleep 1000 & echo ready; wait; sleep 1000")
}

fn with_families(then: fn()) -> std::process::ExitCode {
    selvedge::run("parent", |_stop| {
        let mut all = Vec::new();
        for _ in 0..3 {
            let family = family().spawn()?;
            family.stdout().pop()?;
            say(&family.id().to_string());
            all.push(family);
        }
        hear();
        then();
        Ok(())
    })
}

/// Its processes, and a thread if wanted, do not obey.
fn overdue(has_thread: bool) -> std::process::ExitCode {
    let short = Builder::new("prog").grace(Duration::from_millis(30));
    short.run(move |_stop| {
        for _ in 0..=usize::from(has_thread) {
            let deaf = family().grace(Duration::from_secs(1000)).spawn()?;
            deaf.stdout().pop()?;
            say(&deaf.id().to_string());
            deaf.release();
        }
        if has_thread {
            let never = || signal::shield(|| Signal::new().wait());
            thread::spawn("stuck", move |_stop| Ok(never()?)).release();
        }
        Ok(())
    })
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("killed", || with_families(|| {})),
    ("aborted", || with_families(|| std::process::abort())),
    ("replaced", || {
        with_families(|| {
            let error = std::process::Command::new("cat").exec();
            panic!("{error}");
        })
    }),
    ("exited", || with_families(|| std::process::exit(3))),
    ("panicking", || {
        selvedge::run("parent", |_stop| -> selvedge::Outcome<()> {
            let family = family().grace(Duration::from_millis(20)).spawn()?;
            family.stdout().pop()?;
            say(&family.id().to_string());
            panic!("in the middle");
        })
    }),
    ("overdue", || overdue(false)),
    ("overdue beside a thread", || overdue(true)),
    ("unguarded", || {
        selvedge::run("unguarded", |_stop| {
            let missed = Signal::new();
            let heard = missed.clone();
            let _subscription = selvedge::probe::subscribe(move |event| {
                if let Event::Unguarded { .. } = event {
                    say(&event.to_string());
                    heard.set();
                }
            });
            let first = Command::new("sleep").arg("1000").spawn()?;
            missed.wait()?;
            // It is tried again, and not told again.
            let second = Command::new("sleep").arg("1000").spawn()?;
            for process in [first, second] {
                process.kill();
                process.wait()?;
            }
            say("over");
            Ok(())
        })
    }),
    ("unguarded and unheard", || {
        selvedge::run("unguarded", |_stop| {
            for _ in 0..2 {
                Command::new("true").spawn()?.join()?;
            }
            Ok(())
        })
    }),
    ("terminal", || {
        selvedge::run("terminal", |_stop| {
            let child = sh(
                "trap 'echo interrupted' INT; trap 'echo terminated; exit 0' TERM
                echo ready; while :; do sleep 0.01; done",
            );
            // Its own words on the terminal: who reads is asked to stop as well.
            let child = child.stdout(Stdio::Inherit).spawn()?;
            child.join()?;
            Ok(())
        })
    }),
];

/// How long the system takes at this moment for a plain start of a shell that kills itself: the longest of some.
fn plain() -> Duration {
    let one = || {
        let start = Instant::now();
        let script = ["-c", "kill -s KILL $$"];
        let status = std::process::Command::new("sh").args(script).status();
        assert_eq!(status.unwrap().signal(), Some(9));
        start.elapsed()
    };
    (0..5).map(|_| one()).max().expect("some")
}

/// Its processes end with the program, however that ends. How long after that the last is seen to have ended.
fn none_survives(scenario: &str, end: fn(&mut Child)) -> Duration {
    let mut parent = Child::start(scenario);
    let groups: Vec<u32> = (0..3)
        .map(|_| parent.next_line().parse().unwrap())
        .collect();
    assert!(groups.iter().all(|group| members(*group).len() >= 2));
    let start = Instant::now();
    end(&mut parent);
    for group in groups {
        until("nobody of the group is left", || members(group).is_empty());
    }
    let took = start.elapsed();
    drop(parent);
    took
}

pub(crate) const CASES: &[Case] = &[
    // catalogue 290
    ("no_process_survives_a_program_that_is_killed", || {
        let before = plain();
        let took = none_survives("killed", |parent| parent.signal("KILL"));
        // Not for a second, where a plain one ends within the usual five milliseconds.
        let slow = before.max(plain()) * 200;
        let limit = slow.max(Duration::from_secs(1));
        assert!(
            took < limit,
            "they lived for {took:?}, and {limit:?} are enough"
        );
    }),
    ("no_process_survives_a_program_that_aborts", || {
        none_survives("aborted", |parent| parent.tell("go"));
    }),
    ("no_process_survives_a_program_that_is_replaced", || {
        none_survives("replaced", |parent| parent.tell("go"));
    }),
    (
        "no_process_survives_a_program_that_exits_in_the_middle",
        || {
            none_survives("exited", |parent| parent.tell("go"));
        },
    ),
    ("where_no_shell_can_be_started_that_is_told_once", || {
        let Some(mut parent) = Child::start_with_sh("unguarded", "/dev/null") else {
            eprintln!("skipped: the system allows no namespaces");
            return;
        };
        let said = parent.next_line();
        assert!(
            said.starts_with("the processes will live on if this program is killed: "),
            "{said}"
        );
        assert!(
            said.contains("cannot be started: Permission denied"),
            "{said}"
        );
        assert_eq!(parent.next_line(), "over");
        parent.end().assert_code(0);
        let unheard = Child::start_with_sh("unguarded and unheard", "/dev/null");
        let end = unheard.expect("as above").end();
        end.assert_code(0);
        assert_eq!(end.errors.matches("will live on").count(), 1, "{end:?}");
    }),
    ("a_guard_that_always_dies_is_told_once", || {
        let Some(mut parent) = Child::start_with_sh("unguarded", "/bin/true") else {
            eprintln!("skipped: the system allows no namespaces");
            return;
        };
        let said = parent.next_line();
        assert!(said.contains("ends again and again"), "{said}");
        assert_eq!(parent.next_line(), "over");
        parent.end().assert_code(0);
    }),
    ("a_panic_ends_the_processes_and_is_reported", || {
        let mut parent = Child::start("panicking");
        let group: u32 = parent.next_line().parse().unwrap();
        let end = parent.end();
        end.assert_code(101);
        end.assert_errs("in the middle");
        assert!(members(group).is_empty(), "it ended before the program did");
        assert!(!is_alive(group));
    }),
    // They were counted as threads.
    ("processes_that_are_overdue_are_called_so", || {
        let end = end_of("overdue");
        end.assert_errs("prog: still running after 30ms: 1 process\n");
        end.assert_errs(" is a process that runs");
        let end = end_of("overdue beside a thread");
        end.assert_errs("prog: still running after 30ms: 1 thread and 2 processes\n");
        for group in end.output.lines() {
            let group = group.parse().unwrap();
            until("nobody of the group is left", || members(group).is_empty());
        }
    }),
    // What a terminal sends to the program is the program's.
    (
        "ctrl_c_stops_the_program_and_the_program_its_processes",
        || {
            let exe = std::env::current_exe().unwrap();
            let exe = format!("'{}'", exe.display());
            let script = format!(
                "stty -echo; exec env --default-signal=INT SELVEDGE_TEST_CHILD=terminal {exe}"
            );
            // In a pseudo-terminal; two threads, because both ways are pipes.
            let mut terminal = std::process::Command::new("script")
                .args(["-qefc", &script, "/dev/null"])
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .expect("`script`, of the package bsdutils");
            let (mut keys, screen) = (
                terminal.stdin.take().unwrap(),
                terminal.stdout.take().unwrap(),
            );
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(screen));
            let mut said = Vec::new();
            for line in &mut lines {
                let line = line.unwrap().trim().to_owned();
                if line == "ready" {
                    std::io::Write::write_all(&mut keys, b"\x03").unwrap();
                    std::io::Write::flush(&mut keys).unwrap();
                }
                said.push(line);
            }
            assert!(said.iter().any(|line| line == "terminated"), "{said:?}");
            assert!(!said.iter().any(|line| line == "interrupted"), "{said:?}");
            drop(keys);
            let status = terminal.wait().unwrap();
            assert_eq!(status.code(), Some(128 + 2), "{said:?}");
        },
    ),
];
