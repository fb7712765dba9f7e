//! Programs that misbehave, and a program that is killed.

use std::path::Path;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use selvedge::process::{Command, JoinError, Stdin};
use selvedge::testing::World;
use selvedge::{Ambient, Till, thread};

use crate::child::{DRY_RUN, TENANT, heard, playing, sh};

/// Does a process with this number run?
fn is_alive(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Waits until it has gone; who was killed needs a moment.
#[track_caller]
fn is_gone(id: &str) {
    let end = Instant::now() + Duration::from_secs(10);
    while is_alive(id) {
        assert!(Instant::now() < end, "{id} lives on");
        yield_now();
    }
}

/// P1: a grandchild that holds the pipes kept a join waiting for as long as it lived.
#[test]
fn a_grandchild_that_holds_the_pipes_keeps_nobody() {
    World::new().run(|| {
        let parent = sh("sleep 1000 & echo $!").spawn().unwrap();
        let grandchild = parent
            .stdout()
            .pop()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let exit = parent.join().unwrap();
        assert!(
            !exit.is_held(),
            "it is of the group, and was killed with it"
        );
        is_gone(&grandchild);
    });
}

/// One that left the group is reported, and keeps a join for a second at most.
#[test]
fn a_descendant_outside_the_group_is_reported() {
    World::new().run(|| {
        let parent = sh("setsid sh -c 'echo $$; exec sleep 1000' & read go")
            .stdin(Stdin::Pipe)
            .spawn()
            .unwrap();
        let outside = parent
            .stdout()
            .pop()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        parent.stdin().push(b"go\n".to_vec()).unwrap();
        let exit = parent.join().unwrap();
        assert!(exit.is_held());
        let left: Vec<_> = exit
            .descendants()
            .iter()
            .map(|left| left.id().to_string())
            .collect();
        assert_eq!(left, [outside.as_str()]);
        Command::new("kill")
            .args(["-9", &outside])
            .spawn()
            .unwrap()
            .join()
            .unwrap();
        is_gone(&outside);
    });
}

/// P4: a stop reached the direct child only.
#[test]
fn a_stop_reaches_the_whole_group() {
    World::new().run(|| {
        let parent = sh("sh -c 'echo $$; exec sleep 1000' & wait")
            .spawn()
            .unwrap();
        let grandchild = parent
            .stdout()
            .pop()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        parent.stop_because("enough");
        let error = parent.join().unwrap_err();
        assert_eq!(error.stop_reason().unwrap().text(), Some("enough"));
        is_gone(&grandchild);
    });
}

/// The grace of a process is of its tree's clock.
#[test]
fn the_grace_is_of_the_worlds_clock() {
    let world = World::with_mock_clock();
    world.run(|| {
        let deaf = sh("trap '' TERM; echo ready; while :; do read line; done");
        let deaf = deaf
            .stdin(Stdin::Pipe)
            .grace(Duration::from_secs(3600))
            .spawn()
            .unwrap();
        deaf.stdout().pop().unwrap();
        deaf.stop();
        // Its input is closed: it was asked.
        while !deaf.stdin().is_closed() {
            yield_now();
        }
        while deaf.try_wait().is_none() {
            world.advance(Duration::from_secs(3600));
            yield_now();
        }
        assert!(matches!(deaf.join(), Err(JoinError::Stopped { exit, .. }) if exit.code() == -9));
    });
}

/// 290: none survives the program, even if it is killed.
#[test]
fn who_is_killed_leaves_nobody_behind() {
    World::new().run(|| {
        let parent = playing("parent").spawn().unwrap();
        let said = heard(&parent);
        let (child, grandchild) = said.split_once(' ').unwrap();
        assert!(is_alive(child) && is_alive(grandchild));
        parent.kill(); // its group; theirs are others
        parent.wait().unwrap();
        is_gone(child);
        is_gone(grandchild);
    });
}

/// What may outlive its process outlives the program too: the guard has forgotten the group, whose number may be
/// another's by then.
#[test]
fn who_may_stay_is_not_killed_with_the_program() {
    World::new().run(|| {
        let parent = playing("leaver").spawn().unwrap();
        let said = heard(&parent);
        let (guard, left) = said.split_once(' ').unwrap();
        parent.kill();
        parent.wait().unwrap();
        is_gone(guard); // it has done its work
        assert!(is_alive(left));
        let kill = Command::new("kill").args(["-9", left]);
        kill.spawn().unwrap().join().unwrap();
    });
}

/// One that is suspended hears of its stop, and can end as it likes.
#[test]
fn who_is_suspended_is_woken_to_be_asked() {
    World::new().run(|| {
        let script = "trap 'exit 7' TERM; kill -STOP $$; while :; do sleep 0.01; done";
        let asleep = sh(script).grace(Duration::from_secs(40)).spawn().unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", asleep.id())).unwrap();
        while !state().contains(") T ") {
            yield_now();
        }
        asleep.stop();
        let exit = asleep.wait_until(&Till::after(Duration::from_secs(20)));
        assert_eq!(exit.unwrap().code(), 7);
    });
}

/// A guard that dies is replaced, and the next one knows who lives.
#[test]
fn a_guard_that_is_killed_is_replaced() {
    World::new().run(|| {
        let parent = playing("unguarded").spawn().unwrap();
        let child = heard(&parent);
        assert!(is_alive(&child));
        parent.kill();
        parent.wait().unwrap();
        is_gone(&child);
    });
}

/// After a run nothing is left: no thread, no descriptor, no child, no zombie.
#[test]
fn a_program_leaves_nothing() {
    World::new().run(|| {
        let clean = playing("clean").spawn().unwrap();
        let output = clean.output();
        assert!(output.is_ok(), "{output:?}");
    });
}

/// Out of descriptors: an error that says what to do, nothing started, and the others go on.
#[test]
fn out_of_descriptors_is_an_error() {
    World::new().run(|| {
        let program = std::env::current_exe().unwrap();
        let poor =
            sh("ulimit -n 40; exec \"$0\" child::a_part --exact --nocapture --test-threads=1");
        let poor = poor
            .arg(program)
            .env("SELVEDGE_TEST_PART", "poor")
            .spawn()
            .unwrap();
        assert_eq!(heard(&poor), "true");
        let said = heard(&poor);
        assert!(
            said.contains("`sleep` was not started") && said.contains("ulimit -n"),
            "{said}"
        );
        poor.join().unwrap();
    });
}

/// P3: who ends its input is not taken for stopped, and one that is silent is not killed.
#[test]
fn the_end_of_the_input_is_no_stop() {
    World::new().run(|| {
        let child = sh("cat; echo after").stdin(Stdin::Pipe).spawn().unwrap();
        child.stdin().close();
        assert!(!child.stopped().is_set() || child.try_wait().unwrap().success());
        assert_eq!(child.output().unwrap().stdout, b"after\n");
    });
}

/// Who does not read its input ends, and the rest is counted.
#[test]
fn unread_input_is_counted() {
    World::new().run(|| {
        let deaf = Command::new("true")
            .stdin(Stdin::Bytes(vec![0; 1 << 20]))
            .spawn()
            .unwrap();
        let exit = deaf.join().unwrap();
        assert!(
            exit.unwritten() >= (1 << 20) - (64 << 10),
            "{}",
            exit.unwritten()
        );
    });
}

/// 287: variables are added to the inherited ones; the directory is honoured.
#[test]
fn the_environment_is_added_to() {
    World::new().run(|| {
        let more = [("SELVEDGE_A", "1"), ("SELVEDGE_B", "2")];
        let shown = sh("echo $SELVEDGE_A$SELVEDGE_B ${PATH:+path} ${HOME:-none}; pwd");
        let shown = shown
            .envs(more)
            .env_remove("HOME")
            .cwd("/proc")
            .spawn()
            .unwrap()
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&shown.stdout),
            "12 path none\n/proc\n"
        );
        assert_eq!(more.len(), 2);
    });
}

