//! How a thread ends: the body, then its subtree, then the hand-over.
//!
//! 1. The body returns, or its panic is caught.
//! 2. A failure is announced, at once.
//! 3. The subtree is asked to stop, newest first; services when their siblings have ended.
//! 4. Children are joined, newest first, late ones included. Failures that nobody received are taken.
//! 5. The set of children, empty, is sealed.
//! 6. The result is left for the joiner, and `stopped` is set.
//!
//! Step 4 neither obeys stop nor returns early: a parent ends after its children.

use core::cell::Cell;
use core::panic::Location;
use std::error::Error;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::Ordering::Relaxed;

use crate::ambient::{self, Ambient};
use crate::primitive::{Arc, drop_caught, source_of, sys};
use crate::probe::{self, Ending, Event};
use crate::signal::{Reason, Record, Signal, Stopped, Why};
use crate::thread::error::{Failure, Failures, JoinError, Outcome};
use crate::thread::handle::report_unreceived;
use crate::thread::tree::{Child, Node, Role, State};

/// How a thread ended, children included.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    Finished(T),
    Stopped(Stopped),
    Failed(Failure),
}

impl<T> Ended<T> {
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Finished(_) => Ending::Finished,
            Self::Stopped(_) => Ending::Stopped,
            Self::Failed(_) => Ending::Failed,
        }
    }

    pub(super) fn into_result(self, thread: &Arc<str>) -> Result<T, JoinError> {
        match self {
            Self::Finished(value) => Ok(value),
            Self::Stopped(stopped) => Err(JoinError::Stopped {
                thread: Arc::clone(thread),
                stopped,
            }),
            Self::Failed(failure) => Err(failure.into()),
        }
    }
}

/// Proof that a node has no children and can have none. Made by [`join_children`] alone.
struct Sealed;

/// What a thread was given to live in, while it may fail: its failure is told in it, so that who listens knows for
/// whom it worked.
pub(super) type Given = Cell<Option<Ambient>>;

/// Runs `body` as the thread `node`, steps 1 to 5.
pub(crate) fn run_body<T>(node: &Arc<Node>, body: impl FnOnce(Signal) -> Outcome<T>) -> Ended<T> {
    run_given(node, &Given::default(), body)
}

/// The same for a body that leaves in `given` what it runs in.
pub(super) fn run_given<T>(
    node: &Arc<Node>,
    given: &Given,
    body: impl FnOnce(Signal) -> Outcome<T>,
) -> Ended<T> {
    let record = make_record(node);
    ambient::enter_thread(&*record, || {
        let stop = node.stop.clone();
        let _measured = probe::body(); // the wait for its children as well
        // The body's own state is gone with it; what it shares has its own rules about panics.
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| body(stop)));
        conclude(node, outcome, given.take())
    })
}

/// The calling thread is `node` until this is ended: a body without a closure.
#[derive(Debug)]
pub(crate) struct OpenBody {
    node: Arc<Node>,
    /// Ends before the thread is left.
    _measured: probe::Body,
    _entered: ambient::Entered,
}

impl OpenBody {
    /// None if the thread is in a tree already.
    pub(crate) fn enter(node: &Arc<Node>) -> Option<Self> {
        let entered = ambient::Entered::new(make_record(node))?;
        Some(Self {
            node: Arc::clone(node),
            _measured: probe::body(),
            _entered: entered,
        })
    }

    /// Steps 2 to 5, for a body that ended well or with a panic that goes its own way.
    pub(crate) fn end(self) -> Ended<()> {
        conclude(&self.node, Ok(Ok(())), None)
    }
}

fn make_record(node: &Arc<Node>) -> Arc<Record> {
    let (path, stop) = (Arc::clone(&node.path), node.stop.clone());
    let timer = node.root.timer.clone();
    let (group, own) = (node.group.get().cloned(), Arc::clone(node));
    node.os_id.store(sys::thread_id(), Relaxed);
    let record = Arc::new(Record::new(path, stop, timer, own as _, group));
    node.state.lock().record = Arc::downgrade(&record);
    record
}

