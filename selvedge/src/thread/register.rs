//! A thread of somebody else takes part for a while.
//!
//! # Invariants
//!
//! 1. The thread is in its parent's `children` while its body and its own children run, and is taken out
//!    whatever happens: the parent waits for it, and never afterwards.
//! 2. What the body returned or panicked with goes to the caller alone, who stands on the same stack: the
//!    tree does not answer for it.

use core::fmt;
use std::error::Error;
use std::panic::resume_unwind;

use crate::ambient;
use crate::primitive::{Arc, Mutex, Weak, global};
use crate::probe::{self, Event};
use crate::signal::Signal;
use crate::thread::end::{Ended, Given, run_given};
use crate::thread::error::{Failure, JoinError, Outcome, SpawnError};
use crate::thread::handle::Packet;
use crate::thread::spawn::Builder;
use crate::thread::tree::{Child, Node};

global! {
    /// The root of the program's tree, while it runs.
    fn program() -> Mutex<Weak<Node>> { Mutex::new(Weak::new()) }
}

/// From here on alien threads may register with this tree.
pub(crate) fn set_program(root: &Arc<Node>) {
    *program().lock() = Arc::downgrade(root);
}

/// Runs `body` on the calling thread, which somebody else started (a callback of a C library, a pool), as a
/// child of the program's root.
///
/// Inside it is a thread of the tree like others: it has a name and a path, its blocking operations obey its
/// stop, and it can spawn. The program does not end before it. When `body` has ended, its children are asked
/// to stop and joined, as at the end of every parent.
///
/// # Errors
///
/// - [`RegisterError::Refused`] – `body` did not run: no program runs, or it has ended already; or the thread
///   is part of a tree. Within a `testing::World`, which is not the program, give a
///   [`parent`](Builder::parent).
/// - [`RegisterError::Ended`] – the error of `body`, that it obeyed a stop, or the failures of children whom
///   it did not join.
///
/// # Panics
///
/// If `body` does, after its children were joined.
///
/// # Examples
///
/// ```
/// use selvedge::thread;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     // Not ours: nobody would wait for it.
///     let camera = std::thread::spawn(|| {
///         thread::register("camera callback", |_stop| Ok(thread::current().path().to_owned()))
///     });
///     assert_eq!(camera.join().unwrap()?, "example/camera callback");
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[doc(alias = "RegisterThread")]
pub fn register<T>(
    name: &str,
    body: impl FnOnce(Signal) -> Outcome<T>,
) -> Result<T, RegisterError> {
    Builder::new(name).register(body)
}

impl Builder {
    /// As [`register`], with the choices made so far; the stack is the thread's own.
    ///
    /// # Errors
    ///
    /// As [`register`].
    ///
    /// # Panics
    ///
    /// As [`register`].
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{testing::World, thread};
    ///
    /// World::new().run(|| {
    ///     let world = thread::current();
    ///     std::thread::scope(|scope| {
    ///         scope.spawn(|| thread::Builder::new("alien").parent(&world).register(|_stop| Ok(())).unwrap());
    ///     });
    /// });
    /// ```
    pub fn register<T>(
        mut self,
        body: impl FnOnce(Signal) -> Outcome<T>,
    ) -> Result<T, RegisterError> {
        if Node::current().is_some() {
            let thread = ambient::thread_path();
            return Err(SpawnError::AlreadyMember {
                name: self.name,
                thread,
            }
            .into());
        }
        let parent = match self.chosen_parent() {
            Some(chosen) => chosen?,
            None => running().ok_or_else(|| SpawnError::NoTree {
                name: self.name.clone(),
            })?,
        };
        let (node, setting) = self.into_child_of(&parent);
        let child = Child {
            node: Arc::clone(&node),
            packet: Arc::new(Packet::<()>::new()), // stays empty (invariant 2)
        };
        if !parent.add(child) {
            return Err(SpawnError::Sealed {
                name: node.name.clone(),
                parent: Arc::clone(&parent.path),
            }
            .into());
        }
        probe::emit(&Event::Started {
            kind: node.kind(),
            thread: &node.path,
        });
        let given = Given::default();
        let ended = run_given(&node, &given, |stop| setting.run(&given, || body(stop)));
        node.finish(ended.ending());
        let _ = parent.remove(&node); // its OS thread is not ours to join
        match ended {
            Ended::Failed(Failure::Panic(panic)) => resume_unwind(panic.into_payload()),
            ended => Ok(ended.into_result(&node.path)?),
        }
    }
}

fn running() -> Option<Arc<Node>> {
    program().lock().upgrade()
}

/// The error of [`register`].
#[derive(Debug)]
#[non_exhaustive]
pub enum RegisterError {
    /// The thread could not enter the tree; the body did not run.
    Refused(SpawnError),
    /// The body ran and did not end well.
    Ended(JoinError),
}

impl From<SpawnError> for RegisterError {
    fn from(error: SpawnError) -> Self {
        Self::Refused(error)
    }
}

impl From<JoinError> for RegisterError {
    fn from(error: JoinError) -> Self {
        Self::Ended(error)
    }
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Ended(error) => error.fmt(f),
        }
    }
}

impl Error for RegisterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(error) => error.source(),
            Self::Ended(error) => error.source(),
        }
    }
}
