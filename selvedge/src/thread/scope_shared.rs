//! What the threads of a scope share, and the life of each.
//!
//! Nothing here has the scope's lifetime: errors and payloads are `'static`, and values are in the slots of
//! their handles. The flags are advice that other locks order: `Relaxed`.

use core::any::Any;
use core::panic::Location;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::error::Error;
use std::panic;

use crate::primitive::{Arc, Mutex, OnceLock, drop_caught};
use crate::probe::Ending;
use crate::signal::{self, Reason, Signal, Why, default_timer};
use crate::sync::Semaphore;
use crate::thread::end::{self, Ended, Given, stopped_in};
use crate::thread::error::{Failure, Failures, JoinError, Outcome};
use crate::thread::handle::{AnyPacket, report_unreceived};
use crate::thread::scope_handle::{End, Slot};
use crate::thread::spawn::Setting;
use crate::thread::tree::{Child, Node, Role, Root, State};

/// The part of a scope that its threads share.
pub(super) struct Shared {
    pub(super) node: Arc<Node>,
    owner: Option<Arc<Node>>,
    /// What the calling thread saw as stop.
    pub(super) outer: Signal,
    /// Why it is set, once it is.
    blame: signal::Outer,
    pub(super) is_isolated: AtomicBool,
    pub(super) inherits: AtomicBool,
    pub(super) places: OnceLock<Semaphore>,
    /// What nobody has received, in the order of its occurrence.
    failures: Mutex<Vec<(Arc<Node>, JoinError)>>,
    /// What the tree gets as the packet of each.
    pub(super) nothing: Arc<dyn AnyPacket>,
    pub(super) at: &'static Location<'static>,
}

/// For the tree, which asks for the failures of children: those of a scope are in the scope.
struct Nothing;

impl AnyPacket for Nothing {
    fn take_failure(&self) -> Option<JoinError> {
        None
    }
}

impl Shared {
    pub(super) fn enter(name: &str, at: &'static Location<'static>) -> Arc<Self> {
        let owner = Node::current();
        let node = node_of(owner.as_ref(), name);
        let nothing: Arc<dyn AnyPacket> = Arc::new(Nothing);
        let owner = owner.filter(|owner| {
            owner.add(Child {
                node: Arc::clone(&node),
                packet: Arc::clone(&nothing),
            })
        });
        Arc::new(Self {
            node,
            owner,
            outer: signal::stop(),
            blame: signal::Outer::here(),
            is_isolated: AtomicBool::new(false),
            inherits: AtomicBool::new(false),
            places: OnceLock::new(),
            failures: Mutex::new(Vec::new()),
            nothing,
            at,
        })
    }

    /// Asks the scope when the calling thread is asked, for as long as the result lives.
    pub(super) fn follow_outer(self: &Arc<Self>) -> signal::OnSet {
        let shared = Arc::downgrade(self);
        self.outer.on_set(move || {
            if let Some(shared) = shared.upgrade() {
                shared.obey_outer();
            }
        })
    }

    fn obey_outer(&self) {
        if let Some(reason) = self.blame.reason() {
            self.node.ask(&reason);
        }
    }

    pub(super) fn ask(&self, why: &'static str) {
        self.obey_outer(); // the first reason stays
        let reason = Reason::new(Why::Said(why.into()), self.at);
        self.node.ask(&reason.now());
    }

    /// The failure of a thread, for the one who joins it.
    pub(super) fn take_failure(&self, node: &Arc<Node>) -> Option<JoinError> {
        let mut failures = self.failures.lock();
        let at = failures.iter().position(|(of, _)| Arc::ptr_eq(of, node))?;
        Some(failures.remove(at).1)
    }

    pub(super) fn leave(&self) {
        self.node.state.lock().phase = State::Stopped;
        self.node.stopped.set();
        if let Some(owner) = &self.owner {
            let _ = owner.remove(&self.node); // a scope has no OS thread
        }
    }

