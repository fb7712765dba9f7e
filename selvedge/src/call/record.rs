//! A call, as a log keeps it: text.

use core::fmt;
use std::time::{Duration, Instant};

use crate::call::site::Function;
use crate::primitive::Arc;

/// A call that a [`Log`](crate::call::Log) has seen. Arguments and results are kept as their `Debug` shows them.
///
/// `Display` is `path(a: 1) -> 2`, `path(a: 1) panicked: message` or `path(a: 1) dropped`, and `path(a: 1)` while it runs.
#[derive(Clone)]
pub struct Record {
    pub(super) call: Arc<Begun>,
    pub(super) end: Option<Arc<(RecordEnd, Duration)>>,
}

pub(super) struct Begun {
    pub(super) function: &'static Function,
    pub(super) number: u64,
    pub(super) depth: u32,
    pub(super) thread: Arc<str>,
    pub(super) args: Vec<(&'static str, String)>,
    pub(super) at: Instant,
}

/// How a recorded call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordEnd {
    /// It returned this.
    Returned(String),
    /// It panicked with this message.
    Panicked(String),
    /// It was a call of an async function, and its future was dropped before its end.
    Dropped,
}

impl Record {
    /// The function.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.call.function
    }

    /// The path of the thread that called.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.call.thread
    }

    /// How many recorded calls were running around this one.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.call.depth
    }

    /// The arguments, by name.
    #[must_use]
    pub fn args(&self) -> &[(&'static str, String)] {
        &self.call.args
    }

    /// The argument `name`.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<&str> {
        let mut args = self.call.args.iter();
        args.find(|(other, _)| *other == name)
            .map(|(_, value)| &**value)
    }

    /// When it began, by the clock of the thread that called.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.call.at
    }

    /// How it ended; nothing while it runs.
    #[must_use]
    pub fn end(&self) -> Option<&RecordEnd> {
        self.end.as_deref().map(|(end, _)| end)
    }

    /// How long it took; nothing while it runs.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.end.as_deref().map(|(_, took)| *took)
    }

    /// What it returned, if it did.
    #[must_use]
    pub fn returned(&self) -> Option<&str> {
        match self.end() {
            Some(RecordEnd::Returned(result)) => Some(result),
            _ => None,
        }
    }

    /// The message of its panic, if it panicked.
    #[must_use]
    pub fn panicked(&self) -> Option<&str> {
        match self.end() {
            Some(RecordEnd::Panicked(message)) => Some(message),
            _ => None,
        }
    }

    /// Was its future dropped before its end?
    #[must_use]
    pub fn was_dropped(&self) -> bool {
        matches!(self.end(), Some(RecordEnd::Dropped))
    }

    /// Was it running when the record was taken?
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.call.function.path())?;
        for (at, (name, value)) in self.call.args.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{name}: {value}")?;
        }
        match self.end() {
            None => f.write_str(")"),
            Some(RecordEnd::Returned(result)) => write!(f, ") -> {result}"),
            Some(RecordEnd::Panicked(message)) => write!(f, ") panicked: {message}"),
            Some(RecordEnd::Dropped) => f.write_str(") dropped"),
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({self})")
    }
}
