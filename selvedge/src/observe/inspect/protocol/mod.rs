//! What is said on the inspector's socket: lines of JSON.
//!
//! A client connects to the unix socket and sends [`Request`]s, each a line; the program sends [`Answer`]s, each a
//! line, with the number of the request that they belong to. Most requests have one answer. A *stream* (`watch`,
//! `count`, `record`, `profile`) begins with [`Body::Began`], goes on with answers of the same number, and ends with
//! [`Body::Ended`]. Answers to different requests may come in any order, and those of streams come in between.
//!
//! A command without fields is a string, one with fields an object, also if all are left out: `{"tree":{}}`.
//!
//! ```text
//! > {"id":1,"do":{"hello":{"protocol":1}}}
//! < {"id":1,"is":{"hello":{"protocol":1,"selvedge":"0.1.0","program":"formulas","pid":4711,...}}}
//! > {"id":2,"do":"queues"}
//! < {"id":2,"is":{"queues":[{"id":94112,"queue":"jobs","len":0,"capacity":1024,"popping":["formulas/worker-1"],"pushing":[]}]}}
//! > {"id":3,"do":{"watch":{"glob":"formulas::**","max":2}}}
//! < {"id":3,"is":"began"}
//! < {"id":3,"is":{"call":{"at_us":83120,"thread":"formulas/worker-1","number":17,"depth":0,"function":"formulas::eval::eval","moment":"called","text":"formulas::eval::eval(line: \"1+1\")"}}}
//! < ...
//! < {"id":3,"is":{"ended":{"why":"limit","dropped":0}}}
//! ```
//!
//! # Limits
//!
//! | what                                                     | limit                                     |
//! |----------------------------------------------------------|-------------------------------------------|
//! | a request                                                | [`REQUEST_BYTES`]; a longer one ends the connection |
//! | connections at a time                                    | [`CONNECTIONS`]; one more is told `busy` and closed |
//! | streams of a connection                                  | [`STREAMS`]                               |
//! | events that wait to be sent, of a stream                 | [`PENDING`], and [`KEPT_FREE`] more failures and warnings; others are dropped and counted |
//! | the text of an event                                     | [`TEXT_BYTES`], cut with `…`              |
//! | a client that takes nothing of what waits for it         | dropped after [`PATIENCE`]                |
//! | what waits for a client before its next request is read  | [`UNSENT_BYTES`]                          |
//!
//! # Versions
//!
//! [`VERSION`] changes when something that was said before means something else, or is gone. Fields and kinds of
//! answers may be added without that, so a client ignores what it does not know (as [`Answer::parse`] does with fields).
//! A field of a *request* that the program does not know is an error, for it may be a limit. Times are in
//! microseconds: `at_us` since the inspector began to serve, the others lengths.

use std::time::Duration;

mod answer;
mod request;

pub use answer::{
    Answer, Body, CallEvent, CallMoment, CpuInfo, Done, EndReason, FunctionInfo, Happening, Hello,
    LockInfo, Problem, ProblemKind, ProcessInfo, QueueInfo, SignalInfo, Snapshot, ThreadInfo,
    WaitInfo, Warning, WarningKind,
};
pub(super) use request::LONG_MS;
pub use request::{Command, ProfileFormat, Request};

/// The version of the protocol that this library speaks.
pub const VERSION: u32 = 1;
/// The longest request, its end of line not counted.
pub const REQUEST_BYTES: usize = 64 * 1024;
/// How many clients may be connected.
pub const CONNECTIONS: usize = 16;
/// How many streams a connection may have at a time.
pub const STREAMS: usize = 16;
/// How many events of a stream may wait to be sent.
pub const PENDING: usize = 1024;
/// How many failures and warnings may wait to be sent beyond that.
pub const KEPT_FREE: usize = 256;
/// The longest text of an event.
pub const TEXT_BYTES: usize = 2048;
/// How many single calls and sleeps a profile keeps for a trace.
pub const TRACE_CALLS: usize = 100_000;
/// How many bytes may wait for a client before the next request is read, and before events are held back.
pub const UNSENT_BYTES: usize = 256 * 1024;
/// How long a client may take nothing, while something waits for it, before it is dropped.
pub const PATIENCE: Duration = Duration::from_secs(10);
