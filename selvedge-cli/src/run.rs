//! From the command line to a verb; exit status.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use selvedge::program;

use crate::cli::{Cli, Verb};
use crate::fault::Fault;
use crate::{find, top, verbs, web};

/// How long threads may take to end.
const GRACE: Duration = Duration::from_secs(2);
/// The exit status for bad arguments, and for a program that is not there.
const MISUSED: u8 = 2;

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, and a closed one is not worth a word.
            let _ = error.print();
            return match error.use_stderr() {
                true => ExitCode::from(MISUSED),
                false => ExitCode::SUCCESS,
            };
        }
    };
    // What is asked of another program is not to depend on contexts that an environment brings to this one.
    let program = program::Builder::new("selvedge")
        .grace(GRACE)
        .ignore_environment();
    program.run(|_stop| Ok(status(act(cli.verb))))
}

fn act(verb: Verb) -> Result<(), Fault> {
    let connect = |program: crate::cli::Program| find::connect(program.program.as_deref());
    match verb {
        Verb::Ps => verbs::print(&find::ps()?),
        Verb::Tree { program } => verbs::tree(connect(program)?),
        Verb::Top {
            program,
            every,
            warn_after,
        } => top::run(connect(program)?, every, warn_after),
        Verb::Watch {
            glob,
            program,
            max,
            rate,
            lasts,
        } => verbs::watch(connect(program)?, glob, max, rate, lasts),
        Verb::Profile {
            program,
            lasts,
            functions,
            sample,
            format,
            time,
        } => {
            let form = verbs::Form::new(format, time)?;
            verbs::profile(connect(program)?, functions, sample, lasts, form)
        }
        Verb::Stop {
            thread,
            program,
            number,
        } => verbs::stop(connect(program)?, thread, number),
        Verb::Record {
            file,
            program,
            lasts,
            every,
            warn_after,
            details,
        } => {
            let command = verbs::recording(every, warn_after, lasts, details);
            verbs::record(connect(program)?, &file, command)
        }
        Verb::Replay { file } => top::replay(&file),
        Verb::Web {
            program,
            port,
            every,
            warn_after,
        } => web::run(connect(program)?, port, every, warn_after),
    }
}

fn status(result: Result<(), Fault>) -> ExitCode {
    let status = match &result {
        Ok(()) | Err(Fault::Stopped | Fault::Unread) => return ExitCode::SUCCESS,
        Err(Fault::Misused(_)) => ExitCode::from(MISUSED),
        Err(Fault::Failed(_)) => ExitCode::FAILURE,
    };
    if let Err(fault) = result {
        // If standard error is gone there is nobody to tell.
        let _ = writeln!(io::stderr(), "selvedge: {fault}");
    }
    status
}
