//! How threads fail, and who is told.

use core::any::Any;
use core::fmt;
use std::error::Error;
use std::io;

use crate::primitive::{Arc, Caught, Mutex, message_of, text_of};
use crate::signal::{Reason, Stopped};

/// What a thread's body returns: `?` takes any error.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The error that a thread's body returned, with the thread's path.
#[derive(Debug)]
pub struct ThreadError {
    thread: Arc<str>,
    error: Caught<Box<dyn Error + Send + Sync>>,
    /// Then the error says who failed.
    is_process: bool,
}

impl ThreadError {
    /// The path of the thread that failed.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// The body's own error.
    #[must_use]
    pub fn into_inner(self) -> Box<dyn Error + Send + Sync> {
        self.error.into_inner()
    }
}

impl fmt::Display for ThreadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_process {
            return f.write_str(&text_of(&**self.error));
        }
        write!(
            f,
            "thread `{}` failed: {}",
            self.thread,
            text_of(&**self.error)
        )
    }
}

impl Error for ThreadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.error)
    }
}

/// A panic of a thread's body, with its payload whole.
pub struct Panic {
    thread: Arc<str>,
    message: Box<str>,
    /// A payload is only `Send`; the lock makes the error `Sync`.
    payload: Mutex<Caught<Box<dyn Any + Send>>>,
}

impl Panic {
    fn new(thread: Arc<str>, payload: Box<dyn Any + Send>) -> Self {
        let message = message_of(&*payload).into();
        Self {
            thread,
            message,
            payload: Mutex::new(Caught::new(payload)),
        }
    }

    /// The path of the thread that panicked.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// The panic's message, if its payload is text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The payload, for [`resume_unwind`](std::panic::resume_unwind).
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        let mut payload = self.payload.lock();
        core::mem::replace(&mut *payload, Caught::new(Box::new(()))).into_inner()
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic")
            .field("thread", &self.thread)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread `{}` panicked: {}", self.thread, self.message)
    }
}

impl Error for Panic {}

/// Why a thread did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    Error(ThreadError),
    Panic(Panic),
    /// The body was fine; children whom nobody joined were not.
    Children(Failures),
}

impl Failure {
    pub(crate) fn error(thread: Arc<str>, error: Box<dyn Error + Send + Sync>) -> Self {
        Self::Error(ThreadError {
            thread,
            error: Caught::new(error),
            is_process: false,
        })
    }

    /// The failure of a child process, by its path.
    #[cfg(selvedge_process)]
    pub(super) fn process(path: Arc<str>, error: Box<dyn Error + Send + Sync>) -> Self {
        Self::Error(ThreadError {
            thread: path,
            error: Caught::new(error),
            is_process: true,
        })
    }

    pub(crate) fn panic(thread: Arc<str>, payload: Box<dyn Any + Send>) -> Self {
        Self::Panic(Panic::new(thread, payload))
    }
}

/// Why a thread failed, for texts that say already which one did.
pub(super) enum Cause<'e> {
    Error(&'e ThreadError),
    Panic(&'e Panic),
    Children(&'e Failures),
}

impl Failure {
    pub(super) fn cause(&self) -> Cause<'_> {
        match self {
            Self::Error(error) => Cause::Error(error),
            Self::Panic(panic) => Cause::Panic(panic),
            Self::Children(failures) => Cause::Children(failures),
        }
    }
}

impl Cause<'_> {
    /// The path of the thread.
    pub(super) fn thread(&self) -> &str {
        match self {
            Self::Error(error) => error.thread(),
            Self::Panic(panic) => panic.thread(),
            Self::Children(failures) => failures.thread(),
        }
    }
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => f.write_str(&text_of(&**error.error)),
            Self::Panic(panic) => write!(f, "it panicked: {}", panic.message),
            Self::Children(failures) if failures.of_scope => failures.fmt(f),
            Self::Children(failures) => {
                let n = failures.all.len();
                write!(f, "{n} {} failed", plural(n))?;
                failures.list(f)
            }
        }
    }
}