/// 288: all arguments arrive, byte for byte.
#[test]
fn arguments_arrive_as_they_are() {
    World::new().run(|| {
        let hostile = [
            "", " ", "a b", "$HOME", "`id`", "'", "\"", "\\", "*", "--", "\n", "é",
        ];
        let shown = Command::new("printf")
            .arg(r"%s\0")
            .args(hostile)
            .spawn()
            .unwrap()
            .output()
            .unwrap();
        let shown: Vec<_> = shown.stdout.split(|byte| *byte == 0).collect();
        assert_eq!(shown[..hostile.len()], hostile.map(str::as_bytes));
    });
}

/// 42: a child program that is started with the ambient finds its names.
#[test]
fn a_child_program_finds_the_ambient() {
    World::new().run(|| {
        let child = TENANT.bind("ada".to_owned(), || {
            DRY_RUN.run(|| playing("ambient").with_ambient().spawn())
        });
        let child = child.unwrap();
        assert_eq!(heard(&child), "ada");
        assert_eq!(heard(&child), "true");
        assert_eq!(heard(&child), "selvedge-contexts=dry-run,tenant=ada");
        child.join().unwrap();
        let child = TENANT.bind("ada".to_owned(), || {
            Ambient::empty().run(|| playing("ambient").with_ambient().spawn())
        });
        assert!(child.unwrap().join().is_err(), "nothing is bound there");
        let by_hand = sh("echo $BAGGAGE").with_ambient().env("BAGGAGE", "mine=1");
        let child = DRY_RUN.run(|| by_hand.spawn()).unwrap();
        assert_eq!(child.output().unwrap().stdout, b"mine=1\n");
    });
}

