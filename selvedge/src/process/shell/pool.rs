//! Shells that wait for their next command.
//!
//! # Invariants
//!
//! 1. A shell is in the list or with whoever took it, never both: it is put in and taken out under the lock,
//!    by a number that no other has.
//! 2. When there are too many, the oldest go.
//! 3. Nothing is ended, no till made and no action unhooked under the lock.
//! 4. The time after which a shell ends counts from when it was put in. Its action finds it by its number,
//!    so it never ends one that was taken in between.

use core::fmt;
use std::time::Duration;

use crate::primitive::{Arc, Mutex};
use crate::signal::{OnSet, Timer};

/// What is kept; it ends when it is dropped.
pub(super) struct Pool<K, S> {
    state: Mutex<State<K, S>>,
}

struct State<K, S> {
    /// Oldest first.
    idle: Vec<Idle<K, S>>,
    next: u64,
}

struct Idle<K, S> {
    number: u64,
    key: Arc<K>,
    shell: S,
    /// Set once the time has been hooked, which is after it was put in (invariant 3).
    time: Option<OnSet>,
}

impl<K: Eq + Send + Sync + 'static, S: Send + 'static> Pool<K, S> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                idle: Vec::new(),
                next: 0,
            }),
        })
    }

    /// The one that was put in last.
    pub(super) fn take(&self, key: &K) -> Option<S> {
        let taken = {
            let mut state = self.state.lock();
            let at = state.idle.iter().rposition(|idle| *idle.key == *key)?;
            state.idle.remove(at)
        };
        drop(taken.time); // outside (invariant 3)
        Some(taken.shell)
    }

    /// Keeps it for `time` by the clock of `timer`, and no more than `most` in all.
    pub(super) fn put(
        self: &Arc<Self>,
        key: Arc<K>,
        shell: S,
        most: usize,
        time: Duration,
        timer: &Timer,
    ) {
        let (number, surplus) = {
            let mut state = self.state.lock();
            let number = state.next;
            state.next += 1;
            state.idle.push(Idle {
                number,
                key,
                shell,
                time: None,
            });
            let surplus = state.idle.len().saturating_sub(most);
            (number, state.idle.drain(..surplus).collect::<Vec<_>>())
        };
        drop(surplus); // outside (invariant 3)
        let pool = Arc::downgrade(self);
        let hook = timer.after_or_at_once(time).on_set(move || {
            if let Some(pool) = pool.upgrade() {
                pool.end(|idle| idle.number == number); // its time is over
            }
        });
        let unneeded = {
            let mut state = self.state.lock();
            match state.idle.iter_mut().find(|idle| idle.number == number) {
                Some(idle) => idle.time.replace(hook),
                None => Some(hook), // taken, surplus or over already
            }
        };
        drop(unneeded); // outside (invariant 3)
    }

    /// Ends one, if it waits.
    pub(super) fn forget(&self, is_it: impl Fn(&S) -> bool) {
        self.end(|idle| is_it(&idle.shell));
    }

    fn end(&self, is_it: impl Fn(&Idle<K, S>) -> bool) {
        let over = {
            let mut state = self.state.lock();
            let at = state.idle.iter().position(is_it);
            at.map(|at| state.idle.remove(at))
        };
        drop(over); // outside (invariant 3)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.state.lock().idle.len()
    }
}

impl<K, S> fmt::Debug for Pool<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}
