//! The handle of a worker.
//!
//! # Invariants
//!
//! 1. `phase` is changed before the connection of a life is finished: who is told that it is over finds the next one.

use core::fmt;
use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ambient::headers_here;
use crate::primitive::atomic::{AtomicU64, Ordering::Relaxed};
use crate::primitive::{Arc, Mutex};
use crate::process::worker::builder::StartError;
use crate::process::worker::call::Call;
use crate::process::worker::connection::{Connection, Unsent};
use crate::process::worker::error::{BadArguments, CallError, Ended, What};
use crate::process::worker::protocol::Request;
use crate::signal::Signal;
use crate::thread::{JoinError, Thread};

/// A program that lives long and takes calls: a thread `name` of the tree, and the program as its child.
///
/// Any number of threads may call at once. Arguments and results are JSON, through serde: a list or tuple for positional
/// arguments, a map or struct for named ones, `()` for none.
///
/// The worker is asked to stop when its parent ends, or by [`stop`](Self::stop): it takes no more calls, those that run
/// may end, and its process is gone after the [grace](super::Builder::grace) at the latest. A worker that ends by itself has
/// failed: every call that waits gets the [end](CallError::Ended), with the exit status and what it last wrote to standard error; if
/// no call has, the worker's parent fails, unless [`join`](Self::join) receives it.
///
/// # Examples
///
/// ```
/// use selvedge::process::{Command, worker::Builder};
///
/// # if std::process::Command::new("python3").arg("-V").output().is_err() { return } // the example needs one
/// # let status =
/// selvedge::run("example", |_stop| {
///     let python = Builder::python("python", Command::new("python3")).start()?;
///     python.exec("def greet(name, mark='!'): return 'hello ' + name + mark")?;
///     assert_eq!(python.call::<String>("greet", ("Ada",))?, "hello Ada!");
///
///     python.import_module("math")?;
///     assert_eq!(python.call::<f64>("sqrt", (16,))?, 4.0);
///
///     let error = python.call::<f64>("sqrt", (-1,)).unwrap_err();
///     assert_eq!(error.remote().unwrap().kind(), "ValueError");
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[must_use = "dropping it stops the worker"]
pub struct Worker {
    shared: Arc<Shared>,
    thread: Thread<()>,
}

/// What the handle and the keeper share.
pub(super) struct Shared {
    pub(super) started: Signal,
    start: Mutex<Option<Result<(), StartError>>>,
    phase: Mutex<Phase>,
    longest: usize,
    /// The number of the last call, in whichever life.
    last: AtomicU64,
}

