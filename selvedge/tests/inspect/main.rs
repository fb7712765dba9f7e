//! The inspector: what it shows of a tree, what it does, and what clients cannot do to a program.

#![allow(
    clippy::disallowed_methods,
    reason = "clients are threads of another program"
)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use selvedge::observe::inspect::protocol::{Answer, Body, Command, Request, Snapshot, ThreadInfo};
use selvedge::observe::inspect::{Client, Serving, serve};
use selvedge::testing::World;
use selvedge::thread;
use tempfile::TempDir;

mod calls;
mod commands;
mod data;
mod fuzz;
mod hostile;
mod places;
mod record;

/// A folder of a test's own, removed at its end.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder in the temporary one"))
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Watches over every function, how many watches there are, and what happens anywhere, which is more than one recording
/// takes, are of the whole process: one such test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `f` in a world that is served.
fn served<R>(f: impl FnOnce(&Serving) -> R) -> R {
    served_in(&World::new(), f)
}

fn served_in<R>(world: &World, f: impl FnOnce(&Serving) -> R) -> R {
    let folder = Folder::new();
    world.test(|| {
        let serving = serve(folder.join("it.sock")).expect("a free path");
        f(&serving)
    })
}

fn connect(serving: &Serving) -> Client {
    Client::connect(serving.path()).expect("it serves")
}

/// Asks for snapshots until one is as `is_it` wants it.
fn until<R>(client: &mut Client, mut is_it: impl FnMut(&Snapshot) -> Option<R>) -> R {
    let begin = Instant::now();
    loop {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "{}",
            thread::tree()
        );
        let look = Command::Snapshot {
            cpu: false,
            after_ms: None,
        };
        let Ok(Body::Snapshot(snapshot)) = client.ask(look) else {
            panic!("no snapshot");
        };
        if let Some(found) = is_it(&snapshot) {
            return found;
        }
        std::thread::yield_now();
    }
}

/// The thread with this name, once it waits.
fn waiting(client: &mut Client, name: &str) -> ThreadInfo {
    until(client, |snapshot| {
        let thread = snapshot.threads.iter().find(|thread| thread.name == name)?;
        thread.waits.is_some().then(|| thread.clone())
    })
}

/// A client without manners.
struct Raw {
    socket: BufReader<UnixStream>,
}

impl Raw {
    fn connect(path: &Path) -> Self {
        let socket = UnixStream::connect(path).expect("it serves");
        // A test that would hang fails.
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        socket
            .set_write_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Self {
            socket: BufReader::new(socket),
        }
    }

    /// Sends bytes; true if they were taken.
    fn send(&mut self, bytes: &[u8]) -> bool {
        self.socket.get_mut().write_all(bytes).is_ok()
    }

    fn ask(&mut self, id: u64, command: Command) {
        assert!(self.send(Request { id, command }.line().as_bytes()));
    }

    /// The next answer; none once it was hung up on.
    fn hear(&mut self) -> Option<Answer> {
        let mut line = String::new();
        match self.socket.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(Answer::parse(&line).expect("an answer")),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }
}
