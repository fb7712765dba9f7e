//! The inspector of whole programs: what the environment asks for, an end that hangs, and what idling costs.
#![cfg(unix)]
#![allow(
    clippy::disallowed_methods,
    reason = "whether something happens in a while is seen from outside of the library"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use selvedge::observe::inspect::protocol::{Body, Command, WarningKind};
use selvedge::observe::inspect::{Client, serve};
use selvedge::program::Builder;
use selvedge::thread::{self, Outcome};
use selvedge::{Signal, signal};
use tempfile::TempDir;

mod child;
use child::{Case, Child, Scenario, hear, say};

const VARIABLE: &str = "SELVEDGE_INSPECT";

/// Two threads and a body that waits until it is told to go on.
fn body(_stop: Signal) -> Outcome<()> {
    let go = Signal::named("go");
    let waits = go.clone();
    thread::spawn("worker", move |_stop| Ok(waits.wait()?)).release();
    say("ready");
    hear();
    go.set();
    Ok(())
}

const SCENARIOS: &[Scenario] = &[
    ("plain", || selvedge::run("prog", body)),
    ("ignores", || {
        Builder::new("prog").ignore_environment().run(body)
    }),
    ("odd-name", || selvedge::run("../a b/c", body)),
    ("installs", || {
        let program = selvedge::install("prog").unwrap();
        say("ready");
        hear();
        program.finish()
    }),
    // A thread that does not end; the grace ends the program when it is told to.
    ("hangs", || {
        Builder::new("prog")
            .grace(Duration::from_secs(5))
            .run(|_stop| {
                let deaf = |_stop| Ok(signal::shield(|| Signal::named("what never comes").wait())?);
                thread::spawn("deaf", deaf).release();
                say("ready");
                Ok(Signal::new().wait()?)
            })
    }),
    // An action of a stop that never returns.
    ("stuck", || {
        Builder::new("prog")
            .grace(Duration::from_millis(100))
            .run(|_stop| {
                let worker = thread::spawn("worker", |stop: Signal| {
                    stop.on_set(|| {
                        say("inside");
                        loop {
                            std::thread::park();
                        }
                    })
                    .forever();
                    say("ready");
                    stop.wait_until(&Signal::never())?;
                    Ok(())
                });
                hear();
                worker.join()?;
                Ok(())
            })
    }),
    ("fails", || {
        selvedge::run("prog", |_stop| {
            say("ready");
            hear();
            let fails = thread::spawn("failing", |_stop| -> Outcome<()> { Err("it broke".into()) });
            fails.stopped().wait()?;
            fails.release();
            Ok(())
        })
    }),
    // Says how often the inspector's thread was switched to, before and after a while of idling.
    ("idles", || {
        selvedge::run("prog", |_stop| {
            let folder = PathBuf::from(std::env::var("FOLDER")?);
            let _serving = serve(folder.join("it.sock"))?;
            say("ready");
            while hear() == "switches" {
                say(&inspector_switches().to_string());
            }
            Ok(())
        })
    }),
];

/// How often the inspector's thread of this process gave up its processor.
fn inspector_switches() -> u64 {
    let mut switches = None;
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        if fs::read_to_string(task.join("comm"))
            .unwrap_or_default()
            .starts_with("selvedge-inspec")
        {
            let status = fs::read_to_string(task.join("status")).unwrap();
            let line = status.lines().find(|line| line.starts_with("voluntary"));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            switches = number.and_then(|number| number.parse().ok());
        }
    }
    switches.expect("it has a thread")
}

/// Of a scenario's own, removed at its end; nobody else may look into it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn text(&self) -> String {
        self.0.path().display().to_string()
    }

    /// What is in it.
    fn files(&self) -> Vec<String> {
        files(self.0.path())
    }
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// A scenario that is served in a folder of its own.
fn served(scenario: &str) -> (Folder, Child, Client) {
    let folder = Folder::new();
    let mut child = Child::start_given(scenario, &[(VARIABLE, folder.text())]);
    child.wait_for("ready");
    let client =
        Client::connect(folder.0.path().join(format!("prog-{}.sock", child.pid()))).unwrap();
    (folder, child, client)
}

