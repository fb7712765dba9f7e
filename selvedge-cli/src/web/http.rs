//! As much of HTTP/1.1 as one page needs: a request a connection.

use std::fmt;
use std::hint::black_box;
use std::io::{self, Read, Write};

/// The longest head of a request.
const LONGEST_HEAD: usize = 16 * 1024;
/// The longest body.
const LONGEST_BODY: usize = 8 * 1024;

/// The first line and the headers of a request.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// `GET`.
    pub method: String,
    /// The path, with what follows it.
    pub path: String,
    headers: Vec<(String, String)>,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "their names say it")]
pub enum Refusal {
    Malformed,
    TooLarge,
    /// From another site, or by another name.
    Foreign,
    NotFound,
    Method,
    Type,
}

impl Head {
    /// Reads what stands before the empty line.
    ///
    /// # Errors
    ///
    /// If it is no head of a request.
    pub fn parse(text: &[u8]) -> Result<Self, Refusal> {
        let text = str::from_utf8(text).map_err(|_| Refusal::Malformed)?;
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let [method, path, version] = *first.split(' ').collect::<Vec<_>>() else {
            return Err(Refusal::Malformed);
        };
        if !version.starts_with("HTTP/1.") || !path.starts_with('/') {
            return Err(Refusal::Malformed);
        }
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            let is_token =
                |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let is_name = !name.is_empty() && name.bytes().all(is_token);
            is_name.then(|| (name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers = lines
            .filter(|line| !line.is_empty())
            .map(header)
            .collect::<Option<Vec<_>>>();
        Ok(Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: headers.ok_or(Refusal::Malformed)?,
        })
    }

    /// A header that stands there once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(it, _)| it == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(it, _)| it == name)
    }

    /// Is it sent to us by our name, and not by another site?
    ///
    /// # Errors
    ///
    /// [`Refusal::Foreign`].
    pub fn check_origin(&self, port: u16) -> Result<(), Refusal> {
        let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        let host = self
            .header("host")
            .filter(|host| hosts.iter().any(|it| it == host));
        let host = host.ok_or(Refusal::Foreign)?;
        let is_ours = |origin: Option<&str>| {
            origin.is_some_and(|it| it.strip_prefix("http://") == Some(host))
        };
        if self.has("origin") && !is_ours(self.header("origin")) {
            return Err(Refusal::Foreign);
        }
        let is_near = |site: Option<&str>| matches!(site, Some("same-origin" | "none"));
        if self.has("sec-fetch-site") && !is_near(self.header("sec-fetch-site")) {
            return Err(Refusal::Foreign);
        }
        Ok(())
    }

    /// What stands behind the token in the path.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotFound`], for a wrong token as for a wrong path.
    pub fn below(&self, token: &str) -> Result<&str, Refusal> {
        let (given, rest) = self.path[1..].split_once('/').ok_or(Refusal::NotFound)?;
        match is_same(given.as_bytes(), token.as_bytes()) {
            true => Ok(rest),
            false => Err(Refusal::NotFound),
        }
    }

    /// How long the body is, which must be JSON.
    fn length(&self) -> Result<usize, Refusal> {
        if self.has("transfer-encoding") {
            return Err(Refusal::Malformed);
        }
        let kind = self.header("content-type").unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            return Err(Refusal::Type);
        }
        let length = self.header("content-length").and_then(|it| it.parse().ok());
        match length.ok_or(Refusal::Malformed)? {
            n if n > LONGEST_BODY => Err(Refusal::TooLarge),
            n => Ok(n),
        }
    }
}

/// Are they the same? In a time that depends on their lengths alone.
///
/// ```
/// use selvedge_cli::web::is_same;
///
/// assert!(is_same(b"7f3a", b"7f3a"));
/// assert!(!is_same(b"7f3a", b"7f3b"));
/// assert!(!is_same(b"7f3a", b"7f3"));
/// ```
#[must_use]
pub fn is_same(given: &[u8], secret: &[u8]) -> bool {
    let differs = given
        .iter()
        .zip(secret)
        .fold(0, |differs, (a, b)| black_box(differs | (a ^ b)));
    given.len() == secret.len() && black_box(differs) == 0
}

/// Reads a request's head, and what of its body came along.
pub(super) fn receive(stream: &mut impl Read) -> io::Result<Result<(Head, Vec<u8>), Refusal>> {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let end = text.windows(4).position(|it| it == b"\r\n\r\n");
        if end.unwrap_or(text.len()) > LONGEST_HEAD {
            return Ok(Err(Refusal::TooLarge));
        }
        if let Some(end) = end {
            let rest = text.split_off(end + 4);
            return Ok(Head::parse(&text[..end]).map(|head| (head, rest)));
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => text.extend_from_slice(&buffer[..n]),
        }
    }
}

/// Reads the body, of which `begin` is there.
pub(super) fn body(
    head: &Head,
    mut begin: Vec<u8>,
    stream: &mut impl Read,
) -> io::Result<Result<Vec<u8>, Refusal>> {
    let length = match head.length() {
        Ok(length) => length,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let there = begin.len().min(length);
    begin.resize(length, 0);
    stream.read_exact(&mut begin[there..])?;
    Ok(Ok(begin))
}

/// What every answer says: it is for this page alone, and not to be kept.
const ALWAYS: &str = "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
    X-Frame-Options: DENY\r\nCross-Origin-Resource-Policy: same-origin\r\nCross-Origin-Opener-Policy: same-origin\r\n\
    Connection: close\r\n";

/// Answers.
pub(super) fn respond(
    stream: &mut impl Write,
    status: &str,
    kind: &str,
    policy: &str,
    body: &[u8],
) -> io::Result<()> {
    let n = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {n}\r\nContent-Security-Policy: {policy}\r\n\
         {ALWAYS}\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat())
}

/// Begins a stream of events.
pub(super) fn respond_with_events(stream: &mut impl Write) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{ALWAYS}\r\nretry: 1000\n\n"
    );
    stream.write_all(head.as_bytes())
}

impl Refusal {
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::TooLarge => "413 Content Too Large",
            Self::Foreign => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::Method => "405 Method Not Allowed",
            Self::Type => "415 Unsupported Media Type",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "this is no request",
            Self::TooLarge => "this request is too large",
            Self::Foreign => {
                "only the address that `selvedge web` printed is answered, and only to its own page"
            }
            Self::NotFound => {
                "there is nothing here; use the address that `selvedge web` printed, all of it"
            }
            Self::Method => "this path has another method",
            Self::Type => "the body must be application/json",
        })
    }
}