/// Steps 1 to 5, once the body has ended.
fn conclude<T>(
    node: &Arc<Node>,
    outcome: std::thread::Result<Outcome<T>>,
    given: Option<Ambient>,
) -> Ended<T> {
    let mut ended = judge(node, outcome);
    if let Ended::Failed(failure) = &ended {
        let tell = || {
            probe::emit(&Event::Failed {
                kind: node.kind(),
                thread: &node.path,
                failure: &failure.cause(),
            });
        };
        match &given {
            Some(ambient) => ambient.run(tell),
            None => tell(),
        }
    }
    drop_caught(given);
    node.state.lock().phase = State::Ending;
    node.begin_record();
    let (failures, Sealed) = join_children(node);
    hand_on(node, &mut ended, failures);
    ended
}

/// Step 1: what the body's end means.
pub(super) fn judge<T>(node: &Node, outcome: std::thread::Result<Outcome<T>>) -> Ended<T> {
    let path = || Arc::clone(&node.path);
    match outcome {
        Ok(Ok(value)) => Ended::Finished(value),
        Ok(Err(error)) => match stopped_in(&*error) {
            // It says that it obeyed, and there was something to obey.
            Some(stopped) if node.was_asked() => {
                let stopped = stopped.clone();
                drop_caught(error);
                Ended::Stopped(stopped)
            }
            _ => Ended::Failed(Failure::error(path(), error)),
        },
        Err(payload) => Ended::Failed(Failure::panic(path(), payload)),
    }
}

/// The `Stopped` in which the chain of sources ends, if it does.
pub(super) fn stopped_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Stopped> {
    let mut error = error;
    while let Some(source) = source_of(error) {
        error = source;
    }
    error.downcast_ref()
}

/// Steps 3 to 5.
fn join_children(node: &Arc<Node>) -> (Vec<JoinError>, Sealed) {
    let mut failures = Vec::new();
    loop {
        let (newest, finished) = {
            let mut state = node.state.lock();
            let newest = next_to_join(&state.children).cloned();
            // Only an empty set is sealed, under the lock under which children are added.
            state.sealed = newest.is_none();
            (newest, core::mem::take(&mut state.finished))
        };
        for thread in finished {
            let _ = thread.join(); // ended already; its body cannot unwind
        }
        let Some(child) = newest else {
            return (failures, Sealed);
        };
        if !child.node.stop.is_set() {
            ask_children(node, child.node.role == Role::Service);
        }
        child.node.stopped.wait_through();
        failures.extend(child.packet.take_failure());
        if let Some(thread) = node.remove(&child.node) {
            let _ = thread.join(); // as above
        }
    }
}

/// The newest, but services when nobody else is left.
pub(super) fn next_to_join(children: &[Child]) -> Option<&Child> {
    let member = children
        .iter()
        .rfind(|child| child.node.role != Role::Service);
    member.or_else(|| children.last())
}

/// Step 3, again for each late child: first of those that are no services, then of those that are.
pub(super) fn ask_children(node: &Node, services: bool) {
    let reason = Reason::new(Why::ParentEnded, Location::caller()).now();
    for child in node.children().iter().rev() {
        if (child.role == Role::Service) == services {
            child.ask(&reason);
        }
    }
}

/// An unreceived failure of a child fails a parent that was fine; otherwise it is reported.
fn hand_on<T>(node: &Node, ended: &mut Ended<T>, failures: Vec<JoinError>) {
    if failures.is_empty() {
        return;
    }
    if let Ended::Failed(_) = ended {
        for failure in &failures {
            report_unreceived(node, failure);
        }
        return;
    }
    let failure = Failure::Children(Failures {
        thread: Arc::clone(&node.path),
        all: failures,
        of_scope: false,
    });
    probe::emit(&Event::Failed {
        kind: node.kind(),
        thread: &node.path,
        failure: &failure.cause(),
    });
    // The body's value is given up.
    drop_caught(core::mem::replace(ended, Ended::Failed(failure)));
}
