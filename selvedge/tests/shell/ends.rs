//! Commands that do not end by themselves, or not alone.

use std::fs;
use std::time::Duration;

use selvedge::process::{JoinError, Shell, ShellError};
use selvedge::thread;
use selvedge::{Signal, Till, signal};

use crate::{exists, next, number, run, said, until, until_gone};

/// A stop in the middle: of the command, and of nobody else's.
#[test]
fn a_stopped_command_costs_its_own_shell() {
    run(|| {
        let shell = Shell::new();
        let sleeper = shell.run_script("echo $$; sleep 1000").unwrap();
        let first = next(&sleeper);
        let other = shell
            .run_script("echo $$; read -r < <(sleep 0.05); echo done")
            .unwrap();
        sleeper.stop_because("enough");
        let Err(JoinError::Stopped { exit, .. }) = sleeper.join() else {
            panic!("it was stopped");
        };
        assert_eq!(exit.code(), 143);
        assert!(!exists(&first));
        let output = other.output().unwrap();
        assert!(output.stdout.ends_with(b"\ndone\n"));
        assert_ne!(number(&shell), first);
    });
}

/// A command may use its grace, and its last status counts.
#[test]
fn a_command_has_its_grace() {
    run(|| {
        let shell = Shell::new();
        let polite = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
        let command = shell.run_script(polite).unwrap();
        assert_eq!(*command.stdout().pop().unwrap(), *b"ready");
        command.stop();
        assert_eq!(*command.stdout().pop().unwrap(), *b"bye");
        assert_eq!(command.wait().unwrap().code(), 7);

        let deaf = shell.grace(Duration::from_millis(20));
        let command = deaf
            .run_script("trap '' TERM; echo $$; while :; do sleep 1; done")
            .unwrap();
        let number = next(&command);
        command.stop();
        assert_eq!(command.wait().unwrap().code(), -9);
        assert!(!exists(&number));
    });
}

/// A timeout in the middle.
#[test]
fn a_command_that_takes_too_long_can_be_killed() {
    run(|| {
        let shell = Shell::new();
        let command = shell
            .run_script("echo $BASHPID; sleep 1000 & wait")
            .unwrap();
        let number = next(&command);
        let expired = command.join_until(&Till::after(Duration::from_millis(5)));
        assert!(matches!(expired, Err(JoinError::Expired { .. })));
        command.kill();
        assert_eq!(command.wait().unwrap().code(), -9);
        until_gone(&number);
        assert_eq!(said(&shell, "echo next"), "next");
    });
}

#[test]
fn a_command_ends_with_its_parent() {
    run(|| {
        let shell = Shell::new();
        let mine = shell.clone();
        let parent = thread::spawn("parent", move |_stop| {
            let command = mine.run_script("echo $$; sleep 1000")?;
            let number = command.stdout().pop()?.to_string_lossy().into_owned();
            Ok((number, command.stopped().clone()))
        });
        let (first, stopped) = parent.join().unwrap();
        assert!(stopped.is_set() && !exists(&first));

        let mine = shell.clone();
        let parent = thread::spawn("panics", move |_stop| -> thread::Outcome<()> {
            let command = mine.run_script("sleep 1000")?;
            assert!(command.id() == 0, "a panic while it runs");
            Ok(())
        });
        assert!(matches!(parent.join(), Err(thread::JoinError::Panicked(_))));
        assert_eq!(said(&shell, "echo next"), "next");
    });
}

/// Who waits is asked to stop: it obeys, and the command goes on until its parent ends. That is asked as well, and does
/// not obey: one that has ended would be an end, and no stop.
#[test]
fn a_stop_ends_the_wait_and_then_the_command() {
    run(|| {
        let shell = Shell::new().grace(Duration::from_secs(2));
        let began = Signal::new();
        let is_running = began.clone();
        let waiter = thread::spawn("waiter", move |_stop| {
            let command = shell.run_script("trap '' TERM HUP INT; echo ready; sleep 1000")?;
            command.stdout().pop()?;
            is_running.set();
            assert!(matches!(command.join(), Err(JoinError::Interrupted(_))));
            Ok(command.id().to_string())
        });
        began.wait().unwrap();
        waiter.stop();
        let number = waiter.join().unwrap();
        until_gone(&number);
    });
}

/// What a command leaves running is killed, whether it holds the streams or not.
#[test]
fn nothing_outlives_a_command_in_its_group() {
    run(|| {
        let shell = Shell::new();
        for script in [
            "sleep 1000 >/dev/null 2>&1 & echo $!",
            "sleep 1000 & echo $!",
            "(trap '' TERM HUP; while :; do sleep 1; done) >/dev/null 2>&1 & echo $!",
            "{ sleep 1000 & } ; disown -a; echo $!",
        ] {
            let command = shell.run_script(script).unwrap();
            let left = next(&command);
            assert_eq!(command.wait().unwrap().code(), 0, "{script}");
            until_gone(&left);
        }
        assert_eq!(said(&shell, "jobs; echo none"), "none");
    });
}

