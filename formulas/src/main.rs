//! `formulas`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    formulas::main()
}
