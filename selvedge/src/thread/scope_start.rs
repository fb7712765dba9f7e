//! Starting a thread of a scope and waiting until it is ready.
//!
//! # Invariants
//!
//! 1. `ready` is set after the value was left; who waits looks for the value first.
//! 2. A failure before `started` was called goes to who waits in `start`, and asks nobody to stop.

use core::fmt;
use std::error::Error;

use crate::primitive::{Arc, Mutex};
use crate::signal::{Signal, Stopped, WaitError};
use crate::thread::error::{JoinError, Outcome, SpawnError};
use crate::thread::scope::Scope;
use crate::thread::scope_builder::ScopedBuilder;
use crate::thread::scope_handle::{ScopedThread, Slot};

/// What the body of [`Scope::start`] calls when it is ready, with what its starter waits for.
pub type Started<'scope, V> = Box<dyn FnOnce(V) + Send + 'scope>;

impl<'scope> Scope<'scope, '_> {
    /// Starts a thread of the scope and waits until it says that it is ready, by calling `started(value)`.
    ///
    /// Gives the value and the thread, which goes on. A thread that ends before is an error here and now, so
    /// that nobody waits for ever; its failure belongs to the caller and asks nobody else to stop.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, the new thread is asked to stop and waited for.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. In each case the new thread has ended, or never ran.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread::{self, StartError};
    ///
    /// thread::scope("serve", |s| {
    ///     let (port, server) = s.start("server", |stop, started| {
    ///         started(8080); // listening
    ///         Ok(stop.wait()?)
    ///     })?;
    ///     assert_eq!(port, 8080);
    ///     server.stop();
    ///
    ///     let failed = s.start("second", |_stop, started| {
    ///         Err::<(), _>("address in use")?;
    ///         Ok(started(8080))
    ///     });
    ///     assert!(matches!(failed, Err(StartError::Ended(error)) if error.is_failure()));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), thread::Failures>(())
    /// ```
    #[track_caller]
    pub fn start<V, T, F>(
        &'scope self,
        name: &str,
        body: F,
    ) -> Result<(V, ScopedThread<'scope, T>), StartError>
    where
        V: Send + 'scope,
        T: Send + 'scope,
        F: FnOnce(Signal, Started<'scope, V>) -> Outcome<T> + Send + 'scope,
    {
        self.builder(name).start(body)
    }

    /// The same, but waits only until `signal` is set; then the new thread is asked to stop and waited for.
    ///
    /// # Stopping
    ///
    /// As [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), and [`StartError::Expired`].
    #[track_caller]
    pub fn start_until<V, T, F>(
        &'scope self,
        name: &str,
        signal: &Signal,
        body: F,
    ) -> Result<(V, ScopedThread<'scope, T>), StartError>
    where
        V: Send + 'scope,
        T: Send + 'scope,
        F: FnOnce(Signal, Started<'scope, V>) -> Outcome<T> + Send + 'scope,
    {
        self.builder(name).start_until(signal, body)
    }
}

impl<'scope> ScopedBuilder<'scope, '_> {
    /// Starts it and waits until it says that it is ready, as [`Scope::start`] does.
    ///
    /// # Stopping
    ///
    /// As [`Scope::start`].
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread;
    ///
    /// thread::scope("serve", |s| {
    ///     let (port, server) = s.builder("server").stack_size(1 << 20).start(|stop, started| {
    ///         started(8080);
    ///         Ok(stop.wait()?)
    ///     })?;
    ///     assert_eq!(port, 8080);
    ///     Ok(server.stop())
    /// })?;
    /// # Ok::<(), thread::Failures>(())
    /// ```
    #[track_caller]
    pub fn start<V, T, F>(self, body: F) -> Result<(V, ScopedThread<'scope, T>), StartError>
    where
        V: Send + 'scope,
        T: Send + 'scope,
        F: FnOnce(Signal, Started<'scope, V>) -> Outcome<T> + Send + 'scope,
    {
        self.start_until(&Signal::never(), body)
    }

    /// The same, but waits only until `signal` is set; then the new thread is asked to stop and waited for.
    ///
    /// # Stopping
    ///
    /// As [`Scope::start`].
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), and [`StartError::Expired`].
    #[track_caller]
    pub fn start_until<V, T, F>(
        self,
        signal: &Signal,
        body: F,
    ) -> Result<(V, ScopedThread<'scope, T>), StartError>
    where
        V: Send + 'scope,
        T: Send + 'scope,
        F: FnOnce(Signal, Started<'scope, V>) -> Outcome<T> + Send + 'scope,
    {
        let place = self.place_until(signal).map_err(StartError::Spawn)?;
        let slot = Slot::starting();
        let value = Arc::new(Mutex::new(None));
        let ready = Signal::named("ready");
        let started: Started<'scope, V> = Box::new({
            let (slot, value, ready) = (Arc::clone(&slot), Arc::clone(&value), ready.clone());
            move |given| {
                slot.has_started();
                *value.lock() = Some(given);
                ready.set();
            }
        });
        let thread = self
            .launch(place, slot, move |stop| body(stop, started))
            .map_err(StartError::Spawn)?;
        let waited = (&ready | thread.stopped()).wait_until(signal);
        // One statement, so that the lock is not held when the value is dropped.
        let given = value.lock().take();
        if let Some(given) = given {
            return Ok((given, thread));
        }
        if waited.is_err() {
            thread.stop_because("its starter waits no longer");
            thread.stopped().wait_through();
        }
        let name = thread.path_arc();
        Err(match (thread.receive(), waited) {
            (Err(error), _) if error.is_failure() => StartError::Ended(error),
            (_, Err(WaitError::Stopped(stopped))) => StartError::Interrupted(stopped),
            (_, Err(WaitError::Expired)) => StartError::Expired { thread: name },
            (Err(error), Ok(())) => StartError::Ended(error),
            (Ok(_), Ok(())) => StartError::Silent { thread: name },
        })
    }
}

/// The error of [`Scope::start`]: the thread is not there.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// It could not be started.
    Spawn(SpawnError),
    /// It failed, or was stopped, before it was ready.
    Ended(JoinError),
    /// It ended well and never said that it was ready: its body must call `started`.
    Silent {
        /// The path of the thread.
        thread: Arc<str>,
    },
    /// The signal given to `start_until` was set first.
    Expired {
        /// The path of the thread.
        thread: Arc<str>,
    },
    /// The *calling* thread was asked to stop.
    Interrupted(Stopped),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(error) => error.fmt(f),
            Self::Ended(error) => write!(f, "not started: {error}"),
            Self::Silent { thread } => {
                write!(f, "thread `{thread}` ended without a call of `started`")
            }
            Self::Expired { thread } => write!(f, "thread `{thread}` was not ready in time"),
            Self::Interrupted(stopped) => write!(f, "while starting, this thread was {stopped}"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Spawn(error) => error.source(),
            Self::Ended(error) => error.source(),
            Self::Interrupted(stopped) => Some(stopped),
            Self::Silent { .. } | Self::Expired { .. } => None,
        }
    }
}
