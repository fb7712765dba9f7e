//! A watched value: setters replace it, watchers see the latest.
//!
//! # Invariants
//!
//! 1. `version` counts the changes; a watcher has seen everything up to its own `seen`.
//! 2. `next` is taken, under the lock, by the change that raises `version`, and set after the lock. So who
//!    got it under the lock, having seen `version`, is woken by the next change.
//! 3. No value is dropped and no signal set under the lock.

use core::fmt;
use core::panic::Location;
use std::error::Error;

use crate::primitive::{Arc, Mutex};
use crate::signal::{Signal, Stopped, WaitError};

/// The latest value of something. A clone is another setter of it; watchers are told when the last is gone.
///
/// # Examples
///
/// ```
/// use selvedge::sync::Watch;
///
/// let level = Watch::new(1);
/// let mut watcher = level.subscribe();
/// level.set(2);
/// level.set(3);
/// assert_eq!(*watcher.changed()?, 3); // the latest; 2 was skipped
/// drop(level);
/// assert!(watcher.changed().is_err()); // nobody can change it any more
/// # Ok::<(), selvedge::sync::ChangedError>(())
/// ```
pub struct Watch<T>(Arc<Shared<T>>);

/// Sees the changes of a [`Watch`].
pub struct Watcher<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    name: Option<Box<str>>,
    made: &'static Location<'static>,
}

struct State<T> {
    value: Arc<T>,
    version: u64,
    setters: usize,
    next: Option<Signal>,
}

impl<T> Watch<T> {
    /// Makes a watched value, called by where it was made.
    #[track_caller]
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::make(value, None, Location::caller())
    }

    /// Makes a watched value with a name for messages.
    #[track_caller]
    #[must_use]
    pub fn named(name: &str, value: T) -> Self {
        Self::make(value, Some(name.into()), Location::caller())
    }

    fn make(value: T, name: Option<Box<str>>, made: &'static Location<'static>) -> Self {
        let state = Mutex::new(State {
            value: Arc::new(value),
            version: 0,
            setters: 1,
            next: None,
        });
        Self(Arc::new(Shared { state, name, made }))
    }

    /// Replaces the value, wakes the watchers, and gives the old value.
    ///
    /// ```
    /// # use selvedge::sync::Watch;
    /// let watch = Watch::new(1);
    /// assert_eq!(*watch.set(2), 1);
    /// assert_eq!(*watch.get(), 2);
    /// ```
    #[track_caller]
    pub fn set(&self, value: T) -> Arc<T> {
        let (old, changed) = self.0.state.lock().replace(Arc::new(value));
        if let Some(changed) = changed {
            changed.set();
        }
        old
    }

    /// Replaces the value by what `f` makes of it; gives the old value.
    ///
    /// `f` runs outside every lock, and again if the value was changed meanwhile.
    ///
    /// ```
    /// # use selvedge::sync::Watch;
    /// let count = Watch::new(1);
    /// assert_eq!(*count.update(|n| n + 1), 1);
    /// assert_eq!(*count.get(), 2);
    /// ```
    #[track_caller]
    pub fn update(&self, mut f: impl FnMut(&T) -> T) -> Arc<T> {
        loop {
            let (old, version) = {
                let state = self.0.state.lock();
                (Arc::clone(&state.value), state.version)
            };
            let new = Arc::new(f(&old));
            let mut state = self.0.state.lock();
            if state.version != version {
                drop(state);
                continue;
            }
            let (old, changed) = state.replace(new);
            drop(state);
            if let Some(changed) = changed {
                changed.set();
            }
            return old;
        }
    }

    /// The value as of now.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.state.lock().value)
    }

    /// Makes a watcher that has seen the value as of now.
    #[must_use]
    pub fn subscribe(&self) -> Watcher<T> {
        let seen = self.0.state.lock().version;
        let shared = Arc::clone(&self.0);
        Watcher { shared, seen }
    }
}

impl<T> State<T> {
    fn replace(&mut self, value: Arc<T>) -> (Arc<T>, Option<Signal>) {
        self.version += 1;
        let old = core::mem::replace(&mut self.value, value);
        (old, self.next.take())
    }
}

