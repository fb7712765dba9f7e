//! The reader of a worker's pipe, for models, which know no processes.

use core::panic::Location;
use std::os::fd::OwnedFd;

use crate::primitive::Arc;
use crate::primitive::sys::inlet::Inlet;
use crate::signal::{Reader, Signal, Unread, WaitSite};

/// Sleeps in the read, and is woken by a byte.
#[derive(Debug)]
pub struct WokenReader(Reader);

impl WokenReader {
    /// Of a pipe.
    pub fn new(end: impl Into<OwnedFd>) -> Self {
        Self(Reader::new(Arc::new(Inlet::new(end.into()))))
    }

    /// How many bytes it has read, or the index of the signal that is set.
    #[track_caller]
    pub fn read_until(&mut self, buffer: &mut [u8], signals: &[&Signal]) -> Result<usize, usize> {
        let at = Location::caller();
        let read = (self.0).read_until(buffer, signals, || WaitSite::new("test", None, at));
        read.map_err(|unread| match unread {
            Unread::Signal(at) => at,
            unread => panic!("{unread:?}"),
        })
    }

    /// How many bytes it has read, if there are any.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        self.0.try_read(buffer).expect("a pipe can be read")
    }
}
