//! How workers end: by a crash, by themselves, with their parent, because they are stuck; and how they start again.

use std::time::{Duration, Instant};

use selvedge::process::Command;
use selvedge::process::worker::{Builder, CallError};
use selvedge::thread::{self, JoinError, Restart};
use selvedge::{Signal, Till};

use crate::child::Case;
use crate::server::started as started_rust;
use crate::{Heard, program, python, started};

pub(crate) const CASES: &[Case] = &[
    (
        "a_crash_ends_every_call_that_waits",
        a_crash_ends_every_call_that_waits,
    ),
    (
        "a_crash_that_nobody_hears_of_fails_the_parent",
        a_crash_that_nobody_hears_of_fails_the_parent,
    ),
    (
        "what_comes_with_the_greeting_is_told",
        what_comes_with_the_greeting_is_told,
    ),
    (
        "lines_that_make_no_sense_are_reported",
        lines_that_make_no_sense_are_reported,
    ),
    (
        "a_worker_that_closes_its_output_is_ended",
        a_worker_that_closes_its_output_is_ended,
    ),
    (
        "what_it_prints_before_it_begins_is_read",
        what_it_prints_before_it_begins_is_read,
    ),
    (
        "the_last_answer_of_a_dying_worker_arrives",
        the_last_answer_of_a_dying_worker_arrives,
    ),
];

pub(crate) const PYTHON_CASES: &[Case] = &[
    (
        "a_crash_of_python_is_an_error_with_its_last_words",
        a_crash_of_python_is_an_error_with_its_last_words,
    ),
    (
        "it_is_started_again_by_policy",
        it_is_started_again_by_policy,
    ),
    (
        "a_stop_in_the_middle_of_a_call",
        a_stop_in_the_middle_of_a_call,
    ),
    (
        "a_worker_that_cannot_be_started_again_is_given_up",
        a_worker_that_cannot_be_started_again_is_given_up,
    ),
    (
        "a_call_that_cannot_be_cancelled_costs_the_worker",
        a_call_that_cannot_be_cancelled_costs_the_worker,
    ),
    (
        "the_worker_ends_when_its_parent_does",
        the_worker_ends_when_its_parent_does,
    ),
    (
        "a_call_that_runs_may_end_after_a_stop",
        a_call_that_runs_may_end_after_a_stop,
    ),
];

/// 303: with the exit status; nobody hangs, nobody gets a null.
fn a_crash_ends_every_call_that_waits() {
    program(|_| {
        let worker = started_rust("pool");
        let waiting: Vec<_> = (0..2).map(|_| worker.begin::<()>("wait", ())).collect();
        let killer = worker.begin::<()>("die", (7,))?;
        for call in waiting {
            let error = call?.wait().unwrap_err();
            assert!(error.to_string().contains("exit status: 7"), "{error}");
        }
        assert!(killer.wait().unwrap_err().is_ended());
        worker.stopped().wait()?;
        let error = worker.call::<i64>("add", (1, 2)).unwrap_err();
        assert!(error.to_string().contains("exit status: 7"), "{error}");
        worker.join()?; // the calls have received it
        Ok(())
    });
}

fn a_crash_that_nobody_hears_of_fails_the_parent() {
    let status = selvedge::run("test", |_| {
        let parent = thread::spawn("parent", |_| {
            let worker = started_rust("adder");
            // A call that is cancelled before it has begun kills nobody: then another one does.
            for ms in 1.. {
                let Ok(call) = worker.begin::<()>("die", (9,)) else {
                    break;
                };
                let soon = Till::after(Duration::from_millis(ms));
                let has_ended = worker.stopped().wait_until(&soon).is_ok();
                call.cancel();
                if has_ended {
                    break;
                }
            }
            worker.stopped().wait()?;
            match worker.join() {
                Err(JoinError::Failed { .. }) => {}
                // The call had received it before it was cancelled.
                joined => joined?,
            }
            Ok(())
        });
        parent.join()?;
        Ok(())
    });
    assert_eq!(status, std::process::ExitCode::SUCCESS);
}

/// A worker in shell: one line answers, the others are nonsense.
fn lines_that_make_no_sense_are_reported() {
    program(|_| {
        let script = r#"read config; echo '{"out":"ok","version":1}'
read call; echo 'nonsense'; echo '[1,2]'; echo '{"id":1}'; echo; echo '{"id":99,"out":1}'
printf '\377\376\n'; echo '{"id":1,"out":[1,2}'; read call; echo '{"id":2,"out":"yes"}'; cat > /dev/null"#;
        let heard = Heard::until("[1,2}");
        let worker = Builder::new("sh", Command::new("sh").args(["-c", script])).start()?;
        let error = worker.call::<i64>("f", ()).unwrap_err();
        assert_eq!(error.remote().unwrap().kind(), "MalformedAnswer");
        assert_eq!(worker.call::<String>("g", ())?, "yes");
        let texts = heard.texts();
        let n = texts
            .iter()
            .filter(|text| text.contains("cannot be understood"))
            .count();
        assert_eq!(n, 5, "{texts:?}");
        Ok(())
    });
}

