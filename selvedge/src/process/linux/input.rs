//! The standard input of a process: from a queue to a pipe, as far as it takes it.

use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr, write};

use crate::process::linux::engine::{Notice, Request};
use crate::process::linux::watched::Look;
use crate::sync::{Queue, TryPopError};

/// The slot of its descriptor.
pub(super) const SLOT: usize = 3;

pub(super) struct Input {
    pipe: OwnedFd,
    queue: Queue<Vec<u8>>,
    /// What is being written, and how much of it is.
    piece: Vec<u8>,
    written: usize,
    interest: Option<EventFlags>,
    /// Will the queue's next piece be noticed?
    is_armed: bool,
}

impl Input {
    pub(super) fn new(pipe: OwnedFd, queue: Queue<Vec<u8>>) -> Self {
        Self {
            pipe,
            queue,
            piece: Vec::new(),
            written: 0,
            interest: None,
            is_armed: false,
        }
    }

    /// Writes what there is and what fits. False: the pipe is to be closed.
    pub(super) fn pump(&mut self, request: &Request) -> bool {
        if self.queue.is_last() {
            self.queue.close(); // nobody else can
        }
        loop {
            while self.written < self.piece.len() {
                match retry_on_intr(|| write(&self.pipe, &self.piece[self.written..])) {
                    Ok(n) => self.written += n,
                    Err(Errno::AGAIN) => return self.watch(request, EventFlags::OUT),
                    Err(_) => return false, // it has closed its end
                }
            }
            match self.queue.try_pop() {
                Ok(piece) => (self.piece, self.written) = (piece, 0),
                Err(TryPopError::Closed) => return false,
                Err(TryPopError::Empty) => break,
            }
        }
        self.piece = Vec::new();
        self.written = 0;
        if !self.is_armed {
            self.is_armed = true;
            let notice = Notice(request.clone(), Look::Input);
            // At once, if there is something by now.
            let arrived = self.queue.ready();
            arrived.on_set(move || drop(notice)).forever();
        }
        // Whatever we wait for, the kernel tells when the other end is closed.
        self.watch(request, EventFlags::empty())
    }

    /// The kernel has told something. Is it that the other end is closed? It would tell that again and again.
    pub(super) fn is_refused(&self) -> bool {
        let mut pipe = [PollFd::new(&self.pipe, PollFlags::empty())];
        let asked = retry_on_intr(|| poll(&mut pipe, Some(&Timespec::default())));
        asked.is_ok() && pipe[0].revents().contains(PollFlags::ERR)
    }

    /// Something may have arrived.
    pub(super) fn noticed(&mut self) {
        self.is_armed = false;
    }

    fn watch(&mut self, request: &Request, interest: EventFlags) -> bool {
        let epoll = &request.run.epoll;
        let watched = match self.interest {
            Some(now) if now == interest => Ok(()),
            Some(_) => epoll::modify(epoll, &self.pipe, request.data(SLOT), interest),
            None => epoll::add(epoll, &self.pipe, request.data(SLOT), interest),
        };
        self.interest = Some(interest);
        watched.is_ok()
    }

    /// Closes the pipe and the queue. How many bytes were not written?
    pub(super) fn close(self) -> u64 {
        self.queue.close();
        let mut unwritten = self.piece.len() - self.written;
        while let Ok(piece) = self.queue.try_pop() {
            unwritten += piece.len();
        }
        unwritten as u64
    }
}
