//! The log as the logger of the crate `log`.

use core::fmt::{self, Display};

use log::kv::{Error, Key, Source, Value, VisitSource};

use crate::observe::logging::install::installed;
use crate::observe::logging::line::Record;
use crate::observe::logging::{InstallError, Level};

/// There is one for a process, and it stays. It has a size, so that nothing else has its address.
struct Logger {
    _size: u8,
}

static LOGGER: Logger = Logger { _size: 0 };

fn is_logger() -> bool {
    core::ptr::addr_eq(log::logger(), &raw const LOGGER)
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let level = level(metadata.level());
        !is_event(metadata.target()) && installed().is_some_and(|log| level <= log.level())
    }

    fn log(&self, record: &log::Record<'_>) {
        if is_event(record.target()) {
            return;
        }
        let Some(log) = installed() else { return };
        log.record(&Record {
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

/// Becomes the logger of the process, if that is not it already.
pub(super) fn become_logger(max: Level) -> Result<(), InstallError> {
    if log::set_logger(&LOGGER).is_err() && !is_logger() {
        return Err(InstallError::OtherLogger);
    }
    log::set_max_level(match max {
        Level::Error => log::LevelFilter::Error,
        Level::Warn => log::LevelFilter::Warn,
        Level::Info => log::LevelFilter::Info,
        Level::Debug => log::LevelFilter::Debug,
        Level::Trace => log::LevelFilter::Trace,
    });
    Ok(())
}

/// The log has ended: nobody wants records.
pub(super) fn stop_records() {
    if is_logger() {
        log::set_max_level(log::LevelFilter::Off);
    }
}

/// Events of the library reach the log by themselves.
fn is_event(target: &str) -> bool {
    target == "selvedge" || target.starts_with("selvedge::context::")
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

/// ` key=value` for each.
struct Values<'v>(&'v dyn Source);

impl Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Each<'a, 'f>(&'a mut fmt::Formatter<'f>);
        impl<'kvs> VisitSource<'kvs> for Each<'_, '_> {
            fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
                Ok(write!(self.0, " {key}={value:?}")?)
            }
        }
        self.0.visit(&mut Each(f)).map_err(|_| fmt::Error)
    }
}
