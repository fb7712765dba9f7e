//! Running a program as a user does, with a bound on everything.
//!
//! Used by the tests of two packages; each names the program that it tests.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempPath;

/// No test waits longer for anything; what takes so long hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// What has become of a program.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts the exit status, and shows standard error if it is another.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(expected),
            "{}: {}",
            self.status,
            self.stderr
        );
        self
    }

    /// Asserts that it died of an operating system's signal.
    #[track_caller]
    pub(crate) fn signal(self, expected: Signal) -> Self {
        assert_eq!(
            self.status.signal(),
            Some(expected.as_raw()),
            "{}: {}",
            self.status,
            self.stderr
        );
        self
    }

    /// Asserts standard output.
    #[track_caller]
    pub(crate) fn says(self, expected: &str) -> Self {
        assert_eq!(self.stdout, expected, "{}", self.stderr);
        self
    }

    /// Asserts that there is nothing on standard error.
    #[track_caller]
    pub(crate) fn quiet(self) -> Self {
        assert_eq!(self.stderr, "");
        self
    }

    /// Asserts standard error, line by line.
    #[track_caller]
    pub(crate) fn complains(self, expected: &[&str]) -> Self {
        assert_eq!(self.stderr.lines().collect::<Vec<_>>(), expected);
        self
    }
}

/// A program that is started with SIGINT and SIGTERM as a terminal would have them.
///
/// Whoever runs the tests in the background ignores SIGINT for them, and an ignored signal is inherited:
/// the program would, rightly, go on ignoring it.
pub(crate) fn interruptible(program: &str) -> Command {
    let mut env = Command::new("env");
    env.args(["--default-signal=INT", "--default-signal=TERM", program]);
    env
}

/// Runs `program` with `stdin` to its end.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str], stdin: impl AsRef<[u8]>) -> Ended {
    let mut live = Live::start(Command::new(program).args(arguments).stdin(Stdio::piped()));
    let mut input = live.stdin.take().expect("it was piped");
    let stdin = stdin.as_ref();
    thread::scope(|s| {
        s.spawn(move || {
            // The program may end before it has read everything.
            let _ = input.write_all(stdin);
        });
        live.end()
    })
}

/// A program that runs, killed when the test is over.
pub(crate) struct Live {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    /// What has come on standard output so far.
    seen: Vec<u8>,
}

impl Live {
    /// Starts a program whose standard input is already decided.
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdin = child.stdin.take();
        let stdout = pump(child.stdout.take().expect("it is piped"));
        let stderr = pump(child.stderr.take().expect("it is piped"));
        Self {
            child,
            stdin,
            stdout,
            stderr,
            seen: Vec::new(),
        }
    }

    /// Writes to standard input.
    #[track_caller]
    pub(crate) fn write(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("it is open");
        stdin
            .write_all(text.as_bytes())
            .and_then(|()| stdin.flush())
            .expect("the program reads");
    }

    /// Waits until standard output has begun with `expected`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, expected: &str) {
        let deadline = Instant::now() + LIMIT;
        while self.seen.len() < expected.len() {
            match self
                .stdout
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.seen.extend(bytes),
                Err(error) => panic!("{error}; so far: {}", String::from_utf8_lossy(&self.seen)),
            }
        }
        assert!(
            self.seen.starts_with(expected.as_bytes()),
            "{}",
            String::from_utf8_lossy(&self.seen)
        );
    }

    /// Waits until standard output ends with `expected`.
    #[track_caller]
    pub(crate) fn wait_for_last(&mut self, expected: &str) {
        let deadline = Instant::now() + LIMIT;
        while !self.seen.ends_with(expected.as_bytes()) {
            let left = deadline.saturating_duration_since(Instant::now());
            self.seen
                .extend(self.stdout.recv_timeout(left).expect("it goes on"));
        }
    }

    /// The most memory that it has had so far, in KiB; `None` where the system does not say.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// Sends an operating system's signal.
    #[track_caller]
    pub(crate) fn send(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + LIMIT;
        drop(self.stdin.take());
        let mut stdout = std::mem::take(&mut self.seen);
        let mut stderr = Vec::new();
        for (from, to) in [(&self.stdout, &mut stdout), (&self.stderr, &mut stderr)] {
            loop {
                match from.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Ok(bytes) => to.extend(bytes),
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => {
                        panic!("it does not end; so far: {}", String::from_utf8_lossy(to));
                    }
                }
            }
        }
        // Both streams are closed, so it is ending.
        let status = self.child.wait().expect("it was started");
        let text = |bytes| String::from_utf8(bytes).expect("what it prints is UTF-8");
        Ended {
            status,
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // It may have ended, and then nothing happens.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads everything on a thread of its own, which ends with the stream.
pub(crate) fn pump(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    let body = move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if sender.send(buffer[..n].to_vec()).is_err() {
                break;
            }
        }
    };
    thread::Builder::new().spawn(body).expect("a thread");
    receiver
}

/// A file that is removed when the test is over.
pub(crate) struct TempFile(TempPath);

impl TempFile {
    /// Writes `content` to a new file whose name ends with `name`.
    pub(crate) fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let suffix = format!("-{name}");
        let file = tempfile::Builder::new()
            .prefix("formulas-")
            .suffix(&suffix)
            .tempfile();
        let path = file.expect("a temporary file").into_temp_path();
        fs::write(&path, content).expect("room for it");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn name(&self) -> &str {
        self.0
            .to_str()
            .expect("a temporary folder with a plain name")
    }
}
