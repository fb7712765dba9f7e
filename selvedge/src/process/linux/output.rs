//! An output stream of a process: from a pipe to a queue of lines, as far as there is room.
//!
//! # Invariants
//!
//! 1. A byte that was read is in the queue, in `waiting`, in `cutter`, in `spill`, or counted in `lost`; in this
//!    order they are the stream. While somebody [collects](super::super::collection) all is there, but for the queue.
//! 2. While the queue is full it is held weakly: then who drops the queue's last handle drops the notice that hangs
//!    on it, and the engine learns that nobody will read.
//! 3. `sizes` are those of the lines in the queue that have not been seen to leave it.
//! 4. The queue is closed when the stream has ended and everything is in it, or when this is abandoned: nobody
//!    waits for lines that will not come.
//! 5. That nobody else holds the queue is seen before what is left in it: then nobody takes from it in between.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, EventFlags};
use rustix::io::{Errno, read, retry_on_intr};

use crate::primitive::Arc;
use crate::primitive::atomic::{Ordering::Acquire, fence};
use crate::process::collection::Collection;
use crate::process::command::{Parts, Unread};
use crate::process::line::{Cutter, Line};
use crate::process::linux::engine::{Notice, Request};
use crate::process::linux::spill::Spill;
use crate::process::linux::watched::Look;
use crate::sync::{Queue, TryPushError, WeakQueue};

/// How much is read at a time, in chunks, before others have their turn.
const TURN: usize = 16;
/// How much of the end of standard error is kept.
const TAIL: usize = 8 << 10;

pub(super) struct Output {
    which: usize,
    /// Until the stream ends.
    pipe: Option<OwnedFd>,
    pub(super) is_watched: bool,
    reader: Reader,
    /// Will room in the queue be noticed?
    is_armed: bool,
    cutter: Cutter,
    waiting: VecDeque<Line>,
    waiting_bytes: usize,
    sizes: VecDeque<usize>,
    /// The sum of `sizes`.
    queued: usize,
    spill: Option<Spill>,
    /// Was something lost that came after what is in `spill`? Then so is all, until that is empty.
    has_gap: bool,
    memory: usize,
    lost: u64,
    /// What was here when the reader said that it wants no more.
    refused: u64,
    tail: Vec<u8>,
}

