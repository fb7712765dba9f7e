//! Contexts: names for "where this code is running", at three levels.
//!
//! Thread-wide, a context is entered for a block, like a local, and with its resources; for a
//! [`Group`](crate::Group) and for the process it is a count of guards, seen by every thread of it at once. The
//! levels do not touch each other: leaving a block never undoes a process-wide change made meanwhile. An open function
//! chooses its body by all three.

use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use crate::ambient::enter::run_at;
use crate::ambient::entering::Entering;
use crate::ambient::frame::{self, Extension, Payload};
use crate::ambient::group::Group;
use crate::ambient::key::Key;
use crate::ambient::strict;
use crate::primitive::Arc;
use crate::probe;

/// The key under which isolating blocks are found; `shared` knows what is attached to them.
pub(crate) static ISOLATION: Key = Key::new();

/// A name that code can be inside of.
///
/// Declared with [`context!`](crate::context), identified by its static and printed by its name, with how it is entered
/// here behind it. It may have [resources](crate::Resource).
///
/// Where it is entered and left is an event of [`probe`](crate::probe) for who listens.
///
/// # Examples
///
/// ```
/// selvedge::context! { pub static DRY_RUN = "dry-run"; }
///
/// assert!(!DRY_RUN.is_active());
/// DRY_RUN.run(|| {
///     assert!(DRY_RUN.is_active());
///     DRY_RUN.without(|| assert!(!DRY_RUN.is_active()));
/// });
/// let on = DRY_RUN.enter_process(); // for every thread, until `on` is dropped
/// assert!(DRY_RUN.is_active_in_process());
/// drop(on);
/// assert!(!DRY_RUN.is_active_in_process());
/// ```
#[doc(alias = "runtime_context")]
pub struct Context {
    pub(super) key: Key,
    name: &'static str,
    isolates: bool,
    is_strict: bool,
    /// Of a strict one: whether it is known to `strict`.
    pub(super) is_noted: AtomicBool,
    /// How many guards keep it entered process-wide. A user's static: core atomics.
    process: AtomicUsize,
    /// How many keep it entered for groups, all together.
    groups: AtomicUsize,
}

