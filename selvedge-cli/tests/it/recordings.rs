//! Files of what was seen.

use std::fs;

use selvedge::observe::inspect::protocol::Command;
use selvedge_cli::recording::{Recorder, Recording};

use crate::canned::{Folder, PICTURE, answer, hello, told};

#[test]
fn what_is_recorded_can_be_played() {
    let folder = Folder::new();
    folder.program("a.sock", |request| {
        assert!(matches!(
            request.command,
            Command::Record {
                every_ms: 1000,
                after_ms: None,
                ..
            }
        ));
        let happened =
            r#"{"happened":{"at_us":9000001,"thread":"mill","text":"a thread has ended"}}"#;
        let ended = r#"{"ended":{"why":"time","dropped":0}}"#;
        Some(
            ["\"began\"", PICTURE, happened, PICTURE, ended]
                .map(str::to_owned)
                .to_vec(),
        )
    });
    let (status, out, err) = told(&folder.selvedge(&["record", "load.jsonl", "--for", "2s"]));
    assert_eq!(
        (status, &*out, &*err),
        (Some(0), "", "selvedge: 2 snapshots in `load.jsonl`\n")
    );
    let file = folder.path().join("load.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(
        text.lines().count(),
        4,
        "hello, two pictures and an event: {text}"
    );
    Recording::open(&file).unwrap();
    // It is not written over.
    let (status, _, err) = told(&folder.selvedge(&["record", "load.jsonl"]));
    assert_eq!(status, Some(2));
    assert!(
        err.contains("is there already; remove it, or name another file"),
        "{err}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_recording_up_to_the_end_of_the_program_is_one() {
    let folder = Folder::new();
    folder.program("a.sock", |_| {
        Some(vec![
            PICTURE.to_owned(),
            r#"{"ended":{"why":"closing","dropped":0}}"#.to_owned(),
        ])
    });
    let (status, _, err) = told(&folder.selvedge(&["record", "load.jsonl"]));
    assert_eq!(status, Some(0), "{err}");
    assert!(
        err.contains("1 snapshot in `load.jsonl`") && err.contains("the program has ended"),
        "{err}"
    );
    // But not, if a time was asked for.
    assert_eq!(
        folder
            .selvedge(&["record", "other.jsonl", "--for", "1h"])
            .status
            .code(),
        Some(1)
    );
}

#[test]
fn what_was_asked_meanwhile_is_recorded() {
    let folder = Folder::new();
    let file = folder.path().join("load.jsonl");
    let mut recorder = Recorder::create(&file, &hello()).unwrap();
    let call = r#"{"call":{"at_us":9000002,"thread":"mill","number":1,"depth":0,"function":"f","moment":"called","text":"f()"}}"#;
    let functions = r#"{"calls":[{"function":"f","at":"a.rs:1:1","armed":1,"watched":1}]}"#;
    for (id, body) in [
        (1, PICTURE),
        (2, call),
        (3, functions),
        (4, r#"{"done":{"text":"it was asked to stop"}}"#),
        (2, r#"{"ended":{"why":"limit","dropped":0}}"#),
    ] {
        recorder.write(&answer(id, body)).unwrap();
    }
    assert_eq!(recorder.finish().unwrap(), 1);
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("\"call\":") && text.contains("\"calls\":"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 4, "{text}");
    Recording::open(&file).unwrap();
}

#[test]
fn what_was_not_recorded_is_said() {
    let folder = Folder::new();
    folder.program("a.sock", |request| {
        let Command::Record { details, .. } = request.command else {
            panic!("{request:?}")
        };
        let happened = r#"{"happened":{"at_us":1,"thread":"mill","text":"late","dropped":5}}"#;
        Some(match details {
            false => vec![PICTURE.to_owned(), happened.to_owned()],
            // As an older program does.
            true => vec![
                r#"{"error":{"kind":"malformed","message":"unknown field `details`"}}"#.to_owned(),
            ],
        })
        .map(|mut answers| {
            answers.push(r#"{"ended":{"why":"time","dropped":7}}"#.to_owned());
            answers
        })
    });
    let (status, _, err) = told(&folder.selvedge(&["record", "load.jsonl", "--for", "2s"]));
    assert_eq!(
        (status, &*err),
        (
            Some(0),
            "selvedge: 1 snapshot in `load.jsonl`\nselvedge: 7 events not recorded: too many at a time\n"
        )
    );
    let (status, _, err) = told(&folder.selvedge(&["record", "more.jsonl", "--details"]));
    assert_eq!(status, Some(1));
    assert!(err.contains("unknown field `details`"), "{err}");
    assert!(err.contains("older version of selvedge"), "{err}");
}

#[test]
fn what_cannot_be_played_is_named() {
    let folder = Folder::new();
    fs::write(folder.path().join("poem"), "roses are red\n").unwrap();
    for (file, status, why) in [
        ("none", 2, "there is no file `none`"),
        (
            "poem",
            1,
            "`poem` is no recording of selvedge: its first line",
        ),
        (".", 1, "`.` is no recording"),
    ] {
        let (got, _, err) = told(&folder.selvedge(&["replay", file]));
        assert_eq!(got, Some(status), "{err}");
        assert!(err.contains(why), "{err}");
    }
}