/// Many at once, and none is left.
#[test]
fn many_at_once() {
    World::new().run(|| {
        let many: Vec<_> = (0..200)
            .map(|i| sh(&format!("echo {i}")).spawn().unwrap())
            .collect();
        for (i, child) in many.iter().enumerate() {
            assert_eq!(child.output().unwrap().stdout, format!("{i}\n").as_bytes());
        }
        let ids: Vec<_> = many.iter().map(|child| child.id()).collect();
        assert!(
            ids.iter()
                .all(|id| !Path::new(&format!("/proc/{id}")).exists()),
            "they are reaped"
        );
    });
}

/// A callback on the end of one may wait for another.
#[test]
fn callbacks_on_an_end_do_not_hold_up_others() {
    World::new().run(|| {
        let slow = Command::new("sleep").arg("1000").spawn().unwrap();
        let (stopped, done) = (slow.stopped().clone(), selvedge::Signal::new());
        let fast = sh("read go").stdin(Stdin::Pipe).spawn().unwrap();
        let set = done.clone();
        fast.stopped()
            .on_set(move || {
                let _ = stopped.wait();
                set.set();
            })
            .forever();
        fast.stdin().push(b"go\n".to_vec()).unwrap();
        fast.join().unwrap();
        slow.kill();
        assert!(slow.join().is_err());
        done.wait().unwrap();
    });
}

/// The tree shows which of its members are processes.
#[test]
fn the_tree_shows_processes() {
    World::new().run(|| {
        let sleeper = Command::new("sleep")
            .arg("1000")
            .named("naps")
            .spawn()
            .unwrap();
        let drawn = thread::tree().to_string();
        assert!(
            drawn.contains("naps") && drawn.contains(&format!("process {}, running", sleeper.id())),
            "{drawn}"
        );
        sleeper.kill();
        sleeper.wait().unwrap();
    });
}

/// rust-lang/rust#101077: a child of a thread that blocks SIGTERM could not be asked to stop.
#[test]
fn a_child_hears_what_its_thread_blocks() {
    World::new().run(|| {
        let program = std::env::current_exe().unwrap();
        let deaf = Command::new("env")
            .args(["--block-signal=TERM", "--block-signal=HUP"])
            .arg(program)
            .args(["child::a_part", "--exact", "--nocapture"])
            .args(["--test-threads=1"])
            .env("SELVEDGE_TEST_PART", "deaf")
            .spawn()
            .unwrap();
        assert_eq!(heard(&deaf), "0");
        assert_eq!(heard(&deaf), "signal: 15 (SIGTERM)");
        assert_eq!(heard(&deaf), "0");
        deaf.join().unwrap();
    });
}
