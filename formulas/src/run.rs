//! The program: arguments, the files in their order, and the exit status.

use core::fmt::Display;
use std::ffi::OsString;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use selvedge::{Outcome, Signal, program};

use crate::cli::Cli;
use crate::input::{Input, LONGEST_LINE, Next};
use crate::plugin::{Plugin, registered};
use crate::printer::Halt;
use crate::progress::Progress;
use crate::session::Session;
use crate::table::Table;
use crate::{generate, panics, prompt, worker};

/// How long threads may take to end, after the last line or a Ctrl-C.
const GRACE: Duration = Duration::from_millis(500);

/// The exit status for bad arguments and unreadable files.
const MISUSED: u8 = 2;

/// The whole program, with the plugins that are linked into it.
///
/// A program with plugins of its own is this, and the crates of the plugins, each named once:
///
/// ```no_run
/// // use trigonometry as _;
///
/// fn main() -> std::process::ExitCode {
///     formulas::main()
/// }
/// ```
#[must_use]
pub fn main() -> ExitCode {
    with_arguments(std::env::args_os())
}

fn with_arguments(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, and a closed one is not worth a word.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(MISUSED)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    if let Some(command) = &cli.command {
        return written(|out| generate::write(command.shape(), out));
    }
    let body = |stop: Signal| {
        let mut plugins = registered();
        for command_line in &cli.worker_plugins {
            match worker::plugins(command_line, cli.options().timeout, &plugins) {
                Ok(more) => plugins.extend(more),
                Err(error) => return Ok(misused(&error)),
            }
        }
        with_plugins(&cli, &plugins, &stop)
    };
    panics::quietly(|| program::Builder::new("formulas").grace(GRACE).run(body))
}

/// Does what was asked for, with these plugins.
fn with_plugins(cli: &Cli, plugins: &[&'static dyn Plugin], stop: &Signal) -> Outcome<ExitCode> {
    let table = match Table::choose(plugins, &cli.chosen_plugins()) {
        Ok(table) => table,
        Err(error) => return Ok(misused(&error)),
    };
    if cli.list_plugins {
        return Ok(written(|out| list(plugins, &table, out)));
    }
    calculate(cli, table, stop)
}

/// Says what is wrong with the arguments.
fn misused(error: &dyn Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "formulas: {error}");
    ExitCode::from(MISUSED)
}

