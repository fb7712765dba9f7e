//! Waiting while one holds a lock.
//!
//! The invariants are those of [`lock`](super::lock) and [`monitor`](super::monitor): a wait leaves the lock and
//! enters it again before it returns, whatever it returns, and its `&mut self` sees to it that nobody looks
//! at the data meanwhile.

use core::fmt;
use core::panic::Location;

use crate::signal::{self, Signal, Stopped, WaitError};
use crate::sync::lock::lock::Held;

impl<T: ?Sized> Held<'_, T> {
    /// Leaves the lock until it is used by another thread, and enters again.
    ///
    /// One use wakes every waiter in the end, each once, so a waiter looks again in a loop. Which use, and whether
    /// it has changed anything, is not known.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, `wait` returns [`Stopped`]. The lock is held again in
    /// any case; that last wait, to enter, a stop does not end.
    ///
    /// # Errors
    ///
    /// [`Stopped`], see above.
    ///
    /// # Examples
    ///
    /// See [`Lock`](super::Lock).
    #[track_caller]
    #[doc(alias = "Condvar")]
    pub fn wait(&mut self) -> Result<(), Stopped> {
        let stop = signal::stop();
        match self.wait_for(&[&stop], Location::caller()) {
            Ok(()) => Ok(()),
            Err(_) => Err(Stopped::by(&stop)),
        }
    }

    /// Leaves the lock until it is used by another thread, or `signal` is set, and enters again.
    ///
    /// With a signal that is set already, who waits to enter gets the lock once.
    ///
    /// # Stopping
    ///
    /// As [`wait`](Self::wait); the order of precedence is use, signal, stop.
    ///
    /// # Errors
    ///
    /// The lock is held again after an error too.
    ///
    /// - [`WaitError::Expired`] – the signal was set before a use reached this thread.
    /// - [`WaitError::Stopped`] – the calling thread was asked to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Till, signal::WaitError, sync::Lock};
    /// use std::time::Duration;
    ///
    /// let lock = Lock::new(1);
    /// let mut held = lock.enter();
    /// let waited = held.wait_until(&Till::after(Duration::from_millis(1)));
    /// assert!(matches!(waited, Err(WaitError::Expired))); // nobody else has it
    /// *held = 2;
    /// ```
    #[track_caller]
    pub fn wait_until(&mut self, signal: &Signal) -> Result<(), WaitError> {
        let stop = signal::stop();
        match self.wait_for(&[signal, &stop], Location::caller()) {
            Ok(()) => Ok(()),
            Err(0) => Err(WaitError::Expired),
            Err(_) => Err(WaitError::Stopped(Stopped::by(&stop))),
        }
    }

    /// Waits as long as `condition` holds: the loop around [`wait`](Self::wait).
    ///
    /// The condition sees the data through `&`, so looking is never taken for a change.
    ///
    /// # Stopping
    ///
    /// As [`wait`](Self::wait). If the condition does not hold there is no wait and no error.
    ///
    /// # Errors
    ///
    /// [`Stopped`], see above.
    ///
    /// # Panics
    ///
    /// If `condition` does; the lock is held.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::Lock;
    ///
    /// let jobs = Lock::new(vec!["job"]);
    /// let mut held = jobs.enter();
    /// held.wait_while(|jobs| jobs.is_empty())?;
    /// assert_eq!(held.pop(), Some("job"));
    /// # Ok::<(), selvedge::Stopped>(())
    /// ```
    #[track_caller]
    pub fn wait_while(&mut self, mut condition: impl FnMut(&T) -> bool) -> Result<(), Stopped> {
        while condition(self) {
            self.wait()?;
        }
        Ok(())
    }

    fn wait_for(
        &mut self,
        signals: &[&Signal],
        at: &'static Location<'static>,
    ) -> Result<(), usize> {
        let lock = self.lock;
        let waited = lock.monitor.wait(self.changed, signals, lock.site(at));
        self.changed = waited.is_err();
        lock.monitor.entered.note(at);
        waited
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Held<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for Held<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
