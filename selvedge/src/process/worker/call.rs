//! A call that is under way.

use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;

use serde::de::DeserializeOwned;

use crate::primitive::Arc;
use crate::process::worker::connection::{Answer, Connection};
use crate::process::worker::error::{BadResult, CallError, What};
use crate::signal::{self, Signal, Stopped, WaitSite};

/// A call of a [`Worker`](super::Worker) that is under way. Dropping it cancels it.
#[must_use = "dropping it cancels the call"]
pub struct Call<T> {
    connection: Arc<Connection>,
    id: u64,
    name: Arc<str>,
    longest: usize,
    is_taken: bool,
    result: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Call<T> {
    pub(super) fn new(
        connection: Arc<Connection>,
        id: u64,
        name: Arc<str>,
        longest: usize,
    ) -> Self {
        Self {
            connection,
            id,
            name,
            longest,
            is_taken: false,
            result: PhantomData,
        }
    }

    /// Waits for the result.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, the call is cancelled.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[track_caller]
    pub fn wait(mut self) -> Result<T, CallError> {
        self.wait_for(None, Location::caller())
    }

    /// Waits for the result until `signal` is set; after that it can be waited for again, or be dropped.
    ///
    /// # Stopping
    ///
    /// As [`wait`](Self::wait), but the call is not cancelled before it is dropped.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[track_caller]
    pub fn wait_until(&mut self, signal: &Signal) -> Result<T, CallError> {
        self.wait_for(Some(signal), Location::caller())
    }

    /// The result, if it is there.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn try_wait(&mut self) -> Option<Result<T, CallError>> {
        if self.is_taken {
            return Some(Err(CallError::Taken));
        }
        let answer = self.connection.try_take(self.id)?;
        Some(self.result(answer))
    }

    /// Tells the worker that nobody wants the result.
    ///
    /// A Python function that runs in its main thread is interrupted as by Ctrl-C, one in a thread of a pool at its next
    /// line, a Rust function finds its stop set. Each may go on for as long as
    /// [`cancel_within`](super::Builder::cancel_within) says. One that has not begun, because others run, never does.
    pub fn cancel(self) {
        drop(self);
    }

    fn wait_for(
        &mut self,
        signal: Option<&Signal>,
        at: &'static Location<'static>,
    ) -> Result<T, CallError> {
        if self.is_taken {
            return Err(CallError::Taken);
        }
        let stop = signal::stop();
        let signals = [signal.unwrap_or(&stop), &stop];
        let signals = &signals[usize::from(signal.is_none())..];
        let worker = self.connection.worker();
        let site = || WaitSite::shared("wait for an answer of", Some(Arc::clone(worker)), at);
        match self.connection.wait(self.id, signals, &site) {
            Ok(answer) => self.result(answer),
            Err(0) if signal.is_some() => Err(CallError::Expired),
            Err(_) => Err(CallError::Stopped(Stopped::by(&stop))),
        }
    }

    fn result(&mut self, answer: Answer) -> Result<T, CallError> {
        self.is_taken = true;
        let bad = |what| {
            let call = Arc::clone(&self.name);
            CallError::Result(BadResult { call, what })
        };
        match answer {
            Answer::Out(text) => {
                serde_json::from_str(&text).map_err(|error| bad(What::Json(error)))
            }
            Answer::TooLong(len) => Err(bad(What::TooLong(len, self.longest))),
            Answer::Failed(error) => Err(CallError::Remote(error)),
            Answer::Ended(ended) => Err(CallError::Ended(ended)),
        }
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        if !self.is_taken {
            self.connection.cancel(self.id);
        }
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("worker", self.connection.worker())
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
