//! The inspector's thread: one, which sleeps until a client or an event wakes it.
//!
//! # Invariants
//!
//! 1. It sleeps in `wait_many` alone, without a timeout: alarms, the end, and events of other threads raise `wake`. It
//!    lowers that before it looks at any of them, and they raise it after the fact.
//! 2. It never waits for a client, and what it keeps for one is bounded (the limits of [`protocol`](super::protocol)).
//! 3. No action of a stop signal runs on it: those are the user's, and may take long. Whoever asks a thread to stop is
//!    a thread of its own, joined at the end.

use core::panic::Location;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant, SystemTime};

use super::connection::Connection;
use super::look::micros;
use super::protocol::{Answer, Body, CONNECTIONS, Hello, Problem, ProblemKind, VERSION};
use super::stream::problem;
use crate::primitive::sys::descriptor::send;
use crate::primitive::sys::{Event, local};
use crate::primitive::{Arc, JoinHandle, Mutex, clock, drop_caught, is_finished, spawn};
use crate::signal::{OnSet, Reason, Signal, Timer, Why};
use crate::thread::Node;

/// What the server and its connections share.
pub(super) struct Shared {
    pub(super) root: Arc<Node>,
    pub(super) wake: Arc<Event>,
    pub(super) begin: Instant,
    pub(super) hello: Hello,
    pub(super) ended: Signal,
    timer: Timer,
    /// Not the tree's, which ends with it; a test's clock is.
    has_own_timer: bool,
    asking: Mutex<Vec<JoinHandle<()>>>,
}

/// A time that wakes the server.
pub(super) struct Alarm {
    till: Signal,
    _hook: OnSet,
}

impl Alarm {
    pub(super) fn is_over(&self) -> bool {
        self.till.is_set()
    }
}

impl Shared {
    pub(super) fn new(root: &Arc<Node>) -> std::io::Result<Self> {
        let since = clock::system_now().duration_since(SystemTime::UNIX_EPOCH);
        let hello = Hello {
            protocol: VERSION,
            selvedge: env!("CARGO_PKG_VERSION").to_owned(),
            program: root.path().to_string(),
            pid: std::process::id(),
            since_us: since.map_or(0, micros),
        };
        let tree = root.timer();
        let own = (!tree.is_mocked()).then(Timer::of_its_own);
        let has_own_timer = own.is_some();
        Ok(Self {
            root: Arc::clone(root),
            wake: Arc::new(Event::new()?),
            begin: clock::now(),
            hello,
            ended: Signal::named("the inspector ends"),
            timer: own.unwrap_or_else(|| tree.clone()),
            has_own_timer,
            asking: Mutex::new(Vec::new()),
        })
    }

    /// Wakes the server when `after` has passed from now.
    pub(super) fn alarm(&self, after: Duration) -> Alarm {
        let till = self.timer.after(after);
        let hook = till.raise(&self.wake);
        Alarm { till, _hook: hook }
    }

    /// Asks the thread with this path, and number, to stop.
    #[track_caller]
    pub(super) fn stop(&self, path: &str, number: Option<u64>) -> Result<String, Problem> {
        let is_meant = |node: &Arc<Node>| {
            let is_it = number.is_none_or(|number| Arc::as_ptr(node).addr() as u64 == number);
            **node.path() == *path && is_it && !node.is_scope()
        };
        let mut found = self.root.newest_first();
        found.retain(is_meant);
        let node = match found.len() {
            1 => found.swap_remove(0),
            0 => {
                let message = format!("there is no thread `{path}` (now)");
                return Err(problem(ProblemKind::NotFound, message));
            }
            n => {
                let message = format!("there are {n} threads `{path}`: say the `number` of one");
                return Err(problem(ProblemKind::Ambiguous, message));
            }
        };
        if node.stop_signal().is_set() {
            return Ok(format!("`{path}` was asked before"));
        }
        let why = Why::Said("asked through the inspector".into());
        let reason = Reason::new(why, Location::caller()).now();
        let asker = spawn("selvedge-ask", None, move || node.ask(&reason)); // invariant 3
        let asker = asker.map_err(|error| {
            problem(ProblemKind::Busy, format!("no thread to ask from: {error}"))
        })?;
        let mut asking = self.asking.lock();
        asking.retain(|asker| !is_finished(asker));
        asking.push(asker);
        Ok(format!("`{path}` is asked to stop"))
    }

