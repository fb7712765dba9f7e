//! The server of the page.
//!
//! # Threads
//!
//! - `answers` reads what the program says, into the feed.
//! - The thread that calls [`run`] accepts; each connection has a thread, that of events as long as the browser stays.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use selvedge::io::{Acceptor, Stoppable};
use selvedge::observe::inspect::protocol::{Answer, Body, Command, Hello, ProblemKind};
use selvedge::{Signal, Till, thread};
use serde_json::{Value, json};

use crate::client::{Connection, Sender};
use crate::fault::Fault;
use crate::text::clean;
use crate::verbs::{print, recording, refused};
use crate::web::feed::{Feed, Told};
use crate::web::http::{Refusal, body, receive, respond, respond_with_events};

const PAGE: &str = include_str!("page.html");
/// How long a request, or what a browser takes of an answer, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long, and for how much, a browser may go on sending what was refused.
const LINGER: Duration = Duration::from_secs(1);
const LINGERED: u64 = 1024 * 1024;
/// How many connections there may be at a time.
const CONNECTIONS: usize = 64;
/// The most events of a watch.
const MOST: u64 = 100_000;

/// What all connections share.
struct Site<'a> {
    token: String,
    port: u16,
    hello: Hello,
    sender: Sender,
    feed: &'a Feed,
}

/// Shows a running program until the user leaves, by Ctrl-C.
pub(crate) fn run(
    mut program: Connection,
    port: u16,
    every: Duration,
    warn_after: Option<Duration>,
) -> Result<(), Fault> {
    let cannot =
        |error: &io::Error| Fault::of(format_args!("cannot listen at 127.0.0.1:{port}"), error);
    let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|error| cannot(&error))?;
    let feed = Feed::new();
    let site = Site {
        token: token().map_err(|error| Fault::of("cannot read /dev/urandom", &error))?,
        port: listener
            .local_addr()
            .map_err(|error| cannot(&error))?
            .port(),
        hello: program.hello().clone(),
        sender: program.sender(),
        feed: &feed,
    };
    let acceptor = Acceptor::new(listener).map_err(|error| cannot(&error))?;
    site.sender
        .send(recording(every, warn_after, None, false))?;
    print(&format!(
        "http://127.0.0.1:{}/{}/\nshows `{}` (Ctrl-C ends it; who has this address can look into it)\n",
        site.port,
        site.token,
        clean(&site.hello.program)
    ))?;
    let served = thread::scope("web", |s| {
        s.limit(CONNECTIONS);
        s.spawn("answers", |_stop| {
            tell(&mut program, &feed);
            Ok(())
        });
        for connection in acceptor.incoming() {
            let Ok(stream) = connection else { continue }; // the browser has gone again
            let site = &site;
            let serve = move |_stop| {
                // A browser that has gone is no failure.
                let _ = site.serve(stream);
                Ok(())
            };
            s.spawn_until("browser", &Signal::never(), serve)?;
        }
        Ok(())
    });
    match served {
        Ok(()) => Ok(()),
        Err(_) if selvedge::signal::stop().is_set() => Ok(()),
        Err(failures) => Err(Fault::failed(failures)),
    }
}

/// 128 random bits.
fn token() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Hands on what the program says, up to its end.
fn tell(program: &mut Connection, feed: &Feed) {
    loop {
        match program.next_answer() {
            // It does not understand what it was asked for: no picture will come.
            Ok(Answer {
                body: Body::Error(problem),
                ..
            }) if problem.kind == ProblemKind::Malformed => {
                return feed.end(&refused(&problem).to_string());
            }
            Ok(answer) => feed.hear(&answer),
            Err(Fault::Stopped) => return,
            Err(fault) => return feed.end(&fault.to_string()),
        }
    }
}

