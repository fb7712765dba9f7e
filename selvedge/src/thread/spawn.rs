//! Starting a thread in the tree.

use core::panic::Location;

use crate::ambient::{Ambient, Group};
use crate::primitive::{self, Arc, Weak, sys};
use crate::probe::{self, Carried, Ending, Event};
use crate::signal::{Signal, deadline_at};
use crate::thread::current::{NoParent, Parent};
use crate::thread::end::{self, Given};
use crate::thread::error::{Outcome, SpawnError};
use crate::thread::handle::{Filled, Packet, Thread, report_unreceived};
use crate::thread::prepared::Prepared;
use crate::thread::tree::{Child, Node, Role};

/// Starts a child of the calling thread.
///
/// `body` is given the thread's stop signal. Nothing of the caller's ambient is there: carry it with
/// [`Ambient::capture`](crate::Ambient::capture) and [`Builder::ambient`]. A thread whose parent was asked to
/// stop already is started all the same, with its stop set: it decides.
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
    pub(super) name: Box<str>,
    /// The calling thread, if none is given.
    parent: Option<Parent>,
    is_service: bool,
    group: Option<Group>,
    setting: Setting,
}

/// What a thread's body runs on and in.
#[derive(Debug, Default)]
pub(super) struct Setting {
    stack_size: Option<usize>,
    ambient: Option<Ambient>,
    deadline: Option<(Signal, &'static Location<'static>)>,
}

