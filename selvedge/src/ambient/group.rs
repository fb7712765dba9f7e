//! Groups: threads that belong together, wherever they stand in the tree.
//!
//! Here stands what a group means to contexts; `thread`, which knows threads, gives it `stop`, `join_all` and
//! `threads`, and keeps the members in the slot.
//!
//! # Invariants
//!
//! 1. `active` has a context exactly while there is a guard of it for this group; the context's `groups` counts
//!    the guards of all groups.

use core::any::Any;
use core::fmt;
use core::ptr;
use std::sync::PoisonError;

use crate::ambient::context::{Activated, Context};
use crate::ambient::current;
use crate::ambient::strict;
use crate::primitive::{Arc, OnceLock, RwLock};

/// Threads that belong together, wherever they stand in the tree.
///
/// A thread is of at most one group, from its start to its end, because its builder said so
/// ([`Builder::group`](crate::thread::Builder::group)); its children are of none, unless they ask for it. A group can
/// be asked to stop, waited for, and be inside of a context, all its threads at once. It holds no threads that have
/// ended.
///
/// # Examples
///
/// ```
/// use selvedge::{Group, context, thread};
///
/// context! { static DRAINING = "draining"; }
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let importers = Group::new("importers");
///     let on = importers.activate(&DRAINING);
///     let seen = thread::Builder::new("first").group(&importers).spawn(|_stop| {
///         Ok(DRAINING.is_active_in_group())
///     })?;
///     assert!(seen.join()?);
///     drop(on);
///     assert!(!DRAINING.is_active_in_group()); // main is of no group
///     Ok(importers.join_all()?)
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[derive(Clone)]
pub struct Group {
    inner: Arc<Inner>,
}

struct Inner {
    name: Box<str>,
    /// Each with the number of its guards.
    active: RwLock<Vec<(&'static Context, usize)>>,
    /// What `thread` keeps for it.
    members: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Group {
    /// A group without threads.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let inner = Inner {
            name: name.into(),
            active: RwLock::new(Vec::new()),
            members: OnceLock::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The group of the calling thread. It is the thread's: no capture carries it.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Group, thread};
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     assert_eq!(Group::current(), None);
    ///     let group = Group::new("readers");
    ///     let reader = thread::Builder::new("reader").group(&group).spawn(|_stop| Ok(Group::current()))?;
    ///     assert_eq!(reader.join()?, Some(group));
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        current::identity(|identity| identity?.group().cloned())
    }

    /// The name, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Enters `context` for all threads of the group at once, those to come included, until the guard is dropped.
    ///
    /// Guards count: they may be dropped in any order and on any thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Group, context};
    ///
    /// context! { static DRAINING = "draining"; }
    /// let group = Group::new("importers");
    /// let (first, second) = (group.activate(&DRAINING), group.activate(&DRAINING));
    /// drop(first);
    /// assert!(group.is_active(&DRAINING));
    /// drop(second);
    /// assert!(!group.is_active(&DRAINING));
    /// ```
    pub fn activate(&self, context: &'static Context) -> Activated {
        strict::note(context);
        {
            let mut active = self
                .inner
                .active
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            match active.iter_mut().find(|(it, _)| ptr::eq(*it, context)) {
                Some((_, guards)) => *guards += 1,
                None => active.push((context, 1)),
            }
        }
        Activated::in_group(context, self.clone())
    }

    /// Is `context` entered for this group?
    #[must_use]
    pub fn is_active(&self, context: &Context) -> bool {
        let active = self
            .inner
            .active
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        active.iter().any(|(it, _)| ptr::eq(*it, context))
    }

    /// A guard is gone.
    pub(super) fn deactivate(&self, context: &Context) {
        let mut active = self
            .inner
            .active
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = active.iter().position(|(it, _)| ptr::eq(*it, context)) {
            active[at].1 -= 1;
            if active[at].1 == 0 {
                active.swap_remove(at); // invariant 1
            }
        }
    }

    /// The slot for the layer that knows threads.
    pub(crate) fn members(&self) -> &OnceLock<Box<dyn Any + Send + Sync>> {
        &self.inner.members
    }
}

/// The same group, not one of the same name.
impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Group {}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("name", &self.inner.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.name)
    }
}
