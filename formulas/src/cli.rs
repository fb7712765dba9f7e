//! The command line.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::evaluate::Isolation;
use crate::generate::Shape;
use crate::session::Options;

/// A calculator whose operations are plugins that cannot have side effects.
///
/// Reads statements, one a line: `name = expression`, or an expression whose value is printed.
/// Numbers are decimal and exact; there are + - * / % ^, parentheses and functions; # begins a
/// comment.
///
/// Statements are evaluated by several workers. The output is that of evaluating them one after
/// another.
#[derive(Debug, Parser)]
#[command(name = "formulas", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Files with statements; `-` is standard input, which is also read if there is no file
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// How many workers evaluate [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,

    /// Prefer this plugin for what it computes; the last one named wins
    #[arg(long = "plugin", value_name = "NAME")]
    plugins: Vec<String>,

    /// Plugins in another process, in any language: the command that starts it, such as `python3 plugin.py`
    #[arg(long = "worker-plugin", value_name = "COMMAND")]
    pub(crate) worker_plugins: Vec<String>,

    /// List all plugins, and which of them compute
    #[arg(long)]
    pub(crate) list_plugins: bool,

    /// Let the rogue plugin subtract: it also tries to change x
    #[arg(long)]
    with_rogue: bool,

    /// Let plugins have side effects; implies one worker
    #[arg(long)]
    no_isolation: bool,

    /// Give up a statement that takes longer, such as 2s or 500ms
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,

    /// Stop at the first error
    #[arg(long)]
    strict: bool,

    /// Print figures at the end, on standard error
    #[arg(long)]
    pub(crate) stats: bool,

    /// Draw the tree of threads as it was at its fullest, on standard error
    #[arg(long)]
    pub(crate) tree: bool,

    /// Let the program `selvedge` look in, at a socket at PATH or else where it looks by itself
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true)]
    pub(crate) inspect: Option<Option<PathBuf>>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  formulas                                a prompt, if standard input is a terminal
  formulas budget.txt                     evaluate a file
  echo '0.1 + 0.2' | formulas             evaluate standard input
  formulas --timeout 2s --strict in.txt   no statement over two seconds, no error
  formulas --worker-plugin 'python3 stats.py' in.txt
                                          functions in Python
  formulas --with-rogue plugins.txt       a plugin with a side effect, isolated
  formulas --inspect big.txt > out.txt    and, elsewhere, `selvedge top`
  formulas generate --lines 1000000 --names 1000 --seed 1 > big.txt

Environment:
  FORMULAS_HISTORY   a file that keeps the lines of the prompt

Exit status:
  0 all is well, 1 a statement failed, 2 bad arguments or an unreadable file";

/// What else the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a file of statements without errors, the same for the same numbers
    Generate {
        /// How many lines
        #[arg(long, value_name = "N", default_value = "1000")]
        lines: NonZeroU64,
        /// How many names they bind
        #[arg(long, value_name = "M", default_value = "100")]
        names: NonZeroU64,
        /// Another number gives another file
        #[arg(long, value_name = "S", default_value = "1")]
        seed: u64,
    },
}

impl Command {
    pub(crate) fn shape(&self) -> Shape {
        let Self::Generate { lines, names, seed } = self;
        Shape {
            lines: lines.get(),
            names: names.get(),
            seed: *seed,
        }
    }
}

impl Cli {
    /// What a session is asked to do.
    pub(crate) fn options(&self) -> Options {
        let cores = || available_parallelism().map_or(1, usize::from).min(256);
        let (workers, isolation) = if self.no_isolation {
            (1, Isolation::Off)
        } else {
            (self.workers.map_or_else(cores, usize::from), Isolation::On)
        };
        Options {
            workers,
            isolation,
            timeout: self.timeout,
            strict: self.strict,
        }
    }

    /// The plugins that were asked for, the strongest last.
    pub(crate) fn chosen_plugins(&self) -> Vec<String> {
        let rogue = self.with_rogue.then(|| "rogue".to_owned());
        self.plugins.iter().cloned().chain(rogue).collect()
    }
}

/// Reads `2s`, `1.5s`, `500ms` or `1m`.
fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text
        .find(|symbol: char| symbol.is_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds_in_unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        _ => return Err("expected a number with a unit: `2s`, `500ms` or `1m`".to_owned()),
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
            ("2min", 120_000),
        ] {
            assert_eq!(
                duration(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in ["2", "", "s", "-1s", "0s", "1h", "1s1s", "infs", "1e300s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
