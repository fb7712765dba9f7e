//! The other end: asks a program.

use core::fmt;
use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::protocol::{Answer, Body, Command, Hello, Problem, Request, VERSION};

/// A connection to a program that serves; it waits for answers as `std` does, and obeys no stop.
///
/// # Examples
///
/// ```no_run
/// use selvedge::observe::inspect::{Client, protocol::{Body, Command}};
///
/// let mut program = Client::connect("/run/user/1000/selvedge/app-4711.sock")?;
/// println!("{} {}", program.hello().program, program.hello().pid);
/// let watch = program.begin(Command::Watch {
///     glob: "app::**".into(), max: Some(10), per_second: None, for_ms: None,
/// })?;
/// loop {
///     let answer = program.next_of(watch)?;
///     match answer {
///         Body::Call(call) => println!("{} {}", call.thread, call.text),
///         Body::Ended { .. } => break,
///         _ => {}
///     }
/// }
/// # Ok::<(), selvedge::observe::inspect::AskError>(())
/// ```
#[derive(Debug)]
pub struct Client {
    socket: BufReader<UnixStream>,
    hello: Hello,
    last: u64,
    /// What came while something else was waited for.
    early: VecDeque<Answer>,
}

impl Client {
    /// Connects to the program that serves at `path`, and asks who it is.
    ///
    /// # Errors
    ///
    /// If nobody serves there, or one who speaks another version.
    pub fn connect(path: impl AsRef<Path>) -> Result<Self, AskError> {
        let socket = BufReader::new(UnixStream::connect(path).map_err(AskError::Io)?);
        let mut client = Self {
            socket,
            hello: Hello::default(),
            last: 0,
            early: VecDeque::new(),
        };
        match client.ask(Command::Hello { protocol: VERSION })? {
            Body::Hello(hello) => client.hello = hello,
            other => return Err(AskError::unexpected(&other)),
        }
        Ok(client)
    }

    /// Who answers.
    #[must_use]
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Asks, and waits for the answer. Answers of streams that come meanwhile are kept.
    ///
    /// # Errors
    ///
    /// If the program refuses, or is gone.
    pub fn ask(&mut self, command: Command) -> Result<Body, AskError> {
        let id = self.send(command)?;
        self.next_of(id)
    }

    /// Begins a stream; the number that its answers have.
    ///
    /// # Errors
    ///
    /// If the program refuses, or is gone.
    pub fn begin(&mut self, command: Command) -> Result<u64, AskError> {
        let id = self.send(command)?;
        match self.next_of(id)? {
            Body::Began => Ok(id),
            other => Err(AskError::unexpected(&other)),
        }
    }

    /// The next answer with this number; others that come meanwhile are kept.
    ///
    /// # Errors
    ///
    /// If that is an error, or the program is gone.
    pub fn next_of(&mut self, id: u64) -> Result<Body, AskError> {
        // What belongs to no request, as that there is no room for us, concerns everybody.
        let is_it = |answer: &Answer| answer.id == id || answer.id == 0;
        let answer = match self.early.iter().position(is_it) {
            Some(at) => self.early.remove(at),
            None => None,
        };
        let answer = match answer {
            Some(answer) => answer,
            None => loop {
                let answer = self.receive()?;
                if is_it(&answer) {
                    break answer;
                }
                self.early.push_back(answer);
            },
        };
        match answer.body {
            Body::Error(problem) => Err(AskError::Refused(problem)),
            body => Ok(body),
        }
    }

    /// The next answer, whatever it belongs to.
    ///
    /// # Errors
    ///
    /// If the program is gone.
    pub fn next_answer(&mut self) -> Result<Answer, AskError> {
        match self.early.pop_front() {
            Some(answer) => Ok(answer),
            None => self.receive(),
        }
    }

    fn send(&mut self, command: Command) -> Result<u64, AskError> {
        self.last += 1;
        let request = Request {
            id: self.last,
            command,
        };
        let sent = self.socket.get_mut().write_all(request.line().as_bytes());
        match sent {
            // Why it has hung up may be there to be read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            sent => sent.map_err(AskError::Io)?,
        }
        Ok(self.last)
    }

    fn receive(&mut self) -> Result<Answer, AskError> {
        let mut line = String::new();
        match self.socket.read_line(&mut line).map_err(AskError::Io)? {
            0 => Err(AskError::Gone),
            _ => Answer::parse(&line).map_err(AskError::NoAnswer),
        }
    }
}

/// The error of a [`Client`].
#[derive(Debug)]
#[non_exhaustive]
pub enum AskError {
    /// The program says why not.
    Refused(Problem),
    /// The program has ended, or hung up.
    Gone,
    /// What came is no line of the protocol, or not what was asked for.
    NoAnswer(serde_json::Error),
    /// The system refused.
    Io(io::Error),
}

impl AskError {
    fn unexpected(body: &Body) -> Self {
        use serde::de::Error as _;
        Self::NoAnswer(serde_json::Error::custom(format_args!(
            "not asked for: {body:?}"
        )))
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problem) => write!(f, "the program refuses: {}", problem.message),
            Self::Gone => f.write_str("the program has ended, or has closed the connection"),
            Self::NoAnswer(error) => write!(
                f,
                "this is no answer of the inspector's protocol, version {VERSION}: {error}"
            ),
            Self::Io(error) => write!(f, "the inspector's socket: {error}"),
        }
    }
}

impl Error for AskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoAnswer(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Refused(_) | Self::Gone => None,
        }
    }
}
