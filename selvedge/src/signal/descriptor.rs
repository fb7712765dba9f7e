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
//! 4. What is kept linked is linked to the event that is kept with it, and is taken off before the event is
//!    linked to anything else.

use std::error::Error;
use std::os::fd::{AsFd, BorrowedFd};
use std::{fmt, io};

use crate::primitive::sys::Event;
use crate::primitive::sys::descriptor::{self, Source};
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
    /// A descriptor is ready, or was: another may have been quicker.
    Source,
    /// The signal with this index is set.
    Signal(usize),
}

/// An event that waits use again, one at a time; a second at the same time makes its own.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    kept: Mutex<Option<Linked>>,
    lasts: bool,
}

impl Spare {
    /// One that stays linked to the signals of its last wait, and keeps them alive: the next wait for the same ones
    /// need not link it again.
    #[cfg(selvedge_worker)]
    pub(crate) fn lasting() -> Self {
        Self {
            lasts: true,
            ..Self::default()
        }
    }

    /// The event, linked to `signals`; must they be looked at?
    fn linked_to(&self, signals: &[&Signal]) -> io::Result<(Linked, bool)> {
        let kept = self.kept.lock().take();
        let mut linked = match kept {
            Some(kept) => kept,
            None => Linked::new(Arc::new(Event::new().map_err(no_event)?)),
        };
        let must_look = linked.link(signals);
        Ok((linked, must_look))
    }

    /// Leaves the signals of its last wait.
    #[cfg(selvedge_worker)]
    pub(super) fn unlink(&self) {
        let kept = self.kept.lock().take();
        if let Some(mut kept) = kept {
            kept.unlink();
            self.keep(kept);
        }
    }

    fn keep(&self, mut linked: Linked) {
        if !self.lasts {
            linked.unlink();
        }
        let before = self.kept.lock().replace(linked);
        drop(before); // another wait has put it there meanwhile; closed without the lock
    }
}

