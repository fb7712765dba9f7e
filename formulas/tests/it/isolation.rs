//! The rogue plugin, which the program exists to survive.

use crate::formulas;

/// The lines of the document.
const DOCUMENT: &str = "x = 5\nx - 1\nx - 1\n";

#[test]
fn with_isolation_the_rogue_changes_nothing_and_is_reported_once() {
    for workers in ["1", "8"] {
        formulas(&["--with-rogue", "--workers", workers], DOCUMENT).code(0).says("x = 5\n4\n4\n").complains(&[
            "<stdin>:2:3: warning: the plugin `rogue` tried to change `VARIABLES`; the change was discarded, \
             as will be all that it tries",
        ]);
    }
}

#[test]
fn without_isolation_the_document_is_right_to_complain() {
    formulas(&["--with-rogue", "--no-isolation"], DOCUMENT)
        .quiet()
        .code(0)
        .says("x = 5\n4\n2\n");
    // It implies one worker, whatever is asked for.
    let many = ["--with-rogue", "--no-isolation", "--workers", "8"];
    formulas(&many, DOCUMENT.repeat(100))
        .quiet()
        .code(0)
        .says(&"x = 5\n4\n2\n".repeat(100));
}

#[test]
fn without_isolation_honest_plugins_compute_the_same() {
    let input = "x = 5\ny = x\nx = 6\ny\nx = )\nx\n";
    let isolated = formulas(&[], input).code(1);
    formulas(&["--no-isolation"], input)
        .code(1)
        .says(&isolated.stdout);
}

#[test]
fn without_the_rogue_nobody_is_reported() {
    formulas(&[], DOCUMENT)
        .quiet()
        .code(0)
        .says("x = 5\n4\n4\n");
}

#[test]
fn the_rogue_is_chosen_by_its_name_and_can_be_overruled() {
    let rogue = formulas(&["--plugin", "rogue"], DOCUMENT)
        .code(0)
        .says("x = 5\n4\n4\n");
    assert!(rogue.stderr.contains("`rogue`"));
    formulas(&["--plugin", "rogue", "--plugin", "subtract"], DOCUMENT)
        .quiet()
        .code(0);
}

#[test]
fn a_thousand_attempts_are_reported_once() {
    let input = format!("x = 5\n{}", "x - 1\n".repeat(1000));
    let ended = formulas(&["--with-rogue", "--workers", "4"], input).code(0);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("x = 5\n{}", "4\n".repeat(1000)));
}

#[test]
fn the_lines_of_the_document_end_well() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/plugins.txt");
    let expected = "c = 5\n3\n2\na = 3\nb = 8\n3\ndelta = 500\nd = 4\n20\nx = 5\n4\n4\n";
    let ended = formulas(&["--with-rogue", file], "").code(0).says(expected);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    let without = expected.strip_suffix("4\n").unwrap().to_owned() + "2\n";
    formulas(&["--with-rogue", "--no-isolation", file], "")
        .quiet()
        .code(0)
        .says(&without);
}
