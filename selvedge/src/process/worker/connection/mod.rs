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
//! 2. Only who has taken `State::intake` reads. It puts it back on every way out, and then tells one follower, or
//!    the keeper.
//! 3. A line goes out whole: under the lock of `writing`, what does not fit is kept in order, and flushed by the keeper.
//! 4. After `State::is_over` is set, every entry has an answer, and none is added.
//! 5. No code of the user runs under a lock; what was logged is told with none held.

mod attend;
mod reading;
#[cfg(all(test, selvedge_process))]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::time::Instant;

pub(super) use attend::Attended;

use crate::primitive::sys::descriptor;
use crate::primitive::sys::inlet::Inlet;
use crate::primitive::{Arc, Mutex};
use crate::probe::{self, Event};
use crate::process::worker::error::{Ended, RemoteError};
use crate::process::worker::lines::{Line, Lines, shown};
use crate::process::worker::protocol::{self, Failure, FromWorker, Request};
use crate::signal::{self, Signal, Spare, WaitSite, Waiter, Woken};
use reading::{Intake, Read, Reading};

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
    /// The answers come through it.
    inlet: Arc<Inlet>,
    /// For the keeper.
    spare: Spare,
    /// The worker is ending: readers leave.
    ending: Signal,
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
    /// The name of what was called last: mostly what is called next.
    called: Arc<str>,
    /// `None`: somebody reads.
    intake: Option<Box<Intake>>,
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
    /// Something was cancelled since the keeper has looked.
    cancels: bool,
    is_over: bool,
}

struct Pending {
    call: Arc<str>,
    answer: Option<Answer>,
    /// Who waits for it without reading.
    waiter: Option<Arc<Waiter>>,
    /// Nobody waits any more, since then.
    cancelled: Option<Instant>,
}

/// Why a call was not sent.
#[derive(Debug)]
pub(super) enum Unsent {
    Over,
    /// Much waits to be written; the signal is set when it is gone.
    Full(Signal),
}

impl State {
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

    /// A signal that is set when what waits to be written is gone, if that is much.
    fn pressure(&mut self) -> Option<Signal> {
        if self.rest.len() <= PRESSURE {
            return None;
        }
        let flushed = self
            .flushed
            .get_or_insert_with(|| Signal::named("the worker reads its calls"));
        Some(flushed.clone())
    }

    /// Writes a line, or as much as there is room for, and keeps the rest (invariant 3). Is it written?
    fn add(&mut self, line: &[u8]) -> bool {
        let sent = match self.rest.is_empty() {
            true => self.put(line),
            false => 0,
        };
        self.rest.extend_from_slice(&line[sent..]);
        sent == line.len()
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
        let inlet = Arc::new(Inlet::new(answers.into()));
        let intake = Some(Box::new(Intake::new(&inlet, lines)));
        let connection = Self {
            worker,
            inlet,
            spare: Spare::default(),
            ending: Signal::named("the worker's end"),
            writing: Mutex::new(Writing {
                calls: Some(Arc::new(calls)),
                rest: Vec::new(),
                flushed: None,
            }),
            state: Mutex::new(State {
                pending: BTreeMap::new(),
                called: "".into(),
                intake,
                reads: 0,
                answered: 0,
                nudge: Signal::new(),
                keeper_asks: false,
                cancels: false,
                at_end: false,
                is_over: false,
            }),
        };
        connection.hand_out_what_is_there();
        Ok(connection)
    }

    /// Hands out what came with the answer to the configuration.
    fn hand_out_what_is_there(&self) {
        let reading = Reading::begin(self, &mut self.state.lock());
        if let Some(mut reading) = reading {
            reading.hand_out(None);
        }
    }

    /// The path of the worker.
    pub(super) fn worker(&self) -> &Arc<str> {
        &self.worker
    }

    /// Sends a call, whose number no other has had; the name of what it calls.
    pub(super) fn send(&self, call: &str, request: &Request) -> Result<Arc<str>, Unsent> {
        let mut writing = self.writing.lock();
        if let Some(flushed) = writing.pressure() {
            return Err(Unsent::Full(flushed));
        }
        let call = {
            let mut state = self.state.lock();
            if state.is_over {
                return Err(Unsent::Over); // invariant 4
            }
            if *state.called != *call {
                state.called = call.into();
            }
            let call = Arc::clone(&state.called);
            let pending = Pending {
                call: Arc::clone(&call),
                answer: None,
                waiter: None,
                cancelled: None,
            };
            state.pending.insert(request.id, pending);
            call
        };
        let is_written = writing.add(&request.line);
        drop(writing);
        if !is_written {
            self.nudge();
        }
        Ok(call)
    }

