//! The text of a line.
//!
//! # Invariants
//!
//! 1. A line has one line end, its last byte, whatever is in its parts.
//! 2. What the user's `Display` has written before it panicked stays, and the panic goes no further.

use core::fmt::{self, Display, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use crate::ambient;
use crate::observe::logging::Level;
use crate::observe::logging::shared::Shown;
use crate::primitive::drop_caught;
use crate::signal;

/// What is logged, but for what is the same for all that a thread logs here and now.
pub(super) struct Record<'r> {
    pub(super) level: Level,
    /// Whom it is about, if that is not the calling thread.
    pub(super) thread: Option<&'r str>,
    pub(super) target: &'r str,
    pub(super) text: &'r dyn Display,
    /// Named values that belong to it.
    pub(super) values: &'r dyn Display,
}

/// The whole line.
pub(super) fn line(record: &Record<'_>, locals: &[(Box<str>, Shown)]) -> Vec<u8> {
    let mut line = Line(String::with_capacity(128));
    line.time(signal::system_now());
    // Writing to a `Line` does not fail.
    let _ = write!(line, " {:5} ", record.level);
    match record.thread {
        Some(thread) => line.show(&thread),
        None => line.show(&ambient::thread_path()),
    }
    match record.target {
        "" => line.0.push_str(": "),
        target => line.show(&format_args!(" {target}: ")),
    }
    line.show(record.text);
    line.show(record.values);
    for (name, show) in locals {
        show(&mut |value| {
            let _ = write!(line, " {name}=");
            line.show(&format_args!("{:?}", Text(value)));
        });
    }
    line.0.push('\n');
    line.0.into_bytes()
}

/// A value as text in quotes.
struct Text<'t>(&'t dyn Display);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.to_string())
    }
}

/// What is written to it has no harmful characters (invariant 1).
struct Line(String);

impl Line {
    fn show(&mut self, value: &dyn Display) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| write!(self, "{value}"))) {
            self.0.push_str("<panicked>");
            drop_caught(panic);
        }
    }

    /// As RFC 3339 has it, in UTC.
    fn time(&mut self, time: SystemTime) {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let micros = since.subsec_micros();
        let _ = write!(
            self,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        );
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| is_harmful(c) && c != '\t') {
            let (plain, other) = rest.split_at(at);
            self.0.push_str(plain);
            let mut chars = other.chars();
            self.0
                .extend(chars.next().into_iter().flat_map(char::escape_default));
            rest = chars.as_str();
        }
        self.0.push_str(rest);
        Ok(())
    }
}

/// Controls, what some viewers end a line at, and what changes the order of what is shown.
fn is_harmful(symbol: char) -> bool {
    symbol.is_control()
        || matches!(symbol, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Year, month and day of a day that is counted from the first of 1970.
fn date(days: u64) -> (u64, u64, u64) {
    // Years that begin in March end with the leap day; four centuries are 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}