fn waits_at_go(client: &mut Client) {
    loop {
        let Ok(Body::Signals(signals)) = client.ask(Command::Signals) else {
            panic!("no signals");
        };
        if signals
            .iter()
            .any(|it| it.signal == "go" && it.waiting == ["prog/worker"])
        {
            return;
        }
    }
}

const CASES: &[Case] = &[
    ("a_program_is_served_that_knows_nothing_of_it", || {
        let (folder, mut child, mut client) = served("plain");
        assert_eq!(
            (client.hello().pid, &*client.hello().program),
            (child.pid(), "prog")
        );
        waits_at_go(&mut client);
        child.tell("go on");
        let end = child.end();
        end.assert_code(0);
        end.assert_quiet();
        assert_eq!(folder.files(), [""; 0], "the socket is gone");
        while client.ask(Command::Locks).is_ok() {}
    }),
    ("an_installed_program_is_served", || {
        let (folder, mut child, client) = served("installs");
        assert_eq!(client.hello().program, "prog");
        child.tell("go on");
        child.end().assert_code(0);
        assert_eq!(folder.files(), [""; 0]);
    }),
    ("a_path_that_is_no_folder_is_the_sockets", || {
        let folder = Folder::new();
        let path = folder.0.path().join("mine.sock");
        let mut child = Child::start_given("plain", &[(VARIABLE, path.display().to_string())]);
        child.wait_for("ready");
        waits_at_go(&mut Client::connect(&path).unwrap());
        child.tell("go on");
        child.end().assert_quiet();
    }),
    ("an_empty_variable_stands_for_a_private_folder", || {
        let folder = Folder::new();
        let given = [
            (VARIABLE, String::new()),
            ("XDG_RUNTIME_DIR", folder.text()),
        ];
        let mut child = Child::start_given("plain", &given);
        child.wait_for("ready");
        let ours = folder.0.path().join("selvedge");
        let mode = fs::metadata(&ours).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(files(&ours), [format!("prog-{}.sock", child.pid())]);
        child.tell("go on");
        child.end().assert_quiet();
        // Somebody has opened the folder.
        fs::set_permissions(&ours, fs::Permissions::from_mode(0o777)).unwrap();
        let mut child = Child::start_given("plain", &given);
        child.wait_for("ready");
        child.tell("go on");
        let end = child.end();
        end.assert_code(0);
        end.assert_errs("selvedge: SELVEDGE_INSPECT: the folder");
        assert_eq!(end.errors.lines().count(), 1);
    }),
    (
        "a_place_that_is_taken_is_a_line_and_the_program_runs_on",
        || {
            let folder = Folder::new();
            let path = folder.0.path().join("file");
            fs::write(&path, "precious").unwrap();
            let mut child = Child::start_given("plain", &[(VARIABLE, path.display().to_string())]);
            child.wait_for("ready");
            child.tell("go on");
            let end = child.end();
            end.assert_code(0);
            end.assert_errs("no socket");
            assert_eq!(fs::read_to_string(path).unwrap(), "precious");
        },
    ),
    ("who_ignores_its_environment_is_not_served", || {
        let folder = Folder::new();
        let mut child = Child::start_given("ignores", &[(VARIABLE, folder.text())]);
        child.wait_for("ready");
        assert_eq!(folder.files(), [""; 0]);
        child.tell("go on");
        child.end().assert_code(0);
    }),
    ("a_name_does_not_lead_out_of_the_folder", || {
        let folder = Folder::new();
        let mut child = Child::start_given("odd-name", &[(VARIABLE, folder.text())]);
        child.wait_for("ready");
        assert_eq!(folder.files(), [format!("..abc-{}.sock", child.pid())]);
        child.tell("go on");
        child.end().assert_quiet();
    }),
    // The inspector is not in the tree: it answers while the tree ends.
    ("an_end_that_hangs_can_be_looked_at", || {
        let (folder, child, mut client) = served("hangs");
        client
            .ask(Command::Stop {
                thread: "prog".to_owned(),
                number: None,
            })
            .unwrap();
        let warning = loop {
            let Ok(Body::Warnings(warnings)) = client.ask(Command::Warnings { after_ms: 0 }) else {
                panic!("no warnings");
            };
            if let Some(warning) = warnings.into_iter().find(|it| it.thread == "prog/deaf") {
                // It may be on its way to its wait.
                if warning.text.contains("what never comes") {
                    break warning;
                }
            }
        };
        assert_eq!(warning.kind, WarningKind::StopIgnored);
        child.signal("KILL");
        child.end().assert_signal(9);
        // A killed program leaves its socket; the next one at that place replaces it.
        assert_eq!(folder.files().len(), 1);
        let path = folder.0.path().join(&folder.files()[0]);
        let mut next = Child::start_given("plain", &[(VARIABLE, path.display().to_string())]);
        next.wait_for("ready");
        waits_at_go(&mut Client::connect(&path).unwrap());
        next.tell("go on");
        next.end().assert_quiet();
    }),
    (
        "an_action_that_never_returns_does_not_keep_the_program_from_ending",
        || {
            let (_folder, mut child, mut client) = served("stuck");
            client
                .ask(Command::Stop {
                    thread: "prog/worker".to_owned(),
                    number: None,
                })
                .unwrap();
            child.wait_for("inside");
            assert!(client.ask(Command::Locks).is_ok(), "it answers meanwhile");
            child.tell("go on");
            let end = child.end();
            assert!(end.status.code().is_some_and(|code| code < 128), "{end:#?}");
        },
    ),
    // Somebody who looks on receives nothing: what is lost is printed all the same.
    ("a_recording_hides_no_failure", || {
        for recorded in [false, true] {
            let (_folder, mut child, mut client) = served("fails");
            if recorded {
                client
                    .begin(Command::Record {
                        every_ms: 1_000,
                        for_ms: None,
                        cpu: false,
                        details: false,
                        after_ms: None,
                    })
                    .unwrap();
            }
            child.tell("go on");
            let end = child.end();
            end.assert_code(1);
            end.assert_errs("it broke");
            assert_eq!(end.errors.matches("it broke").count(), 1, "{end:#?}");
        }
    }),
    (
        "a_connected_client_that_says_nothing_costs_no_wake_up",
        || {
            if !cfg!(target_os = "linux") {
                return println!("skipped: only Linux counts switches");
            }
            let folder = Folder::new();
            let mut child = Child::start_given("idles", &[("FOLDER", folder.text())]);
            child.wait_for("ready");
            let mut clients: Vec<_> = (0..3)
                .map(|_| Client::connect(folder.0.path().join("it.sock")).unwrap())
                .collect();
            assert!(clients.iter_mut().all(|it| it.ask(Command::Locks).is_ok()));
            let mut switches = |pause: Duration| {
                std::thread::sleep(pause); // to see whether something happens, not to wait for it
                child.tell("switches");
                child.next_line().parse::<u64>().unwrap()
            };
            let before = switches(Duration::from_millis(100)); // it has gone to sleep by then
            let after = switches(Duration::from_secs(2));
            assert_eq!(after - before, 0);
            assert!(clients[0].ask(Command::Locks).is_ok());
            assert!(
                switches(Duration::from_millis(100)) > after,
                "the measure measures"
            );
            child.tell("enough");
            child.end().assert_code(0);
        },
    ),
];

fn main() -> ExitCode {
    child::main(SCENARIOS, CASES)
}