impl Site<'_> {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        // The request, and an answer of one piece.
        let mut both = Stoppable::new(&stream).until(Till::after(PATIENCE));
        let (head, begin) = match receive(&mut both)? {
            Ok(request) => request,
            Err(refusal) => {
                refuse(&mut both, refusal)?;
                return linger(&stream);
            }
        };
        let below = head
            .check_origin(self.port)
            .and_then(|()| head.below(&self.token));
        let result = match (below, &*head.method) {
            (Ok(""), "GET") => return self.page(&mut both),
            (Ok("events"), "GET") => return self.events(&stream, head.header("last-event-id")),
            (Ok("watch"), "POST") => {
                body(&head, begin, &mut both)?.and_then(|body| self.watch(&body))
            }
            (Ok("end"), "POST") => body(&head, begin, &mut both)?.and_then(|body| self.end(&body)),
            (Ok("" | "events" | "watch" | "end"), _) => Err(Refusal::Method),
            (Ok(_), _) => Err(Refusal::NotFound),
            (Err(refusal), _) => Err(refusal),
        };
        match result {
            Ok(answer) => respond(
                &mut both,
                "200 OK",
                "application/json",
                NOTHING,
                answer.to_string().as_bytes(),
            ),
            Err(refusal) => {
                refuse(&mut both, refusal)?;
                linger(&stream)
            }
        }
    }

    fn page(&self, out: &mut impl Write) -> io::Result<()> {
        let nonce = token()?;
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let page = PAGE
            .replace("{{nonce}}", &nonce)
            .replace("{{program}}", &escape(&self.hello.program))
            .replace("{{pid}}", &self.hello.pid.to_string());
        respond(
            out,
            "200 OK",
            "text/html; charset=utf-8",
            &policy,
            page.as_bytes(),
        )
    }

    fn events(&self, stream: &TcpStream, last: Option<&str>) -> io::Result<()> {
        let send = |text: &str| {
            let mut out = Stoppable::new(stream).until(Till::after(PATIENCE));
            out.write_all(text.as_bytes()) // too slow: it is dropped, and comes again by itself
        };
        respond_with_events(&mut Stoppable::new(stream).until(Till::after(PATIENCE)))?;
        let mut told = Told::up_to(last.and_then(|id| id.parse().ok()).unwrap_or(0));
        while let Ok(news) = self.feed.news(&mut told) {
            send(&news)?;
        }
        Ok(())
    }

    /// Begins a watch; what it sees comes with the events.
    fn watch(&self, body: &[u8]) -> Result<Value, Refusal> {
        let wanted: Value = serde_json::from_slice(body).map_err(|_| Refusal::Malformed)?;
        let glob = wanted["glob"]
            .as_str()
            .ok_or(Refusal::Malformed)?
            .to_owned();
        let max = wanted["max"]
            .as_u64()
            .filter(|max| (1..=MOST).contains(max))
            .ok_or(Refusal::Malformed)?;
        Ok(self.send(Command::Watch {
            glob,
            max: Some(max),
            per_second: None,
            for_ms: None,
        }))
    }

    /// Ends one.
    fn end(&self, body: &[u8]) -> Result<Value, Refusal> {
        let wanted: Value = serde_json::from_slice(body).map_err(|_| Refusal::Malformed)?;
        let stream = wanted["stream"].as_u64().ok_or(Refusal::Malformed)?;
        Ok(self.send(Command::End { stream }))
    }

    fn send(&self, command: Command) -> Value {
        match self.sender.send(command) {
            Ok(id) => json!({ "id": id }),
            Err(fault) => json!({ "error": fault.to_string() }),
        }
    }
}

/// The policy of what is no page.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

fn refuse(out: &mut impl Write, refusal: Refusal) -> io::Result<()> {
    let text = format!("{refusal}\n");
    respond(
        out,
        refusal.status(),
        "text/plain; charset=utf-8",
        NOTHING,
        text.as_bytes(),
    )
}

/// Takes what is still being sent: a connection that is closed over unread bytes takes the answer with it.
fn linger(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let rest = Stoppable::new(stream).until(Till::after(LINGER));
    io::copy(&mut rest.take(LINGERED), &mut io::sink()).map(drop)
}

/// Text as text of a document, and without what would deceive its reader.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for symbol in clean(text).chars() {
        match symbol {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '{' => escaped += "&#123;",
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn a_name_is_no_markup() {
        assert_eq!(
            escape("<script>alert('x')</script>"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
        );
        assert_eq!(
            escape("{{nonce}}\u{202e}"),
            "&#123;&#123;nonce}}\\u&#123;202e}"
        );
    }
}
