//! The wait for what comes through a pipe, asleep in `read`, which a signal ends.
//!
//! # Invariants
//!
//! 1. One thread reads at a time, and looks at its signals before it sleeps, if it was woken since it has last looked at
//!    them: a signal's flag is set first, then the pipe is `woken`, then the byte is written.
//! 2. A byte that comes late wakes a later reader for nothing, and is skipped by it.

use core::mem::take;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use crate::primitive::Arc;
use crate::primitive::sys::descriptor::Interest;
use crate::primitive::sys::inlet::{Inlet, NUL};
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
    /// One of the signals was set when it looked.
    is_set: bool,
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
            is_set: false,
            spare: Spare::lasting(),
        }
    }

    /// Sleeps until there is something to read, or one of `signals` is set.
    ///
    /// How many bytes; 0 is the end. A signal that is set counts at once: the caller has looked at what it has.
    pub(crate) fn read_until(
        &mut self,
        buffer: &mut [u8],
        signals: &[&Signal],
        site: impl Fn() -> WaitSite<'static>,
    ) -> Result<usize, Unread> {
        if !self.linked.wakes().wakes() {
            return self.poll_and_read(buffer, signals, site);
        }
        // The user's code runs there, for which a stop is to count.
        if before_wait::run()
            && let Some(at) = first_set(signals)
        {
            return Err(Unread::Signal(at));
        }
        loop {
            // Those that it was linked to before have woken it, if they were set since they were looked at (invariant 1).
            let is_new = self.linked.link(signals);
            let is_woken = self.linked.wakes().take_woken();
            if (is_new | is_woken | take(&mut self.is_set))
                && let Some(at) = first_set(signals)
            {
                self.is_set = true; // for the next wait as well
                return Err(Unread::Signal(at));
            }
            match record::waiting(site(), || self.linked.wakes().read(buffer)) {
                Ok(Some(0)) => return Ok(0),
                Ok(Some(n)) => match without_nul(&mut buffer[..n]) {
                    0 => {}
                    n => return Ok(n),
                },
                Ok(None) => return self.poll_and_read(buffer, signals, site),
                Err(_) => return Err(Unread::Broken),
            }
        }
    }

    fn poll_and_read(
        &mut self,
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
    pub(crate) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.linked.wakes().try_read(buffer)? {
                Some(n @ 1..) => match without_nul(&mut buffer[..n]) {
                    0 => {}
                    n => return Ok(Some(n)),
                },
                end => return Ok(end),
            }
        }
    }

    /// Has one of its signals been set, perhaps, since it looked at them?
    #[cfg(selvedge_process)]
    pub(crate) fn is_woken(&self) -> bool {
        self.is_set || self.linked.wakes().is_woken()
    }

    /// Leaves the signals of its last wait.
    pub(crate) fn unlink(&mut self) {
        self.linked.unlink();
        self.spare.unlink();
    }
}

/// Takes out what woke the reader; how many bytes are left.
fn without_nul(bytes: &mut [u8]) -> usize {
    if !bytes.contains(&NUL) {
        return bytes.len(); // `contains` looks at many at once
    }
    let mut kept = 0;
    for at in 0..bytes.len() {
        if bytes[at] != NUL {
            bytes[kept] = bytes[at];
            kept += 1;
        }
    }
    kept
}

/// Wakes the reader, now or as soon as it can be done.
pub(super) fn nudge(inlet: Arc<Inlet>) {
    if !inlet.wake() {
        // Lives until it is set. If it is set already, the tree has ended and nobody reads.
        let _ = Till::after(AGAIN).link(Link::Nudge(inlet));
    }
}

#[cfg(all(test, selvedge_process, feature = "testing"))]
mod tests {
    use core::panic::Location;
    use std::io::{PipeWriter, Write, pipe};
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream;

    use super::{Reader, Unread};
    use crate::primitive::Arc;
    use crate::primitive::sys::descriptor::never_waits;
    use crate::primitive::sys::inlet::Inlet;
    use crate::signal::{Signal, WaitSite};

    fn of(end: impl Into<OwnedFd>) -> Reader {
        Reader::new(Arc::new(Inlet::new(end.into())))
    }

    fn piped() -> (Reader, PipeWriter) {
        let (end, writer) = pipe().unwrap();
        let reader = of(end);
        assert!(reader.linked.wakes().wakes(), "there is no /proc");
        (reader, writer)
    }