impl Builder {
    /// A thread with this name. The kernel keeps its first 15 bytes, we keep it all.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            parent: None,
            is_service: false,
            group: None,
            setting: Setting::default(),
        }
    }

    /// The size of the stack in bytes; std's default otherwise.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.setting.stack_size = Some(bytes);
        self
    }

    /// The body runs with what was bound where `ambient` was captured; with nothing bound otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Ambient, thread};
    ///
    /// selvedge::local! { static USER: String; }
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     USER.bind("Ada".to_owned(), || {
    ///         let carried = thread::Builder::new("carried").ambient(Ambient::capture());
    ///         let seen = carried.spawn(|_stop| Ok(USER.with(String::clone)?))?;
    ///         assert_eq!(seen.join()?, "Ada");
    ///         Ok(())
    ///     })
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn ambient(mut self, ambient: Ambient) -> Self {
        self.setting.ambient = Some(ambient);
        self
    }

    /// The body runs with what is bound here, where `inherit` is called: an [`ambient`](Self::ambient) captured
    /// now, deadlines included.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread;
    ///
    /// selvedge::local! { static USER: &'static str; }
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let builder = USER.bind("Ada", || thread::Builder::new("carried").inherit());
    ///     assert_eq!(builder.spawn(|_stop| Ok(*USER.get()?))?.join()?, "Ada");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn inherit(self) -> Self {
        self.ambient(Ambient::capture())
    }

    /// The body runs with this [`deadline`](crate::signal::deadline()), which is usually a
    /// [`Till`](crate::Till). A body that ends because of it has failed, unless the thread was asked to stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, Till, thread};
    /// use std::time::Duration;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let hurried = thread::Builder::new("hurried").deadline(&Till::after(Duration::from_millis(1)));
    ///     let late = hurried.spawn(|_stop| Ok(Signal::new().wait().unwrap_err().is_deadline()))?;
    ///     assert!(late.join()?);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn deadline(mut self, deadline: &Signal) -> Self {
        self.setting.deadline = Some((deadline.clone(), Location::caller()));
        self
    }

    /// Starts it as a child of this thread, and not of the calling one: that thread does not end before it.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let group = thread::spawn("group", |stop| Ok(stop.wait()?));
    ///     let member = thread::Builder::new("member").parent(&group).spawn(|_stop| Ok(Signal::new().wait()?))?;
    ///     assert_eq!(member.path(), "example/group/member");
    ///     group.stop();
    ///     group.join()?;
    ///     assert!(member.stopped().is_set());
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn parent(mut self, parent: impl Into<Parent>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// It serves its siblings (writes their log, say): when the parent ends, or is asked to stop, it is asked
    /// only after the siblings that are no services have ended.
    ///
    /// Its own handle can ask it at any time.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{sync::Queue, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let lines = Queue::new();
    ///     let log = lines.clone();
    ///     let logger = thread::Builder::new("logger").service().spawn(move |_stop| {
    ///         let written: Vec<String> = log.iter().collect();
    ///         assert_eq!(written, ["bye"]); // said after the program was asked to stop
    ///         Ok(())
    ///     })?;
    ///     let worker = thread::spawn("worker", move |stop| {
    ///         stop.wait_until(&stop)?;
    ///         Ok(lines.push("bye".to_owned())?)
    ///     });
    ///     logger.release();
    ///     worker.release();
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn service(mut self) -> Self {
        self.is_service = true;
        self
    }

    /// Starts it as a child of the calling thread, or of the given [`parent`](Self::parent).
    ///
    /// # Errors
    ///
    /// - [`SpawnError::NoTree`] – the calling thread is in no tree, or has left it: destructors of its
    ///   thread-locals run when it has ended.
    /// - [`SpawnError::Sealed`] – the parent has ended; without a given one, this runs in the destructor of a
    ///   result that the calling thread gives up.
    /// - [`SpawnError::Os`] – the system refused.
    pub fn spawn<T: Send + 'static>(
        self,
        body: impl FnOnce(Signal) -> Outcome<T> + Send + 'static,
    ) -> Result<Thread<T>, SpawnError> {
        let (setting, place) = self.take_place(false)?;
        place.start(setting, body)
    }

    /// Makes it a member of the tree now, and starts it later: it has its name, its parent and
    /// [`stopped`](Prepared::stopped) already.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn), but for the system's.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::thread;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let first = thread::Builder::new("first").prepare(|_stop| Ok("ready"))?;
    ///     let ended = first.stopped().clone();
    ///     let second = thread::spawn("second", move |_stop| Ok(ended.wait()?)); // knows of the first
    ///     let first = first.start()?;
    ///     second.join()?;
    ///     assert_eq!(first.join()?, "ready");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn prepare<T: Send + 'static>(
        self,
        body: impl FnOnce(Signal) -> Outcome<T> + Send + 'static,
    ) -> Result<Prepared<T>, SpawnError> {
        let (setting, place) = self.take_place(true)?;
        Ok(Prepared::new(setting, place, Box::new(body)))
    }

    /// Who is to be the parent.
    pub(super) fn chosen_parent(&mut self) -> Option<Result<Arc<Node>, SpawnError>> {
        let name = || self.name.clone();
        Some(match self.parent.take()?.0 {
            Ok(parent) => Ok(parent),
            Err(NoParent::NoTree) => Err(SpawnError::NoTree { name: name() }),
            Err(NoParent::Ended(parent)) => Err(SpawnError::Sealed {
                name: name(),
                parent,
            }),
        })
    }

    fn take_place<T: Send + 'static>(
        mut self,
        is_prepared: bool,
    ) -> Result<(Setting, Place<T>), SpawnError> {
        let parent = match self.chosen_parent() {
            Some(chosen) => chosen?,
            None => Node::current().ok_or_else(|| SpawnError::NoTree {
                name: self.name.clone(),
            })?,
        };
        reap(&parent);
        let (node, setting) = self.into_child_of(&parent);
        if is_prepared {
            node.set_prepared();
        }
        let packet = Arc::new(Packet::new());
        let child = Child {
            node: Arc::clone(&node),
            packet: Arc::clone(&packet) as _,
        };
        if !parent.add(child) {
            return Err(SpawnError::Sealed {
                name: node.name.clone(),
                parent: Arc::clone(&parent.path),
            });
        }
        let place = Place {
            parent,
            node,
            packet,
        };
        Ok((setting, place))
    }

    pub(super) fn set_group(&mut self, group: Option<Group>) {
        self.group = group;
    }

    pub(super) fn into_child_of(self, parent: &Arc<Node>) -> (Arc<Node>, Setting) {
        let role = if self.is_service {
            Role::Service
        } else {
            Role::Thread
        };
        let node = parent.child(&self.name, role);
        if let Some(group) = self.group {
            let _ = node.group.set(group); // the only one
        }
        (node, self.setting)
    }
}

