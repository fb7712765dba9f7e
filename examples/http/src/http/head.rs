//! The head of a request: the request line and the headers.
//!
//! What two servers could understand differently is refused, because one of them may stand in front of us.

use crate::http::request::{Request, find};
use crate::http::{Limits, Response, Status};

/// How many headers a request may have.
const HEADERS: usize = 64;

/// A head that makes sense, and how much body it announces.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) request: Request,
    pub(super) body: usize,
    /// Does the client wait for our word before it sends the body?
    pub(super) expects: bool,
}

/// Reads a head from the front of `bytes`, with its length; none if it is not whole yet.
pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Option<(Head, usize)>, Response> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut raw = httparse::Request::new(&mut headers);
    let length = match raw.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= limits.head => length,
        Ok(httparse::Status::Partial) if bytes.len() < limits.head => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Err(Response::error(Status::HEAD_TOO_LARGE, "too many headers"));
        }
        Err(httparse::Error::Version) => {
            let why = "this server speaks HTTP/1.1";
            return Err(Response::error(Status::VERSION_NOT_SUPPORTED, why));
        }
        Err(error) => return Err(bad(&error.to_string())),
    };
    Ok(Some((understand(&raw, limits)?, length)))
}

fn understand(raw: &httparse::Request<'_, '_>, limits: &Limits) -> Result<Head, Response> {
    let is_1_1 = raw.version == Some(1);
    let mut headers = Vec::with_capacity(raw.headers.len());
    for header in &*raw.headers {
        let value = str::from_utf8(header.value).map_err(|_| bad("a header is not UTF-8"))?;
        headers.push((header.name.to_owned(), value.trim().to_owned()));
    }
    if is_1_1 && find(&headers, "host").count() != 1 {
        return Err(bad("one host header is needed"));
    }
    let target = raw.path.unwrap_or_default();
    if !target.starts_with('/') {
        return Err(bad("the target is no path"));
    }
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let body = body_length(&headers)?;
    if body > limits.body {
        let why = format!("a body has at most {} bytes", limits.body);
        return Err(Response::error(Status::CONTENT_TOO_LARGE, &why));
    }
    let closes = find(&headers, "connection")
        .flat_map(|value| value.split(','))
        .any(|option| option.trim().eq_ignore_ascii_case("close"));
    let expects = find(&headers, "expect").any(|it| it.eq_ignore_ascii_case("100-continue"));
    Ok(Head {
        body,
        expects: expects && is_1_1,
        request: Request {
            method: raw.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            keep_alive: is_1_1 && !closes,
            headers,
            body: Vec::new(),
        },
    })
}

/// How long the body is, if everybody would agree.
fn body_length(headers: &[(String, String)]) -> Result<usize, Response> {
    if find(headers, "transfer-encoding").next().is_some() {
        let why = "send a body with its content-length";
        return Err(Response::error(Status::NOT_IMPLEMENTED, why));
    }
    let mut lengths = find(headers, "content-length");
    let Some(length) = lengths.next() else {
        return Ok(0);
    };
    if lengths.next().is_some() {
        return Err(bad("more than one content-length"));
    }
    let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err(bad("the content-length is no number"));
    }
    // So many digits that they are no `usize` are too many bytes.
    Ok(length.parse().unwrap_or(usize::MAX))
}

fn bad(why: &str) -> Response {
    Response::error(Status::BAD_REQUEST, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"POST /snippets/?a=b HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn a_head_is_the_same_however_it_arrives() {
        let limits = Limits::default();
        let (head, length) = parse(WHOLE, &limits).unwrap().unwrap();
        assert_eq!(&WHOLE[length..], b"hello");
        assert_eq!((head.body, head.request.path()), (5, "/snippets/"));
        assert!(head.request.keep_alive() && !head.expects);
        for n in 0..length {
            assert!(parse(&WHOLE[..n], &limits).unwrap().is_none(), "{n} bytes");
        }
    }

    #[track_caller]
    fn refused(head: &str) -> u16 {
        let text = format!("{head}\r\n\r\n");
        parse(text.as_bytes(), &Limits::default())
            .unwrap_err()
            .status()
            .0
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        for head in [
            "GET",
            "GET / HTTP/1.1",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b",
            "GET / HTTP/1.1\r\nHost: a\r\nno colon",
            "GET / HTTP/1.1\r\nHost: a\r\nName : space",
            "GET http://a/ HTTP/1.1\r\nHost: a",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1",
        ] {
            assert_eq!(refused(head), 400, "{head}");
        }
        assert_eq!(refused("GET / HTTP/2.0\r\nHost: a"), 505);
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked";
        assert_eq!(refused(chunked), 501);
        assert_eq!(refused(&format!("{chunked}\r\nContent-Length: 1")), 501);
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:";
        assert_eq!(refused(&format!("{post} 1048577")), 413);
        assert_eq!(refused(&format!("{post} {}", "9".repeat(100))), 413);
        let long = "x".repeat(Limits::default().head);
        let endless = format!("GET /{long}");
        let error = parse(endless.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(error.status().0, 431);
        assert_eq!(refused(&format!("GET /{long} HTTP/1.1\r\nHost: a")), 431);
        let many = "\r\nX: y".repeat(HEADERS);
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\nHost: a{many}")), 431);
    }

    #[test]
    fn a_connection_ends_when_the_client_says_so() {
        let keeps = |head: &str| {
            let text = format!("{head}\r\n\r\n");
            let parsed = parse(text.as_bytes(), &Limits::default());
            parsed.unwrap().unwrap().0.request.keep_alive()
        };
        assert!(keeps("GET / HTTP/1.1\r\nHost: a"));
        assert!(!keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close"));
        assert!(!keeps("GET / HTTP/1.0"));
    }
}
