//! Processes in the tree: parents, stops, failures.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge::probe;
use selvedge::process::{Command, JoinError, Shell, SpawnError, Stdin};
use selvedge::signal::{Till, shield};
use selvedge::testing::World;
use selvedge::thread;

use crate::child::{heard, playing, playing_as_nobody};

/// 290: a process ends with its parent, and its parent waits for it.
#[test]
fn a_process_ends_with_its_parent() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |_stop| {
            let sleeper = Command::new("sleep").arg("1000").spawn()?;
            assert!(
                thread::tree()
                    .nodes()
                    .iter()
                    .any(|node| node.process() == Some(sleeper.id()))
            );
            assert!(sleeper.path().ends_with("/parent/sleep"));
            Ok((sleeper.stopped().clone(), sleeper.id()))
        });
        let (stopped, id) = parent.join().unwrap();
        assert!(stopped.is_set());
        assert!(
            !std::path::Path::new(&format!("/proc/{id}")).exists(),
            "it is reaped"
        );
    });
}

/// One that is started by who was asked before hears of that as well.
#[test]
fn a_stop_that_came_before_the_start_is_heard() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |stop| {
            stop.set();
            let sleeper = Command::new("sleep").arg("1000").spawn()?;
            let patience = Till::after(Duration::from_secs(20));
            let exit = shield(|| sleeper.wait_until(&patience));
            sleeper.kill();
            let exit = exit.expect("it was asked");
            Ok(exit.signal())
        });
        assert_eq!(parent.join().unwrap(), Some(15));
    });
}

/// 285: a stop asks, and kills after the grace.
#[test]
fn who_ignores_the_request_is_killed_after_the_grace() {
    World::new().run(|| {
        let deaf = Command::new("sh")
            .args([
                "-c",
                "trap '' TERM; echo ready; while :; do read line; done",
            ])
            .stdin(Stdin::Pipe)
            .grace(Duration::from_millis(50))
            .spawn()
            .unwrap();
        deaf.stdout().pop().unwrap();
        deaf.stop();
        let Err(JoinError::Stopped { exit, .. }) = deaf.join() else {
            panic!("it was asked");
        };
        assert_eq!(exit.code(), -9);
        let polite = Command::new("sh").args([
            "-c",
            "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done",
        ]);
        let polite = polite.spawn().unwrap();
        polite.stdout().pop().unwrap();
        polite.stop();
        assert!(polite.join().unwrap().success());
    });
}

/// A failure that nobody joins fails the parent, as that of a thread.
#[test]
fn an_unjoined_failure_reaches_the_parent() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |_stop| {
            let child = Command::new("false").spawn()?;
            child.stopped().wait()?;
            Ok(child) // the handle lives on
        });
        let error = parent.join().unwrap_err().to_string();
        assert!(
            error.contains("process `") && error.contains("/parent/false` failed, exit status: 1"),
            "{error}"
        );
    });
}

