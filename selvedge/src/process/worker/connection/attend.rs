//! What the keeper does for a connection: it reads while no caller does, writes what did not fit, and ends it.
//!
//! # Invariants
//!
//! Those of [`connection`](super), and: the keeper hangs up a fresh nudge before it looks at the state, so that a
//! change that it has not seen wakes it.

use std::io::PipeWriter;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::reading::Reading;
use super::{Answer, Connection};
use crate::primitive::Arc;
use crate::primitive::sys::descriptor::Interest;
use crate::process::worker::error::Ended;
use crate::signal::{Ready, Signal, Till, WaitSite, Waiter, Woken, wait_ready};

/// How long no caller must have read before the keeper does: to take turns would cost each call a switch of threads.
const QUIET: Duration = Duration::from_millis(10);

/// What the keeper is to do next.
enum Turn {
    Read,
    /// A caller may come again soon.
    Rest,
    /// A caller reads, or there is nothing to read.
    Wait,
}

/// Why [`attend`](Connection::attend) returned.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Attended {
    /// The signal with this index is set.
    Signal(usize),
    /// A call was cancelled.
    Cancelled,
    /// The worker has closed its output.
    AtEnd,
}

impl Connection {
    /// Looks after the connection until one of `signals` is set, or something is to be done that it cannot do.
    pub(in super::super) fn attend(
        &self,
        signals: &[&Signal],
        site: &WaitSite<'static>,
    ) -> Attended {
        // How often callers had read when it looked last.
        let mut reads = None;
        loop {
            let nudge = Signal::new();
            let (turn, mut reading) = {
                let mut state = self.state.lock();
                state.nudge = nudge.clone();
                state.keeper_asks = state.intake.is_none();
                if core::mem::take(&mut state.cancels) {
                    return Attended::Cancelled;
                }
                if state.at_end {
                    return Attended::AtEnd;
                }
                match reads == Some(state.reads) {
                    _ if state.intake.is_none() => (Turn::Wait, None),
                    true => (Turn::Read, Reading::begin(self, &mut state)),
                    false => {
                        reads = Some(state.reads);
                        (Turn::Rest, None)
                    }
                }
            };
            let till = match turn {
                Turn::Rest => Till::after(QUIET),
                Turn::Read | Turn::Wait => Signal::never(),
            };
            let mut all = signals.to_vec();
            all.extend([&nudge, &till]);
            let woken = match (self.flush(), &reading) {
                (None, None) => Some(rest(&all, site)),
                (calls, reading) => self.sleep(calls.as_deref(), reading.is_some(), &all, site),
            };
            match woken {
                Some(at) if at < signals.len() => return Attended::Signal(at),
                Some(_) => {}
                None => {
                    if let Some(reading) = &mut reading {
                        let answered = self.state.lock().answered;
                        reading.receive(false);
                        if self.state.lock().answered != answered {
                            reads = None; // a caller is at work: it had better read by itself
                        }
                    }
                }
            }
            drop(reading);
        }
    }

    /// Writes what was left; where the next is to be written, if anything is still.
    fn flush(&self) -> Option<Arc<PipeWriter>> {
        let mut writing = self.writing.lock();
        let sent = writing.put(&writing.rest);
        writing.rest.drain(..sent);
        if !writing.rest.is_empty() {
            return writing.calls.clone();
        }
        let flushed = writing.flushed.take();
        drop(writing);
        if let Some(flushed) = flushed {
            flushed.set();
        }
        None
    }

    /// No more lines go to the worker.
    pub(in super::super) fn end_input(&self) {
        self.writing.lock().calls = None;
        self.flush();
    }

    /// Sleeps until there is room in `calls`, or an answer if it reads (`None`), or a signal is set.
    fn sleep(
        &self,
        calls: Option<&PipeWriter>,
        reads: bool,
        signals: &[&Signal],
        site: &WaitSite<'static>,
    ) -> Option<usize> {
        let answers = (self.inlet.as_fd(), Interest::Read);
        let room = calls.map(|calls| (calls.as_fd(), Interest::Write));
        let sources = [room.unwrap_or(answers), answers];
        let sources = match (room, reads) {
            (Some(_), true) => &sources[..],
            _ => &sources[..1],
        };
        match wait_ready(sources, signals, &self.spare, || site.clone()) {
            Ok(Ready::Source) => None,
            Ok(Ready::Signal(at)) => Some(at),
            // The system has no descriptor left: looks now and then, until it has.
            Err(_) => {
                let till = Till::after(QUIET);
                let mut all = signals.to_vec();
                all.push(&till);
                let at = rest(&all, site);
                (at < signals.len()).then_some(at)
            }
        }
    }

    /// The call that was cancelled first and is not answered yet, and when that was.
    pub(in super::super) fn unanswered(&self) -> Option<(Instant, Arc<str>)> {
        let state = self.state.lock();
        let cancelled = state
            .pending
            .values()
            .filter_map(|pending| Some((pending.cancelled?, pending)));
        let (when, pending) = cancelled.min_by_key(|(when, _)| *when)?;
        Some((when, Arc::clone(&pending.call)))
    }

    /// The worker has ended: hands out what it has left, and the end to every call that it has not answered; how many
    /// these were.
    pub(in super::super) fn finish(&self, ended: &Ended, site: &WaitSite<'static>) -> usize {
        self.ending.set();
        let mut reading = loop {
            let nudge = Signal::new();
            {
                let mut state = self.state.lock();
                state.nudge = nudge.clone();
                state.keeper_asks = true;
                if let Some(reading) = Reading::begin(self, &mut state) {
                    break reading;
                }
            }
            rest(&[&nudge], site); // the reader leaves, because of `ending`
        };
        if !self.state.lock().at_end {
            reading.receive(true);
        }
        let left = reading.rest();
        if !left.is_empty() {
            self.complain(left, &"it ended in the middle of the line");
        }
        let mut waiters = Vec::new();
        let mut told = 0;
        {
            let mut state = self.state.lock();
            state.is_over = true;
            state
                .pending
                .retain(|_, pending| pending.cancelled.is_none());
            for pending in state.pending.values_mut() {
                if pending.answer.is_none() {
                    pending.answer = Some(Answer::Ended(ended.clone()));
                    told += 1;
                }
                waiters.extend(pending.waiter.take());
            }
        }
        drop(reading);
        for waiter in waiters {
            waiter.notify();
        }
        self.end_input(); // nobody waits for room, now or later
        told
    }
}

/// Sleeps until one of `signals` is set.
fn rest(signals: &[&Signal], site: &WaitSite<'static>) -> usize {
    match Waiter::wait_notified(signals, site.clone(), |_| Some(())) {
        Some(((), Woken::Signal(at))) => at,
        _ => unreachable!("nobody else knows this waiter"),
    }
}
