//! `selvedge`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    selvedge_cli::main()
}
