//! A flag that the kernel can wait for: readable from when it is raised until it is lowered.
//!
//! An eventfd where there is one, a pipe elsewhere. Both ends are closed on exec and never block.
//!
//! # Orderings
//!
//! None of ours: the kernel's lock of the eventfd, or of the pipe, orders `raise` before the `poll` that
//! sees it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::event::{EventfdFlags, eventfd};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use rustix::io::ioctl_fionbio;
use rustix::io::{read, retry_on_intr, write};

/// The flag. The descriptor is open for as long as the value lives.
#[derive(Debug)]
pub(crate) struct Event {
    reader: OwnedFd,
    /// `None`: the reader is the writer.
    writer: Option<OwnedFd>,
}

impl Event {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn new() -> io::Result<Self> {
        let reader = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let writer = None;
        Ok(Self { reader, writer })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        ioctl_fionbio(&reader, true)?;
        ioctl_fionbio(&writer, true)?;
        Ok(Self {
            reader: reader.into(),
            writer: Some(writer.into()),
        })
    }

    /// Makes it readable. One that is, stays so.
    pub(crate) fn raise(&self) {
        // It fails only if it is full, and then it is readable.
        let writer = self.writer.as_ref().unwrap_or(&self.reader);
        let _ = retry_on_intr(|| write(writer, &1u64.to_ne_bytes()));
    }

    /// Makes it unreadable until it is raised again.
    pub(crate) fn lower(&self) {
        let mut raised = [0; 64];
        // An eventfd gives 8 bytes and is empty; a pipe may hold more than fit.
        while retry_on_intr(|| read(&self.reader, &mut raised)) == Ok(raised.len()) {}
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