    /// What it read, or the index of the signal.
    fn read(reader: &mut Reader, signals: &[&Signal]) -> Result<Vec<u8>, usize> {
        let (mut buffer, at) = ([0; 64], Location::caller());
        let site = || WaitSite::new("test", None, at);
        match reader.read_until(&mut buffer, signals, site) {
            Ok(n) => Ok(buffer[..n].to_vec()),
            Err(Unread::Signal(at)) => Err(at),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn until_linked(signal: &Signal) {
        while signal.links() == 0 {
            std::thread::yield_now(); // it is on its way
        }
    }

    #[test]
    fn a_signal_ends_the_wait_in_which_it_is_set_and_those_after() {
        let (mut reader, mut writer) = piped();
        for at in [1, 0] {
            let [a, b] = [(); 2].map(|()| Signal::new());
            std::thread::scope(|scope| {
                let reading = scope.spawn(|| read(&mut reader, &[&a, &b]));
                until_linked(&a);
                [&a, &b][at].set();
                assert_eq!(reading.join().unwrap(), Err(at));
            });
            assert_eq!(read(&mut reader, &[&a, &b]), Err(at));
            writer.write_all(b"data").unwrap();
            assert_eq!(read(&mut reader, &[&Signal::new()]), Ok(b"data".to_vec()));
        }
    }

    #[test]
    fn a_signal_that_is_set_between_waits_is_heard_before_what_is_there() {
        let (mut reader, mut writer) = piped();
        let a = Signal::new();
        writer.write_all(b"1").unwrap();
        assert_eq!(read(&mut reader, &[&a]), Ok(b"1".to_vec()));
        assert_eq!(a.links(), 1);
        writer.write_all(b"2").unwrap();
        a.set();
        writer.write_all(b"3").unwrap();
        assert_eq!(read(&mut reader, &[&a]), Err(0));
        assert_eq!(read(&mut reader, &[&a]), Err(0));
        assert_eq!(read(&mut reader, &[&Signal::new()]), Ok(b"23".to_vec()));
    }

    #[test]
    fn what_woke_it_is_heard_though_it_was_read_without_a_wait() {
        let (mut reader, mut writer) = piped();
        let a = Signal::new();
        writer.write_all(b"1").unwrap();
        assert_eq!(read(&mut reader, &[&a]), Ok(b"1".to_vec()));
        a.set();
        assert_eq!(reader.try_read(&mut [0; 8]).unwrap(), None);
        assert_eq!(read(&mut reader, &[&a]), Err(0));
    }

    #[test]
    fn a_wake_up_that_comes_late_is_no_end_and_nothing_to_read() {
        let (mut reader, mut writer) = piped();
        let [a, b] = [(); 2].map(|()| Signal::new());
        writer.write_all(b"x\0\0y\0").unwrap();
        assert_eq!(read(&mut reader, &[&a]), Ok(b"xy".to_vec()));
        assert!(reader.linked.wakes().wake());
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| read(&mut reader, &[&b]));
            until_linked(&b);
            writer.write_all(b"z").unwrap();
            assert_eq!(reading.join().unwrap(), Ok(b"z".to_vec()));
        });
        assert!(reader.linked.wakes().wake());
        drop(writer);
        assert_eq!(read(&mut reader, &[&b]), Ok(Vec::new()));
        assert_eq!(reader.try_read(&mut [0; 8]).unwrap(), Some(0));
        drop(reader);
        assert_eq!((a.links(), b.links()), (0, 0));
    }

    #[test]
    fn a_signal_for_which_there_was_no_room_in_the_pipe_is_heard() {
        let (mut reader, mut writer) = piped();
        let a = Signal::new();
        writer.write_all(b"1").unwrap();
        assert_eq!(read(&mut reader, &[&a]), Ok(b"1".to_vec()));
        never_waits(writer.as_fd()).unwrap();
        let mut filled = 0;
        while let Ok(n) = writer.write(&[b'x'; 4096]) {
            filled += n;
        }
        while writer.write(b"x").is_ok() {
            filled += 1;
        }
        a.set();
        let mut taken = 0;
        let at = loop {
            match read(&mut reader, &[&a]) {
                Ok(bytes) => taken += bytes.len(),
                Err(at) => break at,
            }
        };
        assert!(at == 0 && taken <= filled);
    }

    /// A socket is no pipe, and one that has a name may be anybody's.
    #[test]
    fn where_it_cannot_be_woken_so_it_polls() {
        let (end, mut other) = UnixStream::pair().unwrap();
        let mut reader = of(end);
        assert!(!reader.linked.wakes().wakes());
        let a = Signal::new();
        other.write_all(b"1").unwrap();
        assert_eq!(read(&mut reader, &[&a]), Ok(b"1".to_vec()));
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| read(&mut reader, &[&a]));
            until_linked(&a);
            a.set();
            assert_eq!(reading.join().unwrap(), Err(0));
        });
    }

    #[test]
    fn a_pipe_that_somebody_made_one_that_does_not_wait_is_waited_for() {
        let (end, writer) = pipe().unwrap();
        let shared = end.try_clone().unwrap();
        let mut reader = of(end);
        never_waits(shared.as_fd()).unwrap();
        let a = Signal::new();
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| read(&mut reader, &[&a]));
            until_linked(&a);
            a.set();
            assert_eq!(reading.join().unwrap(), Err(0));
        });
        drop(writer);
    }
}
