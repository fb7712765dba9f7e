//! What can be written, and what it means.

use crate::formulas;

/// Each line prints what stands beside it.
#[track_caller]
fn check(lines: &[(&str, &str)]) {
    let input: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    let expected: String = lines
        .iter()
        .map(|(_, printed)| format!("{printed}\n"))
        .collect();
    formulas(&[], input).quiet().code(0).says(&expected);
}

#[test]
fn decimal_numbers_are_exact() {
    check(&[
        ("0.1 + 0.2", "0.3"),
        ("1.10 * 1.10", "1.21"),
        ("1.50", "1.5"),
        (".5 + 00.5", "1"),
        ("1 / 8", "0.125"),
        ("1 / 3", "0.3333333333333333333333333333"),
        (
            "79228162514264337593543950335",
            "79228162514264337593543950335",
        ),
        ("0 * -1", "0"),
    ]);
}

#[test]
fn operators_have_the_usual_precedence() {
    check(&[
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 2 - 3", "5"),
        ("100 / 10 / 5", "2"),
        ("17 % 5 * 2", "4"),
        ("-7 % 3", "-1"),
        ("2 ^ 3 ^ 2", "512"),
        ("-2 ^ 2", "-4"),
        ("(-2) ^ 2", "4"),
        ("2 ^ -2", "0.25"),
        ("2 - -3", "5"),
        ("- - 3", "3"),
        ("1+2", "3"),
    ]);
}

#[test]
fn functions_take_arguments() {
    check(&[
        ("max(1, 2.5, -3)", "2.5"),
        ("min(4)", "4"),
        ("sum(1, 2, 3) / avg(1, 2, 3)", "3"),
        ("abs(3 - 5)", "2"),
        ("round(2.345, 2)", "2.35"),
        ("round(-0.5)", "-1"),
        ("floor(-0.5) + ceil(-0.5)", "-1"),
        ("max (1, max(2, 3))", "3"),
    ]);
}

#[test]
fn a_binding_is_printed_and_read_by_the_lines_after_it() {
    check(&[
        ("x = 5", "x = 5"),
        ("y=x", "y = 5"),
        ("x = 6", "x = 6"),
        ("y", "5"),
        ("x = x + 1", "x = 7"),
        ("größe_2 = x * y", "größe_2 = 35"),
        ("größe_2 % 4", "3"),
        // A function and a name do not meet.
        ("max = 1", "max = 1"),
        ("max(max, 0)", "1"),
    ]);
}

#[test]
fn comments_and_blank_lines_say_nothing() {
    let input = "# a comment\n\n   \t\n1 # one\n#2\n\t2\t#\r\n3";
    formulas(&[], input).quiet().code(0).says("1\n2\n3\n");
}

#[test]
fn a_comment_may_be_in_any_encoding() {
    formulas(&[], b"1 # caf\xe9\n# \xff\xfe\n2\n")
        .quiet()
        .code(0)
        .says("1\n2\n");
}

#[test]
fn a_windows_file_with_a_byte_order_mark_is_a_file_like_any_other() {
    formulas(&[], "\u{feff}x = 1\r\nx\r\n")
        .quiet()
        .code(0)
        .says("x = 1\n1\n");
}
