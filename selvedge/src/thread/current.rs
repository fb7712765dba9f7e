//! Who the calling thread is.

use core::fmt;

use crate::ambient;
use crate::primitive::{Arc, Weak};
use crate::thread::handle::Thread;
use crate::thread::tree::Node;

/// The calling thread, as [`current`] found it.
#[derive(Clone, Debug)]
pub struct Current {
    name: Box<str>,
    path: Arc<str>,
    /// Of a member.
    node: Option<Weak<Node>>,
}

/// Describes the calling thread. A thread that we did not start is described, never adopted.
///
/// # Examples
///
/// ```
/// # let status =
/// selvedge::run("example", |_stop| {
///     let child = selvedge::thread::spawn("child", |_| Ok(selvedge::thread::current().to_string()));
///     assert_eq!(child.join()?, "example/child");
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// assert!(!selvedge::thread::current().is_member());
/// ```
#[must_use]
pub fn current() -> Current {
    let path = ambient::thread_path();
    match Node::current() {
        Some(node) => Current::of(&node),
        None => Current {
            name: path.as_ref().into(),
            path,
            node: None,
        },
    }
}

impl Current {
    pub(super) fn of(node: &Arc<Node>) -> Self {
        Self {
            name: node.name.clone(),
            path: Arc::clone(&node.path),
            node: Some(Arc::downgrade(node)),
        }
    }

    /// The thread's own name; an alien thread's as the system has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names from the root to the thread, joined by `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Is it part of a tree?
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.node.is_some()
    }
}

impl fmt::Display for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// A thread of the tree as the [`parent`](super::Builder::parent) of another: made from a [`Thread`] or a
/// [`Current`].
#[derive(Clone, Debug)]
pub struct Parent(pub(super) Result<Arc<Node>, NoParent>);

/// Why somebody cannot be a parent.
#[derive(Clone, Debug)]
pub(super) enum NoParent {
    /// It is part of no tree.
    NoTree,
    /// The thread with this path is gone.
    Ended(Arc<str>),
}

impl<T> From<&Thread<T>> for Parent {
    fn from(thread: &Thread<T>) -> Self {
        Self(Ok(Arc::clone(&thread.node)))
    }
}

impl From<&Current> for Parent {
    fn from(current: &Current) -> Self {
        Self(match &current.node {
            None => Err(NoParent::NoTree),
            Some(node) => node
                .upgrade()
                .ok_or_else(|| NoParent::Ended(Arc::clone(&current.path))),
        })
    }
}
