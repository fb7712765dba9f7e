//! A lock around data, in which one can also wait until others have used it.
//!
//! The queues behind it are [`monitor`](super::monitor)'s; waiting inside is in [`held`](super::held).
//!
//! # Invariants
//!
//! 1. While a [`Held`] lives and is not inside a wait, its thread holds the monitor, and no other `Held` of the
//!    lock is in use. It is made right after entering, by one `&Lock` at a time, and exits when it is dropped.
//! 2. A `Held` stays on the thread that entered.
//!
//! # Orderings
//!
//! The data follows the monitor's.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::panic::Location;

use crate::ambient;
use crate::primitive::{UnsafeCell, const_fn};
use crate::signal::{self, Signal, Stopped};
use crate::sync::lock::error::{AlreadyHeld, EnterUntilError, TryEnterError};
use crate::sync::lock::monitor::{Monitor, Refused, Site};

/// Data that one thread at a time uses, and a place to wait until another has used it: a monitor.
///
/// [`enter`](Self::enter) gives a [`Held`], through which the data is read and written; dropping it leaves
/// the lock. [`Held::wait`] leaves it for a while: until others have used it.
///
/// # Who is woken
///
/// There is nothing to notify: using the lock wakes those who wait in it. A *use* is leaving the lock, or a
/// wait by a holder that has entered, expired, or taken `&mut T` since it was last woken. Each use wakes the
/// one that has waited longest; if it finds nothing to do and waits again, the next is woken, until all
/// have seen that use. So everybody sees every change, and threads that have nothing to do cost nothing.
///
/// A change through a shared reference (a `Cell`, an atomic) is not noticed, and one outside the lock
/// neither; `let _ = &mut *held;` makes it one. The other way round, look through `&`: a loop around
/// `held.pop()` takes `&mut` each time, and counts as a change each time.
///
/// # Not re-entrant
///
/// A thread that enters a lock twice is told so, by a panic or an error that says where it entered.
///
/// # Fairness
///
/// A thread that comes just when the lock is free takes it before those who wait. One that was woken eight
/// times too late is handed the lock by the next to leave, so every wait ends if every holder leaves.
///
/// # Panics while it is held
///
/// Unwinding leaves the lock, and the next thread enters as usual: there is no poisoning. In a tree of
/// threads the panic reaches somebody already, and clean-up needs the data. Who changes the data in
/// several steps, and may panic in between, puts it right in a destructor.
///
/// # Examples
///
/// ```
/// use selvedge::{sync::Lock, thread};
/// use std::sync::Arc;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let ready = Arc::new(Lock::named("ready", false));
///     let waiter = thread::spawn("waiter", {
///         let ready = Arc::clone(&ready);
///         move |_stop| {
///             let mut held = ready.enter();
///             while !*held {
///                 held.wait()?;
///             }
///             Ok("seen")
///         }
///     });
///     *ready.enter() = true; // leaving wakes the waiter
///     assert_eq!(waiter.join()?, "seen");
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[doc(alias = "Mutex")]
#[doc(alias = "Monitor")]
#[doc(alias = "Condvar")]
pub struct Lock<T: ?Sized> {
    pub(super) monitor: Monitor,
    name: Option<Box<str>>,
    made: &'static Location<'static>,
    data: UnsafeCell<T>,
}

/// The lock is held, and its data at hand; dropping this leaves it.
///
/// Waiting needs a `Held`, so nobody can wait in a lock that it does not hold. It stays on its thread:
///
/// ```compile_fail,E0277
/// let lock = selvedge::sync::Lock::new(1);
/// let held = lock.enter();
/// std::thread::scope(|s| {
///     s.spawn(move || drop(held));
/// });
/// ```
#[must_use = "the lock is left when this is dropped"]
#[clippy::has_significant_drop]
pub struct Held<'a, T: ?Sized> {
    pub(super) lock: &'a Lock<T>,
    /// Something has happened to the holder since it was last woken: its next wait is a use.
    pub(super) changed: bool,
    on_its_thread: PhantomData<*const ()>,
}

