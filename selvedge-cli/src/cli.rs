//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Looks into running programs that use selvedge.
///
/// A program opens a socket when SELVEDGE_INSPECT is set at its start, or when it calls `observe::serve`. Only its
/// own user can connect.
#[derive(Debug, Parser)]
#[command(name = "selvedge", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXAMPLES: &str = "\
PROGRAM is a name, a process number or the path of a socket; it can be left out if there is only one program.

Examples:
  SELVEDGE_INSPECT= formulas big.txt &          a program that can be looked into
  selvedge ps                                   which programs there are
  selvedge top                                  look at the only one
  selvedge tree formulas                        its threads, once
  selvedge watch 'formulas::**' --max 20        the next calls of its open functions
  selvedge profile --for 10s --format svg > flames.svg
  selvedge record load.jsonl --for 1m && selvedge replay load.jsonl

Environment:
  SELVEDGE_INSPECT   a folder with sockets, if it names one; otherwise XDG_RUNTIME_DIR/selvedge or /tmp/selvedge-UID
  NO_COLOR           if it is set and not empty, nothing is coloured

Exit status:
  0 done, 1 it could not be done, 2 bad arguments or no such program; by Ctrl-C, that of a signal";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the programs that can be looked into
    Ps,
    /// Print the threads of a program, and what each waits for
    Tree {
        #[command(flatten)]
        program: Program,
    },
    /// Show a program on the terminal as it runs; `?` helps
    Top {
        #[command(flatten)]
        program: Program,
        /// How often to look
        #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
        every: Duration,
        /// From when on a wait, or a stop that is not obeyed, is a warning [default: 5s]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        warn_after: Option<Duration>,
    },
    /// Print calls of open functions as they happen
    Watch {
        /// Which functions, as `app::**` or `**::load_*`
        glob: String,
        #[command(flatten)]
        program: Program,
        /// End after so many events; a call has two, its begin and its end [default: 100; `**` has none]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        max: Option<u64>,
        /// No more events than that in a second; the others are counted
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        rate: Option<u32>,
        /// End after that time
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        lasts: Option<Duration>,
    },
    /// Profile a program for a while, and print what it did
    Profile {
        #[command(flatten)]
        program: Program,
        /// For how long
        #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = duration)]
        lasts: Duration,
        /// Only functions whose path matches, as `app::**`
        #[arg(long, value_name = "GLOB")]
        functions: Option<String>,
        /// Time one call of N of a short function; all are counted
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        sample: Option<u32>,
        /// What to print
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
        /// Which time `folded` and `svg` show; the other formats show both [default: work]
        #[arg(long, value_enum)]
        time: Option<Time>,
    },
    /// Ask a thread, and those below it, to stop
    Stop {
        /// Its path: the names above it in `tree` and its own, as `app/worker-3`
        thread: String,
        #[command(flatten)]
        program: Program,
        /// Its number, if several have that path
        #[arg(long, value_name = "N")]
        number: Option<u64>,
    },
    /// Write what happens in a program to a file, for `replay`
    Record {
        /// The file; one that is there is not overwritten
        file: PathBuf,
        #[command(flatten)]
        program: Program,
        /// For how long; otherwise until Ctrl-C or the end of the program
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        lasts: Option<Duration>,
        /// How often to look
        #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
        every: Duration,
        /// From when on a wait, or a stop that is not obeyed, is a warning [default: 5s]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        warn_after: Option<Duration>,
        /// Also that contexts are entered and left, which most programs do all the time
        #[arg(long)]
        details: bool,
    },
    /// Show a recording as `top` would have
    Replay {
        /// The file
        file: PathBuf,
    },
    /// Show a program in a browser on this machine
    Web {
        #[command(flatten)]
        program: Program,
        /// The port; otherwise a free one
        #[arg(long, value_name = "PORT", default_value = "0")]
        port: u16,
        /// How often to look
        #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
        every: Duration,
        /// From when on a wait, or a stop that is not obeyed, is a warning [default: 5s]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        warn_after: Option<Duration>,
    },
}

/// Which program.
#[derive(Debug, Args)]
pub(crate) struct Program {
    /// A name, a process number or the path of a socket [default: the only one there]
    pub(crate) program: Option<String>,
}

/// How a profile is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Functions with their calls and times, for people
    Table,
    /// The same, separated by tabs
    Tab,
    /// Stacks with their times, a line each, for flame graphs
    Folded,
    /// A trace for Perfetto or chrome://tracing
    Chrome,
    /// A flame graph, for browsers
    Svg,
}

/// Which time stacks have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Time {
    /// Without waits: what keeps the threads busy
    Work,
    /// With waits, which are blue in a flame graph: what the threads' lives go to
    Wall,
}

/// Reads `2s`, `1.5s`, `500ms`, `1m` or `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(char::is_alphabetic).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds_in_unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("expected a number with a unit: `30s`, `500ms`, `5m` or `1h`".to_owned()),
    };
    let n: f64 = number
        .parse()
        .map_err(|_| format!("`{number}` is not a number"))?;
    match Duration::try_from_secs_f64(n * seconds_in_unit) {
        Ok(Duration::ZERO) | Err(_) => Err("the time must be above 0, and not for ever".to_owned()),
        Ok(duration) => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::CommandFactory;

    use super::{Cli, duration};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_time_has_a_unit() {
        for (text, milliseconds) in [
            ("2s", 2000),
            ("500ms", 500),
            ("1.5s", 1500),
            ("1m", 60_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(
                duration(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in ["2", "", "s", "-1s", "0s", "1d", "1s1s", "infs", "1e300s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
