//! A member of the tree that is no thread: a child process.
//!
//! # Invariants
//!
//! 1. It is in its parent's `children` from before it begins until its result was received, given up, or taken
//!    over by the parent: as a thread.
//! 2. Whoever looks after it calls [`Member::finish`] once, whatever happens: its parent waits for that.

use core::fmt::{self, Display};
use std::borrow::Cow;
use std::error::Error;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use crate::primitive::{Arc, Weak};
use crate::probe::{self, Ending, Event, Kind};
use crate::signal::{Reason, Signal, Timer};
use crate::thread::error::{Failure, JoinError, SpawnError};
use crate::thread::handle::AnyPacket;
use crate::thread::spawn::reap;
use crate::thread::tree::{Child, Node, Role};

/// Where a member leaves a failure for its parent.
pub(crate) trait Unreceived: Send + Sync + 'static {
    /// Takes the failure, if nobody has received it.
    fn take_failure(&self) -> Option<Box<dyn Error + Send + Sync>>;
}

/// A place in the tree, under the thread that made it.
pub(crate) struct Member {
    node: Arc<Node>,
    parent: Weak<Node>,
}

impl Member {
    /// Takes a place under the calling thread.
    pub(crate) fn enter(name: &str, result: Arc<dyn Unreceived>) -> Result<Self, SpawnError> {
        let parent = Node::current().ok_or_else(|| SpawnError::NoTree { name: name.into() })?;
        reap(&parent);
        let node = parent.child(name, Role::Thread);
        node.is_process.store(true, Relaxed);
        let path = Arc::clone(&node.path);
        let child = Child {
            node: Arc::clone(&node),
            packet: Arc::new(Packet { path, result }),
        };
        if !parent.add(child) {
            return Err(SpawnError::Sealed {
                name: name.into(),
                parent: Arc::clone(&parent.path),
            });
        }
        let parent = Arc::downgrade(&parent);
        Ok(Self { node, parent })
    }

    /// It has begun, and has this number.
    pub(crate) fn begin(&self, id: u32) {
        self.node.os_id.store(id, Relaxed);
        probe::emit(&Event::Started {
            kind: Kind::Process,
            thread: &self.node.path,
        });
    }

    pub(crate) fn name(&self) -> &str {
        &self.node.name
    }

    pub(crate) fn path(&self) -> &Arc<str> {
        &self.node.path
    }

    /// The clock of its tree.
    pub(crate) fn timer(&self) -> &Timer {
        &self.node.root.timer
    }

    pub(crate) fn stop(&self) -> &Signal {
        &self.node.stop
    }

    pub(crate) fn stopped(&self) -> &Signal {
        &self.node.stopped
    }

    pub(crate) fn was_asked(&self) -> bool {
        self.node.was_asked()
    }

    #[track_caller]
    pub(crate) fn ask_because(&self, why: impl Into<Cow<'static, str>>) {
        self.node.ask_because(why);
    }

    /// Why it was asked to stop.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.node.stop.reason()
    }

    /// It has ended, or will never begin (invariant 2).
    pub(crate) fn finish(&self, how: Ending, failure: Option<&dyn Display>) {
        if let Some(failure) = failure {
            let thread = &self.node.path;
            probe::emit(&Event::Failed {
                kind: Kind::Process,
                thread,
                failure,
            });
        }
        self.node.finish(how);
    }

    /// Its failure has no receiver.
    pub(crate) fn report_unreceived(&self, failure: &dyn Display) {
        self.node.root.unreceived.fetch_add(1, SeqCst);
        let thread = &self.node.path;
        probe::emit(&Event::Unreceived {
            kind: Kind::Process,
            thread,
            failure,
        });
    }

    /// Its result was received or given up: it leaves the tree.
    pub(crate) fn leave(&self) {
        if let Some(parent) = self.parent.upgrade() {
            let _ = parent.remove(&self.node); // it has no OS thread
        }
    }
}

/// What the parent has of it.
struct Packet {
    path: Arc<str>,
    result: Arc<dyn Unreceived>,
}

impl AnyPacket for Packet {
    fn take_failure(&self) -> Option<JoinError> {
        let error = self.result.take_failure()?;
        Some(Failure::process(Arc::clone(&self.path), error).into())
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("path", &self.node.path)
            .finish_non_exhaustive()
    }
}
