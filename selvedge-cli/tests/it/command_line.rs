//! What the verbs print, and how they fail.

use std::io::Read;
use std::os::unix::net::UnixListener;
use std::process::Stdio;

use selvedge::observe::inspect::protocol::Command;

use crate::canned::{Folder, PICTURE, told};

fn nothing() -> Option<Vec<String>> {
    Some(Vec::new())
}

#[test]
fn ps_names_programs_and_sockets_whose_programs_have_ended() {
    let folder = Folder::new();
    folder.program("mill-4711.sock", |_| nothing());
    drop(UnixListener::bind(folder.path().join("gone-1.sock")).unwrap());
    std::fs::write(folder.path().join("notes.txt"), "no socket").unwrap();
    let (status, out, err) = told(&folder.selvedge(&["ps"]));
    let rows: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!((status, &*err, rows.len()), (Some(0), "", 3), "{out}");
    assert_eq!(rows[0], ["PROGRAM", "PID", "AGE", "SOCKET"]);
    assert!(
        out.contains("(stale: its program has ended)") && out.contains("gone-1.sock"),
        "{out}"
    );
    assert_eq!(rows[2][..2], ["mill", "4711"]);
    assert!(rows[2][3].ends_with("mill-4711.sock"));
}

#[test]
fn ps_of_an_empty_folder_says_how_a_program_gets_there() {
    let (status, out, _) = told(&Folder::new().selvedge(&["ps"]));
    assert_eq!(status, Some(0));
    assert!(out.contains("SELVEDGE_INSPECT= before its name"), "{out}");
}

