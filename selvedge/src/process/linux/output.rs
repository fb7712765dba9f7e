//! An output stream of a process: from a pipe to a queue of lines, as far as there is room.
//!
//! # Invariants
//!
//! 1. A byte that was read is in the queue, in `waiting`, in `partial`, or counted in `lost`; in this order they
//!    are the stream.
//! 2. While the stream is paused it holds its queue weakly: then who drops the queue's last handle drops the
//!    notice that hangs on it, and the engine learns that nobody will read.
//! 3. `sizes` are those of the lines in the queue that have not been seen to leave it.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, EventFlags};
use rustix::io::{Errno, read, retry_on_intr};

use crate::process::command::{Parts, Unread};
use crate::process::line::{End, Line};
use crate::process::linux::engine::{Notice, Request};
use crate::sync::{Queue, TryPushError, WeakQueue};

/// How much is read at a time, in chunks, before others have their turn.
const TURN: usize = 16;
/// How much of the end of standard error is kept.
const TAIL: usize = 8 << 10;

pub(super) struct Output {
    which: usize,
    pipe: OwnedFd,
    queue: Reader,
    partial: Vec<u8>,
    waiting: VecDeque<Line>,
    waiting_bytes: usize,
    sizes: VecDeque<usize>,
    /// The sum of `sizes`.
    queued: usize,
    unread: Unread,
    longest: usize,
    lost: u64,
    tail: Vec<u8>,
    is_watched: bool,
}

/// Who takes the lines.
enum Reader {
    Queue(Queue<Line>),
    Paused(WeakQueue<Line>),
    /// Nobody can.
    Gone,
    /// Nobody wants to: the queue was closed from outside.
    Closed,
}

/// What is to become of output for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// It stays in the pipe, and the process waits.
    Stays,
    /// It must not stand in the way.
    Taken,
}

/// How it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// There may be more.
    On,
    /// It waits for a reader.
    Stuck,
    /// The stream has ended.
    Ended,
}

impl Output {
    pub(super) fn new(which: usize, pipe: OwnedFd, queue: Queue<Line>, parts: &Parts) -> Self {
        Self {
            which,
            pipe,
            queue: Reader::Queue(queue),
            partial: Vec::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            sizes: VecDeque::new(),
            queued: 0,
            unread: parts.unread,
            longest: parts.longest_line,
            lost: 0,
            tail: Vec::new(),
            is_watched: false,
        }
    }

    /// Reads what there is, if there is room for it: one chunk, or more with `excess` taken.
    pub(super) fn pump(&mut self, request: &Request, buffer: &mut [u8], excess: Excess) -> Flow {
        for _ in 0..TURN {
            self.deliver();
            if self.is_full() && excess == Excess::Stays {
                self.pause(request);
                if self.is_full() {
                    return Flow::Stuck;
                }
            }
            if let Reader::Closed = self.queue {
                return Flow::Ended; // the pipe is closed as well
            }
            match retry_on_intr(|| read(&self.pipe, &mut *buffer)) {
                Ok(0) => {
                    self.end();
                    return Flow::Ended;
                }
                Ok(n) => self.take(&buffer[..n]),
                Err(Errno::AGAIN) => {
                    self.deliver();
                    return self.watch(request);
                }
                Err(_) => {
                    self.end();
                    return Flow::Ended;
                }
            }
            if excess == Excess::Stays {
                self.deliver();
                if !self.is_full() {
                    break;
                }
            }
        }
        self.deliver();
        self.watch(request)
    }

    /// Cuts bytes into lines.
    fn take(&mut self, mut bytes: &[u8]) {
        self.keep_tail(bytes);
        if let Reader::Gone = self.queue {
            self.lost += bytes.len() as u64;
            return;
        }
        while !bytes.is_empty() {
            let room = self.longest - self.partial.len();
            let window = &bytes[..bytes.len().min(room)];
            if let Some(at) = window.iter().position(|byte| *byte == b'\n') {
                self.partial.extend_from_slice(&bytes[..at]);
                self.cut(End::Newline);
                bytes = &bytes[at + 1..];
                continue;
            }
            self.partial.extend_from_slice(window);
            bytes = &bytes[window.len()..];
            if self.partial.len() == self.longest && bytes.first() != Some(&b'\n') {
                if bytes.is_empty() {
                    break; // a newline may follow
                }
                self.cut(End::Limit);
            } else if self.partial.len() == self.longest {
                self.cut(End::Newline);
                bytes = &bytes[1..];
            }
        }
    }

