//! Which shell a command gets, and how long shells are kept.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use selvedge::process::{Shell, Stdin};
use selvedge::testing::World;
use selvedge::thread;

use crate::{exists, kill, number, run, said, text, until_gone, watch};

/// 293: two commands at once get two shells, and after one ends its shell is used again.
#[test]
fn a_shell_is_used_again_and_never_by_two() {
    run(|| {
        let shell = Shell::new();
        let held = shell.clone().stdin(Stdin::Pipe);
        let two = [(); 2].map(|()| held.run_script("echo $$; read -r; :").unwrap());
        let first: BTreeSet<_> = two
            .map(|command| {
                command.stdin().close();
                text(&command)
            })
            .into();
        assert_eq!(first.len(), 2);
        for _ in 0..20 {
            assert!(first.contains(&number(&shell)));
        }
        assert_eq!(shell.kept(), 2);
    });
}

/// 293: shells are kept by directory, environment and program.
#[test]
fn a_shell_is_used_again_only_for_what_it_was_started_with() {
    run(|| {
        let shell = Shell::new();
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("bash");
        std::os::unix::fs::symlink("/bin/bash", &link).unwrap();
        // Those differ from this program's, whatever it was started with.
        let set = std::env::vars_os().map(|(name, _)| name);
        let set = set.into_iter().find(|name| name != "PATH").unwrap();
        let others = [
            shell.clone(),
            shell.clone().cwd("/proc"),
            shell.clone().cwd("/sys"),
            shell.clone().env("X", "1"),
            shell.clone().env("X", "2"),
            shell.clone().env_clear().env("PATH", "/usr/bin:/bin"),
            shell.clone().env_remove(&set),
            shell.clone().program(&link),
        ];
        let numbers: Vec<_> = others.iter().map(number).collect();
        assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), others.len());
        for (other, number_before) in others.iter().zip(&numbers) {
            assert_eq!(number(other), *number_before);
        }
        // The same environment said in another way.
        assert_eq!(
            number(&shell.clone().env("X", "2").env("X", "1")),
            numbers[3]
        );
        assert_eq!(
            number(&shell.clone().env("X", "2").env_remove("X")),
            numbers[0]
        );
    });
}

/// 295: a command with an environment never gets a shell without it, nor the other way round.
#[test]
fn environments_are_never_mixed() {
    run(|| {
        let shell = Shell::new();
        let with = shell.clone().env("SELVEDGE_X", "1");
        for _ in 0..3 {
            assert_eq!(said(&shell, "echo ${SELVEDGE_X-none}"), "none");
            assert_eq!(said(&with, "echo ${SELVEDGE_X-none}"), "1");
        }
    });
}

/// Functions and options that the environment carries are for those who asked for a bash, not for us.
#[test]
fn the_environment_cannot_redefine_commands() {
    run(|| {
        let shell = Shell::new()
            .env("BASH_FUNC_ls%%", "() { echo fooled; }")
            .env("BASH_FUNC_printf%%", "() { echo fooled; }")
            .env("SHELLOPTS", "noexec:xtrace")
            .env("BASH_ENV", "/dev/stdin")
            .env("POSIXLY_CORRECT", "1");
        let output = shell.run(["ls", "-d", "/"]).unwrap().output().unwrap();
        assert_eq!(
            (output.stdout, output.stderr),
            (b"/\n".to_vec(), Vec::new())
        );
        shell.run_script("(").unwrap().wait().unwrap();
        assert_eq!(said(&shell, "echo fine"), "fine");
        assert_eq!(shell.kept(), 1);
    });
}

/// 1,000 commands of four threads need four shells.
#[test]
fn a_thousand_commands_over_four_shells() {
    run(|| {
        let shell = Shell::new();
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let shell = shell.clone();
                thread::spawn(&format!("user {n}"), move |_stop| {
                    let mut numbers = BTreeSet::new();
                    for i in 0..250 {
                        let word = format!("{n} {i}");
                        let command =
                            shell.run_script(format!("echo $$; printf '%s' '{word}'; exit {i}"))?;
                        let lines: Vec<_> = command.stdout().iter().collect();
                        assert_eq!(command.wait()?.code(), i);
                        assert_eq!(lines[1].to_str()?, word);
                        numbers.insert(lines[0].to_str()?.to_owned());
                    }
                    Ok(numbers)
                })
            })
            .collect();
        let numbers: BTreeSet<_> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert!(numbers.len() <= 4, "{numbers:?}");
        assert_eq!(shell.kept(), numbers.len());
    });
}

