//! Standard output and standard error, in the order of the input.
//!
//! Results are gathered and written in large pieces; before anything goes to standard error, what
//! stands before it is written, so that the two make sense where they meet (a terminal, `2>&1`).

use std::collections::HashSet;
use std::io::{self, ErrorKind, Write};

use crate::batch::{Output, Remark, RemarkKind};
use crate::progress::Progress;

/// Why the program ends before its input does.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Nobody reads standard output any more.
    Closed,
    /// Standard output cannot be written.
    Failed(io::Error),
    /// The first error, and `--strict`.
    Strict,
    /// The program was asked to stop.
    Stopped,
    /// A worker died: a bug of this program.
    Broken,
}

/// What has been printed, and what will be.
#[derive(Debug)]
pub(crate) struct Printer {
    text: Vec<u8>,
    strict: bool,
    /// Plugins whose attempted writes have been reported.
    reported: HashSet<&'static str>,
    /// How many statements have failed.
    pub(crate) n_faults: u64,
    /// What may stand on the terminal of standard error.
    pub(crate) progress: Progress,
}

impl Printer {
    /// So much is gathered before it is written.
    const FULL: usize = 64 * 1024;

    pub(crate) fn new(strict: bool) -> Self {
        Self {
            text: Vec::new(),
            strict,
            reported: HashSet::new(),
            n_faults: 0,
            progress: Progress::default(),
        }
    }

    /// Prints what a batch of the file `source` says.
    ///
    /// # Errors
    ///
    /// Any reason to end: see [`Halt`].
    pub(crate) fn print(&mut self, source: &str, output: &Output) -> Result<(), Halt> {
        let mut written = 0;
        for remark in &output.remarks {
            self.text
                .extend_from_slice(&output.text[written..remark.after]);
            written = remark.after;
            self.remark(source, remark)?;
        }
        self.text.extend_from_slice(&output.text[written..]);
        if self.text.len() >= Self::FULL {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    ///
    /// [`Halt::Closed`] and [`Halt::Failed`].
    pub(crate) fn flush(&mut self) -> Result<(), Halt> {
        if self.text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        let result = out.write_all(&self.text).and_then(|()| out.flush());
        self.text.clear();
        result.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Halt::Closed,
            _ => Halt::Failed(error),
        })
    }

    fn remark(&mut self, source: &str, remark: &Remark) -> Result<(), Halt> {
        let place = format!("{source}:{}:{}", remark.line, remark.column);
        match &remark.kind {
            RemarkKind::Fault(message) => {
                self.n_faults += 1;
                self.complain(&format!("{place}: {message}"))?;
                if self.strict {
                    Err(Halt::Strict)
                } else {
                    Ok(())
                }
            }
            RemarkKind::Attempt { plugin, singletons } => {
                if !self.reported.insert(plugin) {
                    return Ok(());
                }
                // By its own name: where it is declared is no business of who reads this.
                let names = singletons
                    .iter()
                    .map(|path| path.rsplit("::").next().unwrap_or(path));
                let what = names.collect::<Vec<_>>().join("`, `");
                self.complain(&format!(
                    "{place}: warning: the plugin `{plugin}` tried to change `{what}`; the change was discarded, \
                     as will be all that it tries"
                ))
            }
        }
    }

    /// Writes a line to standard error, after what stands before it.
    pub(crate) fn complain(&mut self, message: &str) -> Result<(), Halt> {
        self.flush()?;
        // If standard error is gone there is nobody to tell.
        let line = format!("{message}\n");
        let _ = (self.progress).aside(|| io::stderr().write_all(line.as_bytes()));
        Ok(())
    }
}
