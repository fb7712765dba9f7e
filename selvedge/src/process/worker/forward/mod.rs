//! What a server's program logs, as lines to the other side: events of the library, and the records of the crates
//! `log` and `tracing` if nobody else takes them.
//!
//! # Invariants
//!
//! 1. A record is made into a line before anything is locked, for its text is the user's code, which may log; and who
//!    logs it writes it, so that it is there before the answer of the call that has logged it.
//! 2. What is forwarded when `Forwarding` is dropped is written first: whoever forwards holds the output.

#[cfg(feature = "log")]
mod log;
#[cfg(feature = "tracing")]
mod tracing;

use core::fmt::{Display, Write};

use crate::primitive::Arc;
use crate::probe::{self, Event, Subscription, Weight};
use crate::process::worker::level::LogLevel;
use crate::process::worker::output::Output;
use crate::process::worker::protocol::{LogFromServer, Logged};

/// How many bytes of a message are sent.
const LONGEST: usize = 1 << 16;

/// The log goes to the other side until this is dropped.
pub(super) struct Forwarding {
    #[cfg(feature = "tracing")]
    forwarder: Arc<Forwarder>,
    _events: Subscription,
    #[cfg(feature = "log")]
    _records: Option<probe::records::Taking>,
}

/// Where records go.
struct Forwarder {
    output: Arc<Output>,
    level: LogLevel,
    /// How many bytes of a message are sent: as JSON it fits into a line.
    longest: usize,
}

impl Forwarding {
    pub(super) fn new(output: Arc<Output>, level: LogLevel, longest_line: usize) -> Self {
        let forwarder = Arc::new(Forwarder {
            output,
            level,
            longest: LONGEST.min(longest_line / 10),
        });
        let told = Arc::clone(&forwarder);
        let tell = move |event: &Event<'_>| told.tell(event);
        Self {
            _events: match level < LogLevel::Debug {
                true => probe::subscribe_to_news(tell),
                false => probe::subscribe(tell),
            },
            #[cfg(feature = "log")]
            _records: log::records_to(&forwarder),
            #[cfg(feature = "tracing")]
            forwarder,
        }
    }

    /// Runs `f`, and sends the events of `tracing` of its thread and those that it starts.
    pub(super) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tracing")]
        return tracing::within(&self.forwarder, f);
        #[cfg(not(feature = "tracing"))]
        f()
    }
}

impl Forwarder {
    /// Sends an event, if it matters enough. It may be one of a thread that must not wait for the other side, such as the
    /// one that ends the program by force: without room it is printed.
    fn tell(&self, event: &Event<'_>) {
        let level = level_of(event);
        match level > self.level || self.output.has_room() {
            true => self.send(level, "selvedge", event),
            false => probe::print(event),
        }
    }

    /// Sends a record, if it matters enough.
    fn send(&self, level: LogLevel, logger: &str, text: &dyn Display) {
        if level > self.level {
            return;
        }
        let mut made = String::new(); // invariant 1
        // A text takes everything; of one that gives up, there is the beginning.
        let _ = write!(made, "{text}");
        let log = Logged {
            level,
            logger: beginning(logger, self.longest / 4),
            message: beginning(&made, self.longest),
        };
        // Texts always have a JSON form.
        if let Ok(mut line) = serde_json::to_vec(&LogFromServer { log }) {
            line.push(b'\n');
            self.output.send(&line);
        }
    }
}

fn level_of(event: &Event<'_>) -> LogLevel {
    match event.weight() {
        Weight::Error => LogLevel::Error,
        Weight::Warning => LogLevel::Warning,
        Weight::Info => LogLevel::Info,
        Weight::Detail => LogLevel::Debug,
    }
}

/// At most so many bytes of a text.
fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
