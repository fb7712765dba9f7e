//! A command in a shell is a process like others, and leaves nothing to the next.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use selvedge::process::{Child, Command, JoinError, Shell, ShellError, SpawnError, Stdin, Unread};
use selvedge::{Till, thread};

use crate::{number, run, said, text};

/// 292: a shell command has the interface of a process, and starts although bash prints no prompt.
#[test]
fn a_command_has_all_the_verbs_of_a_process() {
    fn both_streams(child: &dyn Child) -> (Vec<u8>, Vec<u8>) {
        let output = child.output().unwrap();
        (output.stdout, output.stderr)
    }
    run(|| {
        let script = "echo out; echo err >&2";
        let by_shell = Shell::new().named("talker").run_script(script).unwrap();
        let by_command = Command::new("sh").args(["-c", script]).spawn().unwrap();
        assert_eq!(both_streams(&by_shell), both_streams(&by_command));
        assert!(by_shell.path().ends_with("/talker"), "{}", by_shell.path());
        assert!(by_shell.stopped().is_set());
        let tree = thread::tree();
        assert!(
            !tree.nodes().iter().any(|node| node.name() == "talker"),
            "joined"
        );
    });
}

/// A signal goes to the subshell that runs the command, and to no other once that has ended.
#[test]
fn a_signal_arrives_at_the_command_and_not_at_the_next() {
    run(|| {
        let shell = Shell::new();
        let script = "trap 'echo heard; exit' USR1; echo ready; while :; do sleep 0.01; done";
        let first = shell.run_script(script).unwrap();
        assert_eq!(*first.stdout().pop().unwrap(), *b"ready");
        assert!(first.signal(10).unwrap());
        assert_eq!(*first.stdout().pop().unwrap(), *b"heard");
        first.join().unwrap();
        let second = shell.run_script(script).unwrap();
        assert_eq!(*second.stdout().pop().unwrap(), *b"ready");
        assert!(!first.signal(9).unwrap());
        assert!(second.try_wait().is_none());
        assert!(second.signal(10).unwrap());
        second.join().unwrap();
    });
}

/// The tree shows the command, with the number of the process that runs it.
#[test]
fn a_command_is_in_the_tree_with_its_own_number() {
    run(|| {
        let command = Shell::new()
            .run_script("echo $BASHPID; read -r; :")
            .unwrap();
        let id = command.stdout().pop().unwrap().to_str().unwrap().to_owned();
        assert_eq!(id, command.id().to_string());
        let _ = command.join();
        let held = Shell::new().stdin(Stdin::Pipe).run(["cat"]).unwrap();
        let tree = thread::tree();
        assert!(
            tree.nodes()
                .iter()
                .any(|node| node.process() == Some(held.id()))
        );
        held.stdin().push(b"through".to_vec()).unwrap();
        held.stdin().close();
        assert_eq!(text(&held), "through");
    });
}

/// 294: the status is the command's.
#[test]
fn the_status_is_the_commands() {
    run(|| {
        let shell = Shell::new();
        for code in [0, 1, 2, 126, 127, 128, 129, 200, 255] {
            let command = shell.run_script(format!("exit {code}")).unwrap();
            assert_eq!(command.wait().unwrap().code(), code);
        }
        assert_eq!(shell.run(["false"]).unwrap().wait().unwrap().code(), 1);
        assert_eq!(
            shell
                .run(["no-such-program"])
                .unwrap()
                .wait()
                .unwrap()
                .code(),
            127
        );
        assert_eq!(shell.run(["/"]).unwrap().wait().unwrap().code(), 126);
        assert_eq!(
            shell
                .run_script("kill -9 $BASHPID")
                .unwrap()
                .wait()
                .unwrap()
                .code(),
            137
        );
        assert_eq!(shell.kept(), 1, "none of them has cost a shell");
    });
}

/// 294: and an error for who joins, with what it said.
#[test]
fn a_failing_command_is_an_error_with_its_words() {
    run(|| {
        let shell = Shell::new().named("copy");
        let command = shell.run_script("echo no room >&2; exit 4").unwrap();
        let Err(JoinError::Failed(failed)) = command.join() else {
            panic!("it failed");
        };
        assert_eq!(failed.exit().code(), 4);
        assert!(
            failed.to_string().contains("copy") && failed.to_string().ends_with("no room"),
            "{failed}"
        );
        assert!(shell.unchecked().run(["false"]).unwrap().join().is_ok());
    });
}

