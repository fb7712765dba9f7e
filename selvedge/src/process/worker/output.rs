//! What a server writes to the other side: whole lines.
//!
//! # Invariants
//!
//! 1. A line goes out whole, under the lock, which runs no code of the user. Nothing that happens under it is an event
//!    or a record, which would be a line again.

use std::os::fd::{AsFd, OwnedFd};

use crate::primitive::Mutex;
use crate::primitive::sys::descriptor::{self, Interest};

pub(super) struct Output {
    descriptor: OwnedFd,
    writes: Mutex<()>,
}

impl Output {
    pub(super) fn new(descriptor: OwnedFd) -> Self {
        Self {
            descriptor,
            writes: Mutex::new(()),
        }
    }

    /// Does a short line go out without waiting for the other side? Neither does who writes, then.
    pub(super) fn has_room(&self) -> bool {
        descriptor::is_ready(self.descriptor.as_fd(), Interest::Write).unwrap_or(true)
    }

    /// Writes a line. That nobody reads is told by the end of the input.
    pub(super) fn send(&self, line: &[u8]) {
        let _writes = self.writes.lock(); // invariant 1
        let output = self.descriptor.as_fd();
        let mut rest = line;
        while !rest.is_empty() {
            let written = match descriptor::put(output, rest) {
                Ok(Some(n)) => Ok(n),
                // Somebody has made it one that does not wait.
                Ok(None) => descriptor::wait(&[(output, Interest::Write)], None).map(|_| 0),
                Err(error) => Err(error),
            };
            match written {
                Ok(n) => rest = &rest[n..],
                Err(_) => return,
            }
        }
    }
}
