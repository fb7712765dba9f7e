//! Plugins in another process: the example in Python, which computes and misbehaves, and one in shell.
//!
//! Where there is no `python3`, those that need it say so and do nothing.

use std::process::Command;

use crate::child::Ended;
use crate::formulas;

const PLUGIN: &str = concat!(
    "python3 '",
    env!("CARGO_MANIFEST_DIR"),
    "/examples/plugin.py'"
);

/// Runs formulas with the example; `None` where there is no Python.
#[track_caller]
fn with_python(arguments: &[&str], stdin: &str) -> Option<Ended> {
    if Command::new("python3").arg("-V").output().is_err() {
        eprintln!("skipped, there is no python3");
        return None;
    }
    let arguments = [&["--worker-plugin", PLUGIN], arguments].concat();
    Some(formulas(&arguments, stdin))
}

#[test]
fn functions_in_python_compute() {
    let input = "hypot(3, 4)\nx = median(1, 5, 2)\nx + 0.5\nmedian(0.1, 0.2)\n-median(1)\n-7 % 3\n";
    let expected = "5\nx = 2\n2.5\n0.15\n-1\n-1\n";
    for workers in ["1", "4"] {
        let Some(ended) = with_python(&["--workers", workers], input) else {
            return;
        };
        ended.quiet().code(0).says(expected);
    }
    let Some(ended) = with_python(&["--plugin", "pymod"], "7 % -3\n") else {
        return;
    };
    // Python takes the sign of the divisor, and we that of the dividend.
    ended.quiet().code(0).says("-2\n");
}

#[test]
fn all_digits_go_there_and_back() {
    let input = "median(0.1234567890123456789012345678)\nmedian(79228162514264337593543950335)\n";
    let Some(ended) = with_python(&[], input) else {
        return;
    };
    let expected = "0.1234567890123456789012345678\n79228162514264337593543950335\n";
    ended.quiet().code(0).says(expected);
}

