//! The log takes the records of the crate `log`.

use crate::observe::logging::line::Record;
use crate::observe::logging::shared::Shared;
use crate::observe::logging::{InstallError, Level};
use crate::primitive::Arc;
use crate::probe::records::{Rank, Taker, Taking, Values, take_records};

pub(super) fn records_to(log: &Arc<Shared>) -> Result<Taking, InstallError> {
    let log = Arc::clone(log);
    take_records(log, Rank::First).ok_or(InstallError::OtherLogger)
}

impl Taker for Shared {
    fn max(&self) -> log::LevelFilter {
        match self.level() {
            Level::Error => log::LevelFilter::Error,
            Level::Warn => log::LevelFilter::Warn,
            Level::Info => log::LevelFilter::Info,
            Level::Debug => log::LevelFilter::Debug,
            Level::Trace => log::LevelFilter::Trace,
        }
    }

    fn take(&self, record: &log::Record<'_>) {
        self.record(&Record {
            level: level(record.level()),
            thread: None,
            target: record.target(),
            text: record.args(),
            values: &Values(record.key_values()),
        });
    }

    fn flush(&self) {
        super::flush();
    }
}

fn level(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warn,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}
