//! The handle of a thread: join, release, stop.
//!
//! # Invariants
//!
//! 1. A result is received by exactly one of: a joiner, the parent at its end, nobody (released). All
//!    three take it from the packet under its lock.
//! 2. Dropping the handle is releasing it.

use core::any::Any;
use core::fmt;
use std::borrow::Cow;
use std::sync::atomic::Ordering;

use crate::primitive::{Arc, Mutex, Weak};
use crate::probe::{self, Event};
use crate::signal::Signal;
use crate::thread::error::JoinError;
use crate::thread::tree::Node;

/// Where a thread leaves its result.
pub(super) struct Packet<T> {
    slot: Mutex<Slot<T>>,
}

enum Slot<T> {
    /// The thread runs; released or not.
    Empty {
        released: bool,
    },
    Full(Result<T, JoinError>),
    Taken,
}

/// A packet for the parent, which does not know the type.
pub(super) trait AnyPacket: Any + Send + Sync {
    /// Takes a failure that nobody has received.
    fn take_failure(&self) -> Option<JoinError>;
}

impl<T> Packet<T> {
    pub(super) fn new() -> Self {
        Self {
            slot: Mutex::new(Slot::Empty { released: false }),
        }
    }

    /// Leaves the result. True if somebody may still want it; a released failure comes back.
    pub(super) fn fill(&self, result: Result<T, JoinError>) -> Filled<T> {
        let mut slot = self.slot.lock();
        match &*slot {
            Slot::Empty { released: true } => {
                *slot = Slot::Taken;
                Filled::Released(result)
            }
            _ => {
                *slot = Slot::Full(result);
                Filled::Kept
            }
        }
    }

    fn take(&self) -> Option<Result<T, JoinError>> {
        let mut slot = self.slot.lock();
        match core::mem::replace(&mut *slot, Slot::Taken) {
            Slot::Full(result) => Some(result),
            Slot::Empty { released } => {
                *slot = Slot::Empty { released };
                None
            }
            Slot::Taken => None,
        }
    }

    /// Nobody will join. What was left already comes back.
    fn release(&self) -> Option<Result<T, JoinError>> {
        let mut slot = self.slot.lock();
        match core::mem::replace(&mut *slot, Slot::Empty { released: true }) {
            Slot::Full(result) => {
                *slot = Slot::Taken;
                Some(result)
            }
            Slot::Taken => {
                *slot = Slot::Taken;
                None
            }
            Slot::Empty { .. } => None,
        }
    }
}

/// What became of a result.
pub(super) enum Filled<T> {
    /// It waits for a joiner, or, a failure, for the parent.
    Kept,
    /// Nobody will receive it.
    Released(Result<T, JoinError>),
}

impl<T: Send + 'static> AnyPacket for Packet<T> {
    fn take_failure(&self) -> Option<JoinError> {
        let mut slot = self.slot.lock();
        match core::mem::replace(&mut *slot, Slot::Taken) {
            Slot::Full(Err(error)) if error.is_failure() => Some(error),
            other => {
                *slot = other;
                None
            }
        }
    }
}

/// A failure that nobody will receive: reported, and counted for the exit status.
pub(super) fn report_unreceived(node: &Node, error: &JoinError) {
    if let Some(cause) = error.cause() {
        node.root.unreceived.fetch_add(1, Ordering::SeqCst);
        probe::emit(&Event::Unreceived {
            kind: node.kind(),
            thread: cause.thread(),
            failure: &cause,
        });
    }
}

/// A thread that was started. Dropping it releases the thread.
///
/// The thread belongs to its parent whatever becomes of the handle: it is asked to stop and joined when
/// the parent ends.
#[must_use = "join it for its result, or release it"]
pub struct Thread<T> {
    pub(super) node: Arc<Node>,
    pub(super) packet: Arc<Packet<T>>,
}

impl<T> Thread<T> {
    /// Waits for the thread and its children to end and gives its result, to the first who asks.
    ///
    /// Others can wait for [`stopped`](Self::stopped).
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop first, `join` returns [`JoinError::Interrupted`]: the other
    /// thread goes on, and the handle can be used again.
    ///
    /// # Errors
    ///
    /// What the thread failed with; [`JoinError::Stopped`] if it ended because it was asked to;
    /// [`JoinError::Taken`] for a second joiner.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread::{self, JoinError};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let worker = thread::spawn("worker", |_stop| -> thread::Outcome<()> { Err("no luck".into()) });
    ///     match worker.join() {
    ///         Err(JoinError::Failed(error)) => assert_eq!(error.thread(), "example/worker"),
    ///         other => panic!("{other:?}"),
    ///     }
    ///     assert!(matches!(worker.join(), Err(JoinError::Taken { .. })));
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
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

    pub(super) fn receive(&self) -> Result<T, JoinError> {
        let result = self.packet.take().unwrap_or_else(|| {
            Err(JoinError::Taken {
                thread: Arc::clone(&self.node.path),
            })
        });
        // The OS thread as well, so that its thread-locals are gone when this returns, as with std's.
        if let Some(thread) = self.parent().and_then(|parent| parent.remove(&self.node)) {
            let _ = thread.join(); // its body cannot unwind: `run_body` catches
        }
        result
    }

    fn parent(&self) -> Option<Arc<Node>> {
        self.node.parent.as_ref().and_then(Weak::upgrade)
    }

    /// Gives up the result: an error of the thread is reported when it happens.
    ///
    /// The thread still belongs to its parent.
    #[doc(alias = "detach")]
    pub fn release(self) {
        drop(self);
    }

    /// Asks the thread and its children to stop. Does not wait.
    #[track_caller]
    #[doc(alias = "cancel")]
    pub fn stop(&self) {
        self.node.ask_because("asked through its handle");
    }

    /// Asks the thread and its children to stop, and says why.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let waiter = thread::spawn("waiter", |_stop| Ok(Signal::new().wait()?));
    ///     waiter.stop_because("no longer needed");
    ///     let ended = waiter.join().unwrap_err();
    ///     assert_eq!(ended.stop_reason().unwrap().text(), Some("no longer needed"));
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn stop_because(&self, why: impl Into<Cow<'static, str>>) {
        self.node.ask_because(why);
    }

    /// Set when the thread and its children have ended, joined or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let (a, b) = (thread::spawn("a", |_| Ok(1)), thread::spawn("b", |_| Ok(2)));
    ///     (a.stopped() & b.stopped()).wait()?; // both have ended; their results are still there
    ///     assert_eq!(a.join()? + b.join()?, 3);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
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

    /// The system's number of the thread, on Linux with the feature `os` the one that `ps -L` and `gdb` show;
    /// none before it has begun.
    ///
    /// The system may give it to another thread once this one has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let begun = Signal::new();
    ///     let worker = thread::spawn("worker", { let begun = begun.clone(); move |_| Ok(begun.set()) });
    ///     begun.wait()?;
    ///     # #[cfg(target_os = "linux")]
    ///     assert_ne!(worker.os_id(), Some(std::process::id())); // that is the main thread's
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[must_use]
    #[doc(alias = "tid")]
    pub fn os_id(&self) -> Option<u32> {
        self.node.os_id()
    }
}

impl<T> Drop for Thread<T> {
    fn drop(&mut self) {
        let Some(result) = self.packet.release() else {
            return;
        };
        if let Err(error) = &result {
            report_unreceived(&self.node, error);
        }
        if let Some(parent) = self.parent() {
            parent.bury(&self.node);
        }
        drop(result);
    }
}

impl<T> fmt::Debug for Thread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("path", &self.node.path)
            .field("state", &self.node.phase())
            .finish_non_exhaustive()
    }
}
