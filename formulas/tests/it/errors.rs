//! Bad input: where, what, and that the other lines go on.

use std::fs;
use std::path::Path;

use crate::child::TempFile;
use crate::{FORMULAS, formulas};

/// Each line alone fails with this message, from its column on.
#[track_caller]
fn check(line: &str, column_and_message: &str) {
    let ended = formulas(&["--workers", "1"], format!("{line}\n1\n"))
        .code(1)
        .says("1\n");
    assert_eq!(
        ended.stderr,
        format!("<stdin>:1:{column_and_message}\n"),
        "{line}"
    );
}

const OPERAND: &str = "expected a number, a name, `-` or `(`";
const OPERATOR: &str = "expected an operator or the end of the line";

#[test]
fn what_cannot_be_read_is_named_with_its_column() {
    check("1 + )", &format!("5: {OPERAND}, found `)`"));
    check("x =", &format!("4: {OPERAND}, found the end of the line"));
    check(
        "x = # nothing",
        &format!("5: {OPERAND}, found the end of the line"),
    );
    check("x == 5", &format!("4: {OPERAND}, found `=`"));
    check("1 2", &format!("3: {OPERATOR}, found `2`"));
    check("größe & 1", &format!("7: {OPERATOR}, found `&`"));
    check("1e5", &format!("2: {OPERATOR}, found `e5`"));
    check("\u{1b}[2J", &format!("1: {OPERAND}, found `\\u{{1b}}`"));
    check("2 = 3", &format!("3: {OPERATOR}, found `=`"));
}

#[test]
fn a_parenthesis_that_is_not_closed_is_named() {
    check(
        "2 * (1 + 2",
        "11: expected an operator or `)` for the `(` in column 5, found the end of the line",
    );
    check(
        "max(1, 2",
        "9: expected an operator, `,` or `)` in the call of `max`, found the end of the line",
    );
    check("1)", &format!("2: {OPERATOR}, found `)`"));
}

#[test]
fn what_cannot_be_computed_is_named_with_its_values() {
    check("1 / (2 - 2)", "3: `1 / 0`: division by zero");
    check("5 % 0", "3: `5 % 0`: division by zero");
    check("0 ^ -1", "3: `0 ^ -1`: division by zero");
    check(
        "10 ^ 29",
        "4: `10 ^ 29`: overflow: a number has at most 28 digits",
    );
    check(
        "9 ^ 20 * 9 ^ 20",
        "8: `12157665459056928801 * 12157665459056928…`: overflow: a number has at most 28 digits",
    );
    check(
        "2 ^ 0.5",
        "3: `2 ^ 0.5`: the exponent must be a whole number",
    );
    check("max()", "1: `max()`: expected at least 1 argument, found 0");
    check(
        "1 + abs(1, 2)",
        "5: `abs(1, 2)`: expected 1 argument, found 2",
    );
    check(
        "round(1, 2.5)",
        "1: `round(1, 2.5)`: the places must be a whole number from 0 to 28",
    );
    check(
        "99999999999999999999999999999999",
        "1: `99999999999999999999999999999999`: overflow: a number has at most 28 digits",
    );
    check(
        "0.00000000000000000000000000000001",
        "1: `0.00000000000000000000000000000001`: too many digits after the point: at most 28 can be kept",
    );
}

#[test]
fn unknown_names_and_functions_are_named() {
    check("1 + y", "5: unknown name `y`: no earlier line binds it");
    check("y = y", "5: unknown name `y`: no earlier line binds it");
    check("nosuch(1)", "1: unknown function `nosuch`");
    // A later line is not an earlier one.
    formulas(&["--workers", "8"], "y\ny = 1\n")
        .code(1)
        .says("y = 1\n")
        .complains(&["<stdin>:1:1: unknown name `y`: no earlier line binds it"]);
}

#[test]
fn a_failed_binding_leaves_the_earlier_value() {
    for workers in ["1", "8"] {
        formulas(
            &["--workers", workers],
            "x = 5\nx = 1 / 0\nx\nx = )\nx\nz = 1 / 0\nz\n",
        )
        .code(1)
        .says("x = 5\n5\n5\n")
        .complains(&[
            "<stdin>:2:7: `1 / 0`: division by zero",
            &format!("<stdin>:4:5: {OPERAND}, found `)`"),
            "<stdin>:6:7: `1 / 0`: division by zero",
            "<stdin>:7:1: unknown name `z`: no earlier line binds it",
        ]);
    }
}