#[test]
fn a_shell_ends_when_its_time_is_over() {
    let _watch = watch();
    let world = World::with_mock_clock();
    world.run(|| {
        let shell = Shell::new().keep_for(Duration::from_secs(10));
        let first = number(&shell);
        world.advance(Duration::from_secs(9));
        assert_eq!(number(&shell), first);
        world.advance(Duration::from_secs(9)); // from its last command on
        assert!(exists(&first));
        world.advance(Duration::from_secs(1));
        until_gone(&first); // and reaped
        assert_eq!(shell.kept(), 0);
        assert_ne!(number(&shell), first);
    });
}

#[test]
fn the_oldest_end_when_there_are_too_many() {
    run(|| {
        let shell = Shell::new().keep(2);
        let numbers: Vec<_> = ["1", "2", "3"]
            .map(|x| number(&shell.clone().env("X", x)))
            .into();
        assert_eq!(shell.kept(), 2);
        assert!(!exists(&numbers[0]));
        assert!(exists(&numbers[1]) && exists(&numbers[2]));
        assert_eq!(
            Shell::new()
                .keep(0)
                .run(["true"])
                .unwrap()
                .join()
                .unwrap()
                .code(),
            0
        );
    });
}

#[test]
fn shells_end_with_the_last_handle() {
    run(|| {
        let shell = Shell::new();
        let first = number(&shell);
        let other = shell.clone().env("X", "1");
        drop(shell);
        assert!(exists(&first));
        let running = other.run_script("echo $$; read -r; sleep 0.01").unwrap();
        drop(other);
        assert!(!exists(&first));
        let second = text(&running);
        assert!(!exists(&second), "there was nobody to keep it for");
    });
}

/// At the end of the tree nobody is left, though a handle is.
#[test]
fn shells_end_with_the_tree() {
    let shell = Shell::new();
    let first = run(|| number(&shell));
    assert!(!exists(&first));
    assert_ne!(run(|| number(&shell)), first);
}

/// It is reaped at once, not when it is wanted or its time is over.
#[test]
fn a_shell_that_was_killed_while_it_waited_is_no_zombie() {
    run(|| {
        let shell = Shell::new();
        for _ in 0..20 {
            let (first, other) = (number(&shell), number(&shell.clone().env("X", "1")));
            assert_eq!(shell.kept(), 2);
            kill("-9", &first);
            until_gone(&first);
            assert_eq!(shell.kept(), 1, "it was taken out before");
            assert!(exists(&other));
            assert_ne!(number(&shell), first);
        }
    });
}

/// One that somebody has suspended begins all the same.
#[test]
fn a_shell_that_was_suspended_while_it_waited_goes_on() {
    run(|| {
        let shell = Shell::new();
        let first = number(&shell);
        kill("-STOP", &first);
        assert_eq!(number(&shell), first);
    });
}

/// A directory that was replaced by another of its name.
#[test]
fn a_shell_in_a_directory_that_is_gone_is_replaced() {
    run(|| {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("place");
        fs::create_dir(&place).unwrap();
        let shell = Shell::new().cwd(&place);
        let first = number(&shell);
        fs::remove_dir(&place).unwrap();
        fs::create_dir(&place).unwrap(); // while a shell is in the other one
        let second = number(&shell);
        assert_ne!(second, first);
        fs::remove_dir(&place).unwrap();
        assert!(shell.run(["true"]).is_err());
        fs::create_dir(&place).unwrap();
        assert_ne!(number(&shell), second);
        shell.run(["touch", "here"]).unwrap().join().unwrap();
        assert!(place.join("here").exists());
        drop(folder);
        until_gone(&first);
    });
}