    /// What the scope gives, now that all have ended.
    pub(super) fn judge<T>(
        &self,
        done: std::thread::Result<Outcome<T>>,
        was_asked: bool,
    ) -> Result<T, Failures> {
        let taken = core::mem::take(&mut *self.failures.lock());
        let mut all: Vec<_> = taken.into_iter().map(|(_, error)| error).collect();
        match done {
            Ok(Ok(value)) if all.is_empty() => return Ok(value),
            Ok(Ok(value)) => drop_caught(value), // given up
            Ok(Err(error)) => match stopped_in(&*error).cloned() {
                // It says that it obeyed, and there was something to obey: told only if nothing else is.
                Some(stopped) if was_asked => {
                    drop_caught(error);
                    if all.is_empty() {
                        let thread = Arc::clone(&self.node.path);
                        all.push(JoinError::Stopped { thread, stopped });
                    }
                }
                _ => all.push(self.error_of_closure(error)),
            },
            Err(payload) => self.resume(payload, &all),
        }
        Err(self.group(all))
    }

    /// The closure's error; what it joined, or an inner scope's group, is no error of its own.
    fn error_of_closure(&self, error: Box<dyn Error + Send + Sync>) -> JoinError {
        let error = match error.downcast::<JoinError>() {
            Ok(error) if error.is_failure() => return *error,
            Ok(error) => error,
            Err(error) => error,
        };
        match error.downcast::<Failures>() {
            Ok(failures) => JoinError::Children(*failures),
            Err(error) => Failure::error(Arc::clone(&self.node.path), error).into(),
        }
    }

    fn resume(&self, payload: Box<dyn Any + Send>, failures: &[JoinError]) -> ! {
        for failure in failures {
            report_unreceived(&self.node, failure);
        }
        panic::resume_unwind(payload)
    }

    pub(super) fn group(&self, all: Vec<JoinError>) -> Failures {
        Failures {
            thread: Arc::clone(&self.node.path),
            all,
            of_scope: true,
        }
    }
}

/// A scope's place in the tree: below its thread; without one, or if that can have no children any more, it is
/// a root of its own.
fn node_of(owner: Option<&Arc<Node>>, name: &str) -> Arc<Node> {
    let Some(owner) = owner else {
        let root = Root::new(default_timer().clone());
        return Node::make(name, Arc::from(name), None, root, Role::Scope);
    };
    let path = Arc::from(format!("{}/{name}", owner.path));
    let (parent, root) = (Arc::downgrade(owner), Arc::clone(&owner.root));
    Node::make(name, path, Some(parent), root, Role::Scope)
}

/// The whole life of a thread of the scope.
pub(super) fn live<T: Send>(
    shared: &Shared,
    node: &Arc<Node>,
    slot: &Slot<T>,
    setting: Setting,
    body: impl FnOnce(Signal) -> Outcome<T>,
) {
    let given = Given::default();
    let ended = end::run_given(node, &given, |stop| {
        let outcome = setting.run(&given, || body(stop));
        // A deadline that came along may be seen before it has asked the scope.
        shared.obey_outer();
        outcome
    });
    let how = ended.ending();
    let left = slot.fill(match ended {
        Ended::Finished(value) => End::Finished(value),
        Ended::Stopped(stopped) => End::Stopped(stopped),
        Ended::Failed(failure) => {
            let failure = (Arc::clone(node), failure.into());
            shared.failures.lock().push(failure);
            End::Failed
        }
    });
    // While this thread is one of the scope's still: the destructor may use the scope.
    let is_released = left.is_some();
    drop_caught(left);
    // First, so that who joins this thread hears of its failure, and not that others were asked to stop.
    node.finish(how);
    if how == Ending::Failed && !slot.is_starting() && !shared.is_isolated.load(Relaxed) {
        let why = Why::Said(format!("its sibling `{}` failed", node.path).into());
        let reason = Reason::by(Arc::clone(&node.path), why, shared.at);
        shared.node.ask(&reason.now());
    }
    if is_released {
        shared.node.bury(node);
    }
}
