//! A semaphore: permits, handed over in the order in which they were asked for.
//!
//! # Invariants
//!
//! 1. `free` counts the permits that nobody holds. A request leaves `waiting` under the lock in one of three
//!    ways: granted (then `free` was lowered for it), refused, or given up by its thread.
//! 2. A thread that wakes and is not in `waiting` has its permits, whatever else woke it, unless it is in
//!    `refused`.
//! 3. Nobody overtakes: a request is granted only when none waits before it.
//! 4. A request for more than `total` never waits.

use core::fmt;
use core::panic::Location;
use std::collections::VecDeque;

use crate::primitive::{Arc, Mutex};
use crate::signal::{self, Signal, Stopped, WaitSite, Waiter, Woken};
use crate::sync::semaphore::error::{AcquireError, AcquireUntilError};

/// Permits that threads share; a clone is another handle to the same ones.
///
/// Requests are served in their order, so that a large one is not starved by small ones.
///
/// # Examples
///
/// ```
/// use selvedge::sync::Semaphore;
///
/// let connections = Semaphore::named("connections", 2);
/// let one = connections.acquire()?;
/// let two = connections.acquire()?;
/// assert!(connections.try_acquire().is_none());
/// drop(one);
/// assert_eq!(connections.available(), 1);
/// # drop(two);
/// # Ok::<(), selvedge::sync::AcquireError>(())
/// ```
#[derive(Clone)]
pub struct Semaphore(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    name: Option<Box<str>>,
    made: &'static Location<'static>,
}

struct State {
    free: usize,
    total: usize,
    waiting: VecDeque<Waiting>,
    refused: Vec<u64>,
    next: u64,
}

struct Waiting {
    id: u64,
    n: usize,
    waiter: Arc<Waiter>,
}

impl Semaphore {
    /// Makes a semaphore of `permits`, called by where it was made.
    #[track_caller]
    #[must_use]
    pub fn new(permits: usize) -> Self {
        Self::make(permits, None, Location::caller())
    }

    /// Makes a semaphore with a name for messages.
    #[track_caller]
    #[must_use]
    pub fn named(name: &str, permits: usize) -> Self {
        Self::make(permits, Some(name.into()), Location::caller())
    }

    fn make(permits: usize, name: Option<Box<str>>, made: &'static Location<'static>) -> Self {
        let state = State {
            free: permits,
            total: permits,
            waiting: VecDeque::new(),
            refused: Vec::new(),
            next: 0,
        };
        let state = Mutex::new(state);
        Self(Arc::new(Shared { state, name, made }))
    }

    /// Takes one permit, waiting for it.
    ///
    /// # Stopping
    ///
    /// A thread that is asked to stop while it waits gets [`AcquireError::Stopped`] and no permit. A permit
    /// that is free, or was granted meanwhile, is handed out all the same.
    ///
    /// # Errors
    ///
    /// - [`AcquireError::TooMany`] – all permits were forgotten, or there never was one.
    /// - [`AcquireError::Stopped`] – see above.
    #[track_caller]
    #[doc(alias = "wait")]
    #[doc(alias = "down")]
    pub fn acquire(&self) -> Result<Permit, AcquireError> {
        self.acquire_many(1)
    }

