//! A thread that has its place in the tree and is started later.
//!
//! # Invariants
//!
//! 1. The body is taken once, under its lock: by `start`, which runs it, or by the stop or the drop, which
//!    give it up. So a thread either runs or is said never to have run.
//! 2. A prepared thread that is asked to stop has ended: its parent never waits for somebody to start it.

use core::fmt;
use std::borrow::Cow;

use crate::primitive::{Arc, Mutex, drop_caught};
use crate::signal::{OnSet, Signal, Stopped};
use crate::thread::error::{Outcome, SpawnError};
use crate::thread::handle::Thread;
use crate::thread::spawn::{Place, Setting};
use crate::thread::tree::Node;

type Body<T> = Box<dyn FnOnce(Signal) -> Outcome<T> + Send>;

/// A thread to be that is in the tree already, as [`Builder::prepare`](super::Builder::prepare) made it.
///
/// If it is dropped, or asked to stop before it was started, it has ended: [`stopped`](Self::stopped) is set
/// with the reason "never ran".
#[must_use = "it never runs unless it is started"]
pub struct Prepared<T> {
    node: Arc<Node>,
    waiting: Arc<Waiting<T>>,
    _stop: OnSet,
}

/// What is needed to start it, until somebody takes it (invariant 1).
struct Waiting<T>(Mutex<Option<Needed<T>>>);

type Needed<T> = (Setting, Place<T>, Body<T>);

impl<T: Send + 'static> Prepared<T> {
    pub(super) fn new(setting: Setting, place: Place<T>, body: Body<T>) -> Self {
        let node = Arc::clone(&place.node);
        let waiting = Arc::new(Waiting(Mutex::new(Some((setting, place, body)))));
        let stopped = Arc::clone(&waiting);
        // At once if its parent was asked before (invariant 2).
        let stop = node.stop.on_set(move || stopped.give_up());
        Self {
            node,
            waiting,
            _stop: stop,
        }
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// - [`SpawnError::NeverRan`] – it was asked to stop before, or its parent has ended.
    /// - [`SpawnError::Os`] – the system refused.
    pub fn start(self) -> Result<Thread<T>, SpawnError> {
        let taken = self.waiting.0.lock().take();
        let Some((setting, place, body)) = taken else {
            return Err(SpawnError::NeverRan {
                thread: Arc::clone(&self.node.path),
                stopped: Stopped::by(&self.node.stop),
            });
        };
        self.node.set_running();
        place.start(setting, body)
    }
}

impl<T> Prepared<T> {
    /// Asks it to stop: it will not run.
    #[track_caller]
    pub fn stop(&self) {
        self.node.ask_because("asked before it was started");
    }

    /// Asks it to stop, and says why: it will not run.
    #[track_caller]
    pub fn stop_because(&self, why: impl Into<Cow<'static, str>>) {
        self.node.ask_because(why);
    }

    /// Set when the thread and its children have ended, or when it is clear that it will never run.
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
}

impl<T> Drop for Prepared<T> {
    fn drop(&mut self) {
        self.waiting.give_up();
    }
}

impl<T> Waiting<T> {
    fn give_up(&self) {
        let taken = self.0.lock().take();
        if let Some((setting, place, body)) = taken {
            drop_caught((setting, body)); // the user's: before anybody is told that it has ended
            place.give_up();
        }
    }
}

impl<T> fmt::Debug for Prepared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("path", &self.node.path)
            .finish_non_exhaustive()
    }
}
