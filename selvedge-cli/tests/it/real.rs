//! The verbs with a program that runs.

use std::fs;

use crate::canned::told;
use crate::running::{Inspected, be_it};

/// Is the example instead of a test, in a process that was started for that.
#[test]
fn the_program_that_is_looked_at() {
    be_it();
}

#[test]
fn a_program_is_looked_at_without_a_change() {
    let program = Inspected::start(&["--exact", "real::the_program_that_is_looked_at"]);
    let run = |arguments: &[&str]| told(&program.folder.selvedge(arguments));
    let pid = program.child.id().to_string();

    let (_, out, _) = run(&["ps"]);
    assert!(
        out.lines()
            .any(|line| line.starts_with("inspected") && line.contains(&pid)),
        "{out}"
    );

    let (_, out, _) = run(&["tree", &pid]);
    let auditor = out
        .lines()
        .find(|line| line.contains("─ auditor "))
        .unwrap();
    assert!(
        auditor.contains("for lock `ledger`, held by `inspected/loom/keeper` at "),
        "{out}"
    );

    let (status, out, _) = run(&["watch", "**::weave", "--max", "4"]);
    assert_eq!((status, out.lines().count()), (Some(0), 4), "{out}");
    assert!(out.contains("> ") && out.contains("weave(job: "), "{out}");

    let (status, _, err) = run(&["watch", "[", "--max", "4"]);
    assert_eq!(status, Some(1), "{err}");
    let (status, out, err) = run(&["watch", "no::such", "--for", "10ms"]);
    assert_eq!((status, &*out), (Some(0), ""), "{err}");
    assert!(err.contains("nothing that matches was called"), "{err}");
    for everything in [
        &["watch", "**"][..],
        &["watch", "**", "--rate", "1", "--for", "10ms"],
    ] {
        let (status, out, err) = run(everything);
        assert_eq!((status, &*out), (Some(1), ""), "{err}");
        assert!(err.contains("`--max N`"), "{err}");
    }

    let (status, _, err) = run(&["record", "load.jsonl", "--for", "300ms", "--every", "100ms"]);
    assert_eq!(status, Some(0), "{err}");
    let recorded = fs::read_to_string(program.folder.path().join("load.jsonl")).unwrap();
    assert!(
        recorded.matches("\"snapshot\"").count() >= 2
            && recorded.contains("inspected/loom/worker-2")
    );

    let (status, out, _) = run(&["stop", "inspected/loom/nobody"]);
    assert_eq!((status, &*out), (Some(1), ""));
    let (status, out, _) = run(&["stop", "inspected/loom/worker-1"]);
    assert_eq!(
        (status, &*out),
        (Some(0), "`inspected/loom/worker-1` is asked to stop\n")
    );
    while run(&["tree"]).1.contains("─ worker-1 ") {}
}

#[test]
fn a_profile_is_printed_in_every_form() {
    let program = Inspected::start(&["--exact", "real::the_program_that_is_looked_at"]);
    let with = |options: &[&str]| {
        let arguments = [&["profile", "--for", "300ms"], options].concat();
        let (status, out, err) = told(&program.folder.selvedge(&arguments));
        assert_eq!((status, &*err), (Some(0), ""), "{options:?}");
        out
    };
    let profile = |format: &str| with(&["--format", format]);
    let table = profile("table");
    let row = table
        .lines()
        .find(|line| line.ends_with("inspected::weave"))
        .unwrap();
    assert!(
        row.split_whitespace()
            .next()
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 0,
        "{table}"
    );
    let tab = profile("tab");
    assert!(
        tab.starts_with("num_calls\tself_time\t") && tab.contains("inspected::thread_of\"\n"),
        "{tab}"
    );
    let folded = profile("folded");
    assert!(
        folded.contains("inspected/loom/worker-1;") && folded.contains("::weave;"),
        "{folded}"
    );
    assert!(!folded.contains("wait for a "), "{folded}");
    let wall = with(&["--format", "folded", "--time", "wall"]);
    assert!(
        wall.contains("inspected/loom/worker-1;wait for a queue ") && wall.contains("::weave;"),
        "{wall}"
    );
    let trace: serde_json::Value = serde_json::from_str(&profile("chrome")).unwrap();
    let names = trace["traceEvents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["name"].as_str().unwrap());
    assert!(
        names.clone().any(|name| name.ends_with("::weave")),
        "{names:?}"
    );
    let svg = profile("svg");
    assert!(
        svg.starts_with("<?xml") && svg.contains("::weave") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );
    let is_blue = |svg: &str| svg.contains("rgb(120,160,230)");
    assert!(!svg.contains("wait for a ") && !is_blue(&svg), "{svg}");
    let wall = with(&["--format", "svg", "--time", "wall"]);
    assert!(
        wall.contains("wait for a queue") && is_blue(&wall),
        "{wall}"
    );
}