/// Where a worker is in its life.
#[derive(Clone)]
pub(super) enum Phase {
    /// It starts; the signal is set when that has changed.
    Starting(Signal),
    Up(Arc<Connection>),
    Over(Ended),
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, thread: Thread<()>) -> Self {
        Self { shared, thread }
    }

    /// Calls a function, and waits for its result.
    ///
    /// The caller's [baggage](crate::baggage) goes along.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, the call is cancelled. It may have had an effect.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[track_caller]
    pub fn call<T: DeserializeOwned>(
        &self,
        function: &str,
        args: impl Serialize,
    ) -> Result<T, CallError> {
        self.begin(function, args)?.wait()
    }

    /// The same, but waits only until `signal` is set; then the call is cancelled.
    ///
    /// # Stopping
    ///
    /// As [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::{Command, worker::{Builder, CallError}};
    /// use selvedge::Till;
    /// use std::time::Duration;
    ///
    /// # if std::process::Command::new("python3").arg("-V").output().is_err() { return } // the example needs one
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let python = Builder::python("python", Command::new("python3")).start()?;
    ///     python.import_module("time")?;
    ///     let soon = Till::after(Duration::from_millis(20));
    ///     let slept = python.call_until::<()>("sleep", (60,), &soon);
    ///     assert!(matches!(slept, Err(CallError::Expired)));
    ///     assert_eq!(python.call::<u8>("len", ([1, 2],))?, 2); // the sleep was interrupted
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn call_until<T: DeserializeOwned>(
        &self,
        function: &str,
        args: impl Serialize,
        signal: &Signal,
    ) -> Result<T, CallError> {
        let request = self.request(function, &args, None::<()>.as_ref())?;
        let mut call = self.send(function, &request, Some(signal))?;
        call.wait_until(signal)
    }

    /// Sends a call, and does not wait for its result.
    ///
    /// It waits until the worker is there, if it is being started again, and until it has read what was sent before, if
    /// that is more than 1 MiB.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop while it waits for that, nothing was sent.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[track_caller]
    pub fn begin<T: DeserializeOwned>(
        &self,
        function: &str,
        args: impl Serialize,
    ) -> Result<Call<T>, CallError> {
        let request = self.request(function, &args, None::<()>.as_ref())?;
        self.send(function, &request, None)
    }

    /// The same with positional arguments, a list, and named ones, a map.
    ///
    /// # Stopping
    ///
    /// As [`begin`](Self::begin).
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[track_caller]
    pub fn begin_with<T: DeserializeOwned>(
        &self,
        function: &str,
        args: impl Serialize,
        kwargs: impl Serialize,
    ) -> Result<Call<T>, CallError> {
        let request = self.request(function, &args, Some(&kwargs))?;
        self.send(function, &request, None)
    }

    /// Asks it to stop. Does not wait.
    #[track_caller]
    pub fn stop(&self) {
        self.thread.stop();
    }

    /// Asks it to stop, and says why.
    #[track_caller]
    pub fn stop_because(&self, why: impl Into<Cow<'static, str>>) {
        self.thread.stop_because(why);
    }

    /// Waits for its end. One that has ended by itself is an error.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, it returns.
    ///
    /// # Errors
    ///
    /// [`JoinError::Failed`] with the [`Ended`], unless a call has received it; [`JoinError::Interrupted`].
    #[track_caller]
    pub fn join(&self) -> Result<(), JoinError> {
        self.thread.join()
    }

    /// Set when it has ended, and is not started again.
    pub fn stopped(&self) -> &Signal {
        self.thread.stopped()
    }

    /// The names from the root of the tree to it, joined by `/`.
    pub fn path(&self) -> &str {
        self.thread.path()
    }

    /// The arguments as JSON, in a line without its number.
    fn request(
        &self,
        function: &str,
        args: &impl Serialize,
        kwargs: Option<&impl Serialize>,
    ) -> Result<Request, CallError> {
        let id = self.shared.last.fetch_add(1, Relaxed) + 1;
        let longest = self.shared.longest;
        Request::call(id, function, args, kwargs, &headers_here())
            .and_then(|request| match request.line.len() {
                len if len > longest => Err(What::TooLong(len, longest)),
                _ => Ok(request),
            })
            .map_err(|what| {
                let call = function.into();
                CallError::Arguments(BadArguments { call, what })
            })
    }

    fn send<T: DeserializeOwned>(
        &self,
        function: &str,
        request: &Request,
        until: Option<&Signal>,
    ) -> Result<Call<T>, CallError> {
        let wait = |signal: &Signal| match until {
            Some(until) => signal.wait_until(until).map_err(CallError::from),
            None => signal.wait().map_err(CallError::Stopped),
        };
        loop {
            let connection = match self.shared.phase() {
                Phase::Up(connection) => connection,
                Phase::Over(ended) => return Err(CallError::Ended(ended)),
                Phase::Starting(changed) => {
                    wait(&changed)?;
                    continue;
                }
            };
            match connection.send(function, request) {
                Ok(name) => {
                    return Ok(Call::new(connection, request.id, name, self.shared.longest));
                }
                Err(Unsent::Full(flushed)) => wait(&flushed)?,
                Err(Unsent::Over) => {} // and there is another phase (invariant 1)
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.thread.stop_because("its handle was dropped");
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(longest: usize) -> Self {
        Self {
            started: Signal::named("the worker's start"),
            start: Mutex::new(None),
            phase: Mutex::new(Phase::Starting(Signal::named("the worker's start"))),
            longest,
            last: AtomicU64::new(0),
        }
    }

    pub(super) fn set_start(&self, result: Result<(), StartError>) {
        *self.start.lock() = Some(result);
        self.started.set();
    }

    pub(super) fn take_start(&self) -> Option<Result<(), StartError>> {
        self.start.lock().take()
    }

    fn phase(&self) -> Phase {
        self.phase.lock().clone()
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        let before = core::mem::replace(&mut *self.phase.lock(), phase);
        if let Phase::Starting(changed) = before {
            changed.set();
        }
    }
}