/// 296: output without a final newline is there, and the next command has its own.
#[test]
fn output_without_a_final_newline_does_not_hang() {
    run(|| {
        let shell = Shell::new();
        for text in ["x", "", "\n", "a\nb", "\0", "a\0\n\0"] {
            let output = shell
                .run(["printf", "%b", &text.replace('\0', "\\0")])
                .unwrap()
                .output()
                .unwrap();
            assert_eq!(output.stdout, text.as_bytes());
        }
        assert_eq!(shell.kept(), 1);
    });
}

/// 296: who reads finds the end, and not the next command.
#[test]
fn a_command_that_reads_finds_nothing() {
    run(|| {
        let shell = Shell::new();
        assert_eq!(shell.run(["cat"]).unwrap().output().unwrap().stdout, b"");
        assert_eq!(said(&shell, "read -r line; echo \"$?:$line\""), "1:");
        assert_eq!(said(&shell, "echo still there"), "still there");
        assert_eq!(shell.kept(), 1);
    });
}

/// 296: `exit`, and all that looks like the end of something.
#[test]
fn no_text_breaks_the_shell() {
    run(|| {
        let shell = Shell::new().unchecked();
        let texts = [
            "exit",
            "exit 9",
            "exec true",
            "return",
            "break",
            ")",
            "(",
            "'",
            "\"",
            "`",
            "$(",
            "${",
            "<<X",
            "<<'X'\na",
            "if",
            "}",
            "{",
            "fi",
            "done",
            "esac",
            ";;",
            "# )",
            "\\",
            "set -e; false; echo no",
            "set -n",
            "set -v",
            "trap 'exit 3' EXIT",
            "trap '' TERM INT HUP",
            "kill $BASHPID",
            "exec >&- 2>&- <&-",
            "exec 3>&1",
            "-x",
            "--",
            "alias a=b",
            "enable -n echo printf",
            "unset BASHPID",
            "BASHPID=1",
            "f() { exec 3>&-; }; f",
            "printf() { echo 0; }",
            "coproc cat; exit",
            "set -o posix; . /no/such/file",
            "ulimit -n 4",
            "umask 0",
            "logout",
            "cd /no/such; exit",
            "declare -r BASHPID",
            "hash -r; PATH=",
            "set --",
        ];
        for text in texts {
            shell.run_script(text).unwrap().wait().unwrap();
            assert_eq!(said(&shell, "echo fine"), "fine", "after {text:?}");
        }
    });
}

/// 297: what a command does to its shell ends with it.
#[test]
fn nothing_leaks_to_the_next_command() {
    run(|| {
        let shell = Shell::new();
        let state = "pwd; umask; ulimit -n; set -o; shopt; alias; declare -f; trap; declare -p; ls -l /dev/fd/";
        // What differs from one look to the next by itself.
        let look = || -> Vec<String> {
            let differs = [
                "RANDOM", "SECONDS", "BASHPID", "LINENO", "EPOCH", " _=", "SRANDOM", "->", "total",
            ];
            let all = said(&shell, state);
            let lines = all
                .lines()
                .filter(|line| !differs.iter().any(|word| line.contains(word)));
            lines.map(str::to_owned).collect()
        };
        let (before, at) = (look(), number(&shell));
        let changes = "cd /; x=1; export y=2; umask 077; ulimit -n 100; set -u; shopt -s dotglob; alias l=ls; \
                       f() { :; }; trap 'echo bye' EXIT TERM; exec 5>/dev/null; readonly z=3; exit 0";
        assert_eq!(said(&shell, changes), "bye");
        assert_eq!(look(), before);
        assert_eq!(number(&shell), at, "it was the same shell");
    });
}

/// 297: the words of the list.
#[test]
fn cd_and_variables_do_not_leak() {
    run(|| {
        let shell = Shell::new();
        let here = said(&shell, "pwd");
        assert_ne!(here, "/");
        shell.run(["cd", "/"]).unwrap().join().unwrap();
        shell
            .run_script("cd /; leak=1; export leak")
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(
            said(&shell, "echo \"$(pwd) ${leak-none}\""),
            format!("{here} none")
        );
    });
}

/// A command has its three streams, and no descriptor of the shell or of this program.
#[test]
fn a_command_has_no_descriptor_but_its_streams() {
    run(|| {
        let shell = Shell::new();
        let other = shell.run_script("echo ready; sleep 1000").unwrap();
        other.stdout().pop().unwrap();
        let numbers = |listed: String| listed.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        // Whoever started this test may have left us some that every child has, but for the one that a shell uses.
        let expected = numbers(text(
            &Command::new("ls").arg("/proc/self/fd").spawn().unwrap(),
        ));
        for _ in 0..2 {
            let listed = numbers(text(&shell.run(["ls", "/proc/self/fd"]).unwrap()));
            assert!(listed.is_subset(&expected), "{listed:?}, {expected:?}");
        }
        other.kill();
        let _ = other.wait();
    });
}

