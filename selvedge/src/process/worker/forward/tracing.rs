//! Events of the crate `tracing`, without their spans.

use core::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};

use super::Forwarder;
use crate::primitive::Arc;
use crate::process::worker::level::LogLevel;

/// Runs `f`, and sends the events of its thread and those that it starts, unless the thread has a subscriber.
pub(super) fn within<R>(forwarder: &Arc<Forwarder>, f: impl FnOnce() -> R) -> R {
    if !dispatcher::get_default(|now| now.is::<NoSubscriber>()) {
        return f();
    }
    let here = Dispatch::new(Sender(Arc::clone(forwarder)));
    dispatcher::with_default(&here, f)
}

struct Sender(Arc<Forwarder>);

impl Subscriber for Sender {
    /// Events of the library are sent without it.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_own = matches!(metadata.target(), "selvedge" | "selvedge::context");
        metadata.is_event() && !is_own && level(metadata.level()) <= self.0.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match self.0.level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warning => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        })
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut said = Said::default();
        event.record(&mut said);
        let text = format_args!("{}{}", said.message, said.values);
        self.0
            .send(level(metadata.level()), metadata.target(), &text);
    }

    /// No span is enabled.
    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn level(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warning,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        _ => LogLevel::Trace,
    }
}

/// What an event says, and its other fields: ` key=value` for each.
#[derive(Default)]
struct Said {
    message: String,
    values: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A text takes everything.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.values, " {name}={value:?}"),
        };
    }
}
