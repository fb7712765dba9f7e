//! One client: what it has said, what is to be said to it, and its streams.
//!
//! # Invariants
//!
//! 1. `input` holds no whole line that could be worked on, unless too much waits to be sent; it is no longer than a
//!    request and one read.
//! 2. While more than `UNSENT_BYTES` wait to be sent, nothing is read and nothing is taken from a stream: what waits
//!    is bounded by that and one answer.
//! 3. While something waits to be sent `patience` runs; it begins anew whenever the client takes some.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::look::Look;
use super::protocol::{
    Answer, Body, Command, Done, EndReason, PATIENCE, Problem, ProblemKind, REQUEST_BYTES, Request,
    STREAMS, UNSENT_BYTES, VERSION,
};
use super::server::{Alarm, Shared};
use super::stream::{Stream, counted, problem};
use super::warn;
use crate::primitive::sys::descriptor::{receive, send};
use crate::primitive::sys::local::Watched;

/// How much is read at a time.
const READ: usize = 16 * 1024;
/// How often a client that takes everything at once is served before it is the turn of others.
const TURNS: usize = 16;

pub(super) struct Connection {
    socket: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// How much of `output` is sent.
    sent: usize,
    streams: Vec<Stream>,
    patience: Option<Alarm>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The client says nothing more; its requests are worked on, and what was said is sent.
    Finishing,
    Dead,
}