/// The failures of children whom nobody joined, or of a [`scope`](super::scope), as one error.
///
/// Always a group, also of one: what works in a test with one child works with three.
#[derive(Debug)]
pub struct Failures {
    pub(super) thread: Arc<str>,
    pub(super) all: Vec<JoinError>,
    pub(super) of_scope: bool,
}

impl Failures {
    /// The path of the thread whose children failed, or of the scope.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// What each of them would have given its joiner, in the order in which they were found.
    #[must_use]
    pub fn all(&self) -> &[JoinError] {
        &self.all
    }

    /// The same, to take them apart: each error and each panic's payload is whole.
    #[must_use]
    pub fn into_all(self) -> Vec<JoinError> {
        self.all
    }
}

impl Failures {
    fn list(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, failure) in self.all.iter().enumerate() {
            write!(f, "{} {failure}", if i == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.all.len();
        if self.of_scope {
            let s = if n == 1 { "" } else { "s" };
            write!(f, "scope `{}` ended with {n} error{s}", self.thread)?;
        } else {
            write!(f, "{n} {} of thread `{}` failed", plural(n), self.thread)?;
        }
        self.list(f)
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "child" } else { "children" }
}

impl Error for Failures {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // A stop among them is not what they are about: who passes them on has failed.
        let failure = self.all.iter().find(|error| error.is_failure());
        failure
            .or_else(|| self.all.first())
            .map(|error| error as &(dyn Error + 'static))
    }
}

/// The error of [`Thread::join`](super::Thread::join).
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// The thread's body returned an error.
    Failed(ThreadError),
    /// The thread's body panicked; the payload is whole.
    Panicked(Panic),
    /// The thread's body was fine, but children whom it did not join were not.
    Children(Failures),
    /// The thread ended because it was asked to stop.
    Stopped {
        /// The path of the thread.
        thread: Arc<str>,
        /// Why it was asked.
        stopped: Stopped,
    },
    /// The result was given to another joiner, or to the parent when it ended.
    Taken {
        /// The path of the thread.
        thread: Arc<str>,
    },
    /// The signal given to `join_until` was set first; the thread goes on and the handle is usable.
    Expired {
        /// The path of the thread.
        thread: Arc<str>,
    },
    /// The *calling* thread was asked to stop; the other goes on and the handle is usable.
    Interrupted(Stopped),
    /// It was a job of a pool that ended before the job began.
    NeverRan {
        /// The path of the pool.
        thread: Arc<str>,
        /// Why the pool ended.
        stopped: Stopped,
    },
    /// The thread tried to join itself.
    Itself {
        /// The path of the thread.
        thread: Arc<str>,
    },
}

impl JoinError {
    /// Has the thread failed, rather than the join?
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Failed(_) | Self::Panicked(_) | Self::Children(_)
        )
    }

    /// Why the thread failed, if it did.
    pub(super) fn cause(&self) -> Option<Cause<'_>> {
        match self {
            Self::Failed(error) => Some(Cause::Error(error)),
            Self::Panicked(panic) => Some(Cause::Panic(panic)),
            Self::Children(failures) => Some(Cause::Children(failures)),
            _ => None,
        }
    }

    /// Did the thread end because it was asked to? With the reason.
    #[must_use]
    pub fn stop_reason(&self) -> Option<&Reason> {
        match self {
            Self::Stopped { stopped, .. } => Some(stopped.reason()),
            _ => None,
        }
    }
}

