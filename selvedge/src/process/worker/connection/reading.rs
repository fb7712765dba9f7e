//! The reading of a connection, which one thread has at a time.
//!
//! # Invariants
//!
//! Those of [`connection`](super).

use std::io;

use super::{Answer, Connection, State};
use crate::primitive::Arc;
use crate::primitive::sys::inlet::Inlet;
use crate::process::worker::lines::{Lines, READ};
use crate::signal::{Reader, Signal, Unread, WaitSite};

/// What who reads has.
pub(super) struct Intake {
    lines: Lines,
    reader: Reader,
}

impl Intake {
    pub(super) fn new(inlet: &Arc<Inlet>, lines: Lines) -> Self {
        let reader = Reader::new(Arc::clone(inlet));
        Self { lines, reader }
    }
}

/// What has become of a wait by who reads.
pub(super) enum Read {
    Answer(Answer),
    /// It looks again.
    Done,
    Signal(usize),
    /// The system has no descriptor left.
    Unable,
}

/// Whoever reads; drop it to leave (invariant 2).
pub(super) struct Reading<'c> {
    connection: &'c Connection,
    /// Until it leaves.
    intake: Option<Box<Intake>>,
    /// The call for which it reads, once that is answered.
    answered: Option<u64>,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut state = self.connection.state.lock();
        state.intake = self.intake.take();
        if let Some(id) = self.answered {
            state.pending.remove(&id);
        }
        let next = self.connection.next_reader(&mut state);
        let nudge = state.keeper_asks.then(|| state.nudge.clone());
        drop(state);
        if let Some(next) = next {
            next.notify();
        } else if let Some(nudge) = nudge {
            nudge.set();
        }
    }
}

impl<'c> Reading<'c> {
    /// If nobody else reads.
    pub(super) fn begin(connection: &'c Connection, state: &mut State) -> Option<Self> {
        let intake = Some(state.intake.take()?);
        Some(Self {
            connection,
            intake,
            answered: None,
        })
    }

    fn intake(&mut self) -> &mut Intake {
        self.intake.as_mut().expect("it is there until the drop")
    }

    /// Reads until the call is answered or nobody can read any more.
    pub(super) fn until(
        mut self,
        id: u64,
        signals: &[&Signal],
        site: &impl Fn() -> WaitSite<'static>,
    ) -> Read {
        let connection = self.connection;
        let mut all = [&connection.ending; 3];
        all[..signals.len()].copy_from_slice(signals);
        let all = &all[..=signals.len()];
        let read = loop {
            let Intake { lines, reader } = self.intake();
            let got = lines.read(|buffer| reader.read_until(buffer, all, site).map(Some));
            match got {
                Err(Unread::Signal(at)) if at < signals.len() => break Read::Signal(at),
                Err(Unread::Signal(_)) => break Read::Done,
                Err(Unread::Unable) => break Read::Unable,
                Err(Unread::Broken) | Ok(None | Some(0)) => {
                    connection.is_at_end();
                    break Read::Done;
                }
                Ok(Some(_)) => {
                    if let Some(answer) = self.hand_out(Some(id)) {
                        self.answered = Some(id);
                        break Read::Answer(answer);
                    }
                }
            }
        };
        if signals.len() > 1 {
            self.intake().reader.unlink(); // the next call has others
        }
        read
    }

    /// Reads what is there and hands it out. Is there more to come?
    pub(super) fn receive(&mut self, to_the_end: bool) -> bool {
        let connection = self.connection;
        let more = loop {
            let Intake { lines, reader } = self.intake();
            let read: io::Result<_> = lines.read(|buffer| reader.try_read(buffer));
            match read {
                Ok(Some(0)) | Err(_) => break false,
                Ok(None) => break true,
                Ok(Some(n)) => {
                    self.hand_out(None);
                    if n < READ && !to_the_end {
                        break true;
                    }
                }
            }
        };
        if !more {
            connection.is_at_end();
        }
        more
    }

    /// Hands out the lines that are complete; the answer to `own`, if it is among them.
    pub(super) fn hand_out(&mut self, own: Option<u64>) -> Option<Answer> {
        let (connection, mut answer) = (self.connection, None);
        while let Some(line) = self.intake().lines.next() {
            let mine = connection.hand_out(line, own.filter(|_| answer.is_none()));
            answer = answer.or(mine);
        }
        answer
    }

    /// What came after the last line end.
    pub(super) fn rest(&mut self) -> &[u8] {
        self.intake().lines.rest()
    }
}
