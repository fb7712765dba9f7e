//! How much of the input is read, as a bar on a terminal.
//!
//! It is shown where it disturbs nobody: on standard error if that is a terminal, while standard
//! output is none. Its line is taken away before anything else is written there.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// So much is read before the bar is told: telling it costs more than a short line, and what is
/// read at once needs no bar.
const PORTION: u64 = 16 * 1024;
/// How often it is drawn, in a second.
const RATE: u8 = 10;

/// A bar, or nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    untold: u64,
}

impl Progress {
    /// Of reading these files; a bar only if it can be seen, and disturbs nobody.
    pub(crate) fn of(files: &[PathBuf]) -> Self {
        if !io::stderr().is_terminal() || io::stdout().is_terminal() {
            return Self::default();
        }
        let size = |path: &PathBuf| {
            let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
            Some(metadata.len())
        };
        let total: Option<u64> = files.iter().map(size).sum();
        let template = match total {
            Some(_) => "{wide_bar} {percent:>3}% of {total_bytes}, {eta} left",
            None => "{spinner} {bytes} read",
        };
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(RATE));
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar: Some(bar),
            untold: 0,
        }
    }

    /// So many more bytes are read.
    pub(crate) fn read(&mut self, bytes: usize) {
        let Some(bar) = &self.bar else { return };
        self.untold += bytes as u64;
        if self.untold >= PORTION {
            bar.inc(std::mem::take(&mut self.untold));
        }
    }

    /// Takes the bar away while `write` writes to standard error.
    pub(crate) fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes it away for good.
    pub(crate) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
