//! What users see: `top` on a terminal of tmux, `web` in headless Chromium.
//!
//! Both are programs of the system. A test whose program is not there is counted as ignored, and says why; with
//! `SELVEDGE_SEEN=1` it fails instead, for machines that are to have them.

mod browser;
#[path = "../it/canned.rs"]
#[allow(dead_code, reason = "the other tests need more of it")]
mod canned;
mod driver;
#[path = "../../examples/inspected.rs"]
mod inspected;
#[path = "../it/running.rs"]
mod running;
mod terminal;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode, Stdio};

/// A test, and the program that it needs.
type Test = (&'static str, &'static str, fn());

const TESTS: &[Test] = &[
    (
        "terminal::top_shows_a_program",
        "tmux",
        terminal::top_shows_a_program,
    ),
    (
        "terminal::a_program_that_ends_stays_on_the_screen",
        "tmux",
        terminal::a_program_that_ends_stays_on_the_screen,
    ),
    (
        "terminal::a_recording_is_played",
        "tmux",
        terminal::a_recording_is_played,
    ),
    (
        "terminal::a_terminal_that_goes_ends_it",
        "tmux",
        terminal::a_terminal_that_goes_ends_it,
    ),
    (
        "terminal::a_stop_gives_the_terminal_back",
        "tmux",
        terminal::a_stop_gives_the_terminal_back,
    ),
    (
        "browser::the_page_is_clicked_through",
        "chromedriver",
        browser::the_page_is_clicked_through,
    ),
];

fn main() -> ExitCode {
    if running::be_it() {
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<String> = env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let must = env::var_os("SELVEDGE_SEEN").is_some_and(|value| !value.is_empty());
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    for (name, program, test) in TESTS.iter().filter(|(name, ..)| is_wanted(name)) {
        if !is_there(program) && !must {
            println!("test {name} ... ignored, there is no `{program}` on this machine");
            ignored += 1;
        } else if catch_unwind(AssertUnwindSafe(test)).is_ok() {
            println!("test {name} ... ok");
            passed += 1;
        } else {
            println!("test {name} ... FAILED");
            failed += 1;
        }
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {result}. {passed} passed; {failed} failed; {ignored} ignored");
    ExitCode::from(u8::from(failed > 0))
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    let command = command.arg(if program == "tmux" { "-V" } else { "--version" });
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