/// Who takes the lines.
enum Reader {
    Queue(Queue<Line>),
    Paused(WeakQueue<Line>),
    /// Not line by line, but all at once.
    Collected(Queue<Line>, Arc<Collection>),
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
    /// It goes to a file.
    Spills,
    /// It is thrown away, and counted.
    IsLost,
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
        let (Unread::Pressure { bytes: memory } | Unread::Spill { memory }) = parts.unread;
        Self {
            which,
            pipe: Some(pipe),
            is_watched: false,
            reader: Reader::Queue(queue),
            is_armed: false,
            cutter: Cutter::new(parts.longest_line),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            sizes: VecDeque::new(),
            queued: 0,
            spill: None,
            has_gap: false,
            memory: memory.max(1),
            lost: 0,
            refused: 0,
            tail: Vec::new(),
        }
    }

    /// The pipe, until the stream ends.
    pub(super) fn pipe(&self) -> Option<&OwnedFd> {
        self.pipe.as_ref()
    }

    /// Has the stream ended, and is everything in the queue, or lost?
    pub(super) fn is_done(&self) -> bool {
        self.pipe.is_none() && self.spilled() == 0
    }

    /// The notice of room has come.
    pub(super) fn noticed(&mut self) {
        self.is_armed = false;
    }

    /// Moves what there is: to the queue as far as there is room, the rest as `excess` says.
    pub(super) fn pump(&mut self, request: &Request, buffer: &mut [u8], excess: Excess) -> Flow {
        for turn in 0..TURN {
            self.refill(buffer);
            let is_full = self.is_full() || self.spilled() > 0;
            if is_full && excess == Excess::Stays {
                self.settle(request, buffer);
                if self.is_full() || self.spilled() > 0 {
                    self.unwatch(request);
                    return Flow::Stuck;
                }
            }
            if turn > 0 && excess == Excess::Stays {
                break;
            }
            let Some(pipe) = &self.pipe else { break };
            match retry_on_intr(|| read(pipe, &mut *buffer)) {
                Err(Errno::AGAIN) => break,
                Ok(0) | Err(_) => {
                    self.end();
                    break;
                }
                Ok(n) if self.is_full() || self.spilled() > 0 => {
                    self.overflow(&buffer[..n], excess)
                }
                Ok(n) => self.take(&buffer[..n]),
            }
        }
        self.settle(request, buffer);
        self.watch(request)
    }

    /// Fills the queue, and hears of room if there is more. A reader who has taken everything just before that makes no
    /// more room of which we could hear: then it is filled again.
    fn settle(&mut self, request: &Request, buffer: &mut [u8]) {
        loop {
            self.refill(buffer);
            self.wait_for_room(request);
            if self.is_full() || self.spilled() == 0 {
                return;
            }
        }
    }

    /// Is it collected, or not any more? Moves what is here to where it is wanted.
    pub(super) fn collect(&mut self, collection: &Arc<Collection>, buffer: &mut [u8]) {
        match &self.reader {
            Reader::Collected(..) => {
                if let Some(text) = collection.take_back() {
                    self.collect_no_more(&text);
                }
            }
            Reader::Queue(_) | Reader::Paused(_) if collection.is_wanted() => {
                self.begin_to_collect(collection, buffer);
            }
            _ => {}
        }
    }

    fn begin_to_collect(&mut self, collection: &Arc<Collection>, buffer: &mut [u8]) {
        self.deliver();
        let Reader::Queue(queue) = &self.reader else {
            return;
        };
        self.reader = Reader::Collected(queue.clone(), Arc::clone(collection));
        let mut text = Vec::new();
        for line in self.waiting.drain(..) {
            line.append_to(&mut text);
        }
        text.append(&mut self.cutter.partial);
        collection.push(&text);
        self.waiting_bytes = 0;
        while let Some(Ok(n @ 1..)) = self.spill.as_mut().map(|spill| spill.pop(buffer)) {
            collection.push(&buffer[..n]);
        }
        self.lost += self.spilled(); // if the disk has failed
        self.spill = None;
        self.close_gap();
    }

    fn collect_no_more(&mut self, text: &[u8]) {
        if let Reader::Collected(queue, _) = &self.reader {
            self.reader = Reader::Queue(queue.clone());
            self.cut_lines(text);
        }
    }

    /// Bytes for which there is no room.
    fn overflow(&mut self, bytes: &[u8], excess: Excess) {
        let mut is_kept = false;
        if (excess != Excess::IsLost || self.spilled() > 0) && !self.has_gap {
            if self.spill.is_none() {
                self.spill = Spill::new().ok();
            }
            is_kept = (self.spill.as_mut()).is_some_and(|spill| spill.push(bytes).is_ok());
        }
        self.keep_tail(bytes);
        if !is_kept {
            self.lost += bytes.len() as u64; // no disk, or nobody who could want it
            self.has_gap = true;
            self.close_gap();
        }
    }

    /// Fills the queue from what waits here.
    fn refill(&mut self, buffer: &mut [u8]) {
        self.deliver();
        while self.spilled() > 0 && !self.is_full() {
            match self.spill.as_mut().map(|spill| spill.pop(buffer)) {
                Some(Ok(n)) if n > 0 => self.cut_lines(&buffer[..n]),
                _ => {
                    self.lost += self.spilled(); // the disk has failed
                    self.spill = None;
                }
            }
            self.close_gap();
            self.deliver();
        }
        if self.pipe.is_none() && self.spilled() == 0 {
            self.finish();
        }
    }

    /// Bytes for which there is room.
    fn take(&mut self, bytes: &[u8]) {
        self.keep_tail(bytes);
        self.cut_lines(bytes);
    }

    fn cut_lines(&mut self, bytes: &[u8]) {
        match &self.reader {
            Reader::Gone | Reader::Closed => self.give_up(bytes.len()),
            Reader::Collected(_, collection) => collection.push(bytes),
            Reader::Queue(_) | Reader::Paused(_) => {
                self.cutter.feed(bytes, |line| {
                    self.waiting_bytes += line.weight();
                    self.waiting.push_back(line);
                });
            }
        }
    }

    /// What comes after a gap does not belong to the line before it.
    fn close_gap(&mut self) {
        if self.has_gap && self.spilled() == 0 {
            self.has_gap = false;
            self.cut_last();
        }
    }

    fn cut_last(&mut self) {
        if let Some(line) = self.cutter.end() {
            self.waiting_bytes += line.weight();
            self.waiting.push_back(line);
        }
    }

    /// Moves lines into the queue, as many as it takes.
    fn deliver(&mut self) {
        self.resume();
        let (Reader::Queue(queue) | Reader::Collected(queue, _)) = &self.reader else {
            return;
        };
        let is_last = is_last(queue); // invariant 5
        while self.sizes.len() > queue.len() {
            self.queued -= self.sizes.pop_front().unwrap_or(0);
        }
        if let Reader::Collected(_, collection) = &self.reader {
            if is_last {
                self.waiting_bytes = collection.take().len();
                self.become_of(Reader::Gone);
            }
            return;
        }
        if is_last {
            return self.become_of(Reader::Gone);
        }
        if queue.is_closed() {
            return self.become_of(Reader::Closed);
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
                    return self.become_of(Reader::Closed);
                }
            }
        }
    }

    /// Nobody will read what is here: nobody can, or nobody wants to.
    fn become_of(&mut self, reader: Reader) {
        let mut held = self.waiting_bytes + self.cutter.partial.len();
        if let Reader::Gone = reader {
            held += self.queued; // in a queue that nobody else has
            self.queued = 0;
        } else {
            self.pipe = None; // who goes on writing hears of it
        }
        self.reader = reader;
        self.give_up(held);
        let spilled = self.spill.take().map_or(0, |spill| spill.len());
        self.give_up(usize::try_from(spilled).unwrap_or(usize::MAX));
        self.waiting_bytes = 0;
        self.sizes.clear();
        self.waiting.clear();
        self.cutter.partial.clear();
    }

    fn give_up(&mut self, bytes: usize) {
        match self.reader {
            Reader::Closed => self.refused += bytes as u64,
            _ => self.lost += bytes as u64,
        }
    }

    fn is_full(&self) -> bool {
        let has_reader = matches!(self.reader, Reader::Queue(_) | Reader::Paused(_));
        let is_over = self.queued + self.waiting_bytes >= self.memory;
        has_reader && (!self.waiting.is_empty() || is_over)
    }

    fn spilled(&self) -> u64 {
        self.spill.as_ref().map_or(0, Spill::len)
    }

    /// If the queue is full: lets go of it until there is room (invariant 2).
    fn wait_for_room(&mut self, request: &Request) {
        let Reader::Queue(queue) = &self.reader else {
            return;
        };
        if self.is_full() && !self.is_armed {
            queue.drop_when_room(Notice(request.clone(), Look::Room(self.which)));
            self.is_armed = true;
            self.deliver(); // there may be room by now
        }
        if let Reader::Queue(queue) = &self.reader
            && self.is_full()
        {
            self.reader = Reader::Paused(queue.downgrade());
        }
    }

    fn resume(&mut self) {
        if let Reader::Paused(weak) = &self.reader {
            match weak.upgrade() {
                Some(queue) => self.reader = Reader::Queue(queue),
                None => self.become_of(Reader::Gone),
            }
        }
    }

    /// Has the kernel tell when there is something to read. Does it?
    pub(super) fn listen(&mut self, request: &Request) -> bool {
        if let Some(pipe) = &self.pipe
            && !self.is_watched
        {
            let (epoll, data) = (&request.run.epoll, request.data(1 + self.which));
            self.is_watched = epoll::add(epoll, pipe, data, EventFlags::IN).is_ok();
        }
        self.is_watched
    }

    fn watch(&mut self, request: &Request) -> Flow {
        if self.pipe.is_none() {
            return Flow::Ended;
        }
        if !self.listen(request) {
            self.end(); // the kernel has no memory: the stream is over for us
            return Flow::Ended;
        }
        Flow::On
    }

    fn unwatch(&mut self, request: &Request) {
        if let Some(pipe) = &self.pipe
            && self.is_watched
        {
            let _ = epoll::delete(&request.run.epoll, pipe); // it was added
            self.is_watched = false;
        }
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

    /// The stream ends here.
    pub(super) fn end(&mut self) {
        self.pipe = None;
        self.is_watched = false;
        if self.spilled() == 0 {
            self.finish();
        }
    }

    /// What is left, a chunk at most, goes to the queue, whatever its bound (invariant 4).
    fn finish(&mut self) {
        self.deliver();
        if let Reader::Collected(_, collection) = &self.reader
            && let Some(text) = collection.end()
        {
            self.collect_no_more(&text);
        }
        self.cut_last();
        self.deliver();
        let Reader::Queue(queue) = &self.reader else {
            return;
        };
        for line in core::mem::take(&mut self.waiting) {
            let weight = line.weight();
            self.waiting_bytes -= weight;
            match queue.force_push(line) {
                Ok(()) => {
                    self.sizes.push_back(weight);
                    self.queued += weight;
                }
                Err(_) => self.refused += weight as u64,
            }
        }
        queue.close();
    }

    /// Nobody fills the queue any more.
    pub(super) fn abandon(&mut self) {
        self.lost += self.spilled();
        self.spill = None;
        self.finish();
    }

    /// How many bytes nobody has read.
    pub(super) fn unread(&self) -> u64 {
        let here = self.queued + self.waiting_bytes + self.cutter.partial.len();
        here as u64 + self.spilled() + self.lost + self.refused
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }
}

/// Does nobody else hold the queue?
fn is_last(queue: &Queue<Line>) -> bool {
    let is_last = queue.is_last();
    fence(Acquire); // what the others did with it comes before
    is_last
}
