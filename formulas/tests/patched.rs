//! A plugin is replaced by a patch, and calls are printed, in a program that was written for neither.
//!
//! The test runs itself as the program, with the patch installed.

use std::env;
use std::io::Write as _;
use std::process::{Command, ExitCode, Output, Stdio};

use formulas::{Number, compute};

/// Set for the child: what it is to do.
const ROLE: &str = "FORMULAS_TEST_ROLE";

fn main() -> ExitCode {
    match env::var(ROLE).as_deref() {
        Ok("patched") => {
            let patch = compute::around(|args, next| match args.plugin.name() {
                "sum" => Ok(Number::ZERO),
                _ => next.proceed(args),
            });
            let _installed = patch.install();
            formulas::main()
        }
        Ok(_) => formulas::main(),
        Err(_) => {
            a_patch_stands_in_for_a_plugin();
            calls_are_printed_for_selvedge_watch();
            a_malformed_pattern_is_one_line_and_the_program_goes_on();
            ExitCode::SUCCESS
        }
    }
}

/// Runs the program in a role, with two workers.
fn run(role: &str, watch: Option<&str>, input: &str) -> Output {
    let mut command = Command::new(env::current_exe().expect("this test"));
    command.args(["--workers", "2"]).env(ROLE, role);
    match watch {
        Some(watch) => command.env("SELVEDGE_WATCH", watch),
        None => command.env_remove("SELVEDGE_WATCH"),
    };
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

const INPUT: &str = "a = sum(1, 2)\nmax(a, 2)\n";

fn a_patch_stands_in_for_a_plugin() {
    let plain = run("plain", None, INPUT);
    assert_eq!(
        (text(&plain.stdout), text(&plain.stderr)),
        ("a = 3\n3\n".to_owned(), String::new())
    );
    let patched = run("patched", None, INPUT);
    assert_eq!(
        (text(&patched.stdout), text(&patched.stderr)),
        ("a = 0\n2\n".to_owned(), String::new())
    );
}

fn calls_are_printed_for_selvedge_watch() {
    let traced = run("plain", Some("formulas::**"), INPUT);
    assert_eq!(text(&traced.stdout), "a = 3\n3\n");
    let stderr = text(&traced.stderr);
    // Two workers may interleave; each line is whole, and says whose it is.
    let mut lines: Vec<_> = stderr
        .lines()
        .map(|line| {
            let (thread, call) = line.split_once("] ").expect(line);
            assert!(thread.starts_with("[formulas/"), "{line}");
            call.replace("formulas::evaluate::", "")
        })
        .collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "compute -> Ok(Number(3))",
            "compute -> Ok(Number(3))",
            "compute(plugin: max, arguments: [Number(3), Number(2)])",
            "compute(plugin: sum, arguments: [Number(1), Number(2)])",
        ]
    );
    // The trace is of what the program does, so the patch's answer is in it.
    let patched = run(
        "patched",
        Some("somebody::else::*, **::compute"),
        "sum(1)\n",
    );
    let stderr = text(&patched.stderr);
    assert!(
        stderr.contains("compute(plugin: sum, arguments: [Number(1)])\n"),
        "{stderr}"
    );
    assert!(stderr.ends_with("compute -> Ok(Number(0))\n"), "{stderr}");
}

fn a_malformed_pattern_is_one_line_and_the_program_goes_on() {
    let output = run("plain", Some("compute"), INPUT);
    assert_eq!(text(&output.stdout), "a = 3\n3\n");
    assert_eq!(
        text(&output.stderr),
        "selvedge: SELVEDGE_WATCH: the pattern `compute` matches no function: a path has the crate's name in \
         front, so write `**::compute`\n"
    );
    assert!(output.status.success());
    let off = run("plain", Some(""), INPUT);
    assert_eq!(text(&off.stderr), "");
}
