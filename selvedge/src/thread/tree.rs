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
//! 5. Whoever is asked together is marked (`asked`) before the first of them has its stop set: a parent that
//!    hands on what its stopped child says was asked too.
//! 6. A service is not asked with its parent, but when it has no siblings left but services.

use core::fmt;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

use crate::ambient::Group;
use crate::primitive::{Arc, JoinHandle, Mutex, OnceLock, Weak, clock};
use crate::probe::{self, Ending, Event};
use crate::signal::{Reason, Record, Signal, Timer, Waiting};
pub use crate::thread::state::State;

/// What a whole tree shares.
pub(crate) struct Root {
    pub(crate) timer: Timer,
    /// Failures of released threads: reported, and they make the exit status 1.
    pub(crate) unreceived: AtomicUsize,
    /// Called after a thread has ended: keeps the report of a shutdown up to date.
    pub(crate) changed: OnceLock<Changed>,
    /// Called before the tree is asked to stop: the program begins to wait for its end.
    asked: OnceLock<Changed>,
    /// Who takes part in the end of the tree, from its begin on, if somebody wants to know: some twice.
    record: OnceLock<Mutex<Option<Vec<Arc<Node>>>>>,
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
    /// Whether the event of its stop was emitted: before it is set, where we set it (invariant 5).
    asked: AtomicBool,
    pub(super) role: Role,
    /// Of which it is from before it is added to its parent; given by its builder.
    pub(super) group: OnceLock<Group>,
    since: Instant,
    /// When and how the thread ended.
    ended: OnceLock<(Instant, Ending)>,
    /// The system's number of the thread; 0 before it runs.
    pub(super) os_id: AtomicU32,
    /// Is it a child process? Of [`outside`](super::outside).
    pub(super) is_process: AtomicBool,
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

/// What a node is to its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Asked to stop with its parent.
    Thread,
    /// Asked after its siblings have ended (invariant 6).
    Service,
    /// The place of a scope's threads. It obeys what its thread sees as stop, which may be shielded, and not
    /// its parent; it has no thread and emits no events.
    Scope,
}

impl Root {
    pub(super) fn new(timer: Timer) -> Arc<Self> {
        Arc::new(Self {
            timer,
            unreceived: AtomicUsize::new(0),
            changed: OnceLock::new(),
            asked: OnceLock::new(),
            record: OnceLock::new(),
        })
    }
}

impl Root {
    fn note(&self, node: &Arc<Node>) {
        if let Some(record) = self.record.get()
            && let Some(nodes) = &mut *record.lock()
        {
            nodes.push(Arc::clone(node));
        }
    }
}

impl Node {
    pub(crate) fn root(name: &str, timer: Timer) -> Arc<Self> {
        Self::make(name, Arc::from(name), None, Root::new(timer), Role::Thread)
    }

    pub(super) fn child(self: &Arc<Self>, name: &str, role: Role) -> Arc<Self> {
        let path = Arc::from(format!("{}/{name}", self.path));
        Self::make(
            name,
            path,
            Some(Arc::downgrade(self)),
            Arc::clone(&self.root),
            role,
        )
    }

