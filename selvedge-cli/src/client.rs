//! A connection to a program.
//!
//! # Invariants
//!
//! 1. A read that a signal or a stop ended has lost nothing: what had come is in `unread`.
//! 2. A line has an end: one that is longer than `LONGEST` is a fault, and the connection is no good any more.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use selvedge::io::{Stoppable, interruption, read_until};
use selvedge::observe::inspect::protocol::{Answer, Body, Command, Hello, Request, VERSION};
use selvedge::signal::WaitError;
use selvedge::{Signal, Till};

use crate::fault::Fault;
use crate::text::clean;

/// The longest line that a program may answer: that of a long trace.
const LONGEST: usize = 256 * 1024 * 1024;
/// How long a program may take for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A program that answers.
#[derive(Debug)]
pub struct Connection {
    sender: Sender,
    hello: Hello,
    unread: Vec<u8>,
    /// Up to here `unread` has no end of line.
    looked: usize,
}

/// Sends requests; what they are answered is read from the [`Connection`].
#[derive(Debug, Clone)]
pub struct Sender {
    stream: Arc<UnixStream>,
    path: Arc<Path>,
    last: Arc<AtomicU64>,
}

impl Connection {
    /// Connects, and hears who is there.
    ///
    /// # Errors
    ///
    /// If nobody listens at `path`, or nobody answers within `patience`, or not in our language.
    pub fn open(path: &Path, patience: Duration) -> Result<Self, Fault> {
        let stream = UnixStream::connect(path).map_err(|error| refused(path, &error))?;
        let mut connection = Self {
            sender: Sender {
                stream: Arc::new(stream),
                path: Arc::from(path),
                last: Arc::default(),
            },
            hello: Hello::default(),
            unread: Vec::new(),
            looked: 0,
        };
        match connection.ask_within(Command::Hello { protocol: VERSION }, patience)? {
            Body::Hello(hello) => connection.hello = hello,
            other => return Err(connection.surprised(&other)),
        }
        Ok(connection)
    }

    /// Who answers.
    #[must_use]
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// For requests whose answers are read elsewhere.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Asks, and waits for the answer; for connections without streams.
    ///
    /// # Errors
    ///
    /// If the program refuses, or has gone, or does not answer.
    pub fn ask(&mut self, command: Command) -> Result<Body, Fault> {
        self.ask_within(command, PATIENCE)
    }

    fn ask_within(&mut self, command: Command, patience: Duration) -> Result<Body, Fault> {
        let id = self.sender.send(command)?;
        let till = Till::after(patience);
        loop {
            let answer = self
                .next_until(&till)?
                .ok_or_else(|| self.silent(patience))?;
            match answer.body {
                Body::Error(problem) if answer.id == id || answer.id == 0 => {
                    return Err(Fault::failed(clean(&problem.message)));
                }
                body if answer.id == id => return Ok(body),
                _ => {}
            }
        }
    }

    /// The next answer.
    ///
    /// # Errors
    ///
    /// If the program has gone, or says what is no answer.
    pub fn next_answer(&mut self) -> Result<Answer, Fault> {
        loop {
            if let Some(answer) = self.next_until(&Signal::never())? {
                return Ok(answer);
            }
        }
    }

    /// The next answer, or none when `signal` is set.
    ///
    /// # Errors
    ///
    /// As [`next_answer`](Self::next_answer).
    pub fn next_until(&mut self, signal: &Signal) -> Result<Option<Answer>, Fault> {
        loop {
            if let Some(line) = self.line() {
                let text = String::from_utf8_lossy(&line);
                let answer = Answer::parse(&text).map_err(|error| self.no_answer(&error))?;
                return Ok(Some(answer));
            }
            if self.unread.len() > LONGEST {
                return Err(self.no_answer(&"its line has no end"));
            }
            let mut buffer = [0; 16 * 1024];
            match read_until(&*self.sender.stream, &mut buffer, signal) {
                Ok(0) => return Err(self.sender.gone()),
                Ok(n) => self.unread.extend_from_slice(&buffer[..n]),
                Err(error) => match interruption(&error) {
                    Some(WaitError::Expired) => return Ok(None), // invariant 1
                    Some(_) => return Err(Fault::Stopped),
                    None if error.kind() == ErrorKind::ConnectionReset => {
                        return Err(self.sender.gone());
                    }
                    None => return Err(Fault::of("cannot read what the program answers", &error)),
                },
            }
        }
    }

    /// Takes a line, without its end.
    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.unread[self.looked..]
            .iter()
            .position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| self.looked + end) else {
            self.looked = self.unread.len();
            return None;
        };
        let rest = self.unread.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.unread, rest);
        line.pop();
        self.looked = 0;
        Some(line)
    }

    fn silent(&self, patience: Duration) -> Fault {
        Fault::failed(format_args!(
            "no answer from `{}` within {patience:?}: its process may be stopped, or be somebody else's",
            self.sender.path.display()
        ))
    }

    fn no_answer(&self, why: &dyn std::fmt::Display) -> Fault {
        Fault::failed(format_args!(
            "what answers at `{}` is no inspector of selvedge: {}",
            self.sender.path.display(),
            clean(&why.to_string())
        ))
    }

    pub(crate) fn surprised(&self, body: &Body) -> Fault {
        let said = match body {
            Body::Unknown => {
                "something that this version cannot read; is `selvedge` older than the program?"
                    .to_owned()
            }
            other => format!(
                "what was not asked for: {}",
                clean(&format!("{other:.80?}"))
            ),
        };
        Fault::failed(format_args!(
            "`{}` answered {said}",
            self.sender.path.display()
        ))
    }
}

impl Sender {
    /// Sends a request; its answers have the number that is returned.
    ///
    /// # Errors
    ///
    /// If the program has gone, or takes nothing for long.
    pub fn send(&self, command: Command) -> Result<u64, Fault> {
        let id = self.last.fetch_add(1, Relaxed) + 1; // numbers, and nothing else depends on them
        let line = Request { id, command }.line();
        let mut out = Stoppable::new(&*self.stream).until(Till::after(PATIENCE));
        match out.write_all(line.as_bytes()) {
            Ok(()) => Ok(id),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
                ) =>
            {
                Err(self.gone())
            }
            Err(error) => Err(Fault::of("cannot send a request", &error)),
        }
    }

    fn gone(&self) -> Fault {
        Fault::failed(format_args!(
            "the program at `{}` has closed the connection; it may have ended",
            self.path.display()
        ))
    }
}

/// Why nobody can be reached at `path`.
fn refused(path: &Path, error: &std::io::Error) -> Fault {
    let at = path.display();
    match error.kind() {
        ErrorKind::NotFound => Fault::misused(format_args!(
            "there is no socket `{at}`; `selvedge ps` lists the programs that can be looked into"
        )),
        ErrorKind::PermissionDenied => Fault::failed(format_args!(
            "`{at}` belongs to another user; a program can be looked into by its own user only"
        )),
        ErrorKind::ConnectionRefused => Fault::failed(format_args!(
            "nobody listens at `{at}`: its program has ended without removing it, or it is no socket"
        )),
        _ => Fault::failed(format_args!("cannot connect to `{at}`: {error}")),
    }
}

/// Where a socket is.
pub(crate) type Socket = PathBuf;
