//! A connection for models, which answer in the place of its worker.

use core::fmt;
use core::panic::Location;
use std::io::{PipeReader, PipeWriter, pipe};

use super::connection::{Answer, Attended, Connection};
use super::error::{Ended, Why};
use super::lines::Lines;
use super::protocol::{LONGEST_LINE, Request};
use crate::signal::{Signal, WaitSite};

/// The parent's side, and what the worker would read.
pub struct Wire {
    connection: Connection,
    _calls: PipeReader,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl Wire {
    /// With calls 1 to `calls`, and the end to write their answers to.
    pub fn new(calls: u64) -> (Self, PipeWriter) {
        let (their_calls, our_calls) = pipe().expect("a pipe");
        let (our_answers, their_answers) = pipe().expect("a pipe");
        let (ours, lines) = ((our_calls, our_answers), Lines::new(LONGEST_LINE));
        let connection = Connection::new("w".into(), ours, lines).expect("a connection");
        for id in 1..=calls {
            let request = Request::call(id, "f", &(), None::<&()>, &[]).expect("a line");
            connection.send("f", &request).expect("it lives");
        }
        let wire = Self {
            connection,
            _calls: their_calls,
        };
        (wire, their_answers)
    }

    /// The answer, or none if the worker has ended; the index of the signal that was set first.
    pub fn wait(&self, id: u64, signals: &[&Signal]) -> Result<Option<String>, usize> {
        match self.connection.wait(id, signals, &site)? {
            Answer::Out(text) => Ok(Some(text.into())),
            Answer::Ended(_) => Ok(None),
            other => panic!("{other:?}"),
        }
    }

    /// As who gives up waiting does.
    pub fn cancel(&self, id: u64) {
        self.connection.cancel(id);
    }

    /// Looks after the connection, until the signal is set (true) or the worker has closed its end.
    pub fn attend(&self, signal: &Signal) -> bool {
        loop {
            match self.connection.attend(&[signal], &site()) {
                Attended::Cancelled => {}
                ended => return ended == Attended::Signal(0),
            }
        }
    }

    /// The worker has ended; how many calls it has not answered.
    pub fn finish(&self) -> usize {
        let ended = Ended::new(self.connection.worker(), Why::Itself, None, String::new());
        self.connection.finish(&ended, &site())
    }
}

#[track_caller]
fn site() -> WaitSite<'static> {
    WaitSite::new("wait for", Some("the worker"), Location::caller())
}