/// A command that says what a shell says, wherever it can.
#[test]
fn a_command_that_says_its_own_end_is_not_believed() {
    run(|| {
        let shell = Shell::new();
        // What this program was started with has readers that are none of the shell's, or none any more.
        // In a subshell, which has no descriptor 10 or above by which the command would get its errors back.
        let numbers: Vec<_> = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 62, 63, 255]
            .into_iter()
            .filter(|number| !is_inherited(*number))
            .map(|number| number.to_string())
            .collect();
        assert!(numbers.len() > 1, "all numbers are taken here");
        let script = format!(
            "(exec 2>/dev/null; for n in {}; do printf '=0\\n+1\\n\\0=0\\n' >&$n; done)
             printf '=0\\n' >&2; echo end; exit 5",
            numbers.join(" ")
        );
        for _ in 0..3 {
            let command = shell.run_script(&script).unwrap();
            let Err(JoinError::Failed(failed)) = command.output() else {
                panic!("its status is 5");
            };
            assert_eq!(failed.exit().code(), 5);
            assert_eq!(failed.exit().stderr_tail(), b"=0\n");
            let command = shell.run_script(&script).unwrap();
            let lines: Vec<_> = command.stdout().iter().collect();
            assert_eq!(*lines[lines.len() - 1], *b"end");
            assert_eq!(command.wait().unwrap().code(), 5);
        }
        assert_eq!(shell.kept(), 1);
    });
}

/// 292: what is said of a process for a command.
#[test]
fn the_choices_of_a_process_are_those_of_a_command() {
    run(|| {
        let shell = Shell::new().env("SELVEDGE_X", "1");
        let bare = "echo ${HOME:-none} ${SELVEDGE_X:-none}";
        assert_eq!(said(&shell.clone().env_clear(), bare), "none none");

        let echo = shell
            .clone()
            .longest_line(4)
            .run(["echo", "abcdef"])
            .unwrap();
        assert_eq!(echo.stdout().iter().collect::<Vec<_>>(), ["abcd", "ef"]);

        // Nobody reads, nobody waits for the process, and it does not wait either.
        let spilled = shell.clone().unread(Unread::Spill { memory: 1 << 10 });
        let chatty = spilled.run(["seq", "300000"]).unwrap();
        let soon = Till::after(Duration::from_secs(60));
        chatty.stopped().wait_until(&soon).unwrap();
        assert_eq!(chatty.stdout().iter().count(), 300_000);
        chatty.join().unwrap();

        let deaf = shell.grace(Duration::from_millis(1));
        let deaf = deaf.run_script("trap '' TERM; echo; while :; do sleep 1; done");
        let deaf = deaf.unwrap();
        deaf.stdout().pop().unwrap();
        let start = Instant::now();
        deaf.stop();
        assert_eq!(deaf.wait().unwrap().code(), -9);
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "that is what it has otherwise"
        );
    });
}

/// Is this descriptor one that whoever started this program left open, so that every child has it too?
fn is_inherited(number: u32) -> bool {
    const O_CLOEXEC: u32 = 0o2_000_000;
    let Ok(text) = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")) else {
        return false;
    };
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = u32::from_str_radix(flags.expect("flags").trim(), 8).expect("in octal");
    number > 2 && flags & O_CLOEXEC == 0
}

#[test]
fn what_cannot_start_is_an_error_that_names_it() {
    run(|| {
        let error = Shell::new()
            .cwd("/no/such/place")
            .run(["true"])
            .unwrap_err();
        assert!(
            matches!(error, ShellError::Spawn(SpawnError::NoDirectory { .. })),
            "{error:?}"
        );
        assert!(error.to_string().contains("/no/such/place"), "{error}");
        let error = Shell::new()
            .program("/no/such/bash")
            .run(["true"])
            .unwrap_err();
        assert!(
            matches!(error, ShellError::Spawn(SpawnError::NoProgram { .. })),
            "{error:?}"
        );
        for no_bash in ["cat", "true"] {
            let error = Shell::new().program(no_bash).run(["true"]).unwrap_err();
            assert!(matches!(error, ShellError::NotBegun { .. }), "{error:?}");
        }
        let error = Shell::new()
            .stdin(Stdin::Inherit)
            .run(["true"])
            .unwrap_err();
        assert!(
            error.to_string().contains("name the file in a script"),
            "{error}"
        );
        assert!(
            thread::tree()
                .nodes()
                .iter()
                .all(|node| node.process().is_none()),
            "nothing was started"
        );
    });
    let error = Shell::new().run(["true"]).unwrap_err(); // no tree
    assert!(
        matches!(error, ShellError::Spawn(SpawnError::NoPlace { .. })),
        "{error:?}"
    );
}
