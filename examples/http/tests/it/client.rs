//! A small client.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a client waits before its test has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    input: BufReader<TcpStream>,
    token: Option<&'static str>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let input = BufReader::new(stream.try_clone().unwrap());
        Self {
            stream,
            input,
            token: None,
        }
    }

    /// Says who it is from now on.
    pub(crate) fn with_token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.ask(path);
        self.reply()
    }

    #[track_caller]
    pub(crate) fn post(&mut self, path: &str, form: &str) -> Reply {
        self.ask_post(path, form);
        self.reply()
    }

    /// Sends a request, and does not wait for the response.
    pub(crate) fn ask(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }

    /// The same with a form.
    pub(crate) fn ask_post(&mut self, path: &str, form: &str) {
        let token = self
            .token
            .map(|token| format!("Authorization: Bearer {token}\r\n"));
        let token = token.unwrap_or_default();
        let length = form.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n");
        self.send(&format!("{head}{token}\r\n{form}"));
    }

    /// Sends whatever it is.
    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Says no more.
    pub(crate) fn finish(&self) {
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }

    #[track_caller]
    pub(crate) fn reply(&mut self) -> Reply {
        let mut reply = self.reply_head();
        let length = reply.header("content-length").parse().unwrap();
        let mut body = vec![0; length];
        self.input.read_exact(&mut body).unwrap();
        reply.body = String::from_utf8(body).unwrap();
        reply
    }

    /// A reply that has no body, whatever its head says.
    #[track_caller]
    pub(crate) fn reply_head(&mut self) -> Reply {
        let line = self.line();
        let status = line.strip_prefix("HTTP/1.1 ").unwrap()[..3]
            .parse()
            .unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else {
                assert_eq!(line, "");
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        Reply {
            status,
            headers,
            body: String::new(),
        }
    }

    /// The server has closed, and said nothing more.
    #[track_caller]
    pub(crate) fn assert_closed(mut self) {
        let mut rest = Vec::new();
        let read = self.input.read_to_end(&mut rest);
        assert!(read.is_ok(), "{read:?}");
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    /// The server has closed, perhaps before it has read everything.
    #[track_caller]
    pub(crate) fn assert_gone(mut self) {
        match self.input.read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.input.read_line(&mut line).unwrap();
        assert!(
            line.ends_with("\r\n"),
            "the server has closed after `{line}`"
        );
        line.trim_end().to_owned()
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|header| header.0 == name);
        &found.unwrap_or_else(|| panic!("no {name}: {self:?}")).1
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!(self.status / 100 == 2, "{self:?}");
        self.json()
    }
}
