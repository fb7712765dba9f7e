//! What a group does with its threads: it asks them to stop, waits for them, and says who they are.
//!
//! # Invariants
//!
//! 1. A thread is among the members from before it runs until after its `stopped` is set; so nobody who ended is
//!    kept, and who finds no members knows that all have ended.
//! 2. A member is added, and whether the group was asked to stop is looked at, under one lock, under which the group is
//!    asked and its members are listed: a thread is either listed by who asks, or asked when it is added. No signal
//!    is set under it.

use core::panic::Location;
use core::ptr;
use std::borrow::Cow;
use std::collections::HashMap;

use crate::ambient::Group;
use crate::primitive::{Arc, Mutex, Weak};
use crate::signal::{self, Reason, Signal, WaitError, Why};
use crate::thread::current::Current;
use crate::thread::error::JoinError;
use crate::thread::join_all::{JoinAllError, failed};
use crate::thread::spawn::Builder;
use crate::thread::tree::Node;

/// What stands in a group's slot.
#[derive(Default)]
struct Members(Mutex<State>);

#[derive(Default)]
struct State {
    /// By address.
    nodes: HashMap<usize, Weak<Node>>,
    /// Why the group was asked to stop, if it was.
    stop: Option<Reason>,
}

impl Builder {
    /// The thread is of this group. If the group was asked to stop before, the thread runs all the same, with its
    /// stop set: it decides.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Group, Signal, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let group = Group::new("waiters");
    ///     let waiter = thread::Builder::new("waiter").group(&group).spawn(|_stop| Ok(Signal::new().wait()?))?;
    ///     group.stop();
    ///     assert!(waiter.join().unwrap_err().stop_reason().is_some());
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn group(mut self, group: &Group) -> Self {
        self.set_group(Some(group.clone()));
        self
    }

    /// The thread is of the calling thread's group, if that is of one.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Group, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let group = Group::new("family");
    ///     let parent = thread::Builder::new("parent").group(&group).spawn(|_stop| {
    ///         let stranger = thread::spawn("stranger", |_stop| Ok(Group::current()));
    ///         let child = thread::Builder::new("child").inherit_group().spawn(|_stop| Ok(Group::current()))?;
    ///         Ok((stranger.join()?, child.join()?))
    ///     })?;
    ///     assert_eq!(parent.join()?, (None, Some(group)));
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn inherit_group(mut self) -> Self {
        self.set_group(Group::current());
        self
    }
}

impl Group {
    /// Asks all threads of the group to stop, with their children, and those that come later. Does not wait.
    #[track_caller]
    pub fn stop(&self) {
        self.stop_because("asked with its group");
    }

    /// The same, and says why. The first reason stays.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Group, Signal, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let group = Group::new("importers");
    ///     group.stop_because("the disk is full");
    ///     let late = thread::Builder::new("late").group(&group).spawn(|stop| {
    ///         Ok(stop.reason().and_then(|reason| reason.text().map(str::to_owned)))
    ///     })?;
    ///     assert_eq!(late.join()?.as_deref(), Some("the disk is full"));
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn stop_because(&self, why: impl Into<Cow<'static, str>>) {
        let reason = Reason::new(Why::Said(why.into()), Location::caller()).now();
        let (reason, nodes) = {
            let mut state = self.state().lock();
            let reason = state.stop.get_or_insert(reason).clone();
            (reason, state.living())
        };
        // Not one by one: a member may hand on what another one says (invariant 5 of `tree`).
        Node::ask_together(&nodes, &reason);
    }

    /// Waits until all threads of the group have ended, with their children; those that come while it waits as well.
    ///
    /// Results and failures go where they go otherwise: to who joins the threads, or to their parents.
    ///
    /// # Stopping
    ///
    /// Ends with [`JoinAllError::Interrupted`] if the calling thread is asked to stop first.
    ///
    /// # Errors
    ///
    /// Those named, and [`JoinAllError::Failed`] if the calling thread, or one to which it belongs, is of the group:
    /// it would wait for itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Group, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let group = Group::new("readers");
    ///     for name in ["a", "b"] {
    ///         thread::Builder::new(name).group(&group).spawn(|_stop| Ok(()))?.release();
    ///     }
    ///     group.join_all()?;
    ///     assert!(group.threads().is_empty());
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[track_caller]
    pub fn join_all(&self) -> Result<(), JoinAllError> {
        self.join_all_until(&Signal::never())
    }

    /// The same, without waiting: have all threads of the group ended?
    #[must_use]
    pub fn try_join_all(&self) -> bool {
        self.still_running().is_empty()
    }

    /// As [`join_all`](Self::join_all), but waits only until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`join_all`](Self::join_all).
    ///
    /// # Errors
    ///
    /// Those of [`join_all`](Self::join_all), and [`JoinAllError::Expired`].
    #[track_caller]
    pub fn join_all_until(&self, signal: &Signal) -> Result<(), JoinAllError> {
        self.refuse_itself()?;
        loop {
            let running = self.still_running();
            if running.is_empty() {
                return Ok(());
            }
            let ended = signal::all(running.iter().map(|node| &node.stopped));
            match ended.wait_until(signal) {
                Ok(()) => {}
                Err(WaitError::Expired) => return Err(JoinAllError::Expired),
                Err(WaitError::Stopped(stopped)) => return Err(JoinAllError::Interrupted(stopped)),
            }
        }
    }

    /// The threads of the group that have not ended, by path.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Group, Signal, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let group = Group::new("waiters");
    ///     let waiter = thread::Builder::new("waiter").group(&group).spawn(|stop| Ok(stop.wait_until(&stop)?))?;
    ///     let paths: Vec<_> = group.threads().iter().map(ToString::to_string).collect();
    ///     assert_eq!(paths, ["example/waiter"]);
    ///     waiter.stop();
    ///     Ok(group.join_all()?)
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[must_use]
    pub fn threads(&self) -> Vec<Current> {
        let mut threads: Vec<_> = self.still_running().iter().map(Current::of).collect();
        threads.sort_by(|a, b| a.path().cmp(b.path()));
        threads
    }

    /// `node`, which does not run yet, is a member from now on.
    pub(super) fn admit(&self, node: &Arc<Node>) {
        let asked = {
            let mut state = self.state().lock();
            state.nodes.insert(number(node), Arc::downgrade(node));
            state.stop.clone()
        };
        if let Some(reason) = asked {
            node.ask(&reason); // invariant 2
        }
    }

    /// `node`, whose `stopped` is set, is no member any more.
    pub(super) fn dismiss(&self, node: &Node) {
        self.state().lock().nodes.remove(&number(node));
    }

    fn still_running(&self) -> Vec<Arc<Node>> {
        let mut nodes = self.state().lock().living();
        nodes.retain(|node| !node.stopped.is_set());
        nodes
    }

    fn refuse_itself(&self) -> Result<(), JoinAllError> {
        let mut at = Node::current();
        while let Some(node) = at {
            if node.group.get() == Some(self) {
                let thread = Arc::clone(&node.path);
                return Err(failed(vec![JoinError::Itself { thread }]));
            }
            at = node.parent.as_ref().and_then(Weak::upgrade);
        }
        Ok(())
    }

    fn state(&self) -> &Mutex<State> {
        let members = self.members().get_or_init(|| Box::<Members>::default());
        let members: Option<&Members> = members.downcast_ref();
        &members.expect("only this part fills the slot").0
    }
}

impl State {
    fn living(&self) -> Vec<Arc<Node>> {
        self.nodes.values().filter_map(Weak::upgrade).collect()
    }
}

fn number(node: &Node) -> usize {
    ptr::from_ref(node).addr()
}