    /// Takes `n` permits at once, waiting for them. Later requests wait behind this one.
    ///
    /// # Stopping
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire). A request for more than there are is refused rather than left
    /// to wait: [`add_permits`](Self::add_permits) first.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::sync::{AcquireError, Semaphore};
    /// let three = Semaphore::new(3);
    /// let refused = three.acquire_many(4);
    /// assert!(matches!(refused, Err(AcquireError::TooMany { asked: 4, total: 3 })));
    /// assert_eq!(three.acquire_many(3)?.count(), 3);
    /// # Ok::<(), AcquireError>(())
    /// ```
    #[track_caller]
    pub fn acquire_many(&self, n: usize) -> Result<Permit, AcquireError> {
        self.take(n, None, Location::caller())
            .map_err(|error| match error {
                AcquireUntilError::TooMany { asked, total } => {
                    AcquireError::TooMany { asked, total }
                }
                AcquireUntilError::Stopped(stopped) => AcquireError::Stopped(stopped),
                AcquireUntilError::Expired => unreachable!("there was no signal to expire by"),
            })
    }

    /// Takes one permit, waiting for it until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire), and [`AcquireUntilError::Expired`].
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Till, sync::{AcquireUntilError, Semaphore}};
    /// use std::time::Duration;
    ///
    /// let one = Semaphore::new(1);
    /// let held = one.acquire()?;
    /// let late = one.acquire_until(&Till::after(Duration::from_millis(1)));
    /// assert!(matches!(late, Err(AcquireUntilError::Expired)));
    /// # drop(held);
    /// # Ok::<(), selvedge::sync::AcquireError>(())
    /// ```
    #[track_caller]
    pub fn acquire_until(&self, signal: &Signal) -> Result<Permit, AcquireUntilError> {
        self.take(1, Some(signal), Location::caller())
    }

    /// As [`acquire_many`](Self::acquire_many), until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// Those of [`acquire_until`](Self::acquire_until).
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, sync::{AcquireUntilError, Semaphore}};
    /// let three = Semaphore::new(3);
    /// let held = three.acquire()?;
    /// let late = three.acquire_many_until(3, &Signal::always());
    /// assert!(matches!(late, Err(AcquireUntilError::Expired)));
    /// assert_eq!(three.available(), 2); // none of them was taken
    /// # drop(held);
    /// # Ok::<(), selvedge::sync::AcquireError>(())
    /// ```
    #[track_caller]
    pub fn acquire_many_until(
        &self,
        n: usize,
        signal: &Signal,
    ) -> Result<Permit, AcquireUntilError> {
        self.take(n, Some(signal), Location::caller())
    }

    /// Takes one permit if one is free and nobody waits for it.
    #[must_use]
    pub fn try_acquire(&self) -> Option<Permit> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if they are free and nobody waits.
    ///
    /// ```
    /// # use selvedge::sync::Semaphore;
    /// let two = Semaphore::new(2);
    /// assert!(two.try_acquire_many(3).is_none());
    /// assert_eq!(two.try_acquire_many(2).map(|held| held.count()), Some(2));
    /// ```
    #[must_use]
    pub fn try_acquire_many(&self, n: usize) -> Option<Permit> {
        self.0.state.lock().take(n).then(|| self.permit(n))
    }

    fn take(
        &self,
        n: usize,
        until: Option<&Signal>,
        at: &'static Location<'static>,
    ) -> Result<Permit, AcquireUntilError> {
        if let Some(permit) = self.try_acquire_many(n) {
            return Ok(permit);
        }
        let stop = signal::stop();
        let signals = [until.unwrap_or(&stop), &stop];
        let mut too_many = None;
        let site = WaitSite::new("semaphore", self.0.name.as_deref(), at)
            .on(Arc::as_ptr(&self.0), self.0.made);
        let waited = Waiter::wait_notified(&signals, site, |waiter| {
            let mut state = self.0.state.lock();
            if state.take(n) {
                return None;
            }
            if n > state.total {
                too_many = Some(state.total);
                return None;
            }
            state.next += 1;
            let id = state.next;
            let waiter = Arc::clone(waiter);
            state.waiting.push_back(Waiting { id, n, waiter });
            Some(id)
        });
        let Some((id, woken)) = waited else {
            return match too_many {
                Some(total) => Err(AcquireUntilError::TooMany { asked: n, total }),
                None => Ok(self.permit(n)),
            };
        };
        let granted = {
            let mut state = self.0.state.lock();
            if let Some(at) = state.refused.iter().position(|other| *other == id) {
                state.refused.swap_remove(at);
                let total = state.total;
                return Err(AcquireUntilError::TooMany { asked: n, total });
            }
            let Some(at) = state.waiting.iter().position(|other| other.id == id) else {
                return Ok(self.permit(n)); // invariant 2
            };
            state.waiting.remove(at);
            state.grant() // it may have stood in the way
        };
        wake(granted);
        match woken {
            Woken::Signal(0) if until.is_some() => Err(AcquireUntilError::Expired),
            _ => Err(AcquireUntilError::Stopped(Stopped::by(&stop))),
        }
    }

    fn permit(&self, n: usize) -> Permit {
        Permit {
            semaphore: self.clone(),
            n,
        }
    }

    /// Makes `n` more permits.
    ///
    /// # Panics
    ///
    /// If there would be more than `usize::MAX`; none is added then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use selvedge::sync::Semaphore;
    /// let semaphore = Semaphore::new(0);
    /// assert!(semaphore.acquire().is_err()); // there is none to wait for
    /// semaphore.add_permits(2);
    /// assert_eq!(semaphore.acquire_many(2)?.count(), 2);
    /// # Ok::<(), selvedge::sync::AcquireError>(())
    /// ```
    pub fn add_permits(&self, n: usize) {
        let granted = {
            let mut state = self.0.state.lock();
            let total = state.total.checked_add(n);
            let Some(total) = total else {
                drop(state);
                panic!("{self:?} cannot have {n} permits more: their number overflows");
            };
            state.total = total;
            state.free += n;
            state.grant()
        };
        wake(granted);
    }

    /// How many permits nobody holds, as of now.
    #[must_use]
    pub fn available(&self) -> usize {
        self.0.state.lock().free
    }
}

