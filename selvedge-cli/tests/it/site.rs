//! The page's server, by bytes: who gets an answer, and who does not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use selvedge::observe::inspect::protocol::Command;

use crate::canned::{Folder, PICTURE};

/// `selvedge web` of a program that answers with `PICTURE`.
struct Site {
    child: Child,
    port: u16,
    token: String,
    _folder: Folder,
}

impl Site {
    fn start() -> Self {
        Self::start_with(&["web"])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let folder = Folder::new();
        folder.program("a.sock", |request| {
            Some(match &request.command {
                Command::Watch { glob, .. } => {
                    vec![r#""began""#.to_owned(), format!(r#"{{"call":{{"at_us":1,"thread":"mill","number":1,"depth":0,"function":"f","moment":"called","text":"{glob} </script>\n"}}}}"#)]
                }
                // As a program does that knows no such field.
                Command::Record { after_ms: Some(_), .. } => {
                    vec![r#"{"error":{"kind":"malformed","message":"unknown field `after_ms`"}}"#.to_owned()]
                }
                _ => vec![PICTURE.to_owned()],
            })
        });
        let mut child = folder
            .command(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (port, token) = line
            .trim()
            .strip_prefix("http://127.0.0.1:")
            .unwrap()
            .split_once('/')
            .unwrap();
        let (port, token) = (
            port.parse().unwrap(),
            token.trim_end_matches('/').to_owned(),
        );
        Self {
            child,
            port,
            token,
            _folder: folder,
        }
    }

    /// The lines of the stream of events.
    fn events(&self) -> impl Iterator<Item = String> + use<> {
        let mut events = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "GET /{}/events HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n",
            self.token, self.port
        );
        events.write_all(head.as_bytes()).unwrap();
        let limit = Some(Duration::from_secs(30));
        events.set_read_timeout(limit).unwrap();
        BufReader::new(events).lines().map(Result::unwrap)
    }

    fn send(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str, headers: &str) -> String {
        self.send(
            &format!(
                "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}{headers}",
                self.port
            ),
            "",
        )
    }

    fn post(&self, path: &str, headers: &str, body: &str) -> String {
        let n = body.len();
        let head = format!(
            "POST /{}/{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {n}{headers}",
            self.token, self.port
        );
        self.send(&head, body)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_page_is_for_who_has_the_address() {
    let site = Site::start();
    let page = site.get(&format!("/{}/", site.token), "");
    assert_eq!(status(&page), 200);
    assert!(
        page.contains("<title>mill (4711) - selvedge</title>"),
        "{page}"
    );
    for header in [
        "Content-Security-Policy: default-src 'none'; script-src 'nonce-",
        "frame-ancestors 'none'",
        "Referrer-Policy: no-referrer",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
    ] {
        assert!(page.contains(header), "{header}: {page}");
    }
    assert!(
        !page.to_ascii_lowercase().contains("access-control-"),
        "no other site may read it"
    );
    assert!(!page.contains("{{"), "everything is filled in");
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "nothing comes from elsewhere"
    );
    let nonce = |page: &str| page.split("'nonce-").nth(1).unwrap()[..32].to_owned();
    assert_ne!(
        nonce(&page),
        nonce(&site.get(&format!("/{}/", site.token), ""))
    );

    let wrong = format!("{}0/", &site.token[..31]);
    let almost = match site.token.ends_with('0') {
        true => format!("/{}1/", &site.token[..31]),
        false => format!("/{wrong}"),
    };
    for path in [
        "/",
        "/favicon.ico",
        "//",
        &almost,
        &format!("/{}", site.token),
        &format!("/{}/x", site.token),
    ] {
        assert_eq!(status(&site.get(path, "")), 404, "{path}");
    }
}

#[test]
fn other_names_and_other_sites_get_nothing() {
    let site = Site::start();
    let (token, port) = (&site.token, site.port);
    let get = |host: &str| status(&site.send(&format!("GET /{token}/ HTTP/1.1{host}"), ""));
    assert_eq!(get(&format!("\r\nHost: localhost:{port}")), 200);
    for host in [
        String::new(),
        "\r\nHost: 127.0.0.1".to_owned(),
        format!("\r\nHost: evil.example:{port}"),
        format!("\r\nHost: 127.0.0.1:{port}.evil.example"),
        format!("\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example:{port}"),
    ] {
        assert_eq!(get(&host), 403, "{host}");
    }
    let path = format!("/{token}/");
    for headers in [
        "\r\nOrigin: http://evil.example",
        "\r\nOrigin: null",
        "\r\nSec-Fetch-Site: cross-site",
        "\r\nSec-Fetch-Site: same-site",
    ] {
        assert_eq!(status(&site.get(&path, headers)), 403, "{headers}");
    }
    assert_eq!(
        status(&site.get(
            &path,
            &format!("\r\nOrigin: http://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin")
        )),
        200
    );
}

#[test]
fn only_requests_are_worked_on() {
    let site = Site::start();
    let json = "\r\nContent-Type: application/json";
    assert_eq!(status(&site.send("NONSENSE", "")), 400);
    assert_eq!(status(&site.send("GET / HTTP/2", "")), 400);
    assert_eq!(status(&site.send("GET / HTTP/1.1\r\nno header", "")), 400);
    assert_eq!(
        status(&site.get("/", &format!("\r\nX: {}", "y".repeat(200_000)))),
        413
    );
    assert_eq!(status(&site.post("", json, "{}")), 405);
    assert_eq!(
        status(&site.get(&format!("/{}/watch", site.token), "")),
        405
    );
    assert_eq!(
        status(&site.post("watch", "\r\nContent-Type: text/plain", "{}")),
        415,
        "as a form of another site sends it"
    );
    assert_eq!(status(&site.post("watch", json, "{")), 400);
    assert_eq!(
        status(&site.post("watch", json, r#"{"glob":"**"}"#)),
        400,
        "without a limit"
    );
    assert_eq!(
        status(&site.post("watch", json, r#"{"glob":"**","max":1000000000}"#)),
        400
    );
    assert_eq!(
        status(&site.post(
            "watch",
            json,
            &format!(r#"{{"glob":"{}","max":1}}"#, "x".repeat(9_000))
        )),
        413
    );
}

/// A program that is older than what it is asked.
#[test]
fn what_the_program_does_not_understand_is_said() {
    let site = Site::start_with(&["web", "--warn-after", "2s"]);
    let mut lines = site.events();
    assert!(lines.any(|line| line == "event: gone"));
    let why = lines.next().unwrap();
    assert!(
        why.contains("unknown field `after_ms`") && why.contains("an older version of selvedge"),
        "{why}"
    );
}

#[test]
fn events_are_told_as_they_come() {
    let site = Site::start();
    let mut lines = site.events();
    assert!(lines.any(|line| line == "Content-Type: text/event-stream"));
    assert!(lines.any(|line| line.starts_with("data: {\"id\":2,\"is\":{\"snapshot\":")));
    let answer = site.post(
        "watch",
        "\r\nContent-Type: application/json; charset=utf-8",
        r#"{"glob":"mill::**","max":9}"#,
    );
    assert!(answer.ends_with(r#"{"id":3}"#), "{answer}");
    let call = lines.find(|line| line.contains("\"call\"")).unwrap();
    assert!(
        call.starts_with("data: {\"id\":3,") && call.contains("mill::** </script>\\n"),
        "{call}"
    );
}