impl Context {
    /// For [`context!`](crate::context).
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, isolates: bool, is_strict: bool) -> Self {
        Self {
            key: Key::new(),
            name,
            isolates,
            is_strict,
            is_noted: AtomicBool::new(false),
            process: AtomicUsize::new(0),
            groups: AtomicUsize::new(0),
        }
    }

    /// Runs `f` inside the context: for `f` and all that it calls, on this thread.
    ///
    /// Contexts nest; the innermost decides. Threads started inside are outside, unless an
    /// [`Ambient`](crate::Ambient) is carried there.
    ///
    /// # Panics
    ///
    /// If `f` does; the context is left all the same.
    #[track_caller]
    #[inline]
    pub fn run<R>(&'static self, f: impl FnOnce() -> R) -> R {
        let block = Location::caller();
        if self.isolates || self.is_strict || probe::wants_details() {
            return run_at(self.enter(), block, f);
        }
        frame::enter(&self.key, Payload::Switch(true), block, f)
    }

    /// A block in which the context is entered, to be combined with others, entered more than once, or wrapped around
    /// a closure or a future. None of its resources is bound.
    ///
    /// What `context!` declares with braces has an `enter` of its own, and with it the resources to choose.
    ///
    /// # Examples
    ///
    /// ```
    /// selvedge::context! { static DRY_RUN = "dry-run"; static BATCH = "batch"; }
    /// let mut left = false;
    /// DRY_RUN.enter().and(BATCH.enter()).on_exit(|| left = BATCH.is_active()).run(|| {
    ///     assert!(DRY_RUN.is_active() && BATCH.is_active());
    /// });
    /// assert!(left); // the last action runs inside
    /// ```
    pub fn enter(&'static self) -> Entering {
        Entering::fresh(self, 0)
    }

    /// Runs `f` as if this context had not been entered.
    ///
    /// Its resources are unbound. Of a context that isolates only the name is left: what the block has written stays in its copies,
    /// or a plugin could reach the shared objects by leaving.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    #[inline]
    pub fn without<R>(&'static self, f: impl FnOnce() -> R) -> R {
        frame::enter(&self.key, Payload::Switch(false), Location::caller(), f)
    }

    /// Enters the context for the whole process, until the guard is dropped.
    ///
    /// Guards count: they may be dropped in any order and on any thread.
    ///
    /// # Examples
    ///
    /// ```
    /// selvedge::context! { static MAINTENANCE = "maintenance"; }
    /// let (first, second) = (MAINTENANCE.enter_process(), MAINTENANCE.enter_process());
    /// drop(first);
    /// assert!(MAINTENANCE.is_active_in_process());
    /// drop(second);
    /// assert!(!MAINTENANCE.is_active_in_process());
    /// ```
    pub fn enter_process(&'static self) -> Activated {
        strict::note(self);
        // `Relaxed`: a switch takes effect for calls that happen after it, however they know of it.
        self.process.fetch_add(1, Relaxed);
        Activated {
            context: self,
            group: None,
        }
    }

    /// Is the calling code inside this context, thread-wide?
    #[inline]
    #[must_use]
    pub fn is_active(&'static self) -> bool {
        self.depth().is_some()
    }

    /// Is the context entered for the group of the calling thread? See [`Group::activate`](crate::Group::activate).
    #[must_use]
    pub fn is_active_in_group(&'static self) -> bool {
        self.groups.load(Relaxed) > 0 && Group::current().is_some_and(|group| group.is_active(self))
    }

    /// Is the context entered for the whole process?
    #[inline]
    #[must_use]
    pub fn is_active_in_process(&self) -> bool {
        self.process.load(Relaxed) > 0
    }

    /// The name, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn isolates(&self) -> bool {
        self.isolates
    }

    pub(super) fn is_strict(&self) -> bool {
        self.is_strict
    }

    pub(super) fn is_active_on_any_level(&'static self) -> bool {
        self.is_active() || self.is_active_in_group() || self.is_active_in_process()
    }

    /// How deep in the chain it was entered, thread-wide; deeper is more specific.
    pub(crate) fn depth(&'static self) -> Option<u32> {
        frame::innermost(&self.key, |binding| {
            binding
                .filter(|binding| binding.is_on())
                .map(|binding| binding.depth)
        })
    }

    /// Runs `f` inside the context, with singletons isolated by `isolation`.
    pub(crate) fn run_isolated<R>(
        &'static self,
        isolation: Arc<Extension>,
        block: &'static Location<'static>,
        f: impl FnOnce() -> R,
    ) -> R {
        run_at(Entering::isolated_by(self, isolation), block, f)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("name", &self.name)
            .field("isolates", &self.isolates)
            .field("strict", &self.is_strict)
            .field("process", &self.process.load(Relaxed))
            .finish()
    }
}

/// The name, and how it is entered where it is printed; [`Context::name`] is the name alone.
impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let entered = frame::innermost(&self.key, |binding| {
            binding.is_some_and(frame::Binding::is_on)
        });
        if entered {
            return f.write_str(" (entered)");
        }
        match Group::current().filter(|group| group.is_active(self)) {
            Some(group) => write!(f, " (active in group {group})"),
            None if self.is_active_in_process() => f.write_str(" (entered by the process)"),
            None => Ok(()),
        }
    }
}

/// Keeps a context entered for the whole process, or for a group, until it is dropped.
#[derive(Debug)]
#[must_use = "the context is left when this is dropped"]
pub struct Activated {
    context: &'static Context,
    group: Option<Group>,
}

impl Activated {
    pub(super) fn in_group(context: &'static Context, group: Group) -> Self {
        context.groups.fetch_add(1, Relaxed);
        Self {
            context,
            group: Some(group),
        }
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        match &self.group {
            None => self.context.process.fetch_sub(1, Relaxed),
            Some(group) => {
                group.deactivate(self.context);
                self.context.groups.fetch_sub(1, Relaxed)
            }
        };
    }
}
