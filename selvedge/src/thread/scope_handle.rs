//! The handle of a thread of a scope.
//!
//! # Invariants
//!
//! 1. A value is received by one joiner, or dropped: with the handle, or, if the handle is gone before, by the
//!    thread itself. Both decide under the slot's lock.
//! 2. A failure is in the scope's list until a joiner takes it out.

use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::borrow::Cow;

use crate::primitive::{Arc, Mutex};
use crate::signal::{Signal, Stopped};
use crate::thread::error::JoinError;
use crate::thread::scope::join_os;
use crate::thread::scope_shared::Shared;
use crate::thread::tree::{Node, Role, State};

/// A thread of a [`scope`](super::scope).
///
/// Dropping it gives up the value, no more: the scope waits for the thread, and gives its error.
pub struct ScopedThread<'scope, T> {
    node: Arc<Node>,
    slot: Arc<Slot<T>>,
    shared: Arc<Shared>,
    scope: PhantomData<&'scope ()>,
}

/// Where a thread of a scope leaves how it ended.
pub(super) struct Slot<T> {
    end: Mutex<End<T>>,
    /// `start` waits for it, and is told of its failure. Written and read by the thread, then by who has seen
    /// it end: `Relaxed`.
    is_starting: AtomicBool,
}

/// How a thread of a scope ended.
pub(super) enum End<T> {
    Running,
    /// It runs, and its handle is gone.
    Released,
    Finished(T),
    Stopped(Stopped),
    /// The scope has the error (invariant 2).
    Failed,
    Taken,
}

impl<T> Slot<T> {
    pub(super) fn new() -> Arc<Self> {
        Self::make(End::Running, false)
    }

    pub(super) fn starting() -> Arc<Self> {
        Self::make(End::Running, true)
    }

    fn make(end: End<T>, is_starting: bool) -> Arc<Self> {
        Arc::new(Self {
            end: Mutex::new(end),
            is_starting: AtomicBool::new(is_starting),
        })
    }

    pub(super) fn is_starting(&self) -> bool {
        self.is_starting.load(Relaxed)
    }

    pub(super) fn has_started(&self) {
        self.is_starting.store(false, Relaxed);
    }

    /// Leaves how it ended; comes back if the handle is gone.
    pub(super) fn fill(&self, end: End<T>) -> Option<End<T>> {
        let mut slot = self.end.lock();
        if let End::Released = *slot {
            *slot = End::Taken;
            return Some(end);
        }
        *slot = end;
        None
    }

    fn take(&self) -> End<T> {
        core::mem::replace(&mut *self.end.lock(), End::Taken)
    }

    /// The handle goes; how the thread ended, if it has.
    fn release(&self) -> End<T> {
        let mut slot = self.end.lock();
        let next = match *slot {
            End::Running => End::Released,
            _ => End::Taken,
        };
        core::mem::replace(&mut *slot, next)
    }
}

impl<T> ScopedThread<'_, T> {
    pub(super) fn new(shared: &Arc<Shared>, node: Arc<Node>, slot: Arc<Slot<T>>) -> Self {
        Self {
            node,
            slot,
            shared: Arc::clone(shared),
            scope: PhantomData,
        }
    }

    /// A thread that was not started, because its spawner was asked to stop.
    pub(super) fn never_ran(shared: &Arc<Shared>, name: &str, stopped: Stopped) -> Self {
        let node = shared.node.child(name, Role::Thread);
        node.stop.set_for(stopped.reason().clone());
        node.state.lock().phase = State::Stopped;
        node.stopped.set();
        Self::new(shared, node, Slot::make(End::Stopped(stopped), false))
    }

    /// Waits for the thread and its children to end and gives its result, to the first who asks.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, also because another thread of the scope failed, `join`
    /// returns [`JoinError::Interrupted`]: the thread goes on, and the handle can be used again.
    ///
    /// # Errors
    ///
    /// What the thread failed with, which then does not come back from the scope; [`JoinError::Stopped`] if it
    /// ended because it was asked to; [`JoinError::Taken`] for a second joiner.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread::{self, JoinError};
    ///
    /// thread::scope("work", |s| {
    ///     let part = s.spawn("part", |_stop| -> thread::Outcome<()> { panic!("torn") });
    ///     match part.join() {
    ///         Err(JoinError::Panicked(panic)) => assert_eq!(panic.message(), "torn"),
    ///         other => panic!("{other:?}"),
    ///     }
    ///     Ok(()) // it was dealt with
    /// })?;
    /// # Ok::<(), thread::Failures>(())
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<T, JoinError> {
        self.node.wait_ended()?;
        self.receive()
    }

    /// The same, but waits only until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`join`](Self::join).
    ///
    /// # Errors
    ///
    /// Those of [`join`](Self::join), and [`JoinError::Expired`]: the thread goes on.
    #[track_caller]
    pub fn join_until(&self, signal: &Signal) -> Result<T, JoinError> {
        self.node.wait_ended_until(signal)?;
        self.receive()
    }

    /// How it ended, which it has.
    pub(super) fn receive(&self) -> Result<T, JoinError> {
        let taken = || JoinError::Taken {
            thread: self.path_arc(),
        };
        let result = match self.slot.take() {
            End::Finished(value) => Ok(value),
            End::Stopped(stopped) => Err(JoinError::Stopped {
                thread: self.path_arc(),
                stopped,
            }),
            End::Failed => Err(self.shared.take_failure(&self.node).unwrap_or_else(taken)),
            End::Running | End::Released | End::Taken => Err(taken()),
        };
        if let Some(thread) = self.shared.node.remove(&self.node) {
            join_os(thread);
        }
        result
    }

    /// Asks the thread and its children to stop. Does not wait.
    #[track_caller]
    #[doc(alias = "cancel")]
    pub fn stop(&self) {
        self.node.ask_because("asked through its handle");
    }

    /// The same, and says why.
    #[track_caller]
    pub fn stop_because(&self, why: impl Into<Cow<'static, str>>) {
        self.node.ask_because(why);
    }

    /// Set when the thread and its children have ended, joined or not.
    #[must_use]
    pub fn stopped(&self) -> &Signal {
        &self.node.stopped
    }

    /// The thread's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.node.name
    }

    /// The names from the root to the thread, joined by `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.node.path
    }

    /// The system's number of the thread, as [`Thread::os_id`](super::Thread::os_id) gives it.
    #[must_use]
    #[doc(alias = "tid")]
    pub fn os_id(&self) -> Option<u32> {
        self.node.os_id()
    }

    pub(super) fn path_arc(&self) -> Arc<str> {
        Arc::clone(&self.node.path)
    }
}

impl<T> Drop for ScopedThread<'_, T> {
    fn drop(&mut self) {
        let end = self.slot.release();
        match end {
            End::Running | End::Released | End::Taken => return,
            End::Finished(_) | End::Stopped(_) | End::Failed => self.shared.node.bury(&self.node),
        }
        drop(end);
    }
}

impl<T> fmt::Debug for ScopedThread<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedThread")
            .field("path", &self.node.path)
            .field("state", &self.node.phase())
            .finish_non_exhaustive()
    }
}