    /// Does an action of a stop signal that was asked for still run?
    pub(super) fn is_asking(&self) -> bool {
        !self.asking.lock().iter().all(is_finished)
    }

    /// After the server has ended.
    pub(super) fn end(&self) {
        let asking = core::mem::take(&mut *self.asking.lock());
        for asker in asking {
            let _ = asker.join().map_err(drop_caught); // actions of a stop signal do not unwind it
        }
        if self.has_own_timer {
            self.timer.shutdown();
        }
    }
}

/// The thread's body.
pub(super) fn run(listener: &UnixListener, shared: &Shared) {
    let _ended = shared.ended.raise(&shared.wake);
    let mut connections: Vec<Connection> = Vec::new();
    // Without descriptors to accept with, the listener is left alone until then.
    let mut rest: Option<Alarm> = None;
    while !shared.ended.is_set() {
        let ready = match sleep(listener, &connections, rest.is_some(), shared) {
            Ok(ready) => ready,
            Err(_) => return, // no memory for `poll`: nothing can be served
        };
        shared.wake.lower(); // invariant 1
        rest = rest.filter(|alarm| !alarm.is_over());
        for (connection, is_readable) in connections.iter_mut().zip(ready.connections) {
            if is_readable {
                connection.receive();
            }
            connection.work(shared);
        }
        connections.retain(Connection::is_alive);
        if ready.listener && !accept(listener, &mut connections) {
            rest = Some(shared.alarm(Duration::from_secs(1)));
        }
    }
    for mut connection in connections {
        connection.close(shared);
    }
}

struct Ready {
    listener: bool,
    connections: Vec<bool>,
}

fn sleep(
    listener: &UnixListener,
    connections: &[Connection],
    is_resting: bool,
    shared: &Shared,
) -> std::io::Result<Ready> {
    let read = |fd, read| local::Watched {
        fd,
        read,
        write: false,
    };
    let mut fds = vec![
        read(shared.wake.as_fd(), true),
        read(listener.as_fd(), !is_resting),
    ];
    fds.extend(connections.iter().map(Connection::watched));
    local::wait_many(&mut fds)?;
    Ok(Ready {
        listener: fds[1].read && !is_resting,
        connections: fds[2..].iter().map(|it| it.read).collect(),
    })
}

/// Takes who has connected; false if there are no descriptors left.
fn accept(listener: &UnixListener, connections: &mut Vec<Connection>) -> bool {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => return true,
                ErrorKind::Interrupted | ErrorKind::ConnectionAborted => continue,
                _ => return false,
            },
        };
        if let Err(problem) = admit(&stream, connections.len()) {
            refuse(&stream, problem);
        } else {
            connections.push(Connection::new(stream));
        }
    }
}

fn admit(stream: &UnixStream, connected: usize) -> Result<(), Problem> {
    // Root may do anything anyway.
    if let Some(user) = local::peer(stream)
        && user != local::user()
        && user != 0
    {
        let message = "this program belongs to another user";
        return Err(problem(ProblemKind::Refused, message));
    }
    if connected >= CONNECTIONS {
        let message = format!("there are {CONNECTIONS} connections already: close one");
        return Err(problem(ProblemKind::Busy, message));
    }
    Ok(())
}

/// Says why, if there is room, and hangs up.
fn refuse(stream: &UnixStream, problem: Problem) {
    let answer = Answer {
        id: 0,
        body: Body::Error(problem),
    };
    let _ = send(stream.as_fd(), answer.line().as_bytes());
}