/// 289: a program or a directory that is not there is an error at the start, which says which.
#[test]
fn what_is_not_there_is_an_error_at_once() {
    World::new().run(|| {
        let error = Command::new("no-such-program").spawn().unwrap_err();
        assert!(matches!(&error, SpawnError::NoProgram { .. }), "{error}");
        let error = Command::new("true")
            .cwd("/no/such/directory")
            .spawn()
            .unwrap_err();
        assert!(matches!(&error, SpawnError::NoDirectory { .. }), "{error}");
        assert!(error.to_string().contains("/no/such/directory"), "{error}");
        let error = Command::new("/etc/passwd").spawn().unwrap_err();
        assert!(
            matches!(&error, SpawnError::NotExecutable { .. }),
            "{error}"
        );
        // A directory that is there is named as well: it may be the wrong one.
        for (program, fault) in [
            ("no-such-program", "no such program"),
            ("./no-such-program", "no such file"),
            ("/etc/passwd", "no program that may be run"),
            ("a\0b", "nul byte"),
        ] {
            let error = Command::new(program).cwd("/dev").spawn().unwrap_err();
            let words = format!("process `{program}` was not started in `/dev`: ");
            let error = error.to_string();
            assert!(
                error.starts_with(&words) && error.contains(fault),
                "{error}"
            );
        }
    });
    let error = Command::new("true").spawn().unwrap_err();
    assert!(matches!(&error, SpawnError::NoPlace { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "process `true` was not started: there is no tree for it to be in; start it inside `selvedge::run`, in tests \
         inside `selvedge::testing::World`"
    );
    let error = Command::new("true").cwd("/dev").spawn().unwrap_err();
    let words = "process `true` was not started in `/dev`: there is no tree";
    assert!(error.to_string().starts_with(words), "{error}");
}

/// No program can be given a NUL: in which text it is, by its place.
#[test]
fn a_nul_is_an_error_that_says_where_it_is() {
    World::new().run(|| {
        let base = Command::new("true").args(["one", "two"]);
        for (command, place) in [
            (
                base.clone().arg("thr\0ee"),
                "argument 3 has a NUL after \"thr\"",
            ),
            (
                base.clone().args(["\0", "\0"]),
                "argument 3 has a NUL after \"\"",
            ),
            (
                base.clone().env("A", "1").env("B", "2\0"),
                "the variable `B` has a NUL after \"2\"",
            ),
            (
                base.clone().env("C\0D", "3"),
                "the name of the variable `C\0D` has a NUL after \"C\"",
            ),
            (base.clone().cwd("/tm\0p"), "its directory `/tm\0p`"),
        ] {
            let error = command.spawn().unwrap_err().to_string();
            assert!(
                error.starts_with("process `true` was not started: ") && error.contains(place),
                "{error}"
            );
        }
        // What is put right later is no error.
        base.env("B", "2\0")
            .env("B", "2")
            .spawn()
            .unwrap()
            .join()
            .unwrap();
        let error = Shell::new().env("E", "4\0").run(["true"]).unwrap_err();
        let place = "the variable `E` has a NUL after \"4\"";
        assert!(error.to_string().contains(place), "{error}");
    });
}

/// A path begins where the program runs, and not here.
#[test]
fn a_relative_path_is_one_from_the_directory_of_the_process() {
    World::new().run(|| {
        let sh = Command::new("./sh").args(["-c", "pwd -P"]);
        assert!(sh.spawn().is_err());
        let said = sh.cwd("/usr/bin").spawn().unwrap().output().unwrap();
        assert_eq!(said.stdout, b"/usr/bin\n");
    });
}

/// One that cannot be entered was told as a program that cannot be run, and one that cannot be listed as a directory
/// that is not there.
#[test]
fn a_directory_that_may_not_be_entered_is_told_apart_from_one_that_may_not_be_listed() {
    World::new().run(|| {
        let everybody = Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().permissions(everybody).tempdir();
        let folder = folder.unwrap();
        let place = folder.path();
        let make = |name: &str, mode| {
            let path = place.join(name);
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        };
        make("locked", 0o444);
        make("unlisted", 0o111);
        let mut stranger = playing("stranger");
        if place.metadata().unwrap().uid() == 0 {
            // Root may enter everything.
            stranger = playing_as_nobody("stranger");
        }
        let stranger = stranger.cwd(place).spawn().unwrap();
        assert_eq!(heard(&stranger), "locked true");
        assert_eq!(heard(&stranger), "unlisted true");
        stranger.join().unwrap();
    });
}

/// 291: a child that ends fast is just that.
#[test]
fn fast_children_end_well() {
    World::new().run(|| {
        for _ in 0..50 {
            assert!(
                Command::new("true")
                    .spawn()
                    .unwrap()
                    .join()
                    .unwrap()
                    .success()
            );
        }
    });
}

/// What happens to a process is told as of a thread.
#[test]
fn events_tell_of_processes() {
    let world = World::new();
    world.run(|| {
        let sleeper = Command::new("sleep").arg("1000").spawn().unwrap();
        sleeper.stop();
        assert!(sleeper.join().is_err());
        assert!(Command::new("false").spawn().unwrap().join().is_err());
        Command::new("false").spawn().unwrap().release();
    });
    let mut events = world.events();
    let mut released = events.split_off(6);
    let expected = [
        "sleep started",
        "sleep asked to stop",
        "sleep ended: stopped",
        "false started",
        "false failed",
        "false ended: failed",
    ];
    assert_eq!(events, expected);
    // It may have been asked to stop, with its parent, before it failed by itself.
    released.retain(|event| event != "false asked to stop");
    let failed = [
        "false started",
        "false failed",
        "false ended: failed",
        "false failed, nobody joins it",
    ];
    let is_told = released == failed || released == ["false started", "false ended: stopped"];
    assert!(is_told, "{released:?}");
}

/// The end may come before the release.
#[test]
fn a_failure_that_is_released_later_is_told() {
    let world = World::new();
    world.run(|| {
        let child = Command::new("false").spawn().unwrap();
        child.stopped().wait().unwrap();
        child.release();
    });
    let last = world.events().pop().unwrap();
    assert_eq!(last, "false failed, nobody joins it");
}

/// They were called threads.
#[test]
fn events_call_a_process_so() {
    World::new().run(|| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let _heard = probe::subscribe({
            let told = Arc::clone(&told);
            move |event| {
                let line = event.to_string();
                if line.contains("/called`") {
                    let (kind, _) = line.split_once(' ').unwrap();
                    told.lock().unwrap().push(kind.to_owned());
                }
            }
        });
        let called = Command::new("false").named("called").spawn().unwrap();
        assert!(called.join().is_err());
        assert_eq!(*told.lock().unwrap(), ["process"; 3]);
    });
}
