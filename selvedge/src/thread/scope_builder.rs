//! A thread of a scope with more choices.

use crate::ambient::{Ambient, Group};
use crate::primitive::Arc;
use crate::signal::Signal;
use crate::sync::{AcquireError, AcquireUntilError, Permit, Semaphore};
use crate::thread::error::{Outcome, SpawnError};
use crate::thread::scope::Scope;
use crate::thread::scope_handle::{ScopedThread, Slot};
use crate::thread::spawn::Builder;

/// A thread of a [`scope`](super::scope) to be; made by [`Scope::builder`].
///
/// # Examples
///
/// ```
/// use selvedge::thread;
///
/// let text = "warp and weft".to_owned();
/// let words = thread::scope("count", |s| {
///     let deep = s.builder("deep").stack_size(16 << 20).spawn(|_stop| Ok(text.split(' ').count()))?;
///     Ok(deep.join()?)
/// })?;
/// assert_eq!(words, 3);
/// # Ok::<(), thread::Failures>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing starts until `spawn`"]
pub struct ScopedBuilder<'scope, 'env: 'scope> {
    scope: &'scope Scope<'scope, 'env>,
    builder: Builder,
}

impl<'scope, 'env> ScopedBuilder<'scope, 'env> {
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, name: &str) -> Self {
        let builder = Builder::new(name);
        Self { scope, builder }
    }

    fn with(self, choose: impl FnOnce(Builder) -> Builder) -> Self {
        Self {
            scope: self.scope,
            builder: choose(self.builder),
        }
    }

    /// The size of the stack in bytes; std's default otherwise.
    pub fn stack_size(self, bytes: usize) -> Self {
        self.with(|builder| builder.stack_size(bytes))
    }

    /// The body runs with what was bound where `ambient` was captured, whether the scope
    /// [inherits](Scope::inherit) or not.
    pub fn ambient(self, ambient: Ambient) -> Self {
        self.with(|builder| builder.ambient(ambient))
    }

    /// The body runs with what is bound here, where `inherit` is called. [`Scope::inherit`] says this of all
    /// threads.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread;
    ///
    /// selvedge::local! { static USER: &'static str; }
    ///
    /// let seen = USER.bind("Ada", || {
    ///     thread::scope("work", |s| {
    ///         let carried = s.builder("carried").inherit().spawn(|_stop| Ok(*USER.get()?))?;
    ///         let plain = s.spawn("plain", |_stop| Ok(USER.is_bound()));
    ///         assert!(!plain.join()?);
    ///         Ok(carried.join()?)
    ///     })
    /// });
    /// assert_eq!(seen?, "Ada");
    /// # Ok::<(), thread::Failures>(())
    /// ```
    #[track_caller]
    pub fn inherit(self) -> Self {
        self.ambient(Ambient::capture())
    }

    /// The body runs with this [`deadline`](crate::signal::deadline()). A body that ends because of it has
    /// failed, unless the thread was asked to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, Till, thread};
    /// use std::time::Duration;
    ///
    /// let failed = thread::scope("race", |s| {
    ///     let soon = Till::after(Duration::from_millis(1));
    ///     s.builder("hurried").deadline(&soon).spawn(|_stop| Ok(Signal::never().wait()?))?;
    ///     Ok(())
    /// });
    /// assert!(failed.unwrap_err().to_string().contains("race/hurried"));
    /// ```
    #[track_caller]
    pub fn deadline(self, deadline: &Signal) -> Self {
        Self {
            scope: self.scope,
            builder: self.builder.deadline(deadline),
        }
    }

    /// It is a member of `group`. Nobody is by inheritance.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Group, thread};
    ///
    /// let readers = Group::new("readers");
    /// thread::scope("work", |s| {
    ///     s.builder("reader").group(&readers).spawn(|stop| Ok(stop.wait_until(&stop)?))?;
    ///     readers.stop();
    ///     Ok(())
    /// })?;
    /// assert!(readers.threads().is_empty());
    /// # Ok::<(), thread::Failures>(())
    /// ```
    pub fn group(self, group: &Group) -> Self {
        self.with(|builder| builder.group(group))
    }

    /// It is a member of the calling thread's group, if that has one.
    pub fn inherit_group(self) -> Self {
        self.with(Builder::inherit_group)
    }

    /// It serves its siblings: when they and the closure of the scope have ended it is asked to stop, and not
    /// before, unless by its own handle. Siblings that are services too are asked at the same time.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{sync::Queue, thread};
    ///
    /// let lines = Queue::new();
    /// let written = thread::scope("work", |s| {
    ///     let logger = s.builder("logger").service().spawn(|_stop| {
    ///         let written: Vec<&str> = lines.iter().collect(); // until it is asked to stop
    ///         assert_eq!(written, ["warp", "weft"]);
    ///         Ok(())
    ///     })?;
    ///     s.spawn("worker", |_stop| Ok(lines.extend(["warp", "weft"])?));
    ///     Ok(logger.stopped().clone())
    /// })?;
    /// assert!(written.is_set());
    /// # Ok::<(), thread::Failures>(())
    /// ```
    pub fn service(self) -> Self {
        self.with(Builder::service)
    }

    /// Starts it as a thread of the scope.
    ///
    /// # Stopping
    ///
    /// Only with a [`limit`](Scope::limit), while there is no place. A thread whose stop is set already is
    /// started: it decides.
    ///
    /// # Errors
    ///
    /// - [`SpawnError::Stopped`] – the calling thread was asked to stop while it waited for a place.
    /// - [`SpawnError::Os`] – the system refused.
    #[track_caller]
    pub fn spawn<T, F>(self, body: F) -> Result<ScopedThread<'scope, T>, SpawnError>
    where
        T: Send + 'scope,
        F: FnOnce(Signal) -> Outcome<T> + Send + 'scope,
    {
        let place = match self.places().map(Semaphore::acquire).transpose() {
            Ok(place) => place,
            Err(AcquireError::Stopped(stopped)) => {
                let name = self.builder.name;
                return Err(SpawnError::Stopped { name, stopped });
            }
            Err(AcquireError::TooMany { .. }) => unreachable!("a limit is at least 1"),
        };
        self.launch(place, Slot::new(), body)
    }

    /// The same, but never waits for a place.
    ///
    /// # Errors
    ///
    /// - [`SpawnError::Full`] – as many threads as the [`limit`](Scope::limit) allows have not ended.
    /// - [`SpawnError::Os`] – the system refused.
    pub fn try_spawn<T, F>(self, body: F) -> Result<ScopedThread<'scope, T>, SpawnError>
    where
        T: Send + 'scope,
        F: FnOnce(Signal) -> Outcome<T> + Send + 'scope,
    {
        let place = match self.places().map(Semaphore::try_acquire) {
            Some(None) => {
                let name = self.builder.name;
                return Err(SpawnError::Full { name });
            }
            place => place.flatten(),
        };
        self.launch(place, Slot::new(), body)
    }

    /// The same, but waits for a place only until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Errors
    ///
    /// Those of [`spawn`](Self::spawn), and [`SpawnError::Expired`]: `signal` was set first.
    #[track_caller]
    pub fn spawn_until<T, F>(
        self,
        signal: &Signal,
        body: F,
    ) -> Result<ScopedThread<'scope, T>, SpawnError>
    where
        T: Send + 'scope,
        F: FnOnce(Signal) -> Outcome<T> + Send + 'scope,
    {
        let place = self.place_until(signal)?;
        self.launch(place, Slot::new(), body)
    }

    fn places(&self) -> Option<&'scope Semaphore> {
        self.scope.shared.places.get()
    }

    /// Waits for a place, if they are limited.
    #[track_caller]
    pub(super) fn place_until(&self, signal: &Signal) -> Result<Option<Permit>, SpawnError> {
        let Some(places) = self.places() else {
            return Ok(None);
        };
        let name = || self.builder.name.clone();
        match places.acquire_until(signal) {
            Ok(place) => Ok(Some(place)),
            Err(AcquireUntilError::Expired) => Err(SpawnError::Expired { name: name() }),
            Err(AcquireUntilError::Stopped(stopped)) => Err(SpawnError::Stopped {
                name: name(),
                stopped,
            }),
            Err(AcquireUntilError::TooMany { .. }) => unreachable!("a limit is at least 1"),
        }
    }

    pub(super) fn launch<T, F>(
        self,
        place: Option<Permit>,
        slot: Arc<Slot<T>>,
        body: F,
    ) -> Result<ScopedThread<'scope, T>, SpawnError>
    where
        T: Send + 'scope,
        F: FnOnce(Signal) -> Outcome<T> + Send + 'scope,
    {
        self.scope.launch(self.builder, place, slot, body)
    }
}
