//! What every handle of a thread does, whoever may hold it.

use core::panic::Location;
use core::sync::atomic::Ordering::Relaxed;
use std::borrow::Cow;

use crate::primitive::Arc;
use crate::probe::{self, Event, Kind};
use crate::signal::{Reason, Signal, WaitError, Why};
use crate::thread::error::JoinError;
use crate::thread::tree::Node;

impl Node {
    /// Waits for it and its children to end.
    #[track_caller]
    pub(super) fn wait_ended(&self) -> Result<(), JoinError> {
        self.refuse_itself()?;
        self.stopped.wait().map_err(JoinError::Interrupted)
    }

    #[track_caller]
    pub(super) fn wait_ended_until(&self, signal: &Signal) -> Result<(), JoinError> {
        self.refuse_itself()?;
        self.stopped
            .wait_until(signal)
            .map_err(|error| match error {
                WaitError::Expired => JoinError::Expired {
                    thread: Arc::clone(&self.path),
                },
                WaitError::Stopped(stopped) => JoinError::Interrupted(stopped),
            })
    }

    /// A thread that waits for its own end would wait for ever.
    pub(super) fn refuse_itself(&self) -> Result<(), JoinError> {
        match Self::current() {
            Some(node) if core::ptr::eq(&*node, self) => Err(JoinError::Itself {
                thread: Arc::clone(&self.path),
            }),
            _ => Ok(()),
        }
    }

    #[track_caller]
    pub(super) fn ask_because(self: &Arc<Self>, why: impl Into<Cow<'static, str>>) {
        self.ask(&Reason::new(Why::Said(why.into()), Location::caller()).now());
    }

    /// Once, and not of a thread that has ended. Before the stop is set the thread cannot have ended by it, so the events are in order.
    pub(super) fn announce_stop(&self, reason: &Reason) {
        if !self.stopped.is_set() && !self.asked.swap(true, Relaxed) {
            let (kind, thread) = (self.kind(), &*self.path);
            probe::emit(&Event::StopAsked {
                kind,
                thread,
                reason,
            });
        }
    }

    /// The number of the child process that it is.
    pub(super) fn process_id(&self) -> Option<u32> {
        self.is_process.load(Relaxed).then(|| self.os_id())?
    }

    /// What events call it.
    pub(crate) fn kind(&self) -> Kind {
        match self.is_process.load(Relaxed) {
            true => Kind::Process,
            false => Kind::Thread,
        }
    }

    pub(super) fn os_id(&self) -> Option<u32> {
        match self.os_id.load(Relaxed) {
            0 => None,
            id => Some(id),
        }
    }
}