/// Sleeps until one of `sources` is ready or one of `signals` is set.
///
/// A signal that is set counts at once: the caller has looked at the sources just before.
pub(crate) fn wait_ready(
    sources: &[Source<'_>],
    signals: &[&Signal],
    spare: &Spare,
    site: impl FnOnce() -> WaitSite<'static>,
) -> io::Result<Ready> {
    if let Some(at) = first_set(signals) {
        return Ok(Ready::Signal(at));
    }
    if before_wait::run()
        && let Some(at) = first_set(signals)
    {
        return Ok(Ready::Signal(at));
    }
    let can_be_set = |signal: &&Signal| signal.0.tag != Tag::Never;
    if !signals.iter().any(can_be_set) {
        record::waiting(site(), || descriptor::wait(sources, None))?;
        return Ok(Ready::Source);
    }
    sleep_ready(signals, spare, site(), |event| {
        descriptor::wait(sources, Some(event))
    })
}

/// The same for sources that change: `sleep` sleeps until one is ready or the event raised, and says whether that ends
/// the wait, and whether it was the event. It begins after whatever is to run before a wait.
#[cfg(selvedge_process)]
pub(crate) fn wait_ready_by(
    signals: &[&Signal],
    spare: &Spare,
    site: WaitSite<'static>,
    sleep: impl FnMut(&Event) -> io::Result<(bool, bool)>,
) -> io::Result<Ready> {
    before_wait::run();
    sleep_ready(signals, spare, site, sleep)
}

fn sleep_ready(
    signals: &[&Signal],
    spare: &Spare,
    site: WaitSite<'static>,
    mut sleep: impl FnMut(&Event) -> io::Result<(bool, bool)>,
) -> io::Result<Ready> {
    let (linked, mut must_look) = spare.linked_to(signals)?;
    let event = &*linked.wakes;
    let ready = record::waiting(site, || {
        loop {
            // What was linked before has raised the event, if it was set since it was looked at above.
            if must_look && let Some(at) = first_set(signals) {
                return Ok(Ready::Signal(at));
            }
            let (ready, raised) = sleep(event)?;
            if ready {
                return Ok(Ready::Source);
            }
            if raised {
                event.lower(); // invariant 3
                must_look = true;
            }
        }
    });
    spare.keep(linked);
    ready
}

/// What a signal can wake a sleeper by.
pub(super) trait Wakes {
    fn link(self: &Arc<Self>) -> Link;
}

impl Wakes for Event {
    fn link(self: &Arc<Self>) -> Link {
        Link::Raise(Arc::clone(self))
    }
}

/// An event, or what else wakes, and its entries at the signals of a wait, which are taken off again (invariant 4).
#[derive(Debug)]
pub(super) struct Linked<W: Wakes = Event> {
    wakes: Arc<W>,
    /// `None`: the signal is set.
    entries: Vec<(Signal, Option<LinkId>)>,
}

impl<W: Wakes> Linked<W> {
    pub(super) fn new(wakes: Arc<W>) -> Self {
        Self {
            wakes,
            entries: Vec::new(),
        }
    }

    #[cfg(selvedge_worker)]
    pub(super) fn wakes(&self) -> &W {
        &self.wakes
    }

    /// To these signals, and no others. Must they be looked at?
    pub(super) fn link(&mut self, signals: &[&Signal]) -> bool {
        let mut pairs = self.entries.iter().zip(signals);
        if self.entries.len() == signals.len() && pairs.all(|((a, _), b)| a.is_same(b)) {
            return false;
        }
        self.unlink();
        for signal in signals {
            // One that was set meanwhile: the wait looks before it sleeps.
            let id = signal.link(self.wakes.link()).ok();
            self.entries.push(((*signal).clone(), id));
        }
        true
    }

    pub(super) fn unlink(&mut self) {
        for (signal, id) in self.entries.drain(..) {
            if let Some(id) = id {
                signal.unlink(id);
            }
        }
    }
}

impl<W: Wakes> Drop for Linked<W> {
    fn drop(&mut self) {
        self.unlink();
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

#[cfg(all(test, selvedge_process, feature = "worker", feature = "testing"))]
mod tests {
    use std::io::{PipeReader, pipe};
    use std::os::fd::AsFd;

    use super::{Ready, Spare, wait_ready};
    use crate::primitive::sys::descriptor::{Interest, is_ready};
    use crate::signal::{Signal, WaitSite};

    fn wait(source: &PipeReader, signals: &[&Signal], spare: &Spare) -> Ready {
        let at = core::panic::Location::caller();
        let source = (source.as_fd(), Interest::Read);
        wait_ready(&[source], signals, spare, || {
            WaitSite::new("test", None, at)
        })
        .unwrap()
    }

    fn is_raised(spare: &Spare) -> bool {
        let kept = spare.kept.lock();
        is_ready(kept.as_ref().unwrap().wakes.as_fd(), Interest::Read).unwrap()
    }

    /// The end of the pipe is always there, so that each wait ends at once.
    fn ended() -> PipeReader {
        pipe().unwrap().0
    }

    #[test]
    fn a_lasting_spare_hears_its_signals_between_waits_and_no_others() {
        let (source, spare) = (ended(), Spare::lasting());
        let [a, b, c] = [(); 3].map(|()| Signal::new());
        for _ in 0..3 {
            assert_eq!(wait(&source, &[&a, &b], &spare), Ready::Source);
            assert_eq!((a.links(), b.links()), (1, 1));
        }
        assert_eq!(wait(&source, &[&a, &c], &spare), Ready::Source);
        assert_eq!((a.links(), b.links(), c.links()), (1, 0, 1));
        b.set();
        assert!(!is_raised(&spare));
        c.set();
        assert!(is_raised(&spare));
        assert_eq!(wait(&source, &[&a, &c], &spare), Ready::Signal(1));
        // What was raised for others is no signal of this wait.
        let d = Signal::new();
        assert_eq!(wait(&source, &[&a, &d], &spare), Ready::Source);
        drop(spare);
        assert_eq!((a.links(), d.links()), (0, 0));
    }

    #[test]
    fn another_spare_leaves_nothing_at_its_signals() {
        let (source, spare) = (ended(), Spare::default());
        let a = Signal::new();
        assert_eq!(wait(&source, &[&a], &spare), Ready::Source);
        assert_eq!(a.links(), 0);
    }
}