/// What left the group and holds the output is waited for a second, and its words do not reach the next.
#[test]
fn what_a_stranger_says_later_does_not_reach_the_next_command() {
    run(|| {
        let shell = Shell::new();
        let script = "setsid sh -c 'echo $$; exec sleep 1000' & sleep 0.05";
        let command = shell.run_script(script).unwrap();
        let stranger = next(&command);
        assert_eq!(command.wait().unwrap().code(), 0);
        assert_eq!(shell.kept(), 1);
        assert_eq!(said(&shell, "echo next"), "next");
        shell
            .run(["kill", "-9", &stranger])
            .unwrap()
            .join()
            .unwrap();
    });
}

/// A command that ends its shell ends with it.
#[test]
fn a_command_that_kills_its_shell_fails_and_the_next_gets_another() {
    run(|| {
        let shell = Shell::new();
        let command = shell
            .run_script("sleep 1000 & echo $!; kill -9 $$; sleep 1000")
            .unwrap();
        let left = next(&command);
        let Err(JoinError::Failed(failed)) = command.join() else {
            panic!("its shell was killed");
        };
        assert_eq!(failed.exit().code(), -9);
        until_gone(&left);
        assert_eq!(said(&shell, "echo next"), "next");
    });
}

/// Does this program ignore that signal?
fn is_ignored(number: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
    mask & 1 << (number - 1) != 0
}

/// A request to the whole group does not end the shell.
#[test]
fn a_command_that_signals_its_group_ends_alone() {
    run(|| {
        let shell = Shell::new();
        let first = number(&shell);
        for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
            if is_ignored(number) {
                continue; // whoever started the tests had it so, and programs inherit that
            }
            let command = shell
                .run_script(format!("kill -{name} 0; sleep 1000"))
                .unwrap();
            assert!(command.wait().unwrap().code() > 128, "{name}");
        }
        assert_eq!(number(&shell), first);
    });
}

/// As of any process, output that nobody reads does not keep a command from its end.
#[test]
fn unread_output_does_not_hang_a_command() {
    run(|| {
        let shell = Shell::new();
        let command = shell
            .run_script("head -c 10000000 /dev/zero; echo; exit 3")
            .unwrap();
        assert_eq!(command.wait().unwrap().code(), 3);
        assert_eq!(said(&shell, "echo next"), "next");
    });
}

/// A shell that never answers: nothing ended the wait for it.
#[test]
fn a_stop_ends_the_wait_for_a_shell_that_does_not_answer() {
    run(|| {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("mute");
        // Written by another process: none of ours can have it open while it is started.
        let write =
            "echo '#!/bin/sh' >$0; echo 'echo $$ >$0.number; exec sleep 1000' >>$0; chmod +x $0";
        let write = std::process::Command::new("sh")
            .args(["-c", write])
            .arg(&place)
            .status();
        assert!(write.unwrap().success());
        let mute = Shell::new().program(&place);
        let mine = mute.clone();
        let user = thread::spawn("user", move |_stop| Ok(mine.run(["true"]).unwrap_err()));
        let waits = "begin of a command in shell `";
        until("it waits for the shell", || {
            let tree = thread::tree();
            let mut sites = tree.nodes().iter().filter_map(|node| node.waits_for());
            sites.any(|site| site.to_string().starts_with(waits))
        });
        let file = place.with_extension("number");
        let number = || fs::read_to_string(&file).unwrap_or_default();
        until("it is told", || number().ends_with('\n'));
        user.stop_because("enough");
        let error = user.join().unwrap();
        assert!(matches!(error, ShellError::Stopped(_)), "{error:?}");
        let said = error.to_string();
        assert!(
            said.starts_with(
                "before a shell had begun the command, this thread was asked to stop: enough"
            ),
            "{said}"
        );
        assert!(!exists(number().trim()), "it is ended, and reaped");

        let soon = Till::after(Duration::from_millis(5));
        let error = signal::deadline(&soon, || mute.run(["true"])).unwrap_err();
        assert!(matches!(error, ShellError::Stopped(_)), "{error:?}");
        assert_eq!(mute.kept(), 0);
        let is_thread = |node: &thread::TreeNode| node.process().is_none();
        assert!(
            thread::tree().nodes().iter().all(is_thread),
            "nothing was started"
        );
    });
}

/// Who was asked before gets no shell, and none ends for that.
#[test]
fn a_stop_before_the_begin_costs_no_shell() {
    run(|| {
        let shell = Shell::new();
        let first = number(&shell);
        let now = Signal::new();
        now.set();
        let error = signal::deadline(&now, || shell.run(["true"])).unwrap_err();
        assert!(matches!(error, ShellError::Stopped(_)), "{error:?}");
        assert_eq!(shell.kept(), 1);
        assert_eq!(signal::shield(|| number(&shell)), first);
    });
}
