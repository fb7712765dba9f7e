//! `formulas` with the plugins of this crate.

use std::process::ExitCode;

// Named once: a linker leaves out what nobody names, and with it the registrations.
use formulas_extra as _;

fn main() -> ExitCode {
    formulas::main()
}
