//! One value for the whole process, or for an isolating block.
//!
//! # Invariants
//!
//! 1. A [`Cell`]'s value is replaced or changed only under its write lock, by `update` or a commit.
//! 2. A reader gets a count of the value, so no lock is held while it looks.
//! 3. A thread that comes back to a cell inside its own update is told so: it would wait for itself.

use core::any::Any;
use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{PoisonError, RwLockWriteGuard};

use crate::ambient::{Ambient, ISOLATION, Payload, enter, innermost};
use crate::primitive::{Arc, Once, RwLock, thread_number};
use crate::shared::Isolate;
use crate::shared::isolation::{self, AnySingleton, Prepared, Untyped};

/// A value that exists once, made at its first use; isolating blocks see a copy of their own.
///
/// Declared with [`singleton!`](crate::singleton).
///
/// # Examples
///
/// ```
/// selvedge::context! { static PLUGIN = "plugin" isolates; }
/// selvedge::singleton! { static X: i32 = 5; }
///
/// X.update(|x| *x += 1);
/// PLUGIN.run(|| X.update(|x| *x = 0)); // a rogue
/// assert_eq!(*X.get(), 6);
/// ```
pub struct Singleton<T: 'static> {
    name: &'static str,
    init: fn() -> T,
    shared: Once<Arc<Cell<T>>>,
}

/// Where a value stands: the shared one, or an isolating block's.
pub(super) struct Cell<T> {
    value: RwLock<Arc<T>>,
    /// The thread that is inside `update`, 0 for none. A hint for invariant 3: only a thread's own
    /// number matters to it.
    updating: AtomicUsize,
    written: AtomicBool,
}

impl<T: Isolate + Send + Sync + 'static> Singleton<T> {
    /// For [`singleton!`](crate::singleton).
    #[doc(hidden)]
    pub const fn new(name: &'static str, init: fn() -> T) -> Self {
        Self {
            name,
            init,
            shared: Once::new(),
        }
    }

    /// The value that the calling block sees, counted: it does not follow later writes.
    ///
    /// # Panics
    ///
    /// If the value's initialiser does or needs the value, or inside this singleton's own [`update`](Self::update).
    #[must_use]
    pub fn get(&'static self) -> Arc<T> {
        self.here().get(self.name)
    }

    /// Runs `f` with the value that the calling block sees. No lock is held.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get), and if `f` does.
    pub fn read<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        f(&self.get())
    }

    /// Runs `f` with the value to change. Updates exclude one another; readers keep what they have.
    ///
    /// If somebody holds the value, it is copied first by [`Isolate`]; in an isolating block, always, once.
    /// If `f` panics, what it had done by then stays.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get), and if `f` does.
    pub fn update<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.here().update(self.name, f)
    }

    /// Runs `f` in a block where this singleton is `value`: reads see it, writes change a copy of it, and
    /// both end with the block. Other singletons are as they were.
    ///
    /// ```
    /// use std::sync::Arc;
    /// selvedge::singleton! { static LIMIT: u32 = 10; }
    /// LIMIT.seeded(Arc::new(3), || {
    ///     LIMIT.update(|limit| *limit += 1);
    ///     assert_eq!(*LIMIT.get(), 4);
    /// });
    /// assert_eq!(*LIMIT.get(), 10);
    /// ```
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    pub fn seeded<R>(&'static self, value: Arc<T>, f: impl FnOnce() -> R) -> R {
        let cell = Untyped {
            base: value.clone(),
            cell: Arc::new(Cell::new(value)),
        };
        let extension = isolation::seeded(self, cell);
        enter(
            &ISOLATION,
            Payload::Extension(extension),
            Location::caller(),
            f,
        )
    }

    /// The path of the static, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The cell that the calling block sees.
    fn here(&'static self) -> Arc<Cell<T>> {
        innermost(&ISOLATION, |binding| match binding {
            None => Arc::clone(self.shared()),
            Some(binding) => typed(isolation::cell_in(Some(binding), self)),
        })
    }

    fn shared(&self) -> &Arc<Cell<T>> {
        // It outlives every block: an isolating or patched one must not leak into it.
        self.shared.get_or_make(self.name, || {
            Arc::new(Cell::new(Arc::new(Ambient::empty().run(self.init))))
        })
    }
}

