//! Nodes: one per thread, parent to children.
//!
//! # Invariants
//!
//! 1. A node is in its parent's `children` from before its thread starts until its result was received
//!    (joined, released, nothing to receive) or taken over by the parent.
//! 2. `State::sealed` turns true once, under the lock, when `children` is empty; nothing is added
//!    afterwards.
//! 3. A child added after its parent was asked to stop is asked too: it is added under the lock first,
//!    and the stop is looked at then; whoever asks sets the signal first and looks at the children then.
//! 4. Lock order: a parent's state before its child's. No signal is set under either.

use core::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::primitive::{Arc, JoinHandle, Mutex, OnceLock, Weak};
use crate::probe::{self, Ending, Event};
use crate::signal::{Reason, Record, Signal, Timer, WaitSite};
pub use crate::thread::state::State;

/// What a whole tree shares.
pub(crate) struct Root {
    pub(crate) timer: Timer,
    /// Failures of released threads: reported, and they make the exit status 1.
    pub(crate) unreceived: AtomicUsize,
    /// Called after a thread has ended: keeps the report of a shutdown up to date.
    pub(crate) changed: OnceLock<Changed>,
}

pub(crate) type Changed = Box<dyn Fn() + Send + Sync>;

/// A thread of the tree, or a scope: a place in the tree whose children are a scope's threads.
pub(crate) struct Node {
    pub(super) name: Box<str>,
    pub(super) path: Arc<str>,
    pub(super) parent: Option<Weak<Self>>,
    pub(super) root: Arc<Root>,
    pub(super) stop: Signal,
    pub(super) stopped: Signal,
    pub(super) state: Mutex<NodeState>,
    /// Whether the event of its stop was emitted: before it is set, where we set it.
    asked: AtomicBool,
    /// A scope obeys what its thread sees as stop, which may be shielded, and not its parent.
    is_scope: bool,
}

pub(super) struct NodeState {
    pub(super) phase: State,
    pub(super) children: Vec<Child>,
    /// OS threads of children that have left `children`; joined when the parent ends, or sooner.
    pub(super) finished: Vec<JoinHandle<()>>,
    pub(super) sealed: bool,
    pub(super) os_thread: Option<JoinHandle<()>>,
    /// For the report: the record of the running thread.
    pub(super) record: Weak<Record>,
}

/// A child and, for the parent, its result without the type.
#[derive(Clone)]
pub(super) struct Child {
    pub(super) node: Arc<Node>,
    pub(super) packet: Arc<dyn super::handle::AnyPacket>,
}

impl NodeState {
    /// A child and, if it is known already, its OS thread.
    fn take_out(&mut self, child: &Arc<Node>) -> Option<(Child, Option<JoinHandle<()>>)> {
        let mut children = self.children.iter();
        let at = children.position(|c| Arc::ptr_eq(&c.node, child))?;
        let gone = self.children.remove(at);
        let thread = gone.node.state.lock().os_thread.take();
        Some((gone, thread))
    }
}

impl Root {
    pub(super) fn new(timer: Timer) -> Arc<Self> {
        Arc::new(Self {
            timer,
            unreceived: AtomicUsize::new(0),
            changed: OnceLock::new(),
        })
    }
}

impl Node {
    pub(crate) fn root(name: &str, timer: Timer) -> Arc<Self> {
        Self::make(name, Arc::from(name), None, Root::new(timer), false)
    }

    pub(super) fn child(self: &Arc<Self>, name: &str) -> Arc<Self> {
        let path = Arc::from(format!("{}/{name}", self.path));
        Self::make(
            name,
            path,
            Some(Arc::downgrade(self)),
            Arc::clone(&self.root),
            false,
        )
    }

    pub(super) fn make(
        name: &str,
        path: Arc<str>,
        parent: Option<Weak<Self>>,
        root: Arc<Root>,
        is_scope: bool,
    ) -> Arc<Self> {
        let node = Arc::new(Self {
            name: name.into(),
            path,
            parent,
            root,
            stop: Signal::named("stop"),
            stopped: Signal::named("stopped"),
            // No thread is asked when a scope is.
            asked: AtomicBool::new(is_scope),
            is_scope,
            state: Mutex::new(NodeState {
                phase: State::Running,
                children: Vec::new(),
                finished: Vec::new(),
                sealed: false,
                os_thread: None,
                record: Weak::new(),
            }),
        });
        // However the signal is set, by us or by whoever holds it: the subtree is asked.
        let weak = Arc::downgrade(&node);
        node.stop
            .on_set(move || {
                if let Some(node) = weak.upgrade() {
                    node.stop_was_set();
                }
            })
            .forever();
        node
    }

    /// The node of the calling thread.
    pub(crate) fn current() -> Option<Arc<Self>> {
        Record::with(|record| Arc::clone(record?.node()).downcast().ok())
    }

    pub(crate) fn is_scope(&self) -> bool {
        self.is_scope
    }

    pub(crate) fn path(&self) -> &Arc<str> {
        &self.path
    }

    pub(crate) fn stop_signal(&self) -> &Signal {
        &self.stop
    }

    pub(crate) fn unreceived(&self) -> usize {
        self.root.unreceived.load(Ordering::SeqCst)
    }

    /// Adds a child, unless this node is sealed (invariant 2).
    pub(super) fn add(self: &Arc<Self>, child: Child) -> bool {
        let node = Arc::clone(&child.node);
        {
            let mut state = self.state.lock();
            if state.sealed {
                return false;
            }
            state.children.push(child);
        }
        if let Some(reason) = self.stop.reason()
            && !node.is_scope
        {
            node.ask(&reason); // invariant 3
        }
        true
    }

