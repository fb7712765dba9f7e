//! The line to one life of a worker: calls out, answers in.
//!
//! Whoever waits for an answer reads, if nobody else does, and hands the answers of others to them: a thread that
//! calls needs no second one to wake it. Who leaves with its answer lets another one read. While no call is waited
//! for, the worker's keeper reads ([`attend`]), so that what is logged arrives, too.
//!
//! # Invariants
//!
//! 1. Of each call there is at most one entry in `pending`; it gets one answer, the first, and is taken out by who
//!    waits for it or when it is cancelled and answered.
//! 2. Only who has set `State::reader` reads, and puts `lines` back before it clears it. It clears it on every way
//!    out, and then tells one follower, or the keeper.
//! 3. A line goes out whole: under the lock of `writing`, what does not fit is kept in order, and flushed by the keeper.
//! 4. After `State::over` is set, every entry has an answer, and none is added.
//! 5. No code of the user runs under a lock; what was logged is told with none held.

mod attend;
#[cfg(test)]
mod tests;

use core::mem;
use std::collections::BTreeMap;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::time::Instant;

pub(super) use attend::Attended;

use crate::primitive::sys::descriptor::{self, Interest};
use crate::primitive::{Arc, Mutex};
use crate::probe::{self, Event};
use crate::process::worker::error::{Ended, RemoteError};
use crate::process::worker::protocol::{self, Failure, FromWorker, Line, Lines, Request};
use crate::signal::{self, Ready, Signal, Spare, WaitSite, Waiter, Woken, wait_ready};

/// How much waits to be written before a call waits with it.
const PRESSURE: usize = 1 << 20;

/// What has become of a call.
#[derive(Debug)]
pub(super) enum Answer {
    /// Its result, as JSON.
    Out(Box<str>),
    Failed(RemoteError),
    /// The result had so many bytes.
    TooLong(usize),
    Ended(Ended),
}

/// The parent's ends of the two pipes to the worker.
pub(super) struct Connection {
    worker: Arc<str>,
    answers: PipeReader,
    /// For a caller that reads and waits for nothing else, and for others.
    spares: [Spare; 2],
    lines: Mutex<Lines>,
    writing: Mutex<Writing>,
    state: Mutex<State>,
}

struct Writing {
    /// `None`: no more lines go to the worker.
    calls: Option<Arc<PipeWriter>>,
    /// What did not fit.
    rest: Vec<u8>,
    /// Set when there is no rest any more.
    flushed: Option<Signal>,
}

struct State {
    pending: BTreeMap<u64, Pending>,
    reader: bool,
    /// How often a caller has read.
    reads: u64,
    /// How many answers were handed out.
    answered: u64,
    /// Set to make the keeper look again.
    nudge: Signal,
    /// The keeper wants to know when nobody reads.
    keeper_asks: bool,
    /// The stream has ended, or cannot be read.
    at_end: bool,
    /// The worker is ending: readers leave.
    ending: Signal,
    /// Something was cancelled since the keeper has looked.
    cancels: bool,
    over: Option<Ended>,
}

struct Pending {
    call: Arc<str>,
    answer: Option<Answer>,
    /// Who waits for it without reading.
    waiter: Option<Arc<Waiter>>,
    /// Nobody waits any more, since then.
    cancelled: Option<Instant>,
}

/// What has become of a wait by who reads.
enum Read {
    /// It looks again.
    Done,
    Signal(usize),
    /// The system has no descriptor left.
    Unable,
}

/// Whoever reads; drop it to leave (invariant 2).
pub(super) struct Reading<'c>(&'c Connection);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.reader = false;
        let next = state.next_reader();
        let nudge = state.keeper_asks.then(|| state.nudge.clone());
        drop(state);
        if let Some(next) = next {
            next.notify();
        } else if let Some(nudge) = nudge {
            nudge.set();
        }
    }
}

impl State {
    fn may_read(&self) -> bool {
        !self.reader && !self.at_end && !self.ending.is_set()
    }

    /// Who is to read next of those that wait. If none may, the keeper is told: it may wait for that.
    fn next_reader(&mut self) -> Option<Arc<Waiter>> {
        if !self.may_read() {
            return None;
        }
        let mut pending = self.pending.values_mut();
        pending.find_map(|pending| pending.waiter.take())
    }

    fn is_answered(&self, id: u64) -> bool {
        self.pending
            .get(&id)
            .is_none_or(|pending| pending.answer.is_some())
    }

    fn take(&mut self, id: u64) -> Option<Answer> {
        let answer = self.pending.get_mut(&id)?.answer.take()?;
        self.pending.remove(&id);
        Some(answer)
    }
}

impl Writing {
    /// Writes what there is room for; how much need not be written any more.
    fn put(&self, bytes: &[u8]) -> usize {
        let Some(calls) = &self.calls else {
            return bytes.len();
        };
        let mut sent = 0;
        while sent < bytes.len() {
            match descriptor::put(calls.as_fd(), &bytes[sent..]) {
                Ok(Some(n)) => sent += n,
                Ok(None) => break,
                Err(_) => return bytes.len(), // the other end is gone
            }
        }
        sent
    }
}