impl<T: Isolate + Send + Sync + 'static> AnySingleton for Singleton<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shared_cell(&'static self) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(self.shared()) as _
    }

    fn snapshot(&'static self, of: &Arc<dyn Any + Send + Sync>) -> Untyped {
        let base = typed::<T>(Arc::clone(of)).get(self.name);
        // What `&self` can change is copied at the first touch, the rest at the first write.
        let value = if T::INTERIOR {
            Arc::new(T::isolate(&base))
        } else {
            Arc::clone(&base)
        };
        Untyped {
            base,
            cell: Arc::new(Cell::new(value)),
        }
    }

    fn is_written(&self, cell: &Arc<dyn Any + Send + Sync>) -> bool {
        cell.downcast_ref::<Cell<T>>()
            .is_some_and(|cell| cell.written.load(Relaxed))
    }

    fn settle(&self, cell: &Arc<dyn Any + Send + Sync>) {
        if let Some(cell) = cell.downcast_ref::<Cell<T>>() {
            cell.written.store(false, Relaxed);
        }
    }

    fn prepare<'c>(
        &self,
        slot: &Untyped,
        into: &'c (dyn Any + Send + Sync),
    ) -> Option<Prepared<'c>> {
        let target = into.downcast_ref::<Cell<T>>()?;
        let value = slot.cell.downcast_ref::<Cell<T>>()?.get(self.name);
        let base = slot.base.downcast_ref::<T>()?;
        target.refuse_own_update(self.name);
        let held = target.lock();
        // Somebody else wrote what our changes were based on.
        if !core::ptr::eq(Arc::as_ptr(&held), base) {
            return None;
        }
        Some(Prepared::new(Commit {
            held,
            value,
            target,
        }))
    }
}

/// A write lock that is held until the commit is decided.
struct Commit<'c, T> {
    held: RwLockWriteGuard<'c, Arc<T>>,
    value: Arc<T>,
    target: &'c Cell<T>,
}

impl<T: Send + Sync + 'static> isolation::Apply for Commit<'_, T> {
    fn apply(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        let Self {
            mut held,
            value,
            target,
        } = *self;
        target.written.store(true, Relaxed);
        Box::new(core::mem::replace(&mut *held, value))
    }
}

impl<T> Cell<T> {
    fn new(value: Arc<T>) -> Self {
        let (updating, written) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self {
            value: RwLock::new(value),
            updating,
            written,
        }
    }

    fn get(&self, name: &str) -> Arc<T> {
        self.refuse_own_update(name);
        Arc::clone(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Arc<T>> {
        self.value.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn update<R>(&self, name: &str, f: impl FnOnce(&mut T) -> R) -> R
    where
        T: Isolate,
    {
        struct Done<'c>(&'c AtomicUsize);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(0, Relaxed);
            }
        }
        self.refuse_own_update(name);
        let mut held = self.lock();
        self.updating.store(thread_number(), Relaxed);
        let _done = Done(&self.updating);
        self.written.store(true, Relaxed);
        // The old value, if somebody holds it, stays theirs.
        if Arc::get_mut(&mut held).is_none() {
            *held = Arc::new(T::isolate(&held));
        }
        f(Arc::get_mut(&mut held).expect("made unique one line up, under the lock"))
    }

    /// Invariant 3.
    fn refuse_own_update(&self, name: &str) {
        assert!(
            self.updating.load(Relaxed) != thread_number(),
            "singleton `{name}` is used inside its own update"
        );
    }
}

fn typed<T: Send + Sync + 'static>(cell: Arc<dyn Any + Send + Sync>) -> Arc<Cell<T>> {
    cell.downcast().expect("a singleton's cell has its type")
}

impl<T> fmt::Debug for Singleton<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Singleton")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