    /// Takes a child out. Its OS thread, if it was known already, is the caller's to join.
    pub(super) fn remove(&self, child: &Arc<Self>) -> Option<JoinHandle<()>> {
        let (gone, thread) = self.state.lock().take_out(child)?;
        drop(gone); // the result may be the user's value: not under a lock
        thread
    }

    /// Takes a child out whose result nobody will receive; its OS thread is joined later. In one step: whoever
    /// finds no children finds the OS thread.
    pub(super) fn bury(&self, child: &Arc<Self>) {
        let mut state = self.state.lock();
        let Some((gone, thread)) = state.take_out(child) else {
            return;
        };
        state.finished.extend(thread);
        drop(state);
        drop(gone); // as above
    }

    /// Notes the OS thread of a child that was just started, and may have ended already.
    pub(super) fn started(&self, child: &Arc<Self>, thread: JoinHandle<()>) {
        let mut state = self.state.lock();
        if state.children.iter().any(|c| Arc::ptr_eq(&c.node, child)) {
            child.state.lock().os_thread = Some(thread);
        } else {
            state.finished.push(thread);
        }
    }

    /// OS threads that have ended for sure, to be joined outside the lock.
    pub(super) fn take_finished(&self) -> Vec<JoinHandle<()>> {
        core::mem::take(&mut self.state.lock().finished)
    }

    /// Asks the subtree to stop, children first and newest first, then this thread. Does not block.
    pub(crate) fn ask(self: &Arc<Self>, reason: &Reason) {
        for node in self.in_order(false) {
            node.announce_stop(reason);
            node.stop.set_for(reason.clone());
        }
    }

    /// The subtree so that children come before their parent, and newer siblings before older ones.
    pub(crate) fn newest_first(self: &Arc<Self>) -> Vec<Arc<Self>> {
        self.in_order(true)
    }

    /// The same, into scopes or not.
    fn in_order(self: &Arc<Self>, scopes: bool) -> Vec<Arc<Self>> {
        let mut order = vec![Arc::clone(self)];
        let mut next = 0;
        while let Some(node) = order.get(next).cloned() {
            next += 1;
            let children: Vec<_> = node
                .state
                .lock()
                .children
                .iter()
                .filter(|c| scopes || !c.node.is_scope)
                .map(|c| Arc::clone(&c.node))
                .collect();
            order.extend(children);
        }
        order.reverse();
        order
    }

    fn stop_was_set(self: &Arc<Self>) {
        let Some(reason) = self.stop.reason() else {
            return;
        };
        self.announce_stop(&reason);
        let children: Vec<_> = self
            .state
            .lock()
            .children
            .iter()
            .map(|c| Arc::clone(&c.node))
            .collect();
        for child in children.iter().rev() {
            if !child.is_scope && !child.stop.is_set() {
                child.ask(&reason);
            }
        }
    }

    /// Once, and not of a thread that has ended. Before the stop is set the thread cannot have ended by it, so the events are in order.
    fn announce_stop(&self, reason: &Reason) {
        if !self.stopped.is_set() && !self.asked.swap(true, Ordering::Relaxed) {
            let thread = &*self.path;
            probe::emit(&Event::StopAsked { thread, reason });
        }
    }

    /// The last act of a thread.
    pub(super) fn finish(&self, how: Ending) {
        self.state.lock().phase = State::Stopped;
        probe::emit(&Event::Stopped {
            thread: &self.path,
            how,
        });
        self.stopped.set();
        if let Some(changed) = self.root.changed.get() {
            changed();
        }
    }

    /// Calls `changed` whenever a thread of this tree has ended.
    #[cfg(feature = "run")]
    pub(crate) fn on_change(&self, changed: Changed) {
        let _ = self.root.changed.set(changed); // one observer: the program's report
    }

    pub(crate) fn has_children(&self) -> bool {
        !self.state.lock().children.is_empty()
    }

    /// What the thread sleeps on right now.
    pub(crate) fn waits_for(&self) -> Option<WaitSite> {
        let record = self.state.lock().record.upgrade();
        record.and_then(|record| record.waits_for())
    }

    pub(crate) fn phase(&self) -> State {
        self.state.lock().phase
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The threads of a tree at one moment, as data. `Display` draws it.
///
/// ```text
/// formulas          running
/// ├─ worker-1       running, waits for queue `jobs` at formulas/src/worker.rs:40:33
/// └─ worker-2       running, asked to stop
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
    state: State,
    stop: Option<Box<str>>,
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
        let mut work = vec![(Arc::clone(top), 0, true)];
        while let Some((node, depth, is_last)) = work.pop() {
            nodes.push(TreeNode {
                name: node.name.clone(),
                path: Arc::clone(&node.path),
                depth,
                is_last,
                is_scope: node.is_scope,
                state: node.phase(),
                stop: node.stop.reason().map(|reason| reason.to_string().into()),
                waits_for: node.waits_for().map(|site| site.to_string().into()),
            });
            let children: Vec<_> = node
                .state
                .lock()
                .children
                .iter()
                .map(|c| Arc::clone(&c.node))
                .collect();
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

    /// Is it a [`scope`](super::scope), not a thread? Below it are the scope's threads.
    #[must_use]
    pub fn is_scope(&self) -> bool {
        self.is_scope
    }

    /// Where it is in its life; a scope runs until its closure has ended.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
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
            write!(f, "{line:width$}  {scope}{}", node.state)?;
            if let Some(reason) = &node.stop {
                write!(f, ", asked to stop: {reason}")?;
            }
            if let Some(site) = &node.waits_for {
                write!(f, ", waits for {site}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
