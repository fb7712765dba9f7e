//! A running program answers questions on a unix socket: its threads and what they wait for, signals, queues, locks,
//! open functions, and what looks wrong.
//!
//! [`serve`] opens the socket. Without a change of the program, `SELVEDGE_INSPECT=PATH` in its environment does:
//! [`run`](crate::run) then serves there until all its threads have ended. In a folder that is there it serves at
//! `FOLDER/NAME-PID.sock`; an empty variable stands for [`directory()`], which is made, for its owner alone. What goes
//! wrong is a line on standard error, and the program runs on.
//!
//! Child processes inherit the variable, so a folder or an empty one is for programs that start others: a path is taken.
//!
//! What is said there is described in [`protocol`]; [`Client`] says it. One thread serves, outside of the tree, so it
//! still answers when a shutdown hangs. It sleeps until a client says something, and nothing else in the program
//! knows of it: locks and queues are found from the threads that wait for them.
//!
//! # Who may look
//!
//! The socket belongs to its owner, mode 0600, from before anybody can connect; where the system tells who connects,
//! others but root are refused all the same. Whoever may look may stop threads and see the arguments of open functions.
//!
//! # Threads that are shown
//!
//! Those of the tree. A queue, lock or signal is shown while a thread of the tree waits for it.
//!
//! # Examples
//!
//! ```
//! use selvedge::observe::inspect::{Client, protocol::{Body, Command}, serve};
//! use selvedge::{sync::Queue, thread};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("app.sock");
//! # let status =
//! selvedge::run("app", |_stop| {
//!     let serving = serve(&path)?;
//!     let jobs = Queue::<u32>::named("jobs", 8);
//!     let source = jobs.clone();
//!     thread::spawn("worker", move |_stop| Ok(source.pop().map(drop).unwrap_or(()))).release();
//!
//!     let mut client = Client::connect(serving.path())?;
//!     let waiting = loop {
//!         match client.ask(Command::Queues)? {
//!             Body::Queues(queues) if queues.is_empty() => {} // the worker is on its way
//!             Body::Queues(mut queues) => break queues.remove(0),
//!             other => panic!("{other:?}"),
//!         }
//!     };
//!     assert_eq!((&*waiting.queue, waiting.popping), ("jobs", vec!["app/worker".to_owned()]));
//!     jobs.close();
//!     Ok(())
//! });
//! # assert_eq!(status, std::process::ExitCode::SUCCESS);
//! # Ok::<(), std::io::Error>(())
//! ```

mod client;
mod connection;
mod look;
mod outbox;
pub mod protocol;
mod server;
mod socket;
mod stream;
mod warn;

use core::fmt;
use std::path::{Path, PathBuf};

use crate::primitive::{Arc, JoinHandle, drop_caught, spawn};
use crate::thread::Node;
pub use client::{AskError, Client};
use server::Shared;
use socket::Place;
pub use socket::{ServeError, directory};

/// The variable of the environment.
const VARIABLE: &str = "SELVEDGE_INSPECT";

/// Answers questions about the calling thread's tree at `path`, until the guard is dropped.
///
/// As in the environment, an empty path stands for `NAME-PID.sock` in [`directory()`].
///
/// # Errors
///
/// If the thread is in no tree; if something is at `path` that is no socket, or one that somebody serves; if the path
/// is too long for a socket; and what the system says. A socket that nobody serves any more is replaced.
///
/// # Examples
///
/// ```
/// use selvedge::observe::inspect::{ServeError, serve};
///
/// let error = serve("/tmp/app.sock").unwrap_err();
/// assert!(matches!(error, ServeError::NoTree)); // outside of `run`
/// ```
pub fn serve(path: impl AsRef<Path>) -> Result<Serving, ServeError> {
    let root = Node::current_root().ok_or(ServeError::NoTree)?;
    match path.as_ref() {
        path if path.as_os_str().is_empty() => {
            Serving::begin(&root, &socket::place_of(path, root.path())?)
        }
        path => Serving::begin(&root, path),
    }
}

/// Serves until it is dropped; made by [`serve`].
///
/// Dropping it closes all connections and removes the socket. If an action of a stop signal still runs because
/// of a `stop` that a client has asked for, it waits for that.
#[must_use = "dropping it ends the inspector"]
pub struct Serving {
    shared: Arc<Shared>,
    place: Place,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    fn begin(root: &Arc<Node>, path: &Path) -> Result<Self, ServeError> {
        let (place, listener) = Place::take(path)?;
        let shared = Shared::new(root).map_err(|error| ServeError::io("serve at", path, error))?;
        let shared = Arc::new(shared);
        let thread = spawn("selvedge-inspect", None, {
            let shared = Arc::clone(&shared);
            move || server::run(&listener, &shared)
        });
        let thread = thread.map_err(|error| ServeError::io("serve at", path, error))?;
        Ok(Self {
            shared,
            place,
            thread: Some(thread),
        })
    }

    /// What `SELVEDGE_INSPECT` asks for, for the program with this root.
    pub(crate) fn from_env(root: &Arc<Node>) -> Option<Self> {
        let path = PathBuf::from(std::env::var_os(VARIABLE)?);
        let serving =
            socket::place_of(&path, root.path()).and_then(|path| Self::begin(root, &path));
        // Whoever started the program wants to know; the program runs on.
        serving
            .inspect_err(|error| eprintln!("selvedge: {VARIABLE}: {error}"))
            .ok()
    }

    /// Where the socket is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Would dropping it wait for actions of a stop signal?
    pub(crate) fn is_asking(&self) -> bool {
        self.shared.is_asking()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.shared.ended.set();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join().map_err(drop_caught);
        }
        self.shared.end();
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}
