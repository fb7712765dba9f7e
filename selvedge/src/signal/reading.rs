//! The wait for what comes through a pipe, asleep in `read`, which a signal ends.
//!
//! # Invariants
//!
//! 1. One thread reads at a time, so a byte that wakes is read by a thread that looks at its signals after that, or
//!    has looked at them after they were set: a flag is set before the byte is written.
//! 2. A byte that comes late wakes a later reader for nothing, and is skipped by it.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use crate::primitive::Arc;
use crate::primitive::sys::descriptor::Interest;
use crate::primitive::sys::inlet::Inlet;
use crate::signal::before_wait;
use crate::signal::descriptor::{Linked, Ready, Spare, Wakes, wait_ready};
use crate::signal::links::Link;
use crate::signal::record::{self, WaitSite};
use crate::signal::signal::Signal;
use crate::signal::till::Till;
use crate::signal::waiter::first_set;

/// When it is tried again to wake a reader, if there was no descriptor for it.
const AGAIN: Duration = Duration::from_millis(10);

impl Wakes for Inlet {
    fn link(self: &Arc<Self>) -> Link {
        Link::Nudge(Arc::clone(self))
    }
}

/// Who reads from a pipe (invariant 1).
///
/// It stays linked to the signals of its last wait, and keeps them alive: the next wait for the same ones need not link it
/// again.
#[derive(Debug)]
pub(crate) struct Reader {
    linked: Linked<Inlet>,
    /// For where it cannot be woken by the pipe.
    spare: Spare,
}

/// Why nothing was read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The signal with this index is set.
    Signal(usize),
    /// It cannot be waited for: there is no descriptor to be had for it.
    Unable,
    /// The pipe cannot be read.
    Broken,
}

impl Reader {
    pub(crate) fn new(inlet: Arc<Inlet>) -> Self {
        Self {
            linked: Linked::new(inlet),
            spare: Spare::lasting(),
        }
    }

    /// Sleeps until there is something to read, or one of `signals` is set.
    ///
    /// How many bytes, perhaps all of them [`NUL`](crate::primitive::sys::inlet::NUL); 0 is the end. A signal that is set
    /// counts at once: the caller has looked just before at what it has.
    pub(crate) fn read_until(
        &mut self,
        buffer: &mut [u8],
        signals: &[&Signal],
        site: impl Fn() -> WaitSite<'static>,
    ) -> Result<usize, Unread> {
        if !self.linked.wakes().wakes() {
            return self.poll_and_read(buffer, signals, site);
        }
        if let Some(at) = first_set(signals) {
            return Err(Unread::Signal(at));
        }
        if before_wait::run()
            && let Some(at) = first_set(signals)
        {
            return Err(Unread::Signal(at));
        }
        // Those that it was linked to before have written the byte, if they were set since they were looked at.
        if self.linked.link(signals)
            && let Some(at) = first_set(signals)
        {
            return Err(Unread::Signal(at));
        }
        match record::waiting(site(), || self.linked.wakes().read(buffer)) {
            Ok(Some(n)) => Ok(n),
            Ok(None) => self.poll_and_read(buffer, signals, site),
            Err(_) => Err(Unread::Broken),
        }
    }

    fn poll_and_read(
        &self,
        buffer: &mut [u8],
        signals: &[&Signal],
        site: impl Fn() -> WaitSite<'static>,
    ) -> Result<usize, Unread> {
        loop {
            let source = (self.linked.wakes().as_fd(), Interest::Read);
            let ready = wait_ready(&[source], signals, &self.spare, &site);
            if let Ready::Signal(at) = ready.map_err(|_| Unread::Unable)? {
                return Err(Unread::Signal(at));
            }
            if let Some(n) = self.try_read(buffer).map_err(|_| Unread::Broken)? {
                return Ok(n);
            }
        }
    }

    /// Reads what is there. `None`: nothing yet.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.linked.wakes().try_read(buffer)
    }

    /// Leaves the signals of its last wait.
    pub(crate) fn unlink(&mut self) {
        self.linked.unlink();
        self.spare.unlink();
    }
}

/// Wakes the reader, now or as soon as it can be done.
pub(super) fn nudge(inlet: Arc<Inlet>) {
    if !inlet.wake() {
        // Lives until it is set. If it is set already, the tree has ended and nobody reads.
        let _ = Till::after(AGAIN).link(Link::Nudge(inlet));
    }
}
