//! The reading of a connection, which one thread has at a time.
//!
//! # Invariants
//!
//! Those of [`connection`](super).

use std::io;

use super::{Answer, Connection, State};
use crate::primitive::Arc;
use crate::primitive::sys::inlet::Inlet;
use crate::process::worker::protocol::{self, Lines};
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
    pub(super) fn until(mut self, id: u64, signals: &[&Signal], site: &WaitSite<'static>) -> Read {
        let connection = self.connection;
        let mut all = [&connection.ending; 3];
        all[..signals.len()].copy_from_slice(signals);
        let all = &all[..=signals.len()];
        let read = loop {
            let Intake { lines, reader } = self.intake();
            let got =
                lines.read(|buffer| reader.read_until(buffer, all, || site.clone()).map(Some));
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
                    if n < protocol::READ && !to_the_end {
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
    fn hand_out(&mut self, own: Option<u64>) -> Option<Answer> {
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

#[cfg(test)]
mod tests {
    use core::panic::Location;
    use std::io::{PipeReader, PipeWriter, Write, pipe};

    use crate::process::worker::connection::{Answer, Connection};
    use crate::process::worker::protocol::{LONGEST_LINE, Lines, Request};
    use crate::signal::{Signal, WaitSite};

    /// A connection with calls 1 and 2, and the worker's ends of it.
    fn connected() -> (Connection, PipeReader, PipeWriter) {
        let (their_calls, our_calls) = pipe().unwrap();
        let (our_answers, their_answers) = pipe().unwrap();
        let ours = (our_calls, our_answers);
        let connection = Connection::new("w".into(), ours, Lines::new(LONGEST_LINE)).unwrap();
        for id in [1, 2] {
            let request = Request::call(id, "f", None, None, &[]);
            connection.send(&"f".into(), &request).unwrap();
        }
        (connection, their_calls, their_answers)
    }

    fn wait(connection: &Connection, id: u64, signal: &Signal) -> Result<String, usize> {
        let site = WaitSite::new("test", None, Location::caller());
        match connection.wait(id, &[signal], &site)? {
            Answer::Out(text) => Ok(text.into()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_reader_is_stopped_and_the_other_one_gets_its_answer() {
        let (connection, _calls, mut answers) = connected();
        let stop = Signal::new();
        std::thread::scope(|scope| {
            let first = scope.spawn(|| wait(&connection, 1, &stop));
            while connection.state.lock().intake.is_some() {
                std::thread::yield_now(); // it is on its way
            }
            let second = scope.spawn(|| wait(&connection, 2, &Signal::new()));
            while connection.state.lock().pending[&2].waiter.is_none() {
                std::thread::yield_now(); // it is on its way
            }
            // The half of a line that it has read is not lost.
            answers.write_all(b"{\"id\":2,").unwrap();
            stop.set();
            assert_eq!(first.join().unwrap(), Err(0));
            answers.write_all(b"\"out\":[2]}\n").unwrap();
            assert_eq!(second.join().unwrap(), Ok("[2]".to_owned()));
        });
        assert_eq!(connection.state.lock().pending.len(), 1); // nobody has cancelled it
    }

    #[test]
    fn who_reads_gets_its_answer_from_among_others_and_once() {
        let (connection, _calls, mut answers) = connected();
        let text = "{\"id\":2,\"out\":2}\n\n{\"id\":1,\"out\":1}\n{\"id\":1,\"out\":0}\n {\"out\":0,\"id\":2}\n";
        answers.write_all(text.as_bytes()).unwrap();
        assert_eq!(wait(&connection, 1, &Signal::new()), Ok("1".to_owned()));
        assert_eq!(
            wait(&connection, 2, &Signal::always()),
            Ok("2".to_owned()),
            "what is ready comes first"
        );
        assert!(connection.state.lock().pending.is_empty());
    }

    #[test]
    fn a_nul_in_a_line_is_skipped_wherever_it_is() {
        let (connection, _calls, mut answers) = connected();
        answers
            .write_all(b"\0{\"id\":1,\0\"out\":1\0}\0\n\0{\"id\":2,\"out\":\"a\0b\"}\n")
            .unwrap();
        assert_eq!(wait(&connection, 1, &Signal::new()), Ok("1".to_owned()));
        assert_eq!(
            wait(&connection, 2, &Signal::new()),
            Ok("\"ab\"".to_owned())
        );
    }
}