impl State {
    /// Takes `n` permits for one that does not wait (invariant 3).
    fn take(&mut self, n: usize) -> bool {
        let can = n <= self.free && self.waiting.is_empty();
        if can {
            self.free -= n;
        }
        can
    }

    /// Grants what can be, in order; gives whom to wake after the lock.
    fn grant(&mut self) -> Vec<Arc<Waiter>> {
        let mut granted = Vec::new();
        while let Some(first) = self.waiting.front()
            && first.n <= self.free
        {
            self.free -= first.n;
            granted.extend(self.waiting.pop_front().map(|first| first.waiter));
        }
        granted
    }

    /// Refuses what can never be granted any more (invariant 4).
    fn refuse(&mut self) -> Vec<Arc<Waiter>> {
        let mut woken = Vec::new();
        let (total, refused) = (self.total, &mut self.refused);
        self.waiting.retain(|waiting| {
            let stays = waiting.n <= total;
            if !stays {
                refused.push(waiting.id);
                woken.push(Arc::clone(&waiting.waiter));
            }
            stays
        });
        woken.extend(self.grant());
        woken
    }
}

fn wake(waiters: Vec<Arc<Waiter>>) {
    for waiter in waiters {
        waiter.notify();
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Semaphore");
        match &self.0.name {
            Some(name) => out.field("name", name),
            None => out.field("made", &format_args!("{}", self.0.made)),
        };
        if let Some(state) = self.0.state.try_lock() {
            out.field("available", &state.free)
                .field("total", &state.total);
        }
        out.finish_non_exhaustive()
    }
}

/// Permits that are held; given back when dropped, also by a panic. It may move to another thread.
#[must_use = "dropping it gives the permits back"]
pub struct Permit {
    semaphore: Semaphore,
    n: usize,
}

impl Permit {
    /// How many it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.n
    }

    /// Never gives the permits back: the semaphore has so many fewer.
    ///
    /// Requests that wait for more than there are now are refused with `TooMany`.
    ///
    /// ```
    /// use selvedge::sync::Semaphore;
    /// let two = Semaphore::new(2);
    /// two.acquire()?.forget();
    /// assert_eq!(two.available(), 1);
    /// assert!(two.acquire_many(2).is_err());
    /// # Ok::<(), selvedge::sync::AcquireError>(())
    /// ```
    pub fn forget(mut self) {
        let n = core::mem::take(&mut self.n);
        let woken = {
            let mut state = self.semaphore.0.state.lock();
            state.total -= n;
            state.refuse()
        };
        wake(woken);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let granted = {
            let mut state = self.semaphore.0.state.lock();
            state.free += self.n;
            state.grant()
        };
        wake(granted);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("count", &self.n)
            .field("semaphore", &self.semaphore)
            .finish()
    }
}
