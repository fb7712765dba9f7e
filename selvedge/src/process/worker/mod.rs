//! Workers: programs that live long and take calls, in any language.
//!
//! A [`Worker`] is a child process that answers calls, and looks like an object with functions: any number of threads
//! call it, results and errors come back to who asked. A program in Python needs nothing but an interpreter
//! ([`Builder::python`]); one in Rust calls [`Server::serve`]; any other speaks the protocol below.
//!
//! ```
//! use selvedge::process::{Command, worker::Builder};
//!
//! # if std::process::Command::new("python3").arg("-V").output().is_err() { return } // the example needs one
//! # let status =
//! selvedge::run("example", |_stop| {
//!     let python = Builder::python("python", Command::new("python3")).start()?;
//!     python.exec("def add(a, b): return a + b")?;
//!     assert_eq!(python.call::<i64>("add", (1, 2))?, 3);
//!     Ok(())
//! });
//! # assert_eq!(status, std::process::ExitCode::SUCCESS);
//! ```
//!
//! # The protocol
//!
//! One JSON object a line, in UTF-8, on the worker's standard input and output, which are pipes. A worker takes
//! them away from its own code before that runs, so that nothing it prints can be mistaken for an answer.
//!
//! | to the worker | |
//! |---|---|
//! | `{"config":{"version":1,"name":"py","max_line":67108864,"threads":1,"log_level":"INFO","user":null}}` | first, once; `threads` and `log_level` may be missing |
//! | `{"id":7,"call":"add","args":[1,2],"kwargs":{},"context":{"baggage":"tenant=ada"}}` | a call; all but `id` and `call` may be missing |
//! | `{"cancel":7}` | nobody waits for this call any more; it is answered all the same: at once, if it has not begun |
//! | `{"stop":true}` | no call begins any more; end when those that run have ended |
//! | end of file | end now; a Rust worker that was told to stop hears SIGTERM only |
//!
//! | from the worker | |
//! |---|---|
//! | `{"out":"ok","version":1,"language":"python 3.11.7"}` | first, once; `{"err":{..}}` if it does not want to |
//! | `{"id":7,"out":3}` | the result; `null`, `0`, `false` and `""` are results |
//! | `{"id":7,"err":{"type":"ValueError","message":"..","traceback":".."}}` | the call failed |
//! | `{"log":{"level":"WARNING","logger":"my.module","message":".."}}` | at any time after that |
//!
//! `log_level` is `ERROR`, `WARNING`, `INFO`, `DEBUG` or `TRACE`: what matters less is not sent. If it is missing, it is
//! `INFO`.
//!
//! Calls may be answered in any order. A line that cannot be read is the failure of the call that it is about, if that
//! can be seen, and [an event](crate::probe::Event::WorkerMalformed); the others go on.
//!
//! # What a worker says
//!
//! Log records, and lines on standard error (where prints go, too), are events with the worker's path:
//! [`WorkerLogged`](crate::probe::Event::WorkerLogged), [`WorkerPrinted`](crate::probe::Event::WorkerPrinted). With the feature
//! `log` or `tracing` they are records of the program's logger. If nobody listens at all, lines, warnings and errors are
//! printed. The records are those of Python's `logging`, or what [`Server::serve`] sends; [`Builder::log_level`] says how
//! much of it.
//!
//! # Limits
//!
//! - A call or answer has at most [`LONGEST_LINE`] bytes, or what [`Builder::longest_line`] says; one that is longer is an error, and the
//!   next one works.
//! - JSON has no NaN and no infinity: serde sends `null`, Python refuses to. Python's integers have no bound; a Rust
//!   integer that is too small for one is an error. Keys of a Python dictionary become texts.
//! - A byte 0 in what a worker writes is skipped: it only wakes who reads. A stop is heard so where `/proc` can be opened;
//!   a program that forbids itself to open files does that before it starts its workers.
//! - A worker is no sandbox: its program can do what this one can.

mod builder;
mod call;
mod connection;
mod error;
mod forward;
mod keeper;
mod level;
mod lines;
mod listen;
mod output;
mod protocol;
mod python;
mod serve;
#[expect(
    clippy::module_inception,
    reason = "files are named after the type they hold"
)]
mod worker;

pub use builder::{Builder, StartError};
pub use call::Call;
pub use error::{BadArguments, BadResult, CallError, Ended, RemoteError};
pub use level::LogLevel;
pub use protocol::LONGEST_LINE;
pub use python::SOURCE as PYTHON_SOURCE;
pub use serve::{ServeError, Server};
pub use worker::Worker;