/// Lets `write` write to standard output; that nobody reads it is no error.
fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> ExitCode {
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = writeln!(
                io::stderr(),
                "formulas: cannot write to standard output: {error}"
            );
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Lists the plugins, those first that compute.
fn list(plugins: &[&'static dyn Plugin], table: &Table, out: &mut dyn Write) -> io::Result<()> {
    for plugin in plugins {
        let is_chosen = table
            .entry(plugin.claim())
            .is_some_and(|entry| entry.plugin.name() == plugin.name());
        let mark = if is_chosen { '*' } else { ' ' };
        let (name, claim) = (plugin.name(), plugin.claim().to_string());
        writeln!(out, "{mark} {name:<12} {claim:<10} {}", plugin.about())?;
    }
    writeln!(
        out,
        "\n* computes; the others are there to be chosen, with --plugin NAME"
    )
}

/// Evaluates everything.
fn calculate(cli: &Cli, table: Table, stop: &Signal) -> Outcome<ExitCode> {
    let start = Instant::now();
    #[cfg(unix)]
    let _serving = match &cli.inspect {
        Some(path) => Some(selvedge::observe::serve(
            path.as_deref().unwrap_or(Path::new("")),
        )?),
        None => None,
    };
    let mut session = Session::start(cli.options(), table, stop.clone())?;
    let mut unreadable = false;
    let result = evaluate_all(cli, &mut session, stop, &mut unreadable);
    session.close();
    session.printer.progress.end();
    match result {
        Ok(()) | Err(Halt::Closed | Halt::Strict) => {}
        Err(Halt::Stopped) => match session.print_what_is_done() {
            Err(Halt::Failed(error)) => return Err(cannot_write(&error)),
            // Whatever else: it ends now anyway.
            _ => return Ok(ExitCode::FAILURE),
        },
        Err(Halt::Failed(error)) => return Err(cannot_write(&error)),
        Err(Halt::Broken) => return Err("a worker has died; this is a bug of formulas".into()),
    }
    report(cli, &session, start.elapsed());
    Ok(match (unreadable, session.printer.n_faults) {
        (true, _) => ExitCode::from(MISUSED),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    })
}

fn cannot_write(error: &io::Error) -> Box<dyn std::error::Error + Send + Sync> {
    format!("cannot go on: {error}").into()
}

/// Evaluates the files in their order, or standard input.
fn evaluate_all(
    cli: &Cli,
    session: &mut Session,
    stop: &Signal,
    unreadable: &mut bool,
) -> Result<(), Halt> {
    if cli.files.is_empty() && io::stdin().is_terminal() {
        return prompt::run(session, stop);
    }
    let stdin = [PathBuf::from("-")];
    let files = if cli.files.is_empty() {
        &stdin
    } else {
        cli.files.as_slice()
    };
    session.printer.progress = Progress::of(files);
    for path in files {
        if let Err(error) = evaluate_file(path, session, stop)? {
            // What the files before it say stands before the complaint.
            session.drain()?;
            session.printer.complain(&format!(
                "formulas: cannot read `{}`: {error}",
                path.display()
            ))?;
            *unreadable = true;
        }
    }
    session.drain()
}

/// Evaluates one file. The inner error is that of reading it.
fn evaluate_file(
    path: &Path,
    session: &mut Session,
    stop: &Signal,
) -> Result<io::Result<()>, Halt> {
    let is_stdin = path.as_os_str() == "-";
    let opened = if is_stdin {
        Input::stdin(stop)
    } else {
        Input::open(path, stop)
    };
    let mut input = match opened {
        Ok(input) => input,
        Err(error) => return Ok(Err(error)),
    };
    let name = if is_stdin {
        Input::STDIN.to_owned()
    } else {
        path.display().to_string()
    };
    session.begin(&name)?;
    let mut may_wait = false;
    loop {
        let next = match input.next(may_wait) {
            Ok(next) => next,
            Err(error) => return Ok(Err(error)),
        };
        may_wait = matches!(next, Next::NotReady);
        match next {
            Next::Line { number, line } => {
                session.printer.progress.read(line.len() + 1);
                session.line(number, line)?;
            }
            Next::TooLong { number, len } => {
                let message =
                    format!("expected a line of at most {LONGEST_LINE} bytes, found one of {len}");
                session.refuse(number, message)?;
            }
            Next::NotReady => session.drain()?,
            Next::Stopped => return Err(Halt::Stopped),
            Next::End => return Ok(Ok(())),
        }
    }
}

/// What was asked for beside the results.
fn report(cli: &Cli, session: &Session, elapsed: Duration) {
    let mut err = io::stderr().lock();
    // If standard error is gone there is nobody to tell.
    if cli.tree {
        let _ = writeln!(err, "{}", session.crew.fullest().to_string().trim_end());
    }
    if cli.stats {
        let n = session.n_statements;
        let rate = n as f64 / elapsed.as_secs_f64().max(f64::EPSILON);
        let (workers, replaced) = (
            cli.options().workers,
            session.crew.len() - cli.options().workers,
        );
        let _ = writeln!(err, "statements      {n}");
        let _ = writeln!(err, "  failed        {}", session.printer.n_faults);
        let _ = writeln!(err, "  a second      {rate:.0}");
        let _ = writeln!(err, "batches         {}", session.n_batches);
        let _ = writeln!(
            err,
            "names           {}",
            crate::variables::VARIABLES.get().len()
        );
        let _ = writeln!(err, "workers         {workers}, {replaced} replaced");
        let _ = writeln!(err, "seconds         {:.3}", elapsed.as_secs_f64());
    }
}
