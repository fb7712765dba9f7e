//! The other side: a Rust program that takes calls.
//!
//! What the functions are, and how they are called. [`listen`](super::listen) has the threads.

use core::fmt;
use core::panic::Location;
use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::os::fd::OwnedFd;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::primitive::{Arc, sys};
use crate::process::worker::forward::Forwarding;
use crate::process::worker::level::LogLevel;
use crate::process::worker::lines::{Line, Lines, shown};
use crate::process::worker::listen::Serving;
use crate::process::worker::output::Output;
use crate::process::worker::protocol::{self, Config, Configuration, Failure, VERSION};
use crate::signal::Stopped;
use crate::thread::Outcome;

/// Writes its result, as JSON, to the end of a buffer.
pub(super) type Function =
    Arc<dyn Fn(Arguments<'_>, &mut Vec<u8>) -> Result<(), Failure> + Send + Sync>;

/// The functions of a program that takes calls: the other side of a [`Worker`](super::Worker).
///
/// # Examples
///
/// The program of a worker:
///
/// ```no_run
/// use selvedge::process::worker::Server;
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     selvedge::run("adder", |_stop| {
///         Server::new()
///             .function("add", |(a, b): (i64, i64)| Ok(a + b))
///             .function("divide", |(a, b): (f64, f64)| match b {
///                 0.0 => Err("division by zero".into()),
///                 b => Ok(a / b),
///             })
///             .serve()?;
///         Ok(())
///     })
/// }
/// ```
#[must_use = "nothing is served until `serve`"]
pub struct Server {
    functions: BTreeMap<Box<str>, Function>,
    threads: Option<usize>,
}

impl Server {
    /// Without functions.
    pub fn new() -> Self {
        Self {
            functions: BTreeMap::new(),
            threads: None,
        }
    }

    /// Adds a function, or replaces the one of this name.
    ///
    /// The arguments are a tuple, or anything that reads a JSON list; a struct, or anything that reads a map, for named
    /// arguments; `()` for none. An error, or a panic, is the caller's
    /// [`RemoteError`](super::RemoteError), and the next call finds everything as it is.
    ///
    /// Inside, the caller's [baggage](crate::baggage) is bound and entered, and a call that is cancelled is a stop
    /// for what blocks here.
    pub fn function<A: DeserializeOwned, R: Serialize>(
        mut self,
        name: &str,
        f: impl Fn(A) -> Outcome<R> + Send + Sync + 'static,
    ) -> Self {
        let function = move |arguments: Arguments<'_>, into: &mut Vec<u8>| {
            let read = arguments
                .read::<A>()
                .map_err(|error| failure("BadArguments", &error))?;
            let value = f(read).map_err(|error| {
                let is_stop = error.downcast_ref::<Stopped>().is_some();
                failure(if is_stop { "Cancelled" } else { "" }, &*error)
            })?;
            serde_json::to_writer(into, &value).map_err(|error| failure("BadResult", &error))
        };
        self.functions.insert(name.into(), Arc::new(function));
        self
    }

    /// How many calls run at once, each on a thread of its own; otherwise what the other side asks for, or 1.
    pub fn threads(mut self, n: usize) -> Self {
        self.threads = Some(n.max(1));
        self
    }

    /// Takes calls from standard input, on this thread and children of it, until the other side says stop or is gone.
    ///
    /// Nobody else can touch the protocol: standard input is empty from here on, and what goes to standard output
    /// goes to standard error instead, also when this returns.
    ///
    /// Until it returns, the log goes to the other side, as far as [`Builder::log_level`](super::Builder::log_level) there
    /// says: [events](crate::probe) of the library always, with the feature `log` the records of that crate, and with
    /// `tracing` the events of this thread and those that it starts. A program that has a logger, a log, or a subscriber
    /// of its own keeps it, and that gets the records instead. Who logs waits until its line is written, as for an answer;
    /// an event for which there is no room is printed on standard error instead.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop, no further call begins, those that run are cancelled (they find their stop
    /// set), and it returns when they have ended. SIGTERM does that to a program that begins with [`run`](crate::run): the
    /// processes of a [`Worker`](super::Worker) get it together with their parent. A Python worker takes SIGTERM for the
    /// other side's `stop`: those that run may end.
    ///
    /// After the other side's `stop` it reads no more, so neither a `cancel` nor the end of its input is heard; SIGTERM is.
    ///
    /// # Errors
    ///
    /// [`ServeError`] if the other side does not speak the protocol, or a thread cannot be had.
    #[track_caller]
    pub fn serve(self) -> Result<(), ServeError> {
        let (input, output) = sys::take_standard_streams().map_err(ServeError::io)?;
        self.serve_on(input, output, Location::caller())
    }

    fn serve_on(
        self,
        input: OwnedFd,
        output: OwnedFd,
        at: &'static Location<'static>,
    ) -> Result<(), ServeError> {
        let mut lines = Lines::new(protocol::LONGEST_LINE);
        let Some(config) = configuration(&input, &mut lines)? else {
            return Ok(());
        };
        let threads = self.threads.or(config.threads).unwrap_or(1).max(1);
        let longest = config.max_line;
        let output = Arc::new(Output::new(output));
        let ends = (input, Arc::clone(&output));
        let serving = Serving::new(self.functions, threads, longest, ends, lines, at);
        let hello = format!(
            "{{\"out\":\"ok\",\"version\":{VERSION},\"language\":\"rust\",\"pid\":{}}}\n",
            std::process::id()
        );
        output.send(hello.as_bytes());
        let level = config.log_level.unwrap_or(LogLevel::Info);
        let forwarding = Forwarding::new(output, level, longest);
        let served = forwarding.run(|| serving.serve());
        served.map_err(|error| ServeError(Box::new(error)))
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("functions", &self.functions.keys())
            .finish_non_exhaustive()
    }
}

/// The calls could not be taken.
#[derive(Debug)]
pub struct ServeError(Box<dyn Error + Send + Sync>);

impl ServeError {
    fn io(error: io::Error) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no calls can be taken: {}; this program is started by `selvedge::process::worker::Worker`",
            self.0
        )
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// What a function was given, as JSON.
pub(super) struct Arguments<'a> {
    pub(super) args: Option<&'a RawValue>,
    pub(super) kwargs: Option<&'a RawValue>,
}

impl<'a> Arguments<'a> {
    fn read<A: DeserializeOwned>(&self) -> Result<A, serde_json::Error> {
        let text = |value: Option<&'a RawValue>| value.map_or("null", RawValue::get);
        let (args, kwargs) = (text(self.args), text(self.kwargs));
        let is_none = |text: &str| matches!(text, "null" | "[]" | "{}");
        match (is_none(args), is_none(kwargs)) {
            (true, true) => serde_json::from_str("null").or_else(|_| serde_json::from_str("[]")),
            (false, true) => serde_json::from_str(args),
            (true, false) => serde_json::from_str(kwargs),
            // As one that takes both would write it: `(args, kwargs)`.
            (false, false) => serde_json::from_str(&format!("[{args},{kwargs}]")),
        }
    }
}

fn failure(kind: &str, error: &dyn Error) -> Failure {
    let mut chain = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        chain.push_str(&format!("caused by: {error}\n"));
        cause = error.source();
    }
    Failure {
        kind: kind.to_owned(),
        message: error.to_string(),
        traceback: chain,
    }
}

/// The first line; `None` if nobody has ever said anything.
fn configuration(input: &OwnedFd, lines: &mut Lines) -> Result<Option<Config>, ServeError> {
    loop {
        if let Some(line) = lines.next() {
            let Line::Whole(line) = line else {
                return Err(ServeError("the first line is too long".into()));
            };
            let told: Configuration = protocol::read(line).map_err(|error| {
                let shown = shown(line);
                ServeError(format!("`{shown}` is no configuration: {error}").into())
            })?;
            let version = told.config.version;
            if version != VERSION {
                let why = format!(
                    "the other side speaks version {version} of the protocol, this one {VERSION}"
                );
                return Err(ServeError(why.into()));
            }
            return Ok(Some(told.config));
        }
        let mut buffer = [0; 4096];
        match crate::io::read(input, &mut buffer).map_err(ServeError::io)? {
            0 => return Ok(None),
            n => lines.add(&buffer[..n]),
        }
    }
}