    /// Writes a line, or leaves it, or its rest, to the keeper. That nobody reads is seen by who waits for an answer.
    pub(super) fn write(&self, line: &[u8]) {
        let is_written = self.writing.lock().add(line);
        if !is_written {
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

    /// Reads what is there, and takes the answer, if that is it. Waits for nothing.
    pub(super) fn try_take(&self, id: u64) -> Option<Answer> {
        let mut state = self.state.lock();
        if let Some(answer) = state.take(id) {
            return Some(answer);
        }
        let mut reading = self.begin_reading(&mut state)?;
        drop(state);
        reading.receive(false);
        drop(reading);
        self.state.lock().take(id)
    }

    /// Waits for the answer of a call; the index of the signal that was set first.
    pub(super) fn wait(
        &self,
        id: u64,
        signals: &[&Signal],
        site: &impl Fn() -> WaitSite<'static>,
    ) -> Result<Answer, usize> {
        loop {
            let reading = {
                let mut state = self.state.lock();
                if let Some(answer) = state.take(id) {
                    return Ok(answer);
                }
                self.begin_reading(&mut state)
            };
            let read = reading.map(|reading| reading.until(id, signals, site));
            let ended = match read {
                Some(Read::Answer(answer)) => return Ok(answer),
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

    /// Waits while another reads, or, if need be, will.
    fn follow(
        &self,
        id: u64,
        signals: &[&Signal],
        site: &impl Fn() -> WaitSite<'static>,
        may_read: bool,
    ) -> Option<usize> {
        let enqueue = |waiter: &Arc<Waiter>| {
            let mut state = self.state.lock();
            if state.is_answered(id) || (may_read && self.may_read(&state)) {
                return None;
            }
            state.pending.get_mut(&id)?.waiter = Some(Arc::clone(waiter));
            Some(())
        };
        match Waiter::wait_notified(signals, site(), enqueue) {
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

    fn may_read(&self, state: &State) -> bool {
        state.intake.is_some() && !state.at_end && !self.ending.is_set()
    }

    /// Who is to read next of those that wait. If none may, the keeper is told: it may wait for that.
    fn next_reader(&self, state: &mut State) -> Option<Arc<Waiter>> {
        if !self.may_read(state) {
            return None;
        }
        let mut pending = state.pending.values_mut();
        pending.find_map(|pending| pending.waiter.take())
    }

    /// Becomes the reader, if there is none.
    fn begin_reading<'c>(&'c self, state: &mut State) -> Option<Reading<'c>> {
        if !self.may_read(state) {
            return None;
        }
        state.reads += 1;
        Reading::begin(self, state)
    }

    /// Nothing more comes.
    fn is_at_end(&self) {
        self.state.lock().at_end = true;
        self.nudge();
    }

    /// Hands out what a line says; to `own` its answer, if it is that.
    fn hand_out(&self, line: Line<'_>, own: Option<u64>) -> Option<Answer> {
        let line = match line {
            Line::TooLong(head, len) => {
                return match protocol::id_of(head) {
                    Some(id) => self.answer(id, own, |_| Answer::TooLong(len)),
                    None => self.complain(head, &format_args!("it has {len} bytes")),
                };
            }
            Line::Whole(line) => line,
        };
        if let Some((id, out)) = protocol::usual_answer(line) {
            return match own == Some(id) {
                true => Some(Answer::Out(out.get().into())),
                false => self.answer(id, own, |_| Answer::Out(out.get().into())),
            };
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let read: FromWorker<'_> = match protocol::read(line) {
            Ok(read) => read,
            Err(error) => {
                self.complain(line, &error);
                let failure = Failure::malformed(&error, line);
                let id = protocol::id_of(line)?;
                return self.answer(id, own, |call| self.failed(call, failure));
            }
        };
        match read {
            FromWorker { log: Some(log), .. } => {
                probe::emit(&Event::WorkerLogged {
                    worker: &self.worker,
                    level: &log.level,
                    logger: &log.logger,
                    message: &log.message,
                });
                None
            }
            FromWorker {
                id: Some(id),
                out: Some(out),
                ..
            } => self.answer(id, own, |_| Answer::Out(out.get().into())),
            FromWorker {
                id: Some(id),
                err: Some(failure),
                ..
            } => self.answer(id, own, |call| self.failed(call, failure)),
            FromWorker {
                err: Some(failure), ..
            } => self.complain(line, &failure.message),
            _ => self.complain(line, &"it has neither `out` nor `err` nor `log`"),
        }
    }

    fn failed(&self, call: &Arc<str>, failure: Failure) -> Answer {
        Answer::Failed(RemoteError::new(Arc::clone(&self.worker), call, failure))
    }

    /// The call's answer, once; who reads for it has it directly, and takes the entry out when it leaves.
    fn answer(
        &self,
        id: u64,
        own: Option<u64>,
        answer: impl FnOnce(&Arc<str>) -> Answer,
    ) -> Option<Answer> {
        let mut state = self.state.lock();
        let pending = state.pending.get_mut(&id)?; // otherwise answered twice, or never asked
        if pending.answer.is_some() {
            return None; // invariant 1
        }
        if pending.cancelled.is_some() {
            state.pending.remove(&id);
            return None;
        }
        let answer = answer(&pending.call);
        if own == Some(id) {
            return Some(answer);
        }
        pending.answer = Some(answer);
        let waiter = pending.waiter.take();
        state.answered += 1;
        drop(state);
        if let Some(waiter) = waiter {
            waiter.notify();
        }
        None
    }

    /// Reports a line that cannot be understood.
    fn complain(&self, line: &[u8], why: &dyn core::fmt::Display) -> Option<Answer> {
        probe::emit(&Event::WorkerMalformed {
            worker: &self.worker,
            line: &shown(line),
            why,
        });
        None
    }

    fn nudge(&self) {
        let nudge = self.state.lock().nudge.clone();
        nudge.set();
    }
}
