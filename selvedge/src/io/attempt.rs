//! Trying, waiting, trying again.
//!
//! # Invariants
//!
//! 1. The attempt comes before every look at a signal: what is ready is handed out first.
//! 2. An attempt that gives `None` has done nothing.

use core::panic::Location;
use std::io;
use std::os::fd::BorrowedFd;

use crate::io::error;
use crate::primitive::sys::descriptor::{self, Interest};
use crate::signal::{self, Ready, Signal, Spare, WaitSite, wait_ready};

/// What is waited for, and what ends the wait.
pub(super) struct Wait<'w> {
    pub(super) on: BorrowedFd<'w>,
    pub(super) interest: Interest,
    pub(super) until: Option<&'w Signal>,
    pub(super) spare: &'w Spare,
    /// For the report: what is done, to what, and where.
    pub(super) verb: &'static str,
    pub(super) name: Option<&'w str>,
    pub(super) at: &'static Location<'static>,
}

impl Wait<'_> {
    /// Repeats `attempt` until it gives something, and sleeps between while the descriptor is not ready.
    pub(super) fn then<T>(
        &self,
        mut attempt: impl FnMut() -> io::Result<Option<T>>,
    ) -> io::Result<T> {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
        let stop = signal::stop();
        let signals = [self.until.unwrap_or(&stop), &stop];
        let signals = &signals[usize::from(self.until.is_none())..];
        loop {
            match wait_ready(&[(self.on, self.interest)], signals, self.spare, || {
                self.site()
            })? {
                Ready::Source => {
                    if let Some(done) = attempt()? {
                        return Ok(done);
                    }
                }
                Ready::Signal(0) if self.until.is_some() => return Err(error::expired()),
                Ready::Signal(_) => return Err(error::stopped(&stop)),
            }
        }
    }

    fn site(&self) -> WaitSite<'static> {
        match self.name {
            Some(name) => WaitSite::new(self.verb, Some(name), self.at),
            None => WaitSite::new(self.verb, Some(&descriptor::name_of(self.on)), self.at),
        }
    }
}

/// How bytes go through a descriptor; found out when they first do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Way {
    #[default]
    Unknown,
    /// Reads and writes would block: look first.
    NoSocket,
}

impl Way {
    /// Reads what is there. `None`: nothing yet.
    pub(super) fn read(
        &mut self,
        source: BorrowedFd<'_>,
        buffer: &mut [u8],
    ) -> io::Result<Option<usize>> {
        if buffer.is_empty() {
            return Ok(Some(0));
        }
        if *self != Self::NoSocket {
            match descriptor::receive(source, buffer) {
                Err(error) if descriptor::is_no_socket(&error) => *self = Self::NoSocket,
                received => return received,
            }
        }
        descriptor::read_ready(source, buffer)
    }

    /// Writes as much as there is room for. `None`: no room yet.
    pub(super) fn write(
        &mut self,
        sink: BorrowedFd<'_>,
        bytes: &[u8],
    ) -> io::Result<Option<usize>> {
        if *self != Self::NoSocket {
            match descriptor::send(sink, bytes) {
                Err(error) if descriptor::is_no_socket(&error) => *self = Self::NoSocket,
                sent => return sent,
            }
        }
        descriptor::write_ready(sink, bytes)
    }
}