#[test]
fn what_a_plugin_prints_is_no_answer() {
    let Some(ended) = with_python(&["--workers", "1"], "chatter(7)\nchatter(8)\n") else {
        return;
    };
    let ended = ended.code(0).says("7\n8\n");
    assert!(
        ended.stderr.contains("prints: {\"id\":1,\"out\":42}"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_plugin_that_raises_costs_its_statement() {
    let Some(ended) = with_python(&[], "1\noops()\n2\nhypot(1)\n") else {
        return;
    };
    ended.code(1).says("1\n2\n").complains(&[
        "<stdin>:2:1: `oops()`: ValueError: nothing works",
        "<stdin>:4:1: `hypot(1)`: expected 2 arguments, found 1",
    ]);
}

#[test]
fn a_plugin_that_exits_is_started_again() {
    let Some(ended) = with_python(&["--workers", "1"], "leave(3)\nmedian(2)\n") else {
        return;
    };
    let ended = ended.code(1).says("2\n");
    let lost = "has ended (exit status: 3); the last line on its standard error: leaving";
    assert!(ended.stderr.contains(lost), "{}", ended.stderr);
}

#[test]
fn a_plugin_that_hangs_is_given_up_and_those_that_follow_work() {
    for plugin in ["hang()", "deaf()"] {
        let input = format!("{plugin}\nmedian(5)\n");
        let Some(ended) = with_python(&["--timeout", "3s", "--workers", "1"], &input) else {
            return;
        };
        let has_given_up = |text: &str| text.contains("<stdin>:1:1: given up after 3s");
        assert!(has_given_up(&ended.stderr), "{plugin}: {}", ended.stderr);
        assert_eq!(ended.stdout, "5\n", "{plugin}: {}", ended.stderr);
    }
}

#[test]
fn results_that_are_no_numbers_are_errors_of_their_statement() {
    let input: String = (0..14).map(|n| format!("odd({n})\n")).collect();
    let Some(ended) = with_python(&["--workers", "1"], &input) else {
        return;
    };
    let ended = ended.code(1).says("0\n0.001\n-0.0000001\n");
    let none = |n: usize, shown: &str| {
        format!(
            "<stdin>:{}:1: `odd({n})`: the plugin returned `{shown}`, which is no number",
            n + 1
        )
    };
    let failed = "cannot be written as JSON";
    let long = format!("\"{}..", "x".repeat(39));
    let huge = format!("1{}..", "0".repeat(39));
    let expected = [
        none(0, "null"),
        none(2, "false"),
        none(3, "\"\""),
        none(4, &long),
        failed.to_owned(),
        failed.to_owned(),
        none(7, &huge),
        none(9, "[1]"),
        none(11, "true"),
        none(12, "\"--5\""),
        none(13, "\"-\""),
    ];
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(&expected) {
        assert!(line.contains(expected), "{line}: {expected}");
    }
}

#[test]
fn they_are_listed() {
    let Some(ended) = with_python(&["--list-plugins"], "") else {
        return;
    };
    let ended = ended.quiet().code(0);
    for line in [
        "* hypot        hypot()    the longest side",
        "  pymod        a % b ",
    ] {
        assert!(ended.stdout.contains(line), "{line}: {}", ended.stdout);
    }
}

/// A worker in shell that describes its plugins by running this.
fn in_shell(describe: &str) -> String {
    let script = format!(
        r#"read config; echo "{{\"out\":\"ok\",\"version\":1}}"
while read line; do
  id=${{line#*:}}; id=${{id%%,*}}
  case $line in
    *formulas_plugins*) {describe};;
    *stop*) exit;;
  esac
done"#
    );
    format!("sh -c '{script}'")
}

/// One that describes one plugin so.
fn described(plugin: &str) -> String {
    let plugin = plugin.replace('"', r#"\""#);
    in_shell(&format!(r#"echo "{{\"id\":$id,\"out\":[{plugin}]}}""#))
}

#[test]
fn a_worker_that_never_says_what_it_computes_is_a_bad_argument() {
    let command = in_shell("sleep 1000");
    let ended = formulas(&["--timeout", "1s", "--worker-plugin", &command], "1\n");
    let ended = ended.code(2).says("");
    let said = "`formulas_plugins` has not said within 1s what it computes";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

#[test]
fn a_plugin_has_a_name_that_can_be_called() {
    for name in ["a b", "", "2x", "a-b", "a("] {
        let command = described(&format!(r#"{{"name":"{name}","arguments":0}}"#));
        let ended = formulas(&["--worker-plugin", &command], "1\n");
        let ended = ended.code(2).says("");
        let said = format!("a plugin cannot be called `{name}`: a name has letters");
        assert!(ended.stderr.contains(&said), "{}", ended.stderr);
        assert!(
            ended.stderr.starts_with("formulas: --worker-plugin `sh -c"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn two_plugins_of_one_name_are_refused() {
    let own = r#"{"name":"own","arguments":0}"#;
    let add = described(r#"{"name":"add","operator":"+","arguments":2}"#);
    let one = described(own);
    let twice = described(&format!("{own},{own}"));
    for (commands, name) in [
        (&[&add][..], "add"),
        (&[&twice], "own"),
        (&[&one, &one], "own"),
    ] {
        let arguments: Vec<&str> = commands
            .iter()
            .flat_map(|command| ["--worker-plugin", command])
            .collect();
        let ended = formulas(&arguments, "1\n").code(2).says("");
        let said =
            format!("there is another plugin called `{name}`; give this one a name of its own");
        assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    }
}

#[test]
fn a_worker_may_be_written_in_anything() {
    let script = r#"read config; echo "{\"out\":\"ok\",\"version\":1}"
while read line; do
  id=${line#*:}; id=${id%%,*}
  case $line in
    *formulas_plugins*) echo "{\"id\":$id,\"out\":[{\"name\":\"answer\",\"arguments\":0}]}";;
    *answer*) echo "{\"id\":$id,\"out\":42}";;
    *stop*) exit;;
  esac
done"#;
    let command = format!("sh -c '{script}'");
    let ended = formulas(&["--worker-plugin", &command], "answer() + 1\n");
    ended.quiet().code(0).says("43\n");
}

#[test]
fn a_program_that_is_no_worker_is_a_bad_argument() {
    for (command, part) in [
        ("true", "has ended"),
        ("no-such-program", "no-such-program"),
        ("echo hello", "does not begin as one: `hello`"),
        ("sh 'x", "a quotation is not closed"),
        ("", "expected a program"),
    ] {
        let ended = formulas(&["--worker-plugin", command], "1\n")
            .code(2)
            .says("");
        assert!(ended.stderr.contains(part), "{command}: {}", ended.stderr);
    }
}
