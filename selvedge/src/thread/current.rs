//! Who the calling thread is.

use core::fmt;

use crate::ambient;
use crate::primitive::Arc;
use crate::thread::tree::Node;

/// The calling thread, as [`current`] found it.
#[derive(Clone, Debug)]
pub struct Current {
    name: Box<str>,
    path: Arc<str>,
    is_member: bool,
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
        Some(node) => Current {
            name: node.name.clone(),
            path,
            is_member: true,
        },
        None => Current {
            name: path.as_ref().into(),
            path,
            is_member: false,
        },
    }
}

impl Current {
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
        self.is_member
    }
}

impl fmt::Display for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}