impl Connection {
    /// `answers` is past the answer to the configuration, but for `lines`.
    pub(super) fn new(
        worker: Arc<str>,
        (calls, answers): (PipeWriter, PipeReader),
        lines: Lines,
    ) -> io::Result<Self> {
        descriptor::never_waits(calls.as_fd())?;
        descriptor::never_waits(answers.as_fd())?;
        Ok(Self {
            worker,
            answers,
            spares: [Spare::lasting(), Spare::default()],
            lines: Mutex::new(lines),
            writing: Mutex::new(Writing {
                calls: Some(Arc::new(calls)),
                rest: Vec::new(),
                flushed: None,
            }),
            state: Mutex::new(State {
                pending: BTreeMap::new(),
                reader: false,
                reads: 0,
                answered: 0,
                nudge: Signal::new(),
                keeper_asks: false,
                cancels: false,
                at_end: false,
                ending: Signal::named("the worker's end"),
                over: None,
            }),
        })
    }

    /// The path of the worker.
    pub(super) fn worker(&self) -> &Arc<str> {
        &self.worker
    }

    /// Sends a call, whose number no other has had.
    pub(super) fn send(&self, call: &Arc<str>, request: &Request) -> Result<(), Ended> {
        {
            let mut state = self.state.lock();
            if let Some(over) = &state.over {
                return Err(over.clone()); // invariant 4
            }
            let pending = Pending {
                call: Arc::clone(call),
                answer: None,
                waiter: None,
                cancelled: None,
            };
            state.pending.insert(request.id, pending);
        }
        self.write(request.line.as_bytes());
        Ok(())
    }

    /// A signal that is set when what waits to be written is gone, if that is much.
    pub(super) fn pressure(&self) -> Option<Signal> {
        let mut writing = self.writing.lock();
        if writing.rest.len() <= PRESSURE {
            return None;
        }
        let flushed = writing
            .flushed
            .get_or_insert_with(|| Signal::named("the worker reads its calls"));
        Some(flushed.clone())
    }

    /// Writes a line, or leaves it, or its rest, to the keeper. That nobody reads is seen by who waits for an answer.
    pub(super) fn write(&self, line: &[u8]) {
        let mut writing = self.writing.lock();
        let sent = match writing.rest.is_empty() {
            true => writing.put(line),
            false => 0,
        };
        if sent < line.len() {
            writing.rest.extend_from_slice(&line[sent..]); // invariant 3
            drop(writing);
            self.nudge();
        }
    }

    /// Nobody waits for this call any more: tells the worker. Its answer is dropped.
    pub(super) fn cancel(&self, id: u64) {
        {
            let mut state = self.state.lock();
            state.cancels = true;
            match state.pending.get_mut(&id) {
                None => return,
                Some(pending) if pending.answer.is_some() => {
                    state.pending.remove(&id);
                    return;
                }
                Some(pending) => pending.cancelled = Some(signal::now()),
            }
        }
        self.write(protocol::cancel(id).as_bytes());
        self.nudge();
    }

    /// The answer, if there is one.
    pub(super) fn take(&self, id: u64) -> Option<Answer> {
        self.state.lock().take(id)
    }

    /// Reads what is there, and takes the answer, if that is it. Waits for nothing.
    pub(super) fn try_take(&self, id: u64) -> Option<Answer> {
        if let Some(answer) = self.take(id) {
            return Some(answer);
        }
        if let Some(reading) = self.begin_reading() {
            self.receive(false);
            drop(reading);
        }
        self.take(id)
    }

    /// Waits for the answer of a call; the index of the signal that was set first.
    pub(super) fn wait(
        &self,
        id: u64,
        signals: &[&Signal],
        site: &WaitSite<'static>,
    ) -> Result<Answer, usize> {
        loop {
            if let Some(answer) = self.take(id) {
                return Ok(answer);
            }
            let read = self
                .begin_reading()
                .map(|_reading| self.read(id, signals, site));
            let ended = match read {
                Some(Read::Done) => None,
                Some(Read::Signal(at)) => Some(at),
                // No descriptor to be had for the wait: it is left to the keeper, which tries again and again.
                Some(Read::Unable) => self.follow(id, signals, site, false),
                None => self.follow(id, signals, site, true),
            };
            if let Some(at) = ended {
                // What is ready comes first.
                return self.try_take(id).ok_or(at);
            }
        }
    }

    /// Reads until the call is answered or nobody can read any more.
    fn read(&self, id: u64, signals: &[&Signal], site: &WaitSite<'static>) -> Read {
        let ending = self.state.lock().ending.clone();
        let mut all = [&ending; 3];
        all[..signals.len()].copy_from_slice(signals);
        let all = &all[..=signals.len()];
        let source = (self.answers.as_fd(), Interest::Read);
        let spare = &self.spares[usize::from(signals.len() > 1)];
        loop {
            match wait_ready(&[source], all, spare, || site.clone()) {
                Ok(Ready::Signal(at)) if at < signals.len() => return Read::Signal(at),
                Ok(Ready::Signal(_)) => return Read::Done,
                Ok(Ready::Source) => {
                    if !self.receive(false) || self.state.lock().is_answered(id) {
                        return Read::Done;
                    }
                }
                Err(_) => return Read::Unable,
            }
        }
    }

