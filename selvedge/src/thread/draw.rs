//! The tree as data, and drawn.
//!
//! # Invariants
//!
//! 1. Taking the picture holds one node's lock at a time, for as long as it takes to copy its children; no
//!    user code runs meanwhile. So it may be taken anywhere: in callbacks, in destructors.

use core::fmt;
use std::time::Duration;

use crate::primitive::{Arc, Weak, clock};
use crate::thread::tree::{Node, State};

/// The threads of a tree at one moment, as data. `Display` draws it.
///
/// ```text
/// formulas     running for 2.1s
/// ├─ worker-1  running for 1.9s, waits for queue `jobs` at formulas/src/worker.rs:40:33
/// └─ worker-2  ending for 1.9s, asked to stop 30.0ms ago: SIGINT
/// ```
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<TreeNode>,
}

/// One thread in a [`Tree`].
#[derive(Clone, Debug)]
pub struct TreeNode {
    name: Box<str>,
    path: Arc<str>,
    depth: usize,
    is_last: bool,
    is_scope: bool,
    process: Option<u32>,
    state: State,
    age: Duration,
    stop: Option<Box<str>>,
    asked: Option<Duration>,
    waits_for: Option<Box<str>>,
}

/// The tree that the calling thread is part of, from its root; empty for an alien thread.
///
/// # Examples
///
/// ```
/// use std::process::ExitCode;
///
/// let status = selvedge::run("example", |_stop| {
///     assert_eq!(selvedge::thread::tree().nodes()[0].name(), "example");
///     Ok(())
/// });
/// assert_eq!(format!("{status:?}"), format!("{:?}", ExitCode::SUCCESS));
/// ```
#[must_use]
pub fn tree() -> Tree {
    let Some(mut top) = Node::current() else {
        return Tree { nodes: Vec::new() };
    };
    while let Some(parent) = top.parent.as_ref().and_then(Weak::upgrade) {
        top = parent;
    }
    Tree::of(&top)
}

impl Tree {
    pub(crate) fn of(top: &Arc<Node>) -> Self {
        let mut nodes = Vec::new();
        let now = clock::now();
        let mut work = vec![(Arc::clone(top), 0, true)];
        while let Some((node, depth, is_last)) = work.pop() {
            let reason = node.stop_signal().reason();
            nodes.push(TreeNode {
                name: node.name.clone(),
                path: Arc::clone(&node.path),
                depth,
                is_last,
                is_scope: node.is_scope(),
                process: node.process_id(),
                state: node.phase(),
                age: now.saturating_duration_since(node.since()),
                asked: reason
                    .as_ref()
                    .and_then(|reason| Some(now.saturating_duration_since(reason.when()?))),
                stop: reason.map(|reason| reason.to_string().into()),
                waits_for: node.waits_for().map(|site| site.to_string().into()),
            });
            let children = node.children();
            let last = children.len().saturating_sub(1);
            for (i, child) in children.into_iter().enumerate().rev() {
                work.push((child, depth + 1, i == last));
            }
        }
        Self { nodes }
    }

    /// The threads, each before its children, which are in the order of their start.
    #[must_use]
    pub fn nodes(&self) -> &[TreeNode] {
        &self.nodes
    }

    /// How many threads there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

impl TreeNode {
    /// The thread's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names from the root to the thread, joined by `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How far from the root; 0 is the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Is it a [`scope`](super::scope()), not a thread? Below it are the scope's threads.
    #[must_use]
    pub fn is_scope(&self) -> bool {
        self.is_scope
    }

    /// The system's number of it, if it is a child process, not a thread.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.process
    }

    /// Where it is in its life; a scope runs until its closure has ended.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// How long it has been in the tree.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// How long ago it was asked to stop, if it was, and if whoever asked noted the time.
    #[must_use]
    pub fn asked_ago(&self) -> Option<Duration> {
        self.asked
    }

    /// Why it was asked to stop, if it was.
    #[must_use]
    pub fn stop(&self) -> Option<&str> {
        self.stop.as_deref()
    }

    /// What it sleeps on, if it does, and where in the program.
    #[must_use]
    pub fn waits_for(&self) -> Option<&str> {
        self.waits_for.as_deref()
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut open: Vec<bool> = Vec::new(); // which ancestors have later siblings
        let width = self
            .nodes
            .iter()
            .map(|n| n.depth * 3 + n.name.chars().count())
            .max()
            .unwrap_or(0);
        for node in &self.nodes {
            open.truncate(node.depth.saturating_sub(1));
            let mut line = String::new();
            if node.depth > 0 {
                for later in &open {
                    line.push_str(if *later { "│  " } else { "   " });
                }
                line.push_str(if node.is_last { "└─ " } else { "├─ " });
                open.push(!node.is_last);
            }
            line.push_str(&node.name);
            let scope = if node.is_scope { "scope, " } else { "" };
            write!(f, "{line:width$}  ")?;
            if let Some(id) = node.process {
                write!(f, "process {id}, ")?;
            }
            write!(f, "{scope}{} for {:.1?}", node.state, node.age)?;
            match (&node.stop, node.asked) {
                (Some(reason), Some(ago)) => write!(f, ", asked to stop {ago:.1?} ago: {reason}")?,
                (Some(reason), None) => write!(f, ", asked to stop: {reason}")?,
                _ => {}
            }
            if let Some(site) = &node.waits_for {
                write!(f, ", waits for {site}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
