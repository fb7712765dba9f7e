//! The tree as data, and drawn.
//!
//! # Invariants
//!
//! 1. Taking the picture holds one node's lock at a time, for as long as it takes to copy its children; no
//!    user code runs meanwhile. So it may be taken anywhere: in callbacks, in destructors.

use core::fmt;
use std::collections::HashMap;
use std::time::Duration;

use crate::primitive::{Arc, clock};
use crate::signal::Waiting;
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
    os_id: Option<u32>,
    /// By which locks know the thread.
    pub(crate) number: Option<usize>,
    wait: Option<Wait>,
    /// No other node has it while this one lives.
    #[cfg(feature = "inspect")]
    pub(crate) id: usize,
    /// The id of the signal that says that it has ended.
    #[cfg(feature = "inspect")]
    pub(crate) end: usize,
}

/// What a thread sleeps on.
#[derive(Clone, Debug)]
struct Wait {
    text: Box<str>,
    since: Duration,
    holder: Option<Box<str>>,
    waiting: Waiting,
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
    Node::current_root().map_or(Tree { nodes: Vec::new() }, |top| Tree::of(&top))
}

impl Tree {
    pub(crate) fn of(top: &Arc<Node>) -> Self {
        let mut nodes = Vec::new();
        let now = clock::now();
        let ago = |then| now.saturating_duration_since(then);
        let mut work = vec![(Arc::clone(top), 0, true)];
        while let Some((node, depth, is_last)) = work.pop() {
            let reason = node.stop_signal().reason();
            let wait = node.waits_for().map(|waiting| Wait {
                text: waiting.to_string().into(),
                since: ago(waiting.since),
                holder: None,
                waiting,
            });
            nodes.push(TreeNode {
                name: node.name.clone(),
                path: Arc::clone(&node.path),
                depth,
                is_last,
                is_scope: node.is_scope(),
                process: node.process_id(),
                state: node.phase(),
                age: ago(node.since()),
                asked: reason.as_ref().and_then(|reason| Some(ago(reason.when()?))),
                stop: reason.map(|reason| reason.to_string().into()),
                os_id: node.os_id(),
                number: node.number(),
                wait,
                #[cfg(feature = "inspect")]
                id: Arc::as_ptr(&node).addr(),
                #[cfg(feature = "inspect")]
                end: node.stopped.id(),
            });
            let children = node.children();
            let last = children.len().saturating_sub(1);
            for (i, child) in children.into_iter().enumerate().rev() {
                work.push((child, depth + 1, i == last));
            }
        }
        name_holders(&mut nodes);
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
        self.wait.as_ref().map(|wait| &*wait.text)
    }

    /// For how long it has waited, if it does.
    #[must_use]
    pub fn waits_since(&self) -> Option<Duration> {
        self.wait.as_ref().map(|wait| wait.since)
    }

    /// The path of the thread that holds the lock for which this one waits, if one does; `?` for a thread outside of
    /// the tree, and for one that came or went while the tree was looked at.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{sync::Lock, thread};
    /// use std::sync::Arc;
    ///
    /// # let status =
    /// selvedge::run("app", |_stop| {
    ///     let lock = Arc::new(Lock::named("totals", 0));
    ///     let held = lock.enter();
    ///     let other = Arc::clone(&lock);
    ///     let adder = thread::spawn("adder", move |_stop| Ok(*other.enter() += 1));
    ///     let holder = loop {
    ///         if let Some(holder) = thread::tree().nodes()[1].lock_holder() {
    ///             break holder.to_owned();
    ///         }
    ///         std::thread::yield_now(); // it is on its way
    ///     };
    ///     assert_eq!(holder, "app");
    ///     drop(held);
    ///     adder.join()?;
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[must_use]
    pub fn lock_holder(&self) -> Option<&str> {
        self.wait.as_ref()?.holder.as_deref()
    }

    /// The system's number of the thread, for a debugger; none for a scope, and where the system does not tell.
    #[must_use]
    pub fn os_id(&self) -> Option<u32> {
        self.os_id
    }

    #[cfg(feature = "inspect")]
    pub(crate) fn waiting(&self) -> Option<&Waiting> {
        self.wait.as_ref().map(|wait| &wait.waiting)
    }
}

/// Says by name who holds what others wait for.
fn name_holders(nodes: &mut [TreeNode]) {
    let is_held =
        |node: &TreeNode| (node.wait.as_ref()).is_some_and(|it| it.waiting.holder.is_some());
    if !nodes.iter().any(is_held) {
        return;
    }
    let threads: HashMap<usize, Arc<str>> = nodes
        .iter()
        .filter_map(|node| Some((node.number?, Arc::clone(&node.path))))
        .collect();
    for node in nodes {
        let Some(wait) = &mut node.wait else { continue };
        // One to which the lock was handed while it sleeps waits for nobody.
        let holder = wait.waiting.holder;
        wait.waiting.holder = holder.filter(|it| Some(it.thread) != node.number);
        if let Some(holder) = wait.waiting.holder {
            wait.holder = Some(threads.get(&holder.thread).map_or("?", |path| path).into());
        }
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
            if let Some(wait) = &node.wait {
                write!(f, ", waits for {}", wait.text)?;
                if let Some(holder) = &wait.holder {
                    write!(f, ", held by {holder}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
