//! A connection: requests in, responses out, one after the other.
//!
//! # Invariants
//!
//! 1. Only the wait for a request obeys a stop. A response that has begun is sent, within its limit.
//! 2. Every wait ends by a limit: no client holds its thread for longer.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};

use selvedge::io::{Stoppable, interruption, read_until};
use selvedge::signal::{self, WaitError};
use selvedge::{Signal, Till};

use crate::http::head::{self, Head};
use crate::http::{Limits, Request, Response, Status};

/// How much is read at once.
const CHUNK: usize = 8 << 10;
/// How much of what a refused client still sends is read, so that it sees our response.
const LEFTOVER: usize = 256 << 10;

/// The connection of a client.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    limits: Limits,
    /// Bytes that have arrived and are not used.
    buffer: Vec<u8>,
}

/// What came of waiting for a request.
#[derive(Debug)]
pub(crate) enum Received {
    Request(Request),
    /// It is malformed, too long or too slow; this is the last response.
    Refused(Response),
    /// The client has gone or said nothing for long, or we are asked to stop.
    End,
}

/// Why there are no more bytes.
enum NoMore {
    Late,
    Gone,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, limits: Limits) -> Self {
        // Responses are written whole: nothing is gained by waiting for more.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            limits,
            buffer: Vec::new(),
        }
    }

    /// Waits for the next request.
    pub(crate) fn receive(&mut self) -> Received {
        if self.buffer.is_empty() && self.fill(&Till::after(self.limits.idle)).is_err() {
            return Received::End;
        }
        let till = Till::after(self.limits.receive);
        match self.receive_until(&till) {
            Ok(Ok(request)) => Received::Request(request),
            Ok(Err(refused)) => Received::Refused(refused),
            Err(NoMore::Late) => {
                let why = "the request took too long to arrive";
                Received::Refused(Response::error(Status::REQUEST_TIMEOUT, why))
            }
            Err(NoMore::Gone) => Received::End,
        }
    }

    fn receive_until(&mut self, till: &Signal) -> Result<Result<Request, Response>, NoMore> {
        let (head, length) = loop {
            match head::parse(&self.buffer, &self.limits) {
                Ok(Some(parsed)) => break parsed,
                Ok(None) => self.fill(till)?,
                Err(refused) => return Ok(Err(refused)),
            }
        };
        self.buffer.drain(..length);
        let Head {
            mut request,
            body,
            expects,
        } = head;
        if expects && self.buffer.len() < body {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                .map_err(|_| NoMore::Gone)?;
        }
        while self.buffer.len() < body {
            self.fill(till)?;
        }
        let next = self.buffer.split_off(body);
        request.body = core::mem::replace(&mut self.buffer, next);
        Ok(Ok(request))
    }

    /// Waits for at least one more byte.
    fn fill(&mut self, till: &Signal) -> Result<(), NoMore> {
        let used = self.buffer.len();
        self.buffer.resize(used + CHUNK, 0);
        let read = read_until(&self.stream, &mut self.buffer[used..], till);
        self.buffer.truncate(used + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(NoMore::Gone),
            Ok(_) => Ok(()),
            Err(error) => match interruption(&error) {
                Some(WaitError::Expired) => Err(NoMore::Late),
                _ => Err(NoMore::Gone),
            },
        }
    }

    /// Sends a response, through a stop (invariant 1).
    pub(crate) fn send(
        &self,
        response: &Response,
        keep_alive: bool,
        with_body: bool,
    ) -> io::Result<()> {
        self.write(&response.to_bytes(keep_alive, with_body))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let till = Till::after(self.limits.send);
        signal::shield(|| Stoppable::new(&self.stream).until(till).write_all(bytes))
    }

    /// Ends a connection whose client may still be sending: closed at once, the system would reset it, and the
    /// response could be lost on its way.
    pub(crate) fn linger(mut self) {
        let till = Till::after(self.limits.send);
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let mut left = LEFTOVER;
        self.buffer.clear();
        while left > 0 && self.fill(&till).is_ok() {
            left = left.saturating_sub(self.buffer.len());
            self.buffer.clear();
        }
    }
}
