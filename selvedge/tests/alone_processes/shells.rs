//! Shells that are kept, when it is about the whole program.

use std::fs;
use std::thread::park;

use selvedge::process::{self, Command, Process, Shell, ShellError, SpawnError, Stdin};
use selvedge::thread::Outcome;

use crate::child::{Case, Child, Scenario, hear, say};
use crate::proc::{is_alive, members, until};
use crate::streams::run;

/// The number of the shell that a command gets now.
fn number(shell: &Shell) -> Outcome<u32> {
    told(&shell.run_script("echo $$")?)
}

fn told(command: &Process) -> Outcome<u32> {
    Ok(command.stdout().pop()?.to_str()?.parse()?)
}

fn end(pid: u32) {
    let kill = std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    assert!(kill.unwrap().success());
}

/// Ends with the process.
fn without_a_directory() -> Outcome<()> {
    let place = tempfile::tempdir()?;
    std::env::set_current_dir(place.path())?;
    let shell = Shell::new();
    number(&shell)?;
    place.close()?;
    let error = shell.run(["true"]).unwrap_err();
    say(&error.to_string());
    number(&shell.cwd("/"))?;
    Ok(())
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("with shells", || {
        selvedge::run("parent", |_stop| -> Outcome<()> {
            let shell = Shell::new();
            let deaf = "trap '' TERM HUP INT; sleep 1000 & echo $$; wait; sleep 1000";
            let busy = shell.run_script(deaf)?;
            say(&told(&busy)?.to_string());
            say(&number(&shell)?.to_string());
            say(&number(&shell.clone().env("X", "1"))?.to_string());
            until("they are kept", || shell.kept() == 2);
            hear();
            loop {
                park();
            }
        })
    }),
    ("adopting in shells", || {
        selvedge::run("adopting", |_stop| {
            let shell = Shell::new();
            let unmarked = number(&shell)?;
            until("it is kept", || shell.kept() == 1);
            process::adopt_orphans()?;
            let mut stranger = std::process::Command::new("sleep").arg("1000").spawn()?;
            let held = shell.clone().stdin(Stdin::Pipe);
            let mut hosts = Vec::new();
            for _ in 0..3 {
                let script =
                    "echo $$; (setsid sh -c 'echo $$; exec sleep 1000' 2>/dev/null &); read line";
                let leaver = held.run_script(script)?;
                hosts.push(told(&leaver)?);
                let orphan = told(&leaver)?;
                leaver.stdin().close();
                let exit = leaver.wait()?;
                assert!(!is_alive(orphan));
                let left = exit.descendants();
                assert!(left.iter().any(|left| left.id() == orphan), "{left:?}");
            }
            assert_ne!(hosts[0], unmarked, "its orphans would not be known");
            assert_eq!(hosts, [hosts[0]; 3]);
            assert!(stranger.try_wait()?.is_none(), "it is not ours");
            stranger.kill()?;
            stranger.wait()?;
            Ok(())
        })
    }),
    ("without a directory", || {
        selvedge::run("lost", |_stop| without_a_directory())
    }),
    ("exhausted shells", || {
        selvedge::run("exhausted", |_stop| {
            let shell = Shell::new();
            let mut all = Vec::new();
            let error = loop {
                match shell.run(["sleep", "1000"]) {
                    Ok(command) => all.push(command),
                    Err(error) => break error,
                }
            };
            assert!(
                matches!(&error, ShellError::Spawn(SpawnError::Exhausted { .. })),
                "{error:?}"
            );
            say(&error.to_string());
            assert!(all.len() > 2);
            for command in all {
                command.kill();
                command.wait()?;
            }
            number(&shell)?;
            say("and on it goes");
            Ok(())
        })
    }),
];

pub(crate) const CASES: &[Case] = &[
    ("no_shell_survives_a_program_that_is_killed", || {
        let mut parent = Child::start("with shells");
        let groups: [u32; 3] = [(); 3].map(|()| parent.next_line().parse().unwrap());
        assert!(groups.iter().all(|group| is_alive(*group)));
        assert!(
            members(groups[0]).len() >= 3,
            "the shell, the command, its child"
        );
        parent.signal("KILL");
        for group in groups {
            until("nobody of the group is left", || members(group).is_empty());
        }
    }),
    (
        "orphans_of_a_command_in_a_shell_are_ended_and_the_shell_is_kept",
        || {
            Child::start("adopting in shells").end().assert_code(0);
        },
    ),
    (
        "a_shell_without_a_directory_is_an_error_that_says_so",
        || {
            let end = Child::start("without a directory").end();
            end.assert_code(0);
            end.assert_says("`.`");
        },
    ),
    (
        "without_descriptors_a_shell_is_an_error_and_it_goes_on_later",
        || {
            let end = Child::start_limited("exhausted shells", "-n 60").end();
            end.assert_code(0);
            end.assert_says("ulimit -n");
            end.assert_says("and on it goes");
        },
    ),
    // The program has children of its own that nobody but it may reap.
    (
        "an_idle_shell_that_is_killed_is_reaped_among_other_children",
        || {
            run(|| {
                let shell = Shell::new();
                let mut stranger = std::process::Command::new("cat")
                    .stdin(std::process::Stdio::piped())
                    .spawn()?;
                let running = Command::new("cat").stdin(Stdin::Pipe).spawn()?;
                let idle = number(&shell)?;
                until("it is kept", || shell.kept() == 1);
                end(idle);
                until("it is reaped", || {
                    !fs::exists(format!("/proc/{idle}")).unwrap()
                });
                assert_eq!(shell.kept(), 0);
                assert!(stranger.try_wait()?.is_none());
                running.stdin().close();
                running.join()?;
                stranger.kill()?;
                stranger.wait()?;
                Ok(())
            });
        },
    ),
];