// SAFETY: the data goes from thread to thread, to one at a time (invariant 1); the rest is `Send`.
#[allow(unsafe_code, reason = "see the invariants")]
unsafe impl<T: ?Sized + Send> Send for Lock<T> {}

// SAFETY: two threads with a `&Lock` get at the data one after the other (invariant 1).
#[allow(unsafe_code, reason = "see the invariants")]
unsafe impl<T: ?Sized + Send> Sync for Lock<T> {}

// SAFETY: a `&Held` gives `&T` and nothing that leaves the lock (invariant 2).
#[allow(unsafe_code, reason = "see the invariants")]
unsafe impl<T: ?Sized + Sync> Sync for Held<'_, T> {}

impl<T> Lock<T> {
    const_fn! {
        /// Makes a free lock around `value`, called by where it was made.
        ///
        /// ```
        /// use selvedge::sync::Lock;
        /// static TOTAL: Lock<u32> = Lock::new(0);
        /// *TOTAL.enter() += 5;
        /// assert_eq!(*TOTAL.enter(), 5);
        /// ```
        #[track_caller]
        #[must_use]
        pub fn new(value: T) -> Self {
            Self {
                monitor: Monitor::new(),
                name: None,
                made: Location::caller(),
                data: UnsafeCell::new(value),
            }
        }
    }

