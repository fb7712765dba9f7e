//! `formulas` with plugins of another crate: good ones, and such as panic, wait or never return.

#![cfg(unix)]

#[path = "../../../tests/it/child.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of another package, which use all of it"
)]
mod child;

use std::process::Stdio;

use child::{Ended, Live, interruptible};
use rustix::process::Signal;

/// The program with the plugins of this crate.
const WITH_EXTRA: &str = env!("CARGO_BIN_EXE_formulas-with-extra");

#[track_caller]
fn with_extra(arguments: &[&str], stdin: &str) -> Ended {
    child::run(WITH_EXTRA, arguments, stdin)
}

#[test]
fn a_crate_that_is_named_once_brings_its_plugins() {
    let list = with_extra(&["--list-plugins"], "").quiet().code(0).stdout;
    for name in ["sqrt", "hypot", "add"] {
        assert!(
            list.lines()
                .any(|line| line.starts_with(&format!("* {name} "))),
            "{name}: {list}"
        );
    }
    with_extra(&[], "hypot(3, 4)\nsqrt(2.25) + 1\n")
        .quiet()
        .code(0)
        .says("5\n2.5\n");
    with_extra(&[], "sqrt(1 - 2)\n")
        .code(1)
        .complains(&["<stdin>:1:1: `sqrt(-1)`: a number below 0 has no square root"]);
}

#[test]
fn a_plugin_sees_the_variables_as_of_its_line() {
    let input = "look()\nx = 1\nlook()\nx = 2\nx = look() + 10\nlook()\nx = 3\n".repeat(50);
    for workers in ["1", "8"] {
        let ended = with_extra(&["--workers", workers], &input).code(1);
        let first = "x = 1\n1\nx = 2\nx = 12\n12\nx = 3\n";
        assert_eq!(
            ended.stdout,
            format!("{first}{}", format!("3\n{first}").repeat(49))
        );
        assert_eq!(ended.stderr, "<stdin>:1:1: `look()`: x is not bound\n");
    }
}

#[test]
fn what_a_plugin_writes_it_can_read_and_nobody_else() {
    for workers in ["1", "8"] {
        let ended = with_extra(
            &["--workers", workers],
            "x = 5\ny = meddle(7) + x\nx + meddle(1)\ny\nz\n",
        )
        .code(1);
        assert_eq!(ended.stdout, "x = 5\ny = 12\n6\n12\n");
        let complaints: Vec<_> = ended.stderr.lines().collect();
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(
            complaints[0].starts_with(
                "<stdin>:2:5: warning: the plugin `meddle` tried to change `VARIABLES`"
            )
        );
        assert_eq!(
            complaints[1],
            "<stdin>:5:1: unknown name `z`: no earlier line binds it"
        );
    }
}

#[test]
fn a_panic_costs_its_statement_an_error_and_nothing_else() {
    for arguments in [
        &["--workers", "1"][..],
        &["--workers", "8"],
        &["--no-isolation"],
    ] {
        let ended = with_extra(arguments, "x = 1\nx = panic() + 1\nx\npanic(2)\n3\n")
            .code(1)
            .says("x = 1\n1\n3\n");
        // Once each, as an error; Rust's own report of a panic does not come between.
        let complaints: Vec<_> = ended.stderr.lines().collect();
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        for (complaint, (start, end)) in complaints.iter().zip([
            (
                "<stdin>:2:5: `panic()`: the plugin `panic` panicked at ",
                "`nothing works any more (0)`",
            ),
            (
                "<stdin>:4:1: `panic(2)`: the plugin `panic` panicked at ",
                "`nothing works any more (1)`",
            ),
        ]) {
            assert!(
                complaint.starts_with(start) && complaint.ends_with(end),
                "{complaint}"
            );
            assert!(complaint.contains("trouble.rs:"), "{complaint}");
        }
    }
}