#[test]
fn a_program_is_found_by_name_number_and_path() {
    let folder = Folder::new();
    let tree = |_: &_| {
        Some(vec![r#"{"tree":[{"number":1,"name":"mill","path":"mill","depth":0,"scope":false,"state":"running","age_us":9000000}]}"#.to_owned()])
    };
    let path = folder.program("a.sock", tree);
    for arguments in [
        &["tree"][..],
        &["tree", "mill"],
        &["tree", "4711"],
        &["tree", path.to_str().unwrap()],
    ] {
        let told = told(&folder.selvedge(arguments));
        assert_eq!(
            told,
            (
                Some(0),
                "mill  running for 9.0s\n".to_owned(),
                String::new()
            ),
            "{arguments:?}"
        );
    }
    folder.program("b.sock", tree);
    for (arguments, why) in [
        (
            &["tree"][..],
            "selvedge: there are several programs: `mill` (4711), `mill` (4711); name one, or its process number\n",
        ),
        (
            &["tree", "mill"],
            "selvedge: there are several programs `mill`: `mill` (4711), `mill` (4711); name one by its process number\n",
        ),
        (
            &["tree", "mall"],
            "selvedge: there is no program `mall`; there is `mill` (4711), `mill` (4711)\n",
        ),
    ] {
        assert_eq!(
            told(&folder.selvedge(arguments)),
            (Some(2), String::new(), why.to_owned()),
            "{arguments:?}"
        );
    }
}

#[test]
fn who_is_not_there_or_no_inspector_is_named() {
    let folder = Folder::new();
    drop(UnixListener::bind(folder.path().join("gone.sock")).unwrap());
    std::fs::write(folder.path().join("file"), "").unwrap();
    folder.serve("poet.sock", |_| Some(vec!["roses are red".to_owned()]));
    folder.serve("mute.sock", |_| None);
    folder.serve("new.sock", |_| Some(vec![r#"{"id":1,"is":{"error":{"kind":"version","message":"version 1 is not spoken here, but 2"}}}"#.to_owned()]));
    for (name, status, why) in [
        ("none.sock", 2, "there is no socket"),
        ("gone.sock", 1, "nobody listens at"),
        ("file", 1, "nobody listens at"),
        (
            "poet.sock",
            1,
            "is no inspector of selvedge: expected value at line 1",
        ),
        (
            "mute.sock",
            1,
            "has closed the connection; it may have ended",
        ),
        ("new.sock", 1, "version 1 is not spoken here, but 2"),
    ] {
        let path = folder.path().join(name);
        let (got, out, err) = told(&folder.selvedge(&["tree", path.to_str().unwrap()]));
        assert_eq!((got, &*out), (Some(status), ""), "{name}: {err}");
        assert!(
            err.starts_with("selvedge: ") && err.contains(why) && err.lines().count() == 1,
            "{name}: {err}"
        );
    }
}

#[test]
fn wrong_arguments_have_a_status_of_their_own() {
    let folder = Folder::new();
    for arguments in [
        &["tree", "--nonsense"][..],
        &["watch"],
        &["watch", "a::**", "--max", "0"],
        &["profile", "--for", "3"],
        &[],
    ] {
        assert_eq!(
            folder.selvedge(arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
    let (status, _, err) = told(&folder.selvedge(&["profile", "--time", "wall"]));
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("`--time` is for the formats"), "{err}");
    assert_eq!(folder.selvedge(&["--help"]).status.code(), Some(0));
}

#[test]
fn names_cannot_command_a_terminal() {
    let folder = Folder::new();
    folder.program("a.sock", |request| {
        let body = match request.command {
            Command::Watch { .. } => {
                r#"{"call":{"at_us":1,"thread":"\u001b]0;owned\u0007","number":1,"depth":0,"function":"f","moment":"called","text":"f(\"\u001b[2J\u202e\")"}}"#
            }
            _ => r#"{"tree":[{"number":1,"name":"\u001b[31m\n\u0007","path":"x","depth":0,"scope":false,"state":"run\u001b","age_us":1}]}"#,
        };
        Some(vec![body.to_owned(), r#"{"ended":{"why":"limit","dropped":0}}"#.to_owned()])
    });
    for arguments in [&["tree"][..], &["watch", "f"]] {
        let (status, out, _) = told(&folder.selvedge(arguments));
        assert_eq!(status, Some(0));
        assert!(out.contains("\\u{1b}") && out.lines().count() == 1, "{out}");
        assert!(!out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{out:?}");
    }
}

#[test]
fn a_watch_prints_calls_and_says_what_it_could_not() {
    let folder = Folder::new();
    folder.program("a.sock", |request| {
        let limits = match &request.command {
            Command::Watch { glob, max, per_second, for_ms } => format!("{glob} {max:?} {per_second:?} {for_ms:?}"),
            other => panic!("{other:?}"),
        };
        let call = |depth: u32, moment: &str, text: &str| {
            format!(r#"{{"call":{{"at_us":2000003,"thread":"mill/w","number":1,"depth":{depth},"function":"f","moment":"{moment}","text":"{text}"}}}}"#)
        };
        Some(vec![
            r#""began""#.to_owned(),
            call(0, "called", &limits),
            call(1, "panicked", "g: boom"),
            call(0, "returned", "f -> 3"),
            r#"{"ended":{"why":"limit","dropped":2}}"#.to_owned(),
        ])
    });
    let (status, out, err) = told(&folder.selvedge(&["watch", "mill::**"]));
    let expected = "     2.000003 mill/w > mill::** Some(100) None None\n     2.000003 mill/w   ! g: boom\n     2.000003 mill/w < f -> 3\n";
    assert_eq!(
        (status, &*out, &*err),
        (
            Some(0),
            expected,
            "selvedge: 2 events not shown: too many at a time\n"
        )
    );
    let (_, out, _) = told(&folder.selvedge(&["watch", "mill::**", "--for", "30s", "--rate", "9"]));
    assert!(
        out.contains("mill::** None Some(9) Some(30000)"),
        "two limits are enough: {out}"
    );
    let (_, out, _) = told(&folder.selvedge(&["watch", "**", "--for", "2s", "--max", "7"]));
    assert!(out.contains("** Some(7) None Some(2000)"), "{out}");
}

#[test]
fn a_refusal_is_the_programs_own_words() {
    let folder = Folder::new();
    folder.program("a.sock", |_| {
        Some(vec![
            r#"{"error":{"kind":"not_found","message":"there is no thread `mill/x`"}}"#.to_owned(),
        ])
    });
    for arguments in [
        &["stop", "mill/x"][..],
        &["watch", "a"],
        &["profile", "--for", "1ms"],
    ] {
        let told = told(&folder.selvedge(arguments));
        assert_eq!(
            told,
            (
                Some(1),
                String::new(),
                "selvedge: there is no thread `mill/x`\n".to_owned()
            )
        );
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = Folder::new();
    folder.program("a.sock", |_| {
        let call = r#"{"call":{"at_us":1,"thread":"t","number":1,"depth":0,"function":"f","moment":"called","text":"f"}}"#;
        Some(vec![call.to_owned(); 100_000])
    });
    let mut child = folder
        .command(&["watch", "f"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdout
        .take()
        .unwrap()
        .read_exact(&mut [0; 10])
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn a_program_that_ends_in_a_watch_is_told_of() {
    let folder = Folder::new();
    folder.program("a.sock", |_| {
        Some(vec![
            r#""began""#.to_owned(),
            r#"{"ended":{"why":"closing","dropped":0}}"#.to_owned(),
        ])
    });
    let (status, _, err) = told(&folder.selvedge(&["watch", "f"]));
    assert_eq!(
        (status, &*err),
        (
            Some(1),
            "selvedge: the program has ended, or closed its inspector\n"
        )
    );
}

#[test]
fn top_without_a_terminal_says_what_to_do_instead() {
    let folder = Folder::new();
    folder.program("a.sock", |_| Some(vec![PICTURE.to_owned()]));
    let (status, out, err) = told(&folder.selvedge(&["top"]));
    assert_eq!((status, &*out), (Some(2), ""));
    assert!(
        err.contains("this needs a terminal; `selvedge tree`"),
        "{err}"
    );
}