    /// Makes a free lock with a name for messages.
    ///
    /// ```
    /// # use selvedge::sync::Lock;
    /// let totals = Lock::named("totals", [0; 3]);
    /// assert!(format!("{totals:?}").contains("totals"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn named(name: &str, value: T) -> Self {
        Self {
            name: Some(name.into()),
            ..Self::new(value)
        }
    }

    /// The data, for good.
    ///
    /// ```
    /// # use selvedge::sync::Lock;
    /// assert_eq!(Lock::new("data").into_inner(), "data");
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> Lock<T> {
    /// Enters, waiting until the lock is free.
    ///
    /// # Stopping
    ///
    /// A stop does not end the wait: locks are held briefly, and clean-up needs them. See
    /// [`enter_until`](Self::enter_until).
    ///
    /// # Panics
    ///
    /// If the calling thread holds the lock already.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::Lock;
    /// let lines = Lock::new(Vec::new());
    /// lines.enter().push("one");
    /// assert_eq!(*lines.enter(), ["one"]);
    /// ```
    #[track_caller]
    #[inline]
    #[doc(alias = "lock")]
    pub fn enter(&self) -> Held<'_, T> {
        let at = Location::caller();
        if let Err(refused) = self.monitor.try_enter() {
            self.enter_slow(refused, at);
        }
        self.held(at)
    }

    #[cold]
    #[track_caller]
    fn enter_slow(&self, refused: Refused, at: &'static Location<'static>) {
        if refused == Refused::Reentry {
            panic!("{}", self.already_held());
        }
        let entered = self.monitor.enter_slow(&[], self.site(at));
        debug_assert!(entered.is_ok(), "there was no signal to end it");
    }

    /// Enters if the lock is free now.
    ///
    /// # Errors
    ///
    /// - [`TryEnterError::WouldBlock`] – another thread holds it.
    /// - [`TryEnterError::AlreadyHeld`] – the calling thread does.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::{Lock, TryEnterError};
    /// let lock = Lock::new(1);
    /// let held = lock.try_enter()?;
    /// assert!(matches!(lock.try_enter(), Err(TryEnterError::AlreadyHeld(_))));
    /// drop(held);
    /// assert_eq!(*lock.try_enter()?, 1);
    /// # Ok::<(), TryEnterError>(())
    /// ```
    #[track_caller]
    #[inline]
    #[doc(alias = "try_lock")]
    pub fn try_enter(&self) -> Result<Held<'_, T>, TryEnterError> {
        match self.monitor.try_enter() {
            Ok(()) => Ok(self.held(Location::caller())),
            Err(Refused::Held) => Err(TryEnterError::WouldBlock),
            Err(Refused::Reentry) => Err(TryEnterError::AlreadyHeld(self.already_held())),
        }
    }

    /// Enters, waiting until the lock is free, or until `signal` is set.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop while it waits, it does not enter. A free lock is entered all
    /// the same; then `signal` counts, then the stop.
    ///
    /// # Errors
    ///
    /// - [`EnterUntilError::Expired`] – the signal was set before the lock was free.
    /// - [`EnterUntilError::Stopped`] – see above.
    /// - [`EnterUntilError::AlreadyHeld`] – the calling thread holds the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Till, sync::{EnterUntilError, Lock}};
    /// use std::time::Duration;
    ///
    /// let lock = Lock::new(1);
    /// let held = lock.enter();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         let entered = lock.enter_until(&Till::after(Duration::from_millis(1)));
    ///         assert!(matches!(entered, Err(EnterUntilError::Expired)));
    ///     });
    /// });
    /// # drop(held);
    /// ```
    #[track_caller]
    pub fn enter_until(&self, signal: &Signal) -> Result<Held<'_, T>, EnterUntilError> {
        let at = Location::caller();
        match self.monitor.try_enter() {
            Ok(()) => return Ok(self.held(at)),
            Err(Refused::Reentry) => {
                return Err(EnterUntilError::AlreadyHeld(self.already_held()));
            }
            Err(Refused::Held) => {}
        }
        let stop = signal::stop();
        match self.monitor.enter_slow(&[signal, &stop], self.site(at)) {
            Ok(()) => Ok(self.held(at)),
            Err(0) => Err(EnterUntilError::Expired),
            Err(_) => Err(EnterUntilError::Stopped(Stopped::by(&stop))),
        }
    }

    /// The data, without entering: nobody else has the lock.
    ///
    /// ```
    /// # use selvedge::sync::Lock;
    /// let mut lock = Lock::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self` is the only way to the data, also of a guard that was forgotten.
        #[allow(unsafe_code, reason = "see the invariants")]
        self.data.with_mut(|data| unsafe { &mut *data })
    }

    /// What a thread that has just entered works with.
    #[inline]
    fn held(&self, at: &'static Location<'static>) -> Held<'_, T> {
        self.monitor.entered.note(at);
        Held {
            lock: self,
            changed: true,
            on_its_thread: PhantomData,
        }
    }

    #[cold]
    fn already_held(&self) -> AlreadyHeld {
        AlreadyHeld::new(
            self.to_string(),
            &ambient::thread_path(),
            self.monitor.entered.get().unwrap_or(self.made),
        )
    }

    pub(super) fn site(&self, at: &'static Location<'static>) -> Site<'_> {
        Site {
            name: self.name.as_deref(),
            made: self.made,
            at,
        }
    }
}

impl<T: ?Sized> Deref for Held<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this thread, or one that borrows from it, holds the lock (invariant 1).
        #[allow(unsafe_code, reason = "see the invariants")]
        self.lock.data.with(|data| unsafe { &*data })
    }
}

impl<T: ?Sized> DerefMut for Held<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        // SAFETY: as in `deref`, and the guard is borrowed for as long as the data.
        #[allow(unsafe_code, reason = "see the invariants")]
        self.lock.data.with_mut(|data| unsafe { &mut *data })
    }
}

impl<T: ?Sized> Drop for Held<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.monitor.exit();
    }
}

impl<T: Default> Default for Lock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Lock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// How messages call the lock.
impl<T: ?Sized> fmt::Display for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "lock `{name}`"),
            None => write!(f, "the lock made at {}", self.made),
        }
    }
}

/// Shows the data if the lock is free, and never waits for it.
impl<T: ?Sized + fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Lock");
        match &self.name {
            Some(name) => shown.field("name", name),
            None => shown.field("made", &format_args!("{}", self.made)),
        };
        match self.try_enter() {
            Ok(held) => shown.field("data", &&*held).finish(),
            Err(_) => shown.field("data", &format_args!("<held>")).finish(),
        }
    }
}
