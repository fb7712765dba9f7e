//! What a server writes to the other side: whole lines.
//!
//! # Invariants
//!
//! 1. A line goes out whole, under the lock, which runs no code of the user. Nothing that happens under it is an event
//!    or a record, which would be a line again.

use std::os::fd::{AsFd, OwnedFd};

use crate::primitive::Mutex;
use crate::primitive::sys::descriptor::{self, Interest};

pub(super) struct Output(Mutex<OwnedFd>);

impl Output {
    pub(super) fn new(descriptor: OwnedFd) -> Self {
        Self(Mutex::new(descriptor))
    }

    /// Writes a line. That nobody reads is told by the end of the input.
    pub(super) fn send(&self, line: &[u8]) {
        let output = self.0.lock(); // invariant 1
        let mut rest = line;
        while !rest.is_empty() {
            let written = match descriptor::put(output.as_fd(), rest) {
                Ok(Some(n)) => Ok(n),
                // Somebody has made it one that does not wait.
                Ok(None) => descriptor::wait(&[(output.as_fd(), Interest::Write)], None).map(|_| 0),
                Err(error) => Err(error),
            };
            match written {
                Ok(n) => rest = &rest[n..],
                Err(_) => return,
            }
        }
    }
}
