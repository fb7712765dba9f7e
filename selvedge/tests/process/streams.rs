//! Lines of output, pieces of input.

use std::thread::yield_now;
use std::time::{Duration, Instant};

use selvedge::process::{Command, JoinError, Stdin};
use selvedge::testing::World;

use crate::child::sh;

/// 279: output comes as queues of lines, which end once; input is a queue.
#[test]
fn streams_are_queues_that_end_once() {
    World::new().run(|| {
        let child = sh("echo out; echo err >&2").spawn().unwrap();
        let out: Vec<_> = child
            .stdout()
            .iter()
            .map(|line| line.to_str().unwrap().to_owned())
            .collect();
        let err: Vec<_> = child
            .stderr()
            .iter()
            .map(|line| line.to_str().unwrap().to_owned())
            .collect();
        assert_eq!((out, err), (vec!["out".to_owned()], vec!["err".to_owned()]));
        assert!(child.stdout().is_closed());
        child.join().unwrap();
    });
}

/// 280, 281: lines arrive as they were written, the last one without a newline as well.
#[test]
fn lines_arrive_byte_for_byte() {
    World::new().run(|| {
        let child = Command::new("printf")
            .arg(r"h\303\251\n\n  two blanks  \n\000\377\r\nlast")
            .spawn()
            .unwrap();
        let lines: Vec<_> = child.stdout().iter().map(|line| line.to_vec()).collect();
        let expected: [&[u8]; 5] = [
            "hé".as_bytes(),
            b"",
            b"  two blanks  ",
            b"\0\xff\r",
            b"last",
        ];
        assert_eq!(lines, expected);
        child.join().unwrap();
    });
}

/// 282: a failing exit is an error of the join, with the status and the end of standard error.
#[test]
fn a_failing_exit_is_an_error_of_the_join() {
    World::new().run(|| {
        let child = sh("echo bad luck >&2; exit 3")
            .named("unlucky")
            .spawn()
            .unwrap();
        let Err(JoinError::Failed(failed)) = child.join() else {
            panic!("it failed");
        };
        assert_eq!(failed.exit().code(), 3);
        assert_eq!(failed.exit().stderr_tail(), b"bad luck\n");
        assert!(
            failed.to_string().contains("unlucky") && failed.to_string().contains("bad luck"),
            "{failed}"
        );
        assert_eq!(
            sh("exit 3")
                .unchecked()
                .spawn()
                .unwrap()
                .join()
                .unwrap()
                .code(),
            3
        );
    });
}

/// 283: there is no exit while it runs, and the number of the signal afterwards.
#[test]
fn the_code_is_there_after_the_end() {
    World::new().run(|| {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(child.try_wait().is_none());
        child.kill();
        assert_eq!(child.wait().unwrap().code(), -9);
        assert_eq!(child.try_wait().unwrap().signal(), Some(9));
    });
}

/// 284: closing the input closes the pipe and nothing else.
#[test]
fn closing_the_input_lets_cat_end() {
    World::new().run(|| {
        let cat = Command::new("cat").stdin(Stdin::Pipe).spawn().unwrap();
        cat.stdin().push(b"hello ".to_vec()).unwrap();
        cat.stdin().push(b"world".to_vec()).unwrap();
        cat.stdin().close();
        assert_eq!(*cat.stdout().pop().unwrap(), *b"hello world");
        assert!(cat.join().unwrap().success());
    });
}

/// A megabyte goes in and comes out, though both pipes are smaller.
#[test]
fn much_input_comes_out_again() {
    World::new().run(|| {
        let much = vec![b'x'; 1 << 20];
        let cat = Command::new("cat")
            .stdin(Stdin::Bytes(much.clone()))
            .spawn()
            .unwrap();
        assert_eq!(cat.output().unwrap().stdout, much);
    });
}

/// A process that closes its input and lives on: the engine was told so all the time, and did nothing.
#[test]
fn an_input_that_is_closed_at_the_other_end_is_closed_here() {
    World::new().run(|| {
        let deaf = sh("exec <&-; echo closed; exec sleep 1000");
        let deaf = deaf.stdin(Stdin::Pipe).spawn().unwrap();
        assert_eq!(*deaf.stdout().pop().unwrap(), *b"closed");
        let start = Instant::now();
        while !deaf.stdin().is_closed() {
            assert!(start.elapsed() < Duration::from_secs(60), "it is not told");
            yield_now();
        }
        assert!(deaf.try_wait().is_none(), "it runs");
        assert_eq!(deaf.stdin().push(vec![1]).unwrap_err().into_inner(), [1]);
        deaf.kill();
        deaf.wait().unwrap();
    });
}

/// Text, bytes and files are input as they are, and a file is output.
#[test]
fn what_is_at_hand_is_input_or_output() {
    World::new().run(|| {
        let cat = |input: Stdin| {
            let output = Command::new("cat").stdin(input).spawn().unwrap().output();
            String::from_utf8(output.unwrap().stdout).unwrap()
        };
        assert_eq!(cat("text".into()), "text");
        assert_eq!(cat("text".to_owned().into()), "text");
        assert_eq!(cat(b"bytes".into()), "bytes");
        assert_eq!(cat(b"bytes"[..].into()), "bytes");
        assert_eq!(cat(b"bytes".to_vec().into()), "bytes");
        let file = tempfile::NamedTempFile::new().unwrap();
        let into = file.reopen().unwrap();
        let echo = Command::new("echo").arg("in a file").stdout(into);
        echo.spawn().unwrap().join().unwrap();
        drop(echo);
        assert_eq!(cat(file.reopen().unwrap().into()), "in a file\n");
    });
}

/// A line is compared with what it should be, and becomes text or fails.
#[test]
fn lines_are_compared_with_bytes_and_texts() {
    World::new().run(|| {
        let child = sh(r"printf 'one\n\377'").spawn().unwrap();
        let lines: Vec<_> = child.stdout().iter().collect();
        child.join().unwrap();
        assert!(lines[0] == *"one" && lines[0] == "one" && lines[0] == b"one");
        assert!(lines[0] == b"one"[..] && lines[0] != "one\n" && lines[0] != b"two");
        assert_ne!(lines[0], lines[1]);
        let [one, odd] = lines.try_into().unwrap();
        assert_eq!(one.into_string().unwrap(), "one");
        assert_eq!(odd.into_string().unwrap_err().into_bytes(), b"\xff");
    });
}

/// It was a list of numbers.
#[test]
fn output_is_shown_as_text() {
    World::new().run(|| {
        let child = sh(r#"printf 'to the "point"'; echo oh >&2"#)
            .spawn()
            .unwrap();
        let shown = format!("{:?}", child.output().unwrap());
        let end = r#"stdout: "to the \"point\"", stderr: "oh\n" }"#;
        assert!(shown.ends_with(end), "{shown}");
    });
}