#[test]
fn a_plugin_that_waits_is_given_up_and_its_worker_ends() {
    for workers in ["1", "4"] {
        let input = "x = 1\nx = block()\ny = x + 1\n2\n";
        let arguments = ["--timeout", "500ms", "--workers", workers, "--stats"];
        let ended = with_extra(&arguments, input)
            .code(1)
            .says("x = 1\ny = 2\n2\n");
        let first = ended.stderr.lines().next().unwrap();
        assert!(
            first.starts_with("<stdin>:2:5: given up after 500ms: the plugin `block` has not returned; `formulas/worker-"),
            "{}",
            ended.stderr
        );
        assert!(first.ends_with("` was abandoned"), "{first}");
        assert!(
            ended.stderr.contains(&format!("{workers}, 1 replaced")),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("still running"), "{}", ended.stderr);
    }
}

#[test]
fn a_plugin_that_never_returns_is_given_up_and_its_thread_is_named_at_the_end() {
    let ended = with_extra(
        &["--timeout", "500ms", "--workers", "1"],
        "1\nx = spin()\nx\n2\n",
    )
    .code(1)
    .says("1\n2\n");
    let complaints: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(
        complaints[..2],
        [
            "<stdin>:2:5: given up after 500ms: the plugin `spin` has not returned; `formulas/worker-1` was abandoned",
            "<stdin>:3:1: unknown name `x`: no earlier line binds it",
        ]
    );
    let rest = complaints[2..].join("\n");
    assert!(
        rest.contains("still running") && rest.contains("worker-1") && !rest.contains("worker-2"),
        "{rest}"
    );
}

#[test]
fn a_plugin_that_never_returns_leaves_the_exit_status_to_the_statements() {
    // Nothing but the thread is left, so the status is that of the failed statement: 1, not a
    // signal's.
    with_extra(&["--timeout", "500ms", "--strict"], "spin()\n1\n")
        .code(1)
        .says("");
}

#[test]
fn the_rest_of_an_abandoned_batch_is_done_exactly_once() {
    // The statements that hang stand in batches with others, before and behind them.
    let mut input = String::from("n = 0\n");
    for i in 1..=400 {
        input += "n = n + 1\n";
        if i == 150 || i == 151 || i == 390 {
            input += "block()\n";
        }
    }
    let expected: String = (0..=400).map(|i| format!("n = {i}\n")).collect();
    for workers in ["1", "3"] {
        let ended = with_extra(&["--timeout", "1s", "--workers", workers], &input)
            .code(1)
            .says(&expected);
        assert_eq!(ended.stderr.lines().count(), 3, "{}", ended.stderr);
    }
}

#[test]
fn waiting_for_an_earlier_line_is_not_taking_long() {
    // The second line waits for the first for all of its time, and then has its own.
    let input = "x = 1\nx = block() + 1\ny = x + 1\nz = y + block()\nz\n";
    let ended = with_extra(&["--timeout", "500ms", "--workers", "8"], input)
        .code(1)
        .says("x = 1\ny = 2\n");
    let columns: Vec<_> = ended
        .stderr
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        columns,
        ["<stdin>:2:5", "<stdin>:4:9", "<stdin>:5:1"],
        "{}",
        ended.stderr
    );
}

#[test]
fn ctrl_c_while_a_plugin_waits_prints_what_stands_before_it() {
    let mut live = Live::start(
        interruptible(WITH_EXTRA)
            .args(["--workers", "2"])
            .stdin(Stdio::piped()),
    );
    live.write("x = 1\nx + 1\nblock()\n3\n");
    live.wait_for("x = 1\n2\n");
    live.send(Signal::INT);
    live.end().quiet().signal(Signal::INT).says("x = 1\n2\n");
}

#[test]
fn the_tree_shows_the_replacement() {
    let arguments = ["--timeout", "500ms", "--workers", "2", "--tree"];
    let ended = with_extra(&arguments, "spin()\n1\n").code(1).says("1\n");
    for worker in ["worker-1", "worker-2", "worker-3"] {
        assert!(ended.stderr.contains(worker), "{worker}: {}", ended.stderr);
    }
}
