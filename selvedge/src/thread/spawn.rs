//! Starting a thread in the tree.

use crate::primitive::{self, Arc, Weak};
use crate::probe::{self, Ending, Event};
use crate::signal::Signal;
use crate::thread::end;
use crate::thread::error::{Outcome, SpawnError};
use crate::thread::handle::{Filled, Packet, Thread, report_unreceived};
use crate::thread::tree::{Child, Node};

/// Starts a child of the calling thread.
///
/// `body` is given the thread's stop signal. Nothing of the caller's ambient is there: carry it with
/// [`Ambient::capture`](crate::Ambient::capture). A thread whose parent was asked to stop already is
/// started all the same, with its stop set: it decides.
///
/// # Panics
///
/// If the calling thread is in no tree, or has ended already, or the system has no thread to give;
/// [`Builder::spawn`] returns these as errors.
///
/// # Examples
///
/// ```
/// use selvedge::thread;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let sum = thread::spawn("adder", |_stop| Ok(1 + 2));
///     assert_eq!(sum.join()?, 3);
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[track_caller]
pub fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce(Signal) -> Outcome<T> + Send + 'static,
) -> Thread<T> {
    match Builder::new(name).spawn(body) {
        Ok(thread) => thread,
        Err(error) => panic!("{error}"),
    }
}

/// A thread to be, with more choices than [`spawn`] has.
///
/// # Examples
///
/// ```
/// use selvedge::thread;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let deep = thread::Builder::new("deep").stack_size(16 << 20).spawn(|_stop| Ok("done"))?;
///     assert_eq!(deep.join()?, "done");
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[derive(Debug)]
#[must_use = "nothing starts until `spawn`"]
pub struct Builder {
    name: Box<str>,
    stack_size: Option<usize>,
}

impl Builder {
    /// A thread with this name. The kernel keeps its first 15 bytes, we keep it all.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            stack_size: None,
        }
    }

    /// The size of the stack in bytes; std's default otherwise.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts it as a child of the calling thread.
    ///
    /// # Errors
    ///
    /// - [`SpawnError::NoTree`] – the calling thread is in no tree, or has left it: destructors of its
    ///   thread-locals run when it has ended.
    /// - [`SpawnError::Sealed`] – it has ended; this runs in the destructor of a result that it gives up.
    /// - [`SpawnError::Os`] – the system refused.
    pub fn spawn<T: Send + 'static>(
        self,
        body: impl FnOnce(Signal) -> Outcome<T> + Send + 'static,
    ) -> Result<Thread<T>, SpawnError> {
        let Some(parent) = Node::current() else {
            return Err(SpawnError::NoTree { name: self.name });
        };
        reap(&parent);
        let node = parent.child(&self.name);
        let packet = Arc::new(Packet::new());
        let child = Child {
            node: Arc::clone(&node),
            packet: Arc::clone(&packet) as _,
        };
        if !parent.add(child) {
            return Err(SpawnError::Sealed {
                name: self.name,
                parent: Arc::clone(&parent.path),
            });
        }
        // Before it can say that it has ended.
        probe::emit(&Event::Started { thread: &node.path });
        let thread = {
            let (node, packet) = (Arc::clone(&node), Arc::clone(&packet));
            primitive::spawn(&self.name, self.stack_size, move || {
                live(&node, &packet, body)
            })
        };
        match thread {
            Ok(thread) => {
                parent.started(&node, thread);
                Ok(Thread { node, packet })
            }
            Err(source) => {
                node.finish(Ending::NeverRan);
                let _ = parent.remove(&node); // there is no OS thread
                Err(SpawnError::Os {
                    name: self.name,
                    source,
                })
            }
        }
    }
}

/// A thread's whole life.
fn live<T: Send + 'static>(
    node: &Arc<Node>,
    packet: &Packet<T>,
    body: impl FnOnce(Signal) -> Outcome<T>,
) {
    let ended = end::run_body(node, body);
    let how = ended.ending();
    let released = match packet.fill(ended.into_result(&node.path)) {
        Filled::Kept => None,
        Filled::Released(result) => Some(result),
    };
    if let Some(Err(error)) = &released {
        report_unreceived(node, error);
    }
    node.finish(how);
    // A result stays with the parent until it is received or given up; without one the thread leaves at
    // once, so that a parent which lives long does not collect its dead.
    if let Some(result) = released {
        if let Some(parent) = node.parent.as_ref().and_then(Weak::upgrade) {
            parent.bury(node);
        }
        primitive::drop_caught(result);
    }
}

/// Joins the OS threads of children that have left the tree.
pub(super) fn reap(parent: &Node) {
    let (ended, running): (Vec<_>, Vec<_>) = parent
        .take_finished()
        .into_iter()
        .partition(primitive::is_finished);
    parent.state.lock().finished.extend(running);
    for thread in ended {
        let _ = thread.join(); // its body cannot unwind: `run_body` catches
    }
}