#[test]
fn an_error_names_its_file_and_the_next_file_goes_on() {
    let first = TempFile::new("first.txt", "x = 5\nx +\n");
    let second = TempFile::new("second.txt", "x\n\ny\n");
    formulas(&[first.name(), second.name()], "")
        .code(1)
        .says("x = 5\n5\n")
        .complains(&[
            &format!("{}:2:4: {OPERAND}, found the end of the line", first.name()),
            &format!(
                "{}:3:1: unknown name `y`: no earlier line binds it",
                second.name()
            ),
        ]);
}

#[test]
fn what_cannot_be_opened_is_named_and_the_exit_status_is_2() {
    let good = TempFile::new("good.txt", "1\n)\n");
    let ended = formulas(&["no-such-file.txt", good.name(), "/"], "")
        .code(2)
        .says("1\n");
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(
        lines[0].starts_with("formulas: cannot read `no-such-file.txt`: "),
        "{lines:?}"
    );
    assert!(lines[1].starts_with(good.name()), "{lines:?}");
    assert!(
        lines[2].starts_with("formulas: cannot read `/`: "),
        "{lines:?}"
    );
}

#[test]
fn strict_stops_at_the_first_error() {
    for workers in ["1", "8"] {
        let input = format!("1\n2\n)\n{}", "3\n".repeat(10_000));
        let ended = formulas(&["--strict", "--workers", workers], input)
            .code(1)
            .says("1\n2\n");
        assert_eq!(ended.stderr.lines().count(), 1);
    }
}

#[test]
fn a_line_of_a_megabyte_is_a_line() {
    let sum = format!("x = 1{}\nx\n", " + 1".repeat(250_000));
    formulas(&[], sum)
        .quiet()
        .code(0)
        .says("x = 250001\n250001\n");
    let call = format!("sum(1{})\n", ",1".repeat(500_000));
    formulas(&[], call).quiet().code(0).says("500001\n");
}

#[test]
fn a_bad_line_of_a_megabyte_has_a_short_message() {
    let name = "x".repeat(1_000_000);
    let ended = formulas(&[], format!("{name}\n1 $ {name}\n2\n"))
        .code(1)
        .says("2\n");
    let shown = format!("`{}…`", "x".repeat(40));
    assert_eq!(
        ended.stderr,
        format!(
            "<stdin>:1:1: unknown name {shown}: no earlier line binds it\n<stdin>:2:3: {OPERATOR}, found `$`\n"
        )
    );
    let numbers = format!("{}\n", "9".repeat(1_000_000));
    formulas(&[], numbers).code(1).complains(&[&format!(
        "<stdin>:1:1: `{}…`: overflow: a number has at most 28 digits",
        "9".repeat(40)
    )]);
}

#[test]
fn a_line_without_end_is_refused_and_skipped() {
    let input = format!("1\n{}\n2\n", "9".repeat(5_000_000));
    formulas(&[], input).code(1).says("1\n2\n").complains(&[
        "<stdin>:2:1: expected a line of at most 4194304 bytes, found one of 5000001",
    ]);
}

#[test]
fn deep_nesting_is_an_error_and_not_an_overflow_of_the_stack() {
    let deep = |n: usize| format!("{}1{}\n", "(".repeat(n), ")".repeat(n));
    formulas(&[], deep(255)).quiet().code(0).says("1\n");
    formulas(&[], deep(256))
        .code(1)
        .complains(&["<stdin>:1:257: nested more than 256 levels deep"]);
    for part in ["(", "-", "2^", "max("] {
        let ended = formulas(&[], format!("{}\n1\n", part.repeat(300_000)))
            .code(1)
            .says("1\n");
        assert!(
            ended
                .stderr
                .ends_with(": nested more than 256 levels deep\n"),
            "{part}: {}",
            ended.stderr
        );
    }
}

#[test]
fn invalid_utf_8_is_named_by_its_first_byte() {
    formulas(&[], b"1 + \xff\nx = \xc3\x28\n2\n")
        .code(1)
        .says("2\n")
        .complains(&[
            "<stdin>:1:5: expected UTF-8, found the byte 0xff",
            "<stdin>:2:5: expected UTF-8, found the byte 0xc3",
        ]);
}

#[test]
fn a_binary_file_gives_errors_that_can_be_read() {
    let mut program = fs::read(Path::new(FORMULAS)).unwrap();
    program.truncate(200_000);
    let file = TempFile::new("binary", &program);
    let ended = formulas(&[file.name()], "").code(1);
    assert!(ended.stderr.lines().count() > 10);
    for line in ended.stderr.lines() {
        assert!(line.starts_with(file.name()), "{line}");
        assert!(
            line.len() < 1000 && !line.contains(char::is_control),
            "{line:?}"
        );
    }
}
