//! A signal as a file descriptor, and the wait for a descriptor that a signal ends.
//!
//! # Invariants
//!
//! 1. Whoever may raise an event holds it: an entry that a setter has taken out keeps the descriptor open
//!    until it was raised, so a late set never writes to a number that means something else by then.
//! 2. An event is used by one wait at a time; otherwise one wait could lower what another needs.
//! 3. An event that is used again may be raised late by a setter of its last wait. So a wait that wakes
//!    lowers it *before* it looks at its signals: a flag is set before the event is raised, so what was
//!    lowered is seen.

use std::error::Error;
use std::os::fd::{AsFd, BorrowedFd};
use std::{fmt, io};

use crate::primitive::sys::Event;
use crate::primitive::sys::descriptor::{self, Interest};
use crate::primitive::{Arc, Mutex};
use crate::signal::before_wait;
use crate::signal::links::{Link, LinkId};
use crate::signal::on_set::OnSet;
use crate::signal::record::{self, WaitSite};
use crate::signal::signal::{Signal, Tag};
use crate::signal::waiter::first_set;

/// A file descriptor that is readable when its signal is set.
///
/// For `poll`, `epoll` and the event loops of other libraries. Dropping it closes the descriptor and takes
/// it off the signal.
#[must_use = "dropping it closes the descriptor"]
pub struct Descriptor {
    event: Arc<Event>,
    _hook: OnSet,
}

impl Signal {
    /// A file descriptor that becomes readable when the signal is set; at once if it is set.
    ///
    /// It stays readable: wait for it, do not read from it. It is closed on exec. Each call makes another
    /// one, an eventfd on Linux and a pipe elsewhere. A set raises it directly, before any callback runs.
    ///
    /// On unix only, with the feature `os`.
    ///
    /// # Errors
    ///
    /// If the process or the system has no descriptor left.
    ///
    /// # Examples
    ///
    /// ```
    /// use rustix::event::{PollFd, PollFlags, Timespec, poll};
    /// use selvedge::Signal;
    ///
    /// let done = Signal::new();
    /// let descriptor = done.descriptor()?;
    /// let readable = || {
    ///     let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    ///     poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&at_once))
    /// };
    /// assert_eq!(readable()?, 0);
    /// done.set();
    /// assert_eq!(readable()?, 1);
    /// assert_eq!(readable()?, 1); // and so it stays
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "eventfd")]
    pub fn descriptor(&self) -> io::Result<Descriptor> {
        let event = Arc::new(Event::new().map_err(no_event)?);
        let id = match self.link(Link::Raise(Arc::clone(&event))) {
            Ok(id) => Some(id),
            Err(_) => {
                event.raise();
                None
            }
        };
        let _hook = OnSet::new(self, id);
        Ok(Descriptor { event, _hook })
    }
}

impl Signal {
    /// Raises `event` when the signal is set, at once if it is; until the hook is dropped.
    #[cfg(any(selvedge_process, feature = "inspect"))]
    pub(crate) fn raise(&self, event: &Arc<Event>) -> OnSet {
        let link = self.link(Link::Raise(Arc::clone(event)));
        if link.is_err() {
            event.raise();
        }
        OnSet::new(self, link.ok())
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Descriptor").field(&self.as_fd()).finish()
    }
}

/// What ended a [`wait_ready`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// The descriptor is ready, or was: another may have been quicker.
    Source,
    /// The signal with this index is set.
    Signal(usize),
}

/// An event that waits use again, one at a time; a second at the same time makes its own.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Option<Arc<Event>>>);

/// Sleeps until `source` is ready or one of `signals` is set.
///
/// A signal that is set counts at once: the caller has looked at the source just before.
pub(crate) fn wait_ready(
    source: BorrowedFd<'_>,
    interest: Interest,
    signals: &[&Signal],
    spare: &Spare,
    site: impl FnOnce() -> WaitSite<'static>,
) -> io::Result<Ready> {
    if let Some(at) = first_set(signals) {
        return Ok(Ready::Signal(at));
    }
    before_wait::run();
    if let Some(at) = first_set(signals) {
        return Ok(Ready::Signal(at));
    }
    let can_be_set = |signal: &&Signal| signal.0.tag != Tag::Never;
    if !signals.iter().any(can_be_set) {
        record::waiting(site(), || descriptor::wait(source, interest, None))?;
        return Ok(Ready::Source);
    }
    let kept = spare.0.lock().take();
    let event = match kept {
        Some(event) => event,
        None => Arc::new(Event::new().map_err(no_event)?),
    };
    let linked = Linked::to(signals, &event);
    let ready = record::waiting(site(), || {
        loop {
            if let Some(at) = first_set(signals) {
                return Ok(Ready::Signal(at));
            }
            let (ready, raised) = descriptor::wait(source, interest, Some(&event))?;
            if ready {
                return Ok(Ready::Source);
            }
            if raised {
                event.lower(); // invariant 3
            }
        }
    });
    drop(linked);
    *spare.0.lock() = Some(event); // one that another wait has put there meanwhile is closed
    ready
}

/// The entries of one wait, taken off again.
struct Linked<'s>(Vec<(&'s Signal, LinkId)>);

impl<'s> Linked<'s> {
    fn to(signals: &[&'s Signal], event: &Arc<Event>) -> Self {
        let mut linked = Vec::with_capacity(signals.len());
        for signal in signals {
            match signal.link(Link::Raise(Arc::clone(event))) {
                Ok(id) => linked.push((*signal, id)),
                Err(_) => break, // set meanwhile: the wait looks before it sleeps
            }
        }
        Self(linked)
    }
}

impl Drop for Linked<'_> {
    fn drop(&mut self) {
        for (signal, id) in self.0.drain(..) {
            signal.unlink(id);
        }
    }
}

/// There was no descriptor to be had.
#[derive(Debug)]
struct NoEvent(io::Error);

fn no_event(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), NoEvent(error))
}

impl fmt::Display for NoEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no descriptor for a signal: raise the limit (`ulimit -n`), or keep fewer files and \
             connections open",
        )
    }
}

impl Error for NoEvent {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