/// In one write: they are read at once.
fn what_comes_with_the_greeting_is_told() {
    program(|_| {
        let script = r#"read config; printf '%s\n%s\n' '{"out":"ok","version":1}' \
'{"log":{"level":"INFO","logger":"sh","message":"early"}}'; cat > /dev/null"#;
        let heard = Heard::until("early");
        let worker = Builder::new("sh", Command::new("sh").args(["-c", script])).start()?;
        let is_told = heard
            .heard
            .wait_until(&Till::after(Duration::from_secs(20)));
        assert!(is_told.is_ok(), "{:?}", heard.texts());
        drop(worker);
        Ok(())
    });
}

/// And the call that waits is told, though the program would live on.
fn a_worker_that_closes_its_output_is_ended() {
    program(|_| {
        let script =
            r#"read config; echo '{"out":"ok","version":1}'; read call; exec <&- >&-; sleep 1000"#;
        let worker = Builder::new("sh", Command::new("sh").args(["-c", script])).start()?;
        let error = worker.call::<i64>("f", ()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("closed its output and was stopped"),
            "{error}"
        );
        Ok(())
    });
}

/// More than what is kept for it: nobody would ever read the line that it begins with.
fn what_it_prints_before_it_begins_is_read() {
    program(|_| {
        let script = r#"much=$(printf '%0500d' 0); n=0
while [ $n -lt 5000 ]; do echo "line $n $much" >&2; n=$((n + 1)); done; read config; echo '{"out":"ok","version":1}'; read call; echo '{"id":1,"out":7}'; cat > /dev/null"#;
        let heard = Heard::until("line 4999");
        let worker = Builder::new("sh", Command::new("sh").args(["-c", script])).start()?;
        assert_eq!(worker.call::<i64>("f", ())?, 7);
        heard.heard.wait()?;
        let texts = heard.texts();
        let lines = texts
            .iter()
            .filter(|text| text.contains("prints: line "))
            .count();
        assert_eq!(lines, 5000);
        Ok(())
    });
}

/// What it has written before its end is handed out first.
fn the_last_answer_of_a_dying_worker_arrives() {
    program(|_| {
        let script = r#"read config; echo '{"out":"ok","version":1}'; read call; echo '{"id":1,"out":7}'; kill -9 $$"#;
        for _ in 0..10 {
            let worker = Builder::new("sh", Command::new("sh").args(["-c", script])).start()?;
            assert_eq!(worker.call::<i64>("f", ())?, 7);
            worker.stopped().wait()?;
            assert!(
                worker
                    .call::<i64>("f", ())
                    .unwrap_err()
                    .to_string()
                    .contains("SIGKILL")
            );
            assert!(worker.join().is_err());
        }
        Ok(())
    });
}

/// 303: what it last said is in the error; `sys.exit` inside of a call is an end as well.
fn a_crash_of_python_is_an_error_with_its_last_words() {
    program(|_| {
        for (script, status) in [
            (
                "import os; print('last words'); os._exit(3)",
                "exit status: 3",
            ),
            (
                "import os, signal; print('last words'); os.kill(os.getpid(), 9)",
                "signal: 9",
            ),
            (
                "import sys; print('last words'); sys.exit(4)",
                "exit status: 4",
            ),
        ] {
            let worker = started();
            let error = worker.exec(script).unwrap_err();
            let CallError::Ended(ended) = &error else {
                panic!("{error}")
            };
            assert!(ended.status().unwrap().contains(status), "{error}");
            assert!(ended.stderr().contains("last words"), "{error}");
            assert!(error.to_string().ends_with("last words"), "{error}");
        }
        Ok(())
    });
}

fn it_is_started_again_by_policy() {
    program(|_| {
        let nothing = Duration::ZERO;
        let restart = Restart::on_failure()
            .at_most(2, Duration::from_secs(600))
            .backoff(nothing, nothing);
        let worker = python().restart(restart).start()?;
        worker.exec("x = 1")?;
        for _ in 0..2 {
            assert!(
                worker
                    .exec("import os; os._exit(3)")
                    .unwrap_err()
                    .is_ended()
            );
            assert_eq!(worker.call::<i64>("abs", (-3,))?, 3); // waits for the next life
            assert!(worker.get::<i64>("x").is_err()); // which knows nothing
        }
        assert!(
            worker
                .exec("import os; os._exit(3)")
                .unwrap_err()
                .is_ended()
        );
        worker.stopped().wait()?;
        let error = worker.call::<i64>("abs", (-3,)).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("has ended too often and is given up"),
            "{error}"
        );
        Ok(())
    });
}