    fn cut(&mut self, end: End) {
        let line = Line::new(core::mem::take(&mut self.partial), end);
        self.waiting_bytes += line.weight();
        self.waiting.push_back(line);
    }

    /// Moves lines into the queue, as many as it takes.
    fn deliver(&mut self) {
        self.resume();
        let Reader::Queue(queue) = &self.queue else {
            return;
        };
        while self.sizes.len() > queue.len() {
            self.queued -= self.sizes.pop_front().unwrap_or(0);
        }
        if queue.is_last() {
            self.lose_all();
            self.queue = Reader::Gone;
            return;
        }
        while let Some(line) = self.waiting.pop_front() {
            let weight = line.weight();
            match queue.try_push(line) {
                Ok(()) => {
                    self.waiting_bytes -= weight;
                    self.sizes.push_back(weight);
                    self.queued += weight;
                }
                Err(TryPushError::Full(line)) => {
                    self.waiting.push_front(line);
                    break;
                }
                Err(TryPushError::Closed(line)) => {
                    self.waiting.push_front(line);
                    self.lose_all();
                    self.queue = Reader::Closed;
                    return;
                }
            }
        }
    }

    /// Nobody will read what is here, or in the queue that nobody else has.
    fn lose_all(&mut self) {
        let held = self.queued + self.waiting_bytes + self.partial.len();
        self.lost += held as u64;
        self.queued = 0;
        self.waiting_bytes = 0;
        self.sizes.clear();
        self.waiting.clear();
        self.partial.clear();
    }

    fn is_full(&self) -> bool {
        let has_reader = matches!(self.queue, Reader::Queue(_) | Reader::Paused(_));
        let is_over = self.queued + self.waiting_bytes >= self.unread.memory().max(1);
        has_reader && (!self.waiting.is_empty() || is_over)
    }

    /// Waits for room (invariant 2).
    fn pause(&mut self, request: &Request) {
        if self.is_watched {
            let _ = epoll::delete(&request.run.epoll, &self.pipe); // it was added
            self.is_watched = false;
        }
        let Reader::Queue(queue) = &self.queue else {
            return;
        };
        let weak = queue.downgrade();
        queue.drop_when_room(Notice(request.clone()));
        self.deliver(); // there may be room by now
        if self.is_full() {
            self.queue = Reader::Paused(weak);
        }
    }

    fn resume(&mut self) {
        if let Reader::Paused(weak) = &self.queue {
            match weak.upgrade() {
                Some(queue) => self.queue = Reader::Queue(queue),
                None => {
                    self.lose_all();
                    self.queue = Reader::Gone;
                }
            }
        }
    }

    fn watch(&mut self, request: &Request) -> Flow {
        if self.is_watched {
            return Flow::On;
        }
        let (epoll, data) = (&request.run.epoll, request.data(1 + self.which));
        if epoll::add(epoll, &self.pipe, data, EventFlags::IN).is_err() {
            self.end(); // the kernel has no memory: the stream is over for us
            return Flow::Ended;
        }
        self.is_watched = true;
        Flow::On
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        if self.which == 0 {
            return;
        }
        let bytes = &bytes[bytes.len().saturating_sub(TAIL)..];
        let excess = (self.tail.len() + bytes.len()).saturating_sub(TAIL);
        self.tail.drain(..excess);
        self.tail.extend_from_slice(bytes);
    }

    /// The stream has ended: what is left goes to the queue, whatever its bound.
    pub(super) fn end(&mut self) {
        if !self.partial.is_empty() {
            self.cut(End::Stream);
        }
        self.deliver();
        let Reader::Queue(queue) = &self.queue else {
            return;
        };
        for line in core::mem::take(&mut self.waiting) {
            let weight = line.weight();
            self.waiting_bytes -= weight;
            match queue.force_push(line) {
                Ok(()) => self.queued += weight,
                Err(_) => self.lost += weight as u64,
            }
        }
        queue.close();
    }

    /// After the end: bytes unread, bytes lost, the tail.
    pub(super) fn conclude(mut self) -> (u64, u64, Vec<u8>) {
        self.resume();
        if let Reader::Queue(queue) = &self.queue {
            queue.close();
        }
        (self.queued as u64 + self.lost, self.lost, self.tail)
    }
}
