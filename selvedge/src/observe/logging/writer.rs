//! The log as a plain writer.

use core::fmt;
use std::io;

use crate::observe::logging::shared::Shared;
use crate::primitive::Arc;

/// Adds what is written to it to the log, as it is; made by [`Log::writer`](super::Log::writer).
///
/// Lines go whole: what has no line end yet is kept until it has, or until the writer is dropped, which ends the line.
/// A clone is a writer with nothing kept. Writing does not fail.
///
/// # Examples
///
/// As the writer of `tracing-subscriber`'s lines:
///
/// ```
/// use selvedge::observe::logging;
///
/// # let status =
/// selvedge::run("traced", |_stop| {
///     let log = logging::stderr().install()?;
///     let writer = log.writer();
///     let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
///     tracing::subscriber::with_default(subscriber, || tracing::info!("hello"));
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
pub struct Writer {
    log: Arc<Shared>,
    /// The beginning of a line.
    kept: Vec<u8>,
}

impl Writer {
    pub(super) fn new(log: Arc<Shared>) -> Self {
        let kept = Vec::new();
        Self { log, kept }
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lines = bytes.iter().rposition(|byte| *byte == b'\n');
        let (whole, rest) = bytes.split_at(lines.map_or(0, |at| at + 1));
        if !whole.is_empty() {
            if self.kept.is_empty() {
                self.log.raw(whole);
            } else {
                self.kept.extend_from_slice(whole);
                self.log.raw(&core::mem::take(&mut self.kept));
            }
        }
        self.kept.extend_from_slice(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // a line that has not ended is none; `Log::flush` is for the others
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.kept.is_empty() {
            self.kept.push(b'\n');
            self.log.raw(&self.kept);
        }
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.log))
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}
