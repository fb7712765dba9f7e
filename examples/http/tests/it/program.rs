//! The program, as a process.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use rusqlite::Connection;
use serde_json::json;

use crate::client::Client;
use crate::site::Folder;

/// The program, running.
struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Of blue and green.
    addresses: [SocketAddr; 2],
}

impl Program {
    fn start(folder: &Folder) -> Self {
        // As from a terminal: an ignored signal is inherited, and a shell ignores SIGINT for what it runs in
        // the background.
        let mut child = Command::new("env")
            .args(["--default-signal=INT", "--default-signal=TERM"])
            .arg(env!("CARGO_BIN_EXE_snippets"))
            .arg(folder.path())
            .args(["0", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let addresses = ["blue", "green"].map(|name| {
            let line = next_line(&mut output);
            let start = format!("{name} listens on http://");
            let rest = line
                .strip_prefix(&start)
                .unwrap_or_else(|| panic!("{line}"));
            rest.trim_end_matches('/').parse().unwrap()
        });
        Self {
            child,
            output,
            addresses,
        }
    }

    fn wait_for(&mut self, line: &str) {
        while next_line(&mut self.output) != line {}
    }

    fn signal(&self, name: &str) {
        let script = format!("kill -s {name} {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &script])
                .status()
                .unwrap()
                .success()
        );
    }

    /// By which signal it ended, and what it said until then.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut output, mut errors) = (String::new(), String::new());
        self.output.read_to_string(&mut output).unwrap();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut errors).unwrap();
        (self.child.wait().unwrap().signal(), output, errors)
    }
}

impl Drop for Program {
    /// A test that fails leaves nobody behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    assert!(output.read_line(&mut line).unwrap() > 0, "it has ended");
    line.trim_end().to_owned()
}

#[test]
fn a_signal_ends_it_when_what_runs_has_been_answered() {
    for (name, number) in [("TERM", 15), ("INT", 2)] {
        let folder = Folder::new();
        let mut program = Program::start(&folder);
        let [blue, green] = program.addresses;
        let mut bob = Client::new(green).with_token("abacus");
        assert_eq!(
            bob.post("/snippets/", "title=a&code=b").ok()["owner"],
            json!("bob")
        );

        // Ada's snippet has to wait, because we hold the database.
        let lock = Connection::open(folder.path().join("blue.db")).unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut ada = Client::new(blue).with_token("sesame");
        ada.ask_post("/snippets/", "title=c&code=d");
        program.wait_for("blue #1: waits for the database");
        program.signal(name);
        program.wait_for("green: closed after 1 requests");
        while TcpStream::connect(blue).is_ok() {
            std::thread::yield_now();
        }
        lock.execute_batch("ROLLBACK").unwrap();
        assert_eq!(ada.reply().ok()["owner"], json!("ada"));
        ada.assert_closed();
        bob.assert_closed();

        let (signal, output, errors) = program.end();
        assert_eq!(signal, Some(number), "{errors}");
        let lines: Vec<_> = output.lines().collect();
        assert_eq!(lines[0], "blue #1: ada saved snippet 1");
        assert!(
            lines[1].starts_with("blue #1: POST /snippets/ 201 in "),
            "{lines:?}"
        );
        assert_eq!(lines[2..], ["blue: closed after 1 requests"]);
        assert!(errors.contains("snippets/applications/blue"), "{errors}");
        for bad in ["panicked", "has not ended"] {
            assert!(!errors.contains(bad), "{errors}");
        }
    }
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_snippets"))
        .arg(folder.path())
        .args(["0", &port])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.starts_with("snippets: error: Address already in use"),
        "{errors}"
    );
}
