//! What a client says.

use serde::{Deserialize, Serialize};

/// A request: a number of the client's choice, and what is to be done.
///
/// # Examples
///
/// ```
/// use selvedge::observe::inspect::protocol::{Command, Request};
///
/// let request = Request { id: 7, command: Command::Locks };
/// assert_eq!(request.line(), "{\"id\":7,\"do\":\"locks\"}\n");
/// assert_eq!(Request::parse(r#"{"id":7,"do":"locks"}"#)?, request);
/// assert!(Request::parse(r#"{"id":7,"do":{"watch":{"glob":"app::**","maximum":3}}}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "clients make them")]
pub struct Request {
    /// Comes back in every answer. Numbers of streams that are not ended may not be used again.
    pub id: u64,
    /// What is to be done.
    #[serde(rename = "do")]
    pub command: Command,
}

/// What can be asked of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Who are you, and which version do you speak? [`Body::Hello`](super::Body::Hello); an error of the kind
    /// `version` if the program does not speak the client's.
    Hello {
        /// The version that the client speaks.
        protocol: u32,
    },
    /// Threads, signals, queues, locks, processes and warnings of one moment.
    Snapshot {
        /// Whether to read each thread's processor time: some microseconds a thread.
        #[serde(default)]
        cpu: bool,
        /// From how many milliseconds on something is among its warnings; five seconds, if nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_ms: Option<u64>,
    },
    /// The threads.
    Tree {
        /// As of `snapshot`.
        #[serde(default)]
        cpu: bool,
    },
    /// The signals that threads of the tree wait for.
    Signals,
    /// The queues that threads of the tree wait at.
    Queues,
    /// The locks that threads of the tree wait for.
    Locks,
    /// The child processes.
    Processes,
    /// The open functions that were ever called or bound, with the counts of this connection's `count`s.
    Calls,
    /// What looks wrong: a thread that has waited for so long for a lock, or for room in a queue, or has not obeyed a
    /// stop; and circles of threads that wait for each other.
    ///
    /// A wait is that of one thread: a queue that is always full, and whose pushes wait for a second each, is as slow as
    /// who pops from it, and no warning.
    Warnings {
        /// From how many milliseconds on.
        #[serde(default = "long")]
        after_ms: u64,
    },
    /// A stream of the calls of open functions whose path matches: [`Body::Call`](super::Body::Call).
    ///
    /// It needs `max`, or `per_second` and `for_ms`. A pattern that matches every function needs `max`.
    Watch {
        /// As of [`call::watch`](crate::call::watch).
        glob: String,
        /// After so many events the stream ends. A call has two: that it begins and that it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u64>,
        /// More events in a second are dropped, and counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        per_second: Option<u32>,
        /// After so many milliseconds the stream ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_ms: Option<u64>,
    },
    /// Counts the calls of open functions whose path matches, from now on; `calls` gives the numbers. A stream
    /// without events.
    ///
    /// A pattern that matches every function needs `for_ms`.
    Count {
        /// As of [`call::watch`](crate::call::watch).
        glob: String,
        /// After so many milliseconds counting ends, and what was counted is forgotten.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_ms: Option<u64>,
    },
    /// A stream of [`Body::Snapshot`](super::Body::Snapshot)s, and of what happens in between:
    /// [`Body::Happened`](super::Body::Happened). Written to a file line by line it can be played back.
    ///
    /// That a context was entered or left is told only where `details` are asked for: most programs do it all the time.
    Record {
        /// A snapshot so often; every 10 milliseconds at the most.
        every_ms: u64,
        /// After so many milliseconds the stream ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_ms: Option<u64>,
        /// As of `snapshot`.
        #[serde(default)]
        cpu: bool,
        /// Whether to tell of contexts as well.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        details: bool,
        /// As of `snapshot`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_ms: Option<u64>,
    },
    /// Ends a stream of this connection.
    End {
        /// The number of the request that began it.
        stream: u64,
    },
    /// Asks a thread, and what is below it, to stop. The answer says that it was asked, not that it has ended.
    Stop {
        /// The thread's path, `app/worker-3`.
        thread: String,
        /// Its number, if several have that path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u64>,
    },
    /// Takes a [profile](crate::observe::profile) until it is ended: a stream whose last answer before its end is
    /// [`Body::Profile`](super::Body::Profile). A process has one profile at a time.
    Profile {
        /// Which open functions, as of [`call::watch`](crate::call::watch); all without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        functions: Option<String>,
        /// Times one call of so many of a function that is short, as of
        /// [`Builder::sample`](crate::observe::profile::Builder::sample).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sample: Option<u32>,
        /// After so many milliseconds the profile ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_ms: Option<u64>,
        /// What comes of it.
        format: ProfileFormat,
    },
}

/// How a profile is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProfileFormat {
    /// For people: an aligned table.
    Table,
    /// Tab-separated.
    Tab,
    /// Folded stacks, for flame graphs: wall time, with waits as frames `wait for a ..`.
    Folded,
    /// The same without waits.
    FoldedWork,
    /// Chrome's trace format; of [`TRACE_CALLS`](super::TRACE_CALLS) calls and sleeps at the most.
    Trace,
}

/// How long something must last to be a warning, if nothing is said.
pub(in super::super) const LONG_MS: u64 = 5_000;

fn long() -> u64 {
    LONG_MS
}

impl Request {
    /// Reads a request from a line.
    ///
    /// # Errors
    ///
    /// If it is none, or has a field that this version does not know.
    pub fn parse(line: &str) -> serde_json::Result<Self> {
        serde_json::from_str(line)
    }

    /// The request as a line, with its end.
    #[must_use]
    pub fn line(&self) -> String {
        super::answer::to_line(self)
    }
}