impl From<Failure> for JoinError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Error(error) => Self::Failed(error),
            Failure::Panic(panic) => Self::Panicked(panic),
            Failure::Children(failures) => Self::Children(failures),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Panicked(panic) => panic.fmt(f),
            Self::Children(failures) => failures.fmt(f),
            Self::Stopped { thread, stopped } => write!(f, "thread `{thread}` was {stopped}"),
            Self::Taken { thread } => {
                write!(f, "the result of thread `{thread}` was taken already")
            }
            Self::Expired { thread } => write!(f, "the join of thread `{thread}` expired"),
            Self::Interrupted(stopped) => write!(f, "while joining, this thread was {stopped}"),
            Self::NeverRan { thread, stopped } => {
                write!(f, "the job never ran: its pool `{thread}` was {stopped}")
            }
            Self::Itself { thread } => write!(f, "thread `{thread}` cannot join itself"),
        }
    }
}

impl Error for JoinError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::Panicked(_) | Self::Taken { .. } | Self::Expired { .. } | Self::Itself { .. } => {
                None
            }
            Self::Children(failures) => failures.source(),
            Self::Stopped { stopped, .. }
            | Self::NeverRan { stopped, .. }
            | Self::Interrupted(stopped) => Some(stopped),
        }
    }
}

/// The error of [`Builder::spawn`](super::Builder::spawn).
#[derive(Debug)]
#[non_exhaustive]
pub enum SpawnError {
    /// The calling thread is not part of a tree: use [`selvedge::run`](crate::run).
    NoTree {
        /// The name that the thread should have had.
        name: Box<str>,
    },
    /// The parent has ended and can have no children any more.
    Sealed {
        /// The name that the thread should have had.
        name: Box<str>,
        /// The path of the parent.
        parent: Arc<str>,
    },
    /// The calling thread was to be registered and is part of a tree already.
    AlreadyMember {
        /// The name that the thread should have had.
        name: Box<str>,
        /// Its path.
        thread: Arc<str>,
    },
    /// The prepared thread was asked to stop before it was started.
    NeverRan {
        /// The path of the thread.
        thread: Arc<str>,
        /// Why it was asked.
        stopped: Stopped,
    },
    /// The calling thread was asked to stop while it waited for one of the scope's places.
    Stopped {
        /// The name that the thread should have had.
        name: Box<str>,
        /// Why it was asked.
        stopped: Stopped,
    },
    /// As many threads as the scope allows are running.
    Full {
        /// The name that the thread should have had.
        name: Box<str>,
    },
    /// The given signal was set before one of the scope's places was free.
    Expired {
        /// The name that the thread should have had.
        name: Box<str>,
    },
    /// The operating system refused a thread.
    Os {
        /// The name that the thread should have had.
        name: Box<str>,
        /// What it said.
        source: io::Error,
    },
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTree { name } => write!(
                f,
                "thread `{name}` has no tree to be in: spawn inside `selvedge::run`, in tests inside \
                 `selvedge::testing::World`"
            ),
            Self::Sealed { name, parent } => {
                write!(
                    f,
                    "thread `{name}` comes too late: its parent `{parent}` has ended"
                )
            }
            Self::AlreadyMember { name, thread } => write!(
                f,
                "`{name}` cannot be registered: its thread is in the tree already, as `{thread}`"
            ),
            Self::NeverRan { thread, stopped } => write!(
                f,
                "thread `{thread}` never runs: before it was started, it was {stopped}"
            ),
            Self::Stopped { name, stopped } => write!(
                f,
                "thread `{name}` was not started: while it waited for a place, its spawner was {stopped}"
            ),
            Self::Full { name } => write!(
                f,
                "thread `{name}` was not started: the limit of its scope is reached"
            ),
            Self::Expired { name } => write!(
                f,
                "thread `{name}` was not started: no place of its scope was free in time"
            ),
            Self::Os { name, source } => {
                write!(f, "thread `{name}` could not be started: {source}")
            }
        }
    }
}

impl Error for SpawnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Os { source, .. } => Some(source),
            Self::Stopped { stopped, .. } | Self::NeverRan { stopped, .. } => Some(stopped),
            _ => None,
        }
    }
}
