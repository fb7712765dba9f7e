//! A pipe that is read by one thread, and the way to wake that thread: a byte that means nothing.
//!
//! Who sleeps in `read` hears nothing else. So whoever wants to wake it writes one [`NUL`] into its pipe, which it skips
//! wherever it is. A wait costs one call of the system so, and not two.
//!
//! # Invariants
//!
//! 1. The writing end is open only while the byte is written: the end of the stream stays to be seen.
//! 2. The byte is written to nothing but this pipe, which has no name, and so no other reader: what was opened is
//!    compared with it.
//! 3. To write it never waits. A pipe that is full wakes its reader anyway, though without the byte: `woken` is set before
//!    it is written, and looked at after each read.
//!
//! # Orderings
//!
//! `wakes` is a hint: `Relaxed`. The `Release` swap of `woken` pairs with the `Acquire` swap of [`take_woken`](Inlet::take_woken):
//! who was woken sees what was set before. The kernel's lock of the pipe orders that before the `read` that gets
//! the byte, or what had filled the pipe.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

use rustix::fs::{Mode, OFlags, fchmod, fstatfs};
use rustix::io::{retry_on_intr, write};

use crate::primitive::atomic::{
    AtomicBool,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::primitive::sys::descriptor;

/// What a reader skips.
pub(crate) const NUL: u8 = 0;

/// What `statfs` says of pipes without a name.
const PIPEFS: i64 = 0x5049_5045;

/// The reading end.
#[derive(Debug)]
pub(crate) struct Inlet {
    end: OwnedFd,
    /// By which name it is opened for writing, and which file it is then.
    path: String,
    file: (u64, u64),
    wakes: AtomicBool,
    woken: AtomicBool,
}

impl Inlet {
    pub(crate) fn new(end: OwnedFd) -> Self {
        let path = format!("/proc/thread-self/fd/{}", end.as_raw_fd());
        let mut inlet = Self {
            end,
            path,
            file: (0, 0),
            wakes: AtomicBool::new(false),
            woken: AtomicBool::new(false),
        };
        // Where a step is refused, it is waited for in the other way.
        if let Ok(file) = inlet.prepare() {
            inlet.file = file;
            inlet.wakes = AtomicBool::new(inlet.open().is_ok());
        }
        inlet
    }

    /// Which file it is, if it is one that may be written to.
    fn prepare(&self) -> io::Result<(u64, u64)> {
        let data = std::fs::metadata(&self.path)?;
        if !data.file_type().is_fifo() || fstatfs(&self.end)?.f_type as i64 != PIPEFS {
            return Err(io::ErrorKind::Unsupported.into()); // invariant 2
        }
        // A program that becomes another user can open it still. Nobody else sees it.
        fchmod(&self.end, Mode::from_raw_mode(0o622))?;
        Ok((data.dev(), data.ino()))
    }

    fn open(&self) -> io::Result<File> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = OpenOptions::new()
            .write(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&self.path)?;
        let data = file.metadata()?;
        match (data.dev(), data.ino()) == self.file {
            true => Ok(file),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Can who sleeps in [`read`](Self::read) be woken? Otherwise nobody may.
    pub(crate) fn wakes(&self) -> bool {
        self.wakes.load(Relaxed)
    }

    /// Wakes who sleeps in [`read`](Self::read), or else the next who reads. False: it could not be done now.
    pub(crate) fn wake(&self) -> bool {
        // Pairs with `take_woken`. A swap keeps what others released by theirs.
        self.woken.swap(true, Release);
        let Ok(writer) = self.open() else {
            return false;
        };
        #[cfg(selvedge_shuttle)]
        crate::primitive::switch();
        // It fails only if there is no room (invariant 3).
        let _ = retry_on_intr(|| write(&writer, &[NUL]));
        true
    }

    /// Was it woken, and nobody has taken that?
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Acquire)
    }

    /// Was it woken since this was asked before?
    pub(crate) fn take_woken(&self) -> bool {
        self.is_woken() && self.woken.swap(false, Acquire) // pairs with that of `wake`
    }

    /// Sleeps until there is something, and takes it; 0 is the end. `None`: somebody has made it one that does not wait.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        #[cfg(selvedge_shuttle)]
        self.wait_as_a_model()?;
        let taken = descriptor::take(self.as_fd(), buffer)?;
        if taken.is_none() {
            self.wakes.store(false, Relaxed);
        }
        Ok(taken)
    }

    /// A scheduler under test must not sleep in the kernel.
    #[cfg(selvedge_shuttle)]
    fn wait_as_a_model(&self) -> io::Result<()> {
        crate::primitive::switch();
        descriptor::wait(&[(self.as_fd(), descriptor::Interest::Read)], None)?;
        Ok(())
    }

    /// Takes what is there. `None`: nothing yet.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        descriptor::read_ready(self.as_fd(), buffer)
    }
}

impl AsFd for Inlet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}