    pub(super) fn make(
        name: &str,
        path: Arc<str>,
        parent: Option<Weak<Self>>,
        root: Arc<Root>,
        role: Role,
    ) -> Arc<Self> {
        let node = Arc::new(Self {
            name: name.into(),
            path,
            parent,
            root,
            stop: Signal::named("stop"),
            stopped: Signal::named("stopped"),
            // No thread is asked when a scope is.
            asked: AtomicBool::new(role == Role::Scope),
            role,
            group: OnceLock::new(),
            since: clock::now(),
            ended: OnceLock::new(),
            os_id: AtomicU32::new(0),
            is_process: AtomicBool::new(false),
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

    /// The root of the calling thread's tree.
    pub(crate) fn current_root() -> Option<Arc<Self>> {
        let mut top = Self::current()?;
        while let Some(parent) = top.parent.as_ref().and_then(Weak::upgrade) {
            top = parent;
        }
        Some(top)
    }

    pub(crate) fn is_scope(&self) -> bool {
        self.role == Role::Scope
    }

    pub(crate) fn path(&self) -> &Arc<str> {
        &self.path
    }

    #[cfg(feature = "inspect")]
    pub(crate) fn timer(&self) -> &Timer {
        &self.root.timer
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
        self.root.note(&node);
        if node.role == Role::Thread
            && let Some(reason) = self.stop.reason()
        {
            node.ask(&reason); // invariant 3
        }
        if let Some(group) = node.group.get() {
            group.admit(&node);
        }
        true
    }

    /// Takes a child out. Its OS thread, if it was known already, is the caller's to join.
    pub(super) fn remove(&self, child: &Arc<Self>) -> Option<JoinHandle<()>> {
        let (gone, thread) = self.state.lock().take(child)?;
        drop(gone); // the result may be the user's value: not under a lock
        thread
    }

    /// Takes a child out whose result nobody will receive; its OS thread is joined later.
    ///
    /// In one step, because this node may be looking for the last of its children at this moment: what is
    /// in neither list would not be joined.
    pub(super) fn bury(&self, child: &Arc<Self>) {
        let gone = {
            let mut state = self.state.lock();
            let Some((gone, thread)) = state.take(child) else {
                return;
            };
            state.finished.extend(thread);
            gone
        };
        drop(gone); // as above
    }

    /// Notes the OS thread of a child that was just started, and may have ended already. If this node has
    /// ended too, nobody else is left to join it: it comes back.
    pub(super) fn started(
        &self,
        child: &Arc<Self>,
        thread: JoinHandle<()>,
    ) -> Option<JoinHandle<()>> {
        let mut state = self.state.lock();
        if state.children.iter().any(|c| Arc::ptr_eq(&c.node, child)) {
            child.state.lock().os_thread = Some(thread);
        } else if state.sealed {
            return Some(thread);
        } else {
            state.finished.push(thread);
        }
        None
    }

    pub(super) fn keep_finished(&self, threads: Vec<JoinHandle<()>>) {
        self.state.lock().finished.extend(threads);
    }

    pub(super) fn set_prepared(&self) {
        self.state.lock().phase = State::Prepared;
    }

    pub(super) fn set_running(&self) {
        self.state.lock().phase = State::Running;
    }

    /// OS threads that have ended for sure, to be joined outside the lock.
    pub(super) fn take_finished(&self) -> Vec<JoinHandle<()>> {
        core::mem::take(&mut self.state.lock().finished)
    }

    /// Asks the subtree to stop, children first and newest first, then this thread. Does not block.
    pub(crate) fn ask(self: &Arc<Self>, reason: &Reason) {
        Self::ask_together(core::slice::from_ref(self), reason);
    }

    /// The same of several, which may belong to one another.
    pub(super) fn ask_together(nodes: &[Arc<Self>], reason: &Reason) {
        let mut subtrees = Vec::new();
        for node in nodes {
            node.tell_program();
            node.begin_record();
            subtrees.extend(node.ordered(|child| child.role == Role::Thread)); // invariant 6
        }
        for node in &subtrees {
            node.announce_stop(reason); // of all, before one of them can end by it (invariant 5)
        }
        for node in subtrees {
            node.stop.set_for(reason.clone());
        }
    }

    /// Was this thread asked to stop? If so its stop is set, or about to be.
    pub(super) fn was_asked(&self) -> bool {
        // A child that was asked with this node and ended was marked after it, and has been waited for.
        self.asked.load(Ordering::Relaxed) || self.stop.is_set()
    }

    /// The subtree so that children come before their parent, and newer siblings before older ones.
    pub(crate) fn newest_first(self: &Arc<Self>) -> Vec<Arc<Self>> {
        self.ordered(|_| true)
    }

    /// The same, without those that `belongs` refuses and what is below them.
    fn ordered(self: &Arc<Self>, belongs: impl Fn(&Self) -> bool) -> Vec<Arc<Self>> {
        let mut order = vec![Arc::clone(self)];
        let mut next = 0;
        while let Some(node) = order.get(next).cloned() {
            next += 1;
            let children = node.children();
            order.extend(children.into_iter().filter(|child| belongs(child)));
        }
        order.reverse();
        order
    }

    /// The children, oldest first.
    pub(super) fn children(&self) -> Vec<Arc<Self>> {
        let state = self.state.lock();
        state.children.iter().map(|c| Arc::clone(&c.node)).collect()
    }

    fn stop_was_set(self: &Arc<Self>) {
        let Some(reason) = self.stop.reason() else {
            return;
        };
        self.tell_program();
        self.begin_record();
        self.announce_stop(&reason);
        for child in self.children().iter().rev() {
            if child.role == Role::Thread && !child.stop.is_set() {
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
        let _ = self.ended.set((clock::now(), how)); // a thread ends once
        probe::emit(&Event::Stopped {
            thread: &self.path,
            how,
        });
        match how {
            Ending::NeverRan => self.stopped.set_because("never ran"),
            // Its keeper has others to look after.
            #[cfg(selvedge_process)]
            _ if self.is_process.load(Ordering::Relaxed) => self.root.timer.set(&self.stopped),
            _ => self.stopped.set(),
        };
        if let Some(group) = self.group.get() {
            group.dismiss(self); // after `stopped`: who finds it no more knows that it has ended
        }
        if let Some(changed) = self.root.changed.get() {
            changed();
        }
    }

    /// The root has ended: nobody is above it to be told.
    pub(crate) fn finish_root(&self, how: Ending) {
        let _ = self.ended.set((clock::now(), how)); // a thread ends once
    }

    /// Calls `changed` whenever a thread of this tree has ended.
    #[cfg(feature = "run")]
    pub(crate) fn on_change(&self, changed: Changed) {
        let _ = self.root.changed.set(changed); // one observer: the program's report
    }

    /// Calls `asked` whenever the tree is asked to stop, before anybody in it is: an action of one of their
    /// stop signals may never return. For its root.
    pub(crate) fn on_asked(&self, asked: Changed) {
        let _ = self.root.asked.set(asked); // one observer: the program's grace
    }

    fn tell_program(&self) {
        if self.parent.is_none()
            && let Some(asked) = self.root.asked.get()
        {
            asked();
        }
    }

    /// From here on the end of the tree is recorded, once it begins. For its root.
    pub(crate) fn want_record(&self) {
        let _ = self.root.record.set(Mutex::new(None)); // wanted once
    }

    /// The root was asked to stop, or its body has ended.
    pub(super) fn begin_record(self: &Arc<Self>) {
        let (None, Some(record)) = (&self.parent, self.root.record.get()) else {
            return;
        };
        let begins = {
            let mut record = record.lock();
            let begins = record.is_none();
            record.get_or_insert_default();
            begins
        };
        if begins {
            // Who comes from here on notes itself, after it was added: so nobody is missed.
            for node in self.newest_first() {
                self.root.note(&node);
            }
        }
    }

    /// Takes who took part in the end of the tree so far, parents after their children. They hold the root that
    /// holds them: somebody has to.
    pub(crate) fn take_record(&self) -> Vec<Arc<Self>> {
        let Some(record) = self.root.record.get() else {
            return Vec::new();
        };
        let mut nodes = record
            .lock()
            .as_mut()
            .map(core::mem::take)
            .unwrap_or_default();
        let mut seen = HashSet::new();
        nodes.retain(|node| seen.insert(Arc::as_ptr(node)));
        nodes
    }

    /// When and how the thread ended, if it did.
    pub(crate) fn ended(&self) -> Option<(Instant, Ending)> {
        self.ended.get().copied()
    }

    pub(crate) fn has_children(&self) -> bool {
        !self.state.lock().children.is_empty()
    }

    /// What the thread sleeps on right now.
    pub(crate) fn waits_for(&self) -> Option<Waiting> {
        let record = self.state.lock().record.upgrade();
        record.and_then(|record| record.waits_for())
    }

    /// By which locks know the thread, while it runs.
    pub(super) fn number(&self) -> Option<usize> {
        let record = self.state.lock().record.upgrade();
        record.map(|record| record.number())
    }

    /// When it became a member.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    pub(crate) fn phase(&self) -> State {
        self.state.lock().phase
    }
}

impl NodeState {
    /// Takes a child out, and its OS thread if it is known.
    fn take(&mut self, child: &Arc<Node>) -> Option<(Child, Option<JoinHandle<()>>)> {
        let is_it = |c: &Child| Arc::ptr_eq(&c.node, child);
        let gone = self.children.remove(self.children.iter().position(is_it)?);
        let thread = gone.node.state.lock().os_thread.take();
        Some((gone, thread))
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
