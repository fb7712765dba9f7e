//! Contexts: names for "where this code is running", at two levels.
//!
//! Thread-wide, a context is entered for a block, like a local; process-wide it is a count of guards, seen
//! by every thread at once. The two do not touch each other: leaving a block never undoes a
//! process-wide change made meanwhile. An open function chooses its body by both.

use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::ambient::frame::{self, Extension, Payload};
use crate::ambient::key::Key;
use crate::primitive::{Arc, OnceLock};

/// The key under which isolating blocks are found; `shared` knows what is attached to them.
pub(crate) static ISOLATION: Key = Key::new();

/// A name that code can be inside of.
///
/// Declared with [`context!`](crate::context), identified by its static and printed by its name.
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
    key: Key,
    name: &'static str,
    isolates: bool,
    /// How many guards keep it entered process-wide. A user's static: core atomics.
    process: AtomicUsize,
}

impl Context {
    /// For [`context!`](crate::context).
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, isolates: bool) -> Self {
        Self {
            key: Key::new(),
            name,
            isolates,
            process: AtomicUsize::new(0),
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
        if !self.isolates {
            return frame::enter(&self.key, Payload::Switch(true), block, f);
        }
        let isolation = Arc::new(Extension {
            name: self.name,
            slot: OnceLock::new(),
        });
        self.run_isolated(isolation, block, f)
    }

    /// Runs `f` as if this context had not been entered.
    ///
    /// Of a context that isolates only the name is left: what the block has written stays in its copies,
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
        // `Relaxed`: a switch takes effect for calls that happen after it, however they know of it.
        self.process.fetch_add(1, Relaxed);
        Activated { context: self }
    }

    /// Is the calling code inside this context, thread-wide?
    #[inline]
    #[must_use]
    pub fn is_active(&'static self) -> bool {
        self.depth().is_some()
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
        frame::enter(&self.key, Payload::Switch(true), block, || {
            frame::enter(&ISOLATION, Payload::Extension(isolation), block, f)
        })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("name", &self.name)
            .field("isolates", &self.isolates)
            .field("process", &self.process.load(Relaxed))
            .finish()
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Keeps a context entered for the whole process until it is dropped.
#[derive(Debug)]
#[must_use = "the context is left when this is dropped"]
pub struct Activated {
    context: &'static Context,
}

impl Drop for Activated {
    fn drop(&mut self) {
        self.context.process.fetch_sub(1, Relaxed);
    }
}
