//! Two things at once, and commands that do their worst.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use selvedge::process::{JoinError, Shell, Stdin};
use selvedge::thread;

use crate::{exists, kill, next, number, run, said, text, until_gone};

fn spin(rounds: u32) {
    (0..rounds).for_each(|_| std::hint::spin_loop());
}

/// The command ends while it is asked to stop, or is killed: it counts as one or the other, and nobody else's
/// command hears of it.
#[test]
fn a_stop_that_comes_with_the_end_hits_nobody_else() {
    run(|| {
        let shell = Shell::new();
        let held = shell
            .clone()
            .stdin(Stdin::Pipe)
            .grace(Duration::from_secs(60));
        for round in 0..300 {
            let command = held.run_script("read -r; exit 0").unwrap();
            command.stdin().close();
            spin(round * 200);
            match round % 2 {
                0 => command.stop(),
                _ => command.kill(),
            }
            let next = shell.run(["echo", "next"]).unwrap();
            let code = match command.join() {
                Ok(exit) | Err(JoinError::Stopped { exit, .. }) => exit.code(),
                Err(error) => panic!("{error:?}"),
            };
            assert!([0, -9, 143].contains(&code), "{code}");
            assert_eq!(text(&next), "next");
        }
    });
}

/// Whoever takes it finds that it has ended, or the command fails with it; nothing hangs, and nothing is left.
#[test]
fn a_shell_that_is_killed_while_it_is_taken_is_replaced() {
    run(|| {
        let shell = Shell::new();
        for round in 0..200 {
            let first = number(&shell);
            let killer = thread::spawn("killer", {
                let first = first.clone();
                move |_stop| {
                    spin(round * 100);
                    kill("-9", &first);
                    Ok(())
                }
            });
            let command = shell.run(["echo", "here"]).unwrap();
            match command.wait().unwrap().code() {
                0 => assert_eq!(text(&command), "here"),
                code => assert_eq!(code, -9),
            }
            killer.join().unwrap();
            until_gone(&first);
        }
    });
}

/// The tree ends while others start commands: each is begun and ended, or refused.
#[test]
fn a_tree_that_ends_leaves_no_shell() {
    for round in 0..20 {
        let shell = Shell::new();
        let mut numbers = Vec::new();
        run(|| {
            let users: Vec<_> = (0..3)
                .map(|user| {
                    let shell = shell.clone();
                    thread::spawn(&format!("user {user}"), move |stop| {
                        let mut numbers = Vec::new();
                        while !stop.is_set() {
                            let Ok(command) = shell.run_script("echo $$; exit 0") else {
                                break;
                            };
                            if let Ok(line) = command.stdout().pop() {
                                numbers.push(line.to_str()?.to_owned());
                            }
                        }
                        Ok(numbers)
                    })
                })
                .collect();
            said(&shell, "echo");
            spin(round * 1000);
            for user in &users {
                user.stop();
            }
            for user in users {
                numbers.extend(user.join().unwrap());
            }
        });
        assert_eq!(shell.kept(), 0);
        assert!(numbers.iter().all(|number| !exists(number)));
    }
}

/// Signals to the shell itself.
#[test]
fn a_command_that_signals_its_shell_harms_itself_alone() {
    run(|| {
        let shell = Shell::new();
        let first = number(&shell);
        for name in ["TERM", "INT", "HUP"] {
            let command = shell
                .run_script(format!("kill -{name} $$; exit 4"))
                .unwrap();
            assert_eq!(command.wait().unwrap().code(), 4, "{name}");
        }
        assert_eq!(number(&shell), first, "it asks nothing of the shell");
        for (script, code) in [
            ("kill -USR1 0; sleep 1000", -10),
            ("kill -QUIT $$; exit 4", 4), // a shell that is not asked at a terminal ignores it
            ("kill -KILL 0", -9),
        ] {
            let command = shell.run_script(script).unwrap();
            assert_eq!(command.wait().unwrap().code(), code, "{script}");
            assert_eq!(said(&shell, "echo next"), "next", "{script}");
        }
        // As any process that suspends itself, it goes on or ends when somebody else says so.
        let suspended = shell.run_script("echo $$; kill -STOP $$; exit 4").unwrap();
        let number = next(&suspended);
        suspended.stop();
        assert!(matches!(
            suspended.join(),
            Err(JoinError::Stopped { .. } | JoinError::Failed(_))
        ));
        until_gone(&number);
        assert_eq!(said(&shell, "echo next"), "next");
    });
}

#[test]
fn a_hundred_megabytes_arrive() {
    run(|| {
        let shell = Shell::new();
        let script = "head -c 100000000 /dev/zero; echo end >&2";
        let output = shell.run_script(script).unwrap().output().unwrap();
        assert_eq!(output.stdout.len(), 100_000_000);
        assert_eq!(output.stderr, b"end\n");
        assert_eq!(shell.kept(), 1);
    });
}

/// Names and values are bytes, as words are.
#[test]
fn directories_and_variables_need_not_be_utf_8() {
    run(|| {
        let odd = OsStr::from_bytes(b"a \xff\xfe'\n\"$x");
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join(odd);
        fs::create_dir_all(&inner).unwrap();
        let shell = Shell::new().env("ODD", odd).cwd(&inner);
        for _ in 0..2 {
            let output = shell
                .run_script("printf %s \"$ODD\"")
                .unwrap()
                .output()
                .unwrap();
            assert_eq!(output.stdout, odd.as_bytes());
            let output = shell.run(["pwd"]).unwrap().output().unwrap();
            assert_eq!(
                output.stdout,
                [inner.as_os_str().as_bytes(), b"\n"].concat()
            );
        }
        assert_eq!(shell.kept(), 1);
    });
}

/// No word is lost because it is empty.
#[test]
fn empty_words_are_words() {
    run(|| {
        let shell = Shell::new();
        let output = shell.run(["printf", "<%s>", "", "a", "", ""]).unwrap();
        assert_eq!(output.output().unwrap().stdout, b"<><a><><>");
        let Err(JoinError::Failed(failed)) = shell.run([""]).unwrap().join() else {
            panic!("there is no such program");
        };
        assert_eq!(failed.exit().code(), 127);
    });
}

/// What a shell runs on does not add up: no descriptor, no process, for a thousand commands.
#[test]
fn a_thousand_commands_leave_nothing() {
    run(|| {
        let shell = Shell::new();
        let first = number(&shell);
        let open = || said(&shell, "ls /proc/$$/fd"); // while it waits for the command
        let before = open();
        for i in 0..1000 {
            let long = "x".repeat(i * 10);
            let command = shell.run(["test", "-n", &long]).unwrap();
            assert_eq!(command.wait().unwrap().code(), i32::from(i == 0));
        }
        assert_eq!(number(&shell), first);
        assert_eq!(open(), before);
    });
}
