//! Records of the crate `log`.

use log::{Level, LevelFilter, Record};

use super::Forwarder;
use crate::primitive::Arc;
use crate::probe::records::{Rank, Taker, Taking, Values, take_records};
use crate::process::worker::level::LogLevel;

/// Unless the program has a logger.
pub(super) fn records_to(forwarder: &Arc<Forwarder>) -> Option<Taking> {
    let forwarder = Arc::clone(forwarder);
    take_records(forwarder, Rank::Last)
}

impl Taker for Forwarder {
    fn max(&self) -> LevelFilter {
        match self.level {
            LogLevel::Error => LevelFilter::Error,
            LogLevel::Warning => LevelFilter::Warn,
            LogLevel::Info => LevelFilter::Info,
            LogLevel::Debug => LevelFilter::Debug,
            LogLevel::Trace => LevelFilter::Trace,
        }
    }

    fn take(&self, record: &Record<'_>) {
        let level = match record.level() {
            Level::Error => LogLevel::Error,
            Level::Warn => LogLevel::Warning,
            Level::Info => LogLevel::Info,
            Level::Debug => LogLevel::Debug,
            Level::Trace => LogLevel::Trace,
        };
        let values = Values(record.key_values());
        self.send(
            level,
            record.target(),
            &format_args!("{}{values}", record.args()),
        );
    }

    /// Nothing waits to be written.
    fn flush(&self) {}
}
