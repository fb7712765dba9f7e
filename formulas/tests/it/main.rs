//! `formulas`, tested as a user meets it: every test runs the program.

#![cfg(unix)]

mod arguments;
mod child;
mod errors;
mod isolation;
mod language;
mod oracle;
mod order;
mod observed;
mod prompt;
mod streams;
#[cfg(target_os = "linux")]
mod workers;

use child::Ended;

/// The program.
const FORMULAS: &str = env!("CARGO_BIN_EXE_formulas");

/// Runs the program on standard input.
#[track_caller]
fn formulas(arguments: &[&str], stdin: impl AsRef<[u8]>) -> Ended {
    child::run(FORMULAS, arguments, stdin)
}