impl Connection {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            streams: Vec::new(),
            patience: None,
            state: State::Open,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.state != State::Dead
    }

    pub(super) fn watched(&self) -> Watched<'_> {
        Watched {
            fd: self.socket.as_fd(),
            read: self.state == State::Open && !self.is_full(),
            write: self.unsent() > 0,
        }
    }

    fn unsent(&self) -> usize {
        self.output.len() - self.sent
    }

    fn is_full(&self) -> bool {
        self.unsent() > UNSENT_BYTES
    }

    /// Takes what the client has said, or that it is gone.
    pub(super) fn receive(&mut self) {
        let mut buffer = [0; READ];
        match receive(self.socket.as_fd(), &mut buffer) {
            Ok(Some(0)) => self.finish(),
            Ok(Some(n)) => self.input.extend_from_slice(&buffer[..n]),
            Ok(None) => {}
            Err(_) => self.state = State::Dead,
        }
    }

    /// Whoever has hung up needs no streams.
    fn finish(&mut self) {
        self.streams.clear();
        if self.state == State::Open {
            self.state = State::Finishing;
        }
    }

    /// Does what there is to do, as far as there is room for what is said.
    pub(super) fn work(&mut self, shared: &Shared) {
        self.send();
        let mut turns = 0;
        // What is left undone is waited for: there is more to do when the client has taken something.
        while self.is_alive() && !self.is_full() {
            let before = self.input.len();
            self.obey(shared);
            let is_news = self.tell(shared);
            self.send();
            if !is_news && before == self.input.len() {
                break;
            }
            turns += 1;
            if turns == TURNS {
                shared.wake.raise(); // comes back to it
                break;
            }
        }
        if self.unsent() == 0 {
            self.patience = None;
            if self.state == State::Finishing && !self.input.contains(&b'\n') {
                self.state = State::Dead;
            }
        } else if self.patience.as_ref().is_some_and(Alarm::is_over) {
            self.state = State::Dead; // it does not read
        } else if self.patience.is_none() {
            self.patience = Some(shared.alarm(PATIENCE));
        }
    }

    /// Works on the requests that are there.
    fn obey(&mut self, shared: &Shared) {
        let mut done = 0;
        while self.state != State::Dead && !self.is_full() {
            let rest = &self.input[done..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            if end.unwrap_or(rest.len()) > REQUEST_BYTES {
                let message = format!("a request has no more than {REQUEST_BYTES} bytes");
                self.say(0, Body::Error(problem(ProblemKind::TooLong, message)));
                self.input.clear(); // what comes after it is not worked on
                return self.finish();
            }
            let Some(length) = end else { break };
            let line = rest[..length].to_vec();
            done += length + 1;
            self.request(&line, shared);
        }
        self.input.drain(..done);
    }

    fn request(&mut self, line: &[u8], shared: &Shared) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let request: Request = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(error) => {
                let message = format!("this is no request: {error}");
                return self.say(0, Body::Error(problem(ProblemKind::Malformed, message)));
            }
        };
        let body = self.answer(request.id, request.command, shared);
        self.say(request.id, body.unwrap_or_else(Body::Error));
    }

    fn answer(&mut self, id: u64, command: Command, shared: &Shared) -> Result<Body, Problem> {
        let look = || Look::at(&shared.root);
        Ok(match command {
            Command::Hello { protocol: VERSION } => Body::Hello(shared.hello.clone()),
            Command::Hello { protocol } => {
                let message = format!("version {protocol} is not spoken here, but {VERSION}");
                return Err(problem(ProblemKind::Version, message));
            }
            Command::Snapshot { cpu, after_ms } => {
                Body::Snapshot(Box::new(look().snapshot(shared.begin, cpu, after_ms)))
            }
            Command::Tree { cpu } => Body::Tree(look().threads(cpu)),
            Command::Signals => Body::Signals(look().signals()),
            Command::Queues => Body::Queues(look().queues()),
            Command::Locks => Body::Locks(look().locks()),
            Command::Processes => Body::Processes(look().processes()),
            Command::Calls => Body::Calls(counted(&self.streams)),
            Command::Warnings { after_ms } => Body::Warnings(warn::warnings(
                look().nodes(),
                Duration::from_millis(after_ms),
            )),
            Command::Stop { thread, number } => done(shared.stop(&thread, number)?),
            Command::End { stream } => self.end_stream(stream)?,
            stream @ (Command::Watch { .. }
            | Command::Count { .. }
            | Command::Record { .. }
            | Command::Profile { .. }) => self.begin_stream(id, stream, shared)?,
        })
    }

    fn begin_stream(
        &mut self,
        id: u64,
        command: Command,
        shared: &Shared,
    ) -> Result<Body, Problem> {
        if self.streams.len() >= STREAMS {
            let message = format!("there are {STREAMS} streams already: end one");
            return Err(problem(ProblemKind::Streams, message));
        }
        if self.streams.iter().any(|stream| stream.id == id) {
            let message = format!("there is a stream {id} already: use another `id`");
            return Err(problem(ProblemKind::Streams, message));
        }
        let stream = Stream::begin(id, command, shared)?;
        self.streams.push(stream);
        Ok(Body::Began)
    }

    fn end_stream(&mut self, id: u64) -> Result<Body, Problem> {
        let Some(at) = self.streams.iter().position(|stream| stream.id == id) else {
            let message = format!("there is no stream {id} (now)");
            return Err(problem(ProblemKind::NotFound, message));
        };
        let stream = self.streams.swap_remove(at);
        self.say_last(stream, EndReason::Asked);
        Ok(done(format!("stream {id} is ended")))
    }

    /// Says what the streams have to say, in turn, as long as there is room. Was there anything?
    fn tell(&mut self, shared: &Shared) -> bool {
        let mut streams = core::mem::take(&mut self.streams);
        let (mut is_news, mut was_news) = (true, false);
        while is_news && !self.is_full() {
            is_news = false;
            for stream in &mut streams {
                if let Some(body) = stream.next(shared) {
                    self.say(stream.id, body);
                    (is_news, was_news) = (true, true);
                }
            }
        }
        if !is_news {
            let over = streams.extract_if(.., |stream| stream.end().is_some());
            for stream in over {
                let why = stream.end().unwrap_or(EndReason::Time); // time does not go back
                self.say_last(stream, why);
            }
        }
        self.streams = streams;
        was_news
    }

    fn say_last(&mut self, stream: Stream, why: EndReason) {
        let id = stream.id;
        for body in stream.ended(why).into_iter().flatten() {
            self.say(id, body);
        }
    }

    fn say(&mut self, id: u64, body: Body) {
        let answer = Answer { id, body };
        self.output.extend_from_slice(answer.line().as_bytes());
    }

    /// Sends what the client takes.
    fn send(&mut self) {
        while self.unsent() > 0 && self.is_alive() {
            match send(self.socket.as_fd(), &self.output[self.sent..]) {
                Ok(Some(n)) => {
                    self.sent += n;
                    self.patience = None; // invariant 3
                }
                Ok(None) => break,
                Err(_) => self.state = State::Dead,
            }
        }
        if self.unsent() == 0 {
            self.output.clear();
            self.output.shrink_to(READ);
            self.sent = 0;
        } else if self.sent > UNSENT_BYTES {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// The inspector ends: says so, and sends what the client takes at once.
    pub(super) fn close(&mut self, shared: &Shared) {
        self.tell(shared);
        for stream in core::mem::take(&mut self.streams) {
            self.say_last(stream, EndReason::Closing);
        }
        self.send();
    }
}

fn done(text: String) -> Body {
    Body::Done(Done { text })
}