/// The caller's stop cancels the call, the worker's own ends it; neither waits for the sleep.
fn a_stop_in_the_middle_of_a_call() {
    program(|_| {
        let start = Instant::now();
        let worker = std::sync::Arc::new(started());
        worker.import_module("time")?;
        let mine = std::sync::Arc::clone(&worker);
        let begun = Signal::new();
        let caller = thread::spawn("caller", {
            let begun = begun.clone();
            move |_| {
                let call = mine.begin::<()>("sleep", (1000,))?;
                begun.set();
                Ok(call.wait()?)
            }
        });
        begun.wait()?;
        caller.stop();
        assert!(matches!(caller.join(), Err(JoinError::Stopped { .. })));
        assert_eq!(worker.call::<i64>("abs", (-3,))?, 3); // the sleep was interrupted
        let call = worker.begin::<()>("sleep", (1000,))?;
        worker.stop();
        call.cancel();
        worker.join()?;
        assert!(start.elapsed() < Duration::from_secs(20));
        Ok(())
    });
}

/// A long life is no credit for starts that fail one after the other.
fn a_worker_that_cannot_be_started_again_is_given_up() {
    use std::os::unix::fs::OpenOptionsExt;

    program(|_| {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("worker");
        let mut options = std::fs::OpenOptions::new();
        let mut script = options
            .write(true)
            .create_new(true)
            .mode(0o700)
            .open(&path)?;
        std::io::Write::write_all(&mut script, b"#!/bin/sh\nexec python3 \"$@\"\n")?;
        drop(script);
        let (nothing, within) = (Duration::ZERO, Duration::from_millis(500));
        let restart = Restart::on_failure()
            .at_most(2, within)
            .backoff(nothing, nothing);
        let builder = Builder::python("py", Command::new(&path)).restart(restart);
        let worker = builder.start()?;
        let began = Instant::now();
        std::fs::remove_file(&path)?;
        while began.elapsed() <= within {
            worker.exec("import time; time.sleep(0.05)")?;
        }
        let ended = worker.exec("import os; os._exit(3)").unwrap_err();
        assert!(ended.is_ended(), "{ended}");
        let patience = Till::after(Duration::from_secs(20));
        let given_up = worker.stopped().wait_until(&patience);
        assert!(given_up.is_ok(), "it is tried again and again");
        let error = worker.join().unwrap_err().to_string();
        assert!(error.contains("is given up"), "{error}");
        Ok(())
    });
}

/// Code that nothing interrupts, for a while that is stated; then it is started again.
fn a_call_that_cannot_be_cancelled_costs_the_worker() {
    program(|_| {
        let builder = python()
            .cancel_within(Duration::from_millis(50))
            .grace(Duration::from_millis(200));
        let worker = builder
            .restart(Restart::on_failure().backoff(Duration::ZERO, Duration::ZERO))
            .start()?;
        worker.exec("import signal\ndef deaf():\n  while True:\n    try:\n      signal.pause()\n    except BaseException: pass")?;
        let stuck = worker.call_until::<()>("deaf", (), &Till::after(Duration::from_millis(20)));
        assert!(matches!(stuck, Err(CallError::Expired)), "{stuck:?}");
        let mut next = worker.call::<i64>("abs", (-3,));
        if let Err(CallError::Ended(ended)) = &next {
            assert!(
                ended
                    .to_string()
                    .contains("because the cancelled call `deaf` did not end"),
                "{ended}"
            );
            next = worker.call("abs", (-3,));
        }
        assert_eq!(next?, 3);
        Ok(())
    });
}

/// 306: a process whose parent is gone ends by the end of its input, in the middle of a call too, and does not spin.
fn the_worker_ends_when_its_parent_does() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};
    let source = selvedge::process::worker::PYTHON_SOURCE;
    for call in [
        "",
        "{\"id\":1,\"call\":\"eval\",\"args\":[\"__import__('time').sleep(1000)\"]}\n",
    ] {
        let mut python = Command::new("python3")
            .args(["-c", "import sys; source = sys.stdin.buffer.raw.read(int(sys.argv[1])).decode(); import types; module = sys.modules['selvedge_worker'] = types.ModuleType('selvedge_worker'); exec(source, module.__dict__); module.serve()"])
            .arg(source.len().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = python.stdin.take().unwrap();
        stdin.write_all(source.as_bytes()).unwrap();
        stdin.write_all(b"{\"config\":{\"version\":1}}\n").unwrap();
        let mut stdout = BufReader::new(python.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.contains("\"out\":\"ok\""), "{line}");
        stdin.write_all(call.as_bytes()).unwrap();
        drop(stdin);
        let start = Instant::now();
        python.wait().unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "it lived on");
    }
}

/// The grace is for it.
fn a_call_that_runs_may_end_after_a_stop() {
    program(|_| {
        let worker = python().grace(Duration::from_secs(20)).start()?;
        worker.import_module("selvedge_worker")?;
        worker.exec("import time, logging\ndef f():\n  logging.info('f has begun')\n  while not selvedge_worker.stopping(): time.sleep(0.001)\n  return 5")?;
        let heard = Heard::until("f has begun");
        let call = worker.begin::<i64>("f", ())?;
        heard.heard.wait()?;
        worker.stop();
        assert_eq!(call.wait()?, 5);
        worker.join()?;
        Ok(())
    });
}