    /// Waits while another reads, or, if need be, will.
    fn follow(
        &self,
        id: u64,
        signals: &[&Signal],
        site: &WaitSite<'static>,
        may_read: bool,
    ) -> Option<usize> {
        let enqueue = |waiter: &Arc<Waiter>| {
            let mut state = self.state.lock();
            if state.is_answered(id) || (may_read && state.may_read()) {
                return None;
            }
            state.pending.get_mut(&id)?.waiter = Some(Arc::clone(waiter));
            Some(())
        };
        match Waiter::wait_notified(signals, site.clone(), enqueue) {
            Some(((), Woken::Signal(at))) => {
                // Nobody is to hand the reading over to who has gone.
                if let Some(pending) = self.state.lock().pending.get_mut(&id) {
                    pending.waiter = None;
                }
                Some(at)
            }
            _ => None,
        }
    }

    /// Becomes the reader, if there is none.
    fn begin_reading(&self) -> Option<Reading<'_>> {
        let mut state = self.state.lock();
        if !state.may_read() {
            return None;
        }
        state.reader = true;
        state.reads += 1;
        Some(Reading(self))
    }

    /// Reads what is there and hands it out; the reader alone calls it. Is there more to come?
    pub(super) fn receive(&self, to_the_end: bool) -> bool {
        let mut lines = mem::replace(&mut *self.lines.lock(), Lines::new(0)); // invariant 2
        let answers = self.answers.as_fd();
        let more = loop {
            match lines.read(|buffer| descriptor::take(answers, buffer)) {
                Ok(Some(0)) | Err(_) => break false,
                Ok(None) => break true,
                Ok(Some(n)) => {
                    while let Some(line) = lines.next() {
                        self.hand_out(line);
                    }
                    if n < protocol::READ && !to_the_end {
                        break true;
                    }
                }
            }
        };
        *self.lines.lock() = lines;
        if !more {
            self.state.lock().at_end = true;
            self.nudge();
        }
        more
    }

    fn hand_out(&self, line: Line<'_>) {
        let line = match line {
            Line::TooLong(head, len) => {
                match protocol::id_of(head) {
                    Some(id) => self.answer(id, |_| Answer::TooLong(len)),
                    None => self.complain(head, &format_args!("it has {len} bytes")),
                }
                return;
            }
            Line::Whole(line) => line,
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let read: FromWorker<'_> = match protocol::read(line) {
            Ok(read) => read,
            Err(error) => {
                self.complain(line, &error);
                if let Some(id) = protocol::id_of(line) {
                    let failure = Failure::malformed(&error, line);
                    self.answer(id, |call| self.failed(call, failure));
                }
                return;
            }
        };
        match read {
            FromWorker { log: Some(log), .. } => probe::emit(&Event::WorkerLogged {
                worker: &self.worker,
                level: &log.level,
                logger: &log.logger,
                message: &log.message,
            }),
            FromWorker {
                id: Some(id),
                out: Some(out),
                ..
            } => {
                self.answer(id, |_| Answer::Out(out.get().into()));
            }
            FromWorker {
                id: Some(id),
                err: Some(failure),
                ..
            } => {
                self.answer(id, |call| self.failed(call, failure));
            }
            FromWorker {
                err: Some(failure), ..
            } => {
                self.complain(line, &failure.message);
            }
            _ => self.complain(line, &"it has neither `out` nor `err` nor `log`"),
        }
    }

    fn failed(&self, call: &str, failure: Failure) -> Answer {
        Answer::Failed(RemoteError::new(Arc::clone(&self.worker), call, failure))
    }

    /// The call's answer, once.
    fn answer(&self, id: u64, answer: impl FnOnce(&str) -> Answer) {
        let mut state = self.state.lock();
        let Some(pending) = state.pending.get_mut(&id) else {
            return; // answered twice, or never asked
        };
        if pending.answer.is_some() {
            return; // invariant 1
        }
        if pending.cancelled.is_some() {
            state.pending.remove(&id);
            return;
        }
        pending.answer = Some(answer(&pending.call));
        let waiter = pending.waiter.take();
        state.answered += 1;
        drop(state);
        if let Some(waiter) = waiter {
            waiter.notify();
        }
    }

    /// Reports a line that cannot be understood.
    fn complain(&self, line: &[u8], why: &dyn core::fmt::Display) {
        probe::emit(&Event::WorkerMalformed {
            worker: &self.worker,
            line: &protocol::shown(line),
            why,
        });
    }

    fn nudge(&self) {
        let nudge = self.state.lock().nudge.clone();
        nudge.set();
    }
}
