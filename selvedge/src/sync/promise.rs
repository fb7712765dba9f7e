//! A promise: a value that is assigned once, and everybody can wait for.
//!
//! # Invariants
//!
//! 1. `assigned` is set after the value is there, by the one assignment that succeeded.
//! 2. A wait that ends for another reason looks for the value again: what is ready comes first.

use core::fmt;
use std::error::Error;

use crate::primitive::{Arc, OnceLock};
use crate::signal::{Signal, Stopped, WaitError};

/// A value to come. A clone is another handle to the same promise.
///
/// It has no owner: if the thread that was to assign it fails, waiters wait on, until they are asked to
/// stop. To notice, wait until that thread has ended: `promise.wait_until(worker.stopped())`.
///
/// # Examples
///
/// ```
/// use selvedge::sync::Promise;
///
/// let port = Promise::new();
/// port.assign(80).unwrap();
/// assert_eq!(port.assign(81).unwrap_err().into_inner(), 81); // refused
/// assert_eq!(*port.wait()?, 80);
/// # Ok::<(), selvedge::Stopped>(())
/// ```
#[doc(alias = "Future")]
#[doc(alias = "OnceLock")]
#[doc(alias = "Deferred")]
pub struct Promise<T>(Arc<Shared<T>>);

struct Shared<T> {
    value: OnceLock<T>,
    assigned: Signal,
}

impl<T> Promise<T> {
    /// Makes a promise, called by where it was made.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Self::make(Signal::new())
    }

    /// Makes a promise with a name for messages.
    #[track_caller]
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::make(Signal::named(name))
    }

    fn make(assigned: Signal) -> Self {
        Self(Arc::new(Shared {
            value: OnceLock::new(),
            assigned,
        }))
    }

    /// Assigns the value and wakes everybody who waits for it.
    ///
    /// # Errors
    ///
    /// [`Assigned`], with `value`, if there was one already.
    #[track_caller]
    #[doc(alias = "set")]
    pub fn assign(&self, value: T) -> Result<(), Assigned<T>> {
        self.0.value.set(value).map_err(Assigned)?;
        self.0.assigned.set();
        Ok(())
    }

    /// Waits for the value.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop before there is a value.
    ///
    /// # Errors
    ///
    /// [`Stopped`], see above.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{sync::Promise, thread};
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let port = Promise::new();
    ///     let server = thread::spawn("server", {
    ///         let port = port.clone();
    ///         move |_stop| Ok(port.assign(80).is_ok())
    ///     });
    ///     assert_eq!(*port.wait()?, 80);
    ///     assert!(server.join()?);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn wait(&self) -> Result<&T, Stopped> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let waited = self.0.assigned.wait();
        match (self.get(), waited) {
            (Some(value), _) => Ok(value), // invariant 2
            (None, Err(stopped)) => Err(stopped),
            (None, Ok(())) => unreachable!("the signal comes after the value (invariant 1)"),
        }
    }

    /// Waits for the value until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// - [`WaitError::Expired`] – `signal` was set first.
    /// - [`WaitError::Stopped`] – the calling thread was asked to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, signal::WaitError, sync::Promise};
    /// let promise: Promise<u8> = Promise::new();
    /// let waited = promise.wait_until(&Signal::always());
    /// assert!(matches!(waited, Err(WaitError::Expired)));
    /// promise.assign(1).unwrap();
    /// assert_eq!(promise.wait_until(&Signal::always()).unwrap(), &1);
    /// ```
    #[track_caller]
    pub fn wait_until(&self, signal: &Signal) -> Result<&T, WaitError> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let waited = self.0.assigned.wait_until(signal);
        match (self.get(), waited) {
            (Some(value), _) => Ok(value), // invariant 2
            (None, Err(error)) => Err(error),
            (None, Ok(())) => unreachable!("the signal comes after the value (invariant 1)"),
        }
    }

    /// The value, if there is one now.
    ///
    /// ```
    /// # use selvedge::sync::Promise;
    /// let promise = Promise::named("port");
    /// assert_eq!(promise.get(), None);
    /// promise.assign(80).unwrap();
    /// assert_eq!(promise.get(), Some(&80));
    /// ```
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.0.value.get()
    }

    /// Is there a value?
    #[must_use]
    pub fn is_assigned(&self) -> bool {
        self.get().is_some()
    }

    /// A signal that is set when there is a value, to be combined with others. Setting it by hand assigns
    /// nothing and wakes no waiter of the promise.
    ///
    /// ```
    /// # use selvedge::sync::Promise;
    /// let promise = Promise::new();
    /// let assigned = promise.assigned();
    /// assert!(!assigned.is_set());
    /// promise.assign(()).unwrap();
    /// assert!(assigned.is_set());
    /// ```
    #[track_caller]
    #[must_use]
    pub fn assigned(&self) -> Signal {
        self.0.assigned.child()
    }

    /// The value, if there is one and this is the last handle.
    ///
    /// ```
    /// # use selvedge::sync::Promise;
    /// let promise = Promise::new();
    /// promise.assign(1).unwrap();
    /// assert_eq!(promise.clone().into_inner(), None); // there is another handle
    /// assert_eq!(promise.into_inner(), Some(1));
    /// ```
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        Arc::into_inner(self.0)?.value.into_inner()
    }
}

impl<T> Clone for Promise<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Promise<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise")
            .field("assigned", &self.0.assigned)
            .finish_non_exhaustive()
    }
}

/// The error of [`Promise::assign`]: there is a value already. Holds the one that was refused.
#[derive(Clone, Copy)]
pub struct Assigned<T>(T);

impl<T> Assigned<T> {
    /// The value that was not assigned.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Assigned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assigned(..)")
    }
}

impl<T> fmt::Display for Assigned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the promise has a value already")
    }
}

impl<T> Error for Assigned<T> {}