/// A place in the tree that was taken, for a thread that does not run yet.
pub(super) struct Place<T> {
    parent: Arc<Node>,
    pub(super) node: Arc<Node>,
    packet: Arc<Packet<T>>,
}

impl<T: Send + 'static> Place<T> {
    pub(super) fn start(
        self,
        setting: Setting,
        body: impl FnOnce(Signal) -> Outcome<T> + Send + 'static,
    ) -> Result<Thread<T>, SpawnError> {
        let Self {
            parent,
            node,
            packet,
        } = self;
        let unstarted = Unstarted::new(&parent, &node);
        // Before it can say that it has ended.
        probe::emit(&Event::Started {
            kind: node.kind(),
            thread: &node.path,
        });
        let stack_size = setting.stack_size;
        let carried = Carried::take();
        let thread = {
            let (node, packet) = (Arc::clone(&node), Arc::clone(&packet));
            primitive::spawn(&node.name.clone(), stack_size, move || {
                sys::name_thread(&node.name);
                carried.run(|| live(&node, &packet, setting, body));
            })
        };
        match thread {
            Ok(thread) => {
                core::mem::forget(unstarted);
                if let Some(ended) = parent.started(&node, thread) {
                    let _ = ended.join(); // its body cannot unwind: `run_body` catches
                }
                Ok(Thread { node, packet })
            }
            Err(source) => Err(SpawnError::Os {
                name: node.name.clone(),
                source,
            }),
        }
    }
}

impl<T> Place<T> {
    pub(super) fn give_up(&self) {
        drop(Unstarted::new(&self.parent, &self.node));
    }
}

/// Takes a thread that was not started out of the tree, also if the destructor of its closure panics.
pub(super) struct Unstarted<'a> {
    parent: &'a Node,
    node: &'a Arc<Node>,
}

impl<'a> Unstarted<'a> {
    pub(super) fn new(parent: &'a Node, node: &'a Arc<Node>) -> Self {
        Self { parent, node }
    }
}

impl Drop for Unstarted<'_> {
    fn drop(&mut self) {
        self.node.finish(Ending::NeverRan);
        let _ = self.parent.remove(self.node); // there is no OS thread
    }
}

impl Setting {
    pub(super) fn stack_size(&self) -> Option<usize> {
        self.stack_size
    }

    /// What is bound here, unless something else was chosen.
    #[track_caller]
    pub(super) fn inherit(&mut self) {
        self.ambient.get_or_insert_with(Ambient::capture);
    }

    /// Runs `f` in what was carried, with the deadline innermost. Unless it ends well, what was carried is left in
    /// `given`.
    pub(super) fn run<T>(self, given: &Given, f: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        given.set(self.ambient.clone());
        let limited = || match self.deadline {
            Some((deadline, at)) => deadline_at(&deadline, at, f),
            None => f(),
        };
        let outcome = match self.ambient {
            Some(ambient) => ambient.run(limited),
            None => limited(),
        };
        if outcome.is_ok() {
            drop(given.take()); // its values go here, where a panic of theirs is the thread's
        }
        outcome
    }
}

/// A thread's whole life.
fn live<T: Send + 'static>(
    node: &Arc<Node>,
    packet: &Packet<T>,
    setting: Setting,
    body: impl FnOnce(Signal) -> Outcome<T>,
) {
    let given = Given::default();
    let ended = end::run_given(node, &given, |stop| setting.run(&given, || body(stop)));
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
    parent.keep_finished(running);
    for thread in ended {
        let _ = thread.join(); // its body cannot unwind: `run_body` catches
    }
}