impl<T> Watcher<T> {
    /// Waits for a change that it has not seen; gives the latest value.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop and there is no such change; the next one is not missed.
    ///
    /// # Errors
    ///
    /// - [`ChangedError::Closed`] – the last setter is gone and its last value was seen.
    /// - [`ChangedError::Stopped`] – see above.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{sync::Watch, thread};
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let level = Watch::named("level", 1);
    ///     let mut watcher = level.subscribe();
    ///     let logger = thread::spawn("logger", move |_stop| Ok(*watcher.changed()?));
    ///     level.set(2);
    ///     assert_eq!(logger.join()?, 2);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn changed(&mut self) -> Result<Arc<T>, ChangedError> {
        loop {
            let next = match self.look() {
                Look::Changed(value) => return Ok(value),
                Look::Closed => return Err(ChangedError::Closed),
                Look::Unchanged(next) => next,
            };
            if let Err(stopped) = next.wait() {
                return self.latest(ChangedError::Stopped(stopped));
            }
        }
    }

    /// Waits for a change that it has not seen, until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`changed`](Self::changed).
    ///
    /// # Errors
    ///
    /// Those of [`changed`](Self::changed), and [`ChangedUntilError::Expired`].
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, sync::{ChangedUntilError, Watch}};
    /// let watch = Watch::new(1);
    /// let mut watcher = watch.subscribe();
    /// let waited = watcher.changed_until(&Signal::always());
    /// assert!(matches!(waited, Err(ChangedUntilError::Expired)));
    /// ```
    #[track_caller]
    pub fn changed_until(&mut self, signal: &Signal) -> Result<Arc<T>, ChangedUntilError> {
        loop {
            let next = match self.look() {
                Look::Changed(value) => return Ok(value),
                Look::Closed => return Err(ChangedUntilError::Closed),
                Look::Unchanged(next) => next,
            };
            match next.wait_until(signal) {
                Ok(()) => {}
                Err(WaitError::Expired) => return self.latest(ChangedUntilError::Expired),
                Err(WaitError::Stopped(stopped)) => {
                    return self.latest(ChangedUntilError::Stopped(stopped));
                }
            }
        }
    }

    /// The change that it has not seen, if there is one now.
    ///
    /// ```
    /// # use selvedge::sync::Watch;
    /// let watch = Watch::new(1);
    /// let mut watcher = watch.subscribe();
    /// assert!(watcher.try_changed().is_none()); // it was seen by `subscribe`
    /// watch.set(2);
    /// assert_eq!(watcher.try_changed().as_deref(), Some(&2));
    /// ```
    pub fn try_changed(&mut self) -> Option<Arc<T>> {
        let state = self.shared.state.lock();
        if state.version == self.seen {
            return None;
        }
        self.seen = state.version;
        Some(Arc::clone(&state.value))
    }

    /// A signal that is set when there is a change to see, or none can come; fresh after each.
    ///
    /// Combine it with others, then look with [`try_changed`](Self::try_changed): another look at the same
    /// watcher may have been quicker.
    ///
    /// ```
    /// # use selvedge::{Signal, sync::Watch};
    /// let (watch, other) = (Watch::new(1), Signal::new());
    /// let mut watcher = watch.subscribe();
    /// let either = watcher.ready() | &other;
    /// watch.set(2);
    /// either.wait()?;
    /// assert_eq!(watcher.try_changed().as_deref(), Some(&2));
    /// # Ok::<(), selvedge::Stopped>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn ready(&self) -> Signal {
        let mut state = self.shared.state.lock();
        if state.version != self.seen || state.setters == 0 {
            drop(state);
            return Signal::always();
        }
        state.next.get_or_insert_with(Signal::new).child()
    }

    /// The value as of now, seen or not.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.shared.state.lock().value)
    }

    #[track_caller]
    fn look(&mut self) -> Look<T> {
        let mut state = self.shared.state.lock();
        if state.version != self.seen {
            self.seen = state.version;
            return Look::Changed(Arc::clone(&state.value));
        }
        if state.setters == 0 {
            return Look::Closed;
        }
        let name = self.shared.name.as_deref();
        let next = state
            .next
            .get_or_insert_with(|| name.map_or_else(Signal::new, Signal::named));
        Look::Unchanged(next.clone())
    }

    /// What came just when the wait ended otherwise comes first.
    fn latest<E>(&mut self, error: E) -> Result<Arc<T>, E> {
        self.try_changed().ok_or(error)
    }
}

enum Look<T> {
    Changed(Arc<T>),
    Closed,
    Unchanged(Signal),
}

impl<T> Clone for Watch<T> {
    fn clone(&self) -> Self {
        self.0.state.lock().setters += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        let last = {
            let mut state = self.0.state.lock();
            state.setters -= 1;
            if state.setters > 0 {
                return;
            }
            state.next.take()
        };
        if let Some(last) = last {
            last.set();
        }
    }
}

/// The clone has seen what this one has.
impl<T> Clone for Watcher<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            seen: self.seen,
        }
    }
}

impl<T> Shared<T> {
    fn fmt(&self, kind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct(kind);
        match &self.name {
            Some(name) => out.field("name", name),
            None => out.field("made", &format_args!("{}", self.made)),
        };
        out.finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt("Watch", f)
    }
}

impl<T> fmt::Debug for Watcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt("Watcher", f)
    }
}

/// The error of [`Watcher::changed`].
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
pub enum ChangedError {
    /// The last setter is gone; no change will ever come.
    Closed,
    /// The thread was asked to stop before a change came.
    Stopped(Stopped),
}

/// The error of [`Watcher::changed_until`].
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
pub enum ChangedUntilError {
    /// The last setter is gone; no change will ever come.
    Closed,
    /// The signal was set before a change came.
    Expired,
    /// The thread was asked to stop before a change came.
    Stopped(Stopped),
}

const CLOSED: &str = "the last setter of the watched value is gone";

impl fmt::Display for ChangedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str(CLOSED),
            Self::Stopped(stopped) => stopped.fmt(f),
        }
    }
}

impl fmt::Display for ChangedUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str(CLOSED),
            Self::Expired => f.write_str("the wait for a change expired"),
            Self::Stopped(stopped) => stopped.fmt(f),
        }
    }
}

impl Error for ChangedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Closed => None,
            Self::Stopped(stopped) => Some(stopped),
        }
    }
}

impl Error for ChangedUntilError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Closed | Self::Expired => None,
            Self::Stopped(stopped) => Some(stopped),
        }
    }
}
