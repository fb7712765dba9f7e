//! The command line.

use crate::child::TempFile;
use crate::formulas;

#[test]
fn help_has_examples_and_the_exit_status() {
    let help = formulas(&["--help"], "").quiet().code(0).stdout;
    for part in [
        "--workers",
        "--plugin",
        "--timeout",
        "--no-isolation",
        "Examples:",
        "formulas generate",
        "Exit status:",
    ] {
        assert!(help.contains(part), "{part}");
    }
    assert!(
        formulas(&["--version"], "")
            .quiet()
            .code(0)
            .stdout
            .starts_with("formulas ")
    );
}

#[test]
fn bad_arguments_end_with_2_and_say_why() {
    for (arguments, part) in [
        (&["--workers", "0"][..], "0 is not in 1..=256"),
        (&["--workers", "many"], "many"),
        (&["--timeout", "2"], "expected a number with a unit"),
        (&["--timeout", "0s"], "above 0"),
        (&["--no-such-option"], "--no-such-option"),
        (
            &["--plugin", "nobody"],
            "no plugin is called `nobody`; there are: abs, add, avg, ceil, divide, ",
        ),
        (&["generate", "--lines", "0"], "--lines"),
    ] {
        let ended = formulas(arguments, "1\n").code(2).says("");
        assert!(
            ended.stderr.contains(part),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn all_plugins_are_listed_and_those_that_compute_are_marked() {
    let marks = |arguments: &[&str]| {
        let list = formulas(arguments, "").quiet().code(0).stdout;
        let mark = |name: &str| {
            list.lines()
                .find(|line| line[2..].starts_with(name))
                .map(|line| line.starts_with('*'))
        };
        [mark("subtract "), mark("rogue "), mark("max ")]
    };
    assert_eq!(
        marks(&["--list-plugins"]),
        [Some(true), Some(false), Some(true)]
    );
    assert_eq!(
        marks(&["--list-plugins", "--with-rogue"]),
        [Some(false), Some(true), Some(true)]
    );
}

#[test]
fn standard_input_can_stand_between_files() {
    let first = TempFile::new("first.txt", "x = 1");
    let last = TempFile::new("last.txt", "x\n");
    formulas(&[first.name(), "-", last.name()], "x = x + 1\n")
        .quiet()
        .code(0)
        .says("x = 1\nx = 2\n2\n");
}

#[test]
fn figures_and_the_tree_go_to_standard_error() {
    let ended = formulas(
        &["--stats", "--tree", "--workers", "3"],
        "x = 1\n)\n# no\n2\n",
    )
    .code(1)
    .says("x = 1\n2\n");
    let figure = |name: &str| {
        let line = ended
            .stderr
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_else(|| panic!("{name}: {}", ended.stderr))
            .trim_start()[name.len()..]
            .trim()
            .to_owned()
    };
    assert_eq!(figure("statements"), "3");
    assert_eq!(figure("failed"), "1");
    assert_eq!(figure("names"), "1");
    assert_eq!(figure("workers"), "3, 0 replaced");
    for worker in ["formulas", "worker-1", "worker-2", "worker-3"] {
        assert!(ended.stderr.contains(worker), "{worker}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("worker-4"));
}
