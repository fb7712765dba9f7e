//! One value for the whole process, or for an isolating block.
//!
//! # Invariants
//!
//! 1. A [`Place`]'s value is replaced or changed only under its write lock, by `update` or a commit.
//! 2. A reader gets a count of the value, so no lock is held while it looks.
//! 3. A thread that comes back to a place inside its own update is told so: it would wait for itself.
//! 4. Under the lock run the closure of `update` and the copy before it, by contract, and nothing else of
//!    the user's: values that are replaced are dropped after it.
//! 5. A block's place is closed under its lock; `update` finds it closed under the lock, and looks again.

use core::any::Any;
use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{PoisonError, RwLockWriteGuard};

use crate::ambient::{Ambient, ISOLATION, Payload, enter, innermost};
use crate::primitive::{Arc, Once, RwLock, thread_number};
use crate::shared::overlay::{self, Cell, Isolated, Locked, Staged, cell_in, is_same};
use crate::shared::{Conflict, Isolate};

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
    shared: Once<Arc<Place<T>>>,
}

/// Where a value stands: the shared one, or an isolating block's.
pub(super) struct Place<T> {
    state: RwLock<State<T>>,
    /// The thread that is inside `update`, 0 for none. A hint for invariant 3: only a thread's own
    /// number matters to it.
    updating: AtomicUsize,
    /// Of a block's place: what it was made of.
    origin: Option<Origin<T>>,
}

struct State<T> {
    value: Arc<T>,
    written: bool,
    closed: bool,
}

struct Origin<T> {
    base: Arc<T>,
    /// If `&self` can change the value: what the base was. Nobody else has it.
    pristine: Option<T>,
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
        self.here(|place| place.get(self.name))
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
    /// Who holds it keeps the old one: what `&self` can change is better changed by [`read`](Self::read) alone.
    /// If `f` panics, what it had done by then stays.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get), and if `f` does.
    pub fn update<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        let mut f = f;
        loop {
            match self.here(|place| place.update(self.name, f)) {
                Ok(result) => return result,
                Err(back) => f = back, // the block's changes were taken just now
            }
        }
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
        let extension = overlay::seeded(self, Arc::new(Place::new(value, None)));
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

    /// Runs `f` with the place that the calling block sees.
    fn here<R>(&'static self, f: impl FnOnce(&Place<T>) -> R) -> R {
        let isolated = innermost(&ISOLATION, |binding| {
            binding.map(|binding| cell_in(Some(binding), self))
        });
        match isolated {
            None => f(self.shared()),
            Some(cell) => f(typed(&cell)),
        }
    }

    fn shared(&self) -> &Arc<Place<T>> {
        // It outlives every block: an isolating or patched one must not leak into it.
        self.shared.get_or_make(self.name, || {
            Arc::new(Place::new(Arc::new(Ambient::empty().run(self.init)), None))
        })
    }
}

impl<T: Isolate + Send + Sync + 'static> Isolated for Singleton<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shared_cell(&'static self) -> Cell {
        Arc::clone(self.shared()) as _
    }

    fn snapshot(&'static self, of: &Cell) -> Cell {
        let base = typed::<T>(of).get(self.name);
        // What `&self` can change is copied at the first touch, the rest at the first write.
        let (value, pristine) = if T::INTERIOR {
            let pristine = T::isolate(&base);
            (Arc::new(pristine.isolate()), Some(pristine))
        } else {
            (Arc::clone(&base), None)
        };
        Arc::new(Place::new(value, Some(Origin { base, pristine })))
    }

    fn is_written(&self, cell: &Cell) -> bool {
        typed::<T>(cell).is_written(self.name)
    }

    fn refuse_own_update(&self, cell: &Cell) {
        typed::<T>(cell).refuse_own_update(self.name);
    }

    fn close(&self, cell: &Cell) {
        typed::<T>(cell).lock().closed = true;
    }

    fn stage(&self, cell: &Cell, into: &Cell) -> Result<Option<Box<dyn Staged>>, Conflict> {
        let (place, into) = (typed::<T>(cell), typed::<T>(into));
        let Some(origin) = &place.origin else {
            return Ok(None); // seeded; nobody commits it
        };
        if !place.is_written(self.name) {
            return Ok(None);
        }
        let found = into.get(self.name);
        if let Some(pristine) = &origin.pristine {
            // The object may be the same and its contents are not, or the other way round.
            if !is_same(&*found, pristine) {
                return Err(overlay::conflict(self.name, pristine));
            }
        } else if !Arc::ptr_eq(&found, &origin.base) {
            return Err(Conflict::new(self.name, true));
        }
        Ok(Some(Box::new(Step {
            found,
            value: place.get(self.name),
        })))
    }
}

/// A commit of one value, checked against what it found.
struct Step<T> {
    found: Arc<T>,
    value: Arc<T>,
}

/// The same, with the lock.
struct Held<'c, T> {
    state: RwLockWriteGuard<'c, State<T>>,
    value: &'c Arc<T>,
}

impl<T: Send + Sync + 'static> Staged for Step<T> {
    fn lock<'c>(&'c mut self, into: &'c Cell) -> Option<Box<dyn Locked + 'c>> {
        let state = typed::<T>(into).lock();
        let value = &self.value;
        let is_as_found = Arc::ptr_eq(&state.value, &self.found) && !state.closed;
        is_as_found.then(|| Box::new(Held { state, value }) as _)
    }
}

impl<T: Send + Sync + 'static> Locked for Held<'_, T> {
    fn apply(mut self: Box<Self>) -> Box<dyn Any> {
        self.state.written = true;
        let value = Arc::clone(self.value);
        Box::new(core::mem::replace(&mut self.state.value, value))
    }
}

impl<T> Place<T> {
    fn new(value: Arc<T>, origin: Option<Origin<T>>) -> Self {
        Self {
            state: RwLock::new(State {
                value,
                written: false,
                closed: false,
            }),
            updating: AtomicUsize::new(0),
            origin,
        }
    }

    fn get(&self, name: &str) -> Arc<T> {
        self.refuse_own_update(name);
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&state.value)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// `f` comes back if the place is closed.
    fn update<R, F: FnOnce(&mut T) -> R>(&self, name: &str, f: F) -> Result<R, F>
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
        let _old; // dropped after the lock
        let mut state = self.lock();
        if state.closed {
            return Err(f);
        }
        self.updating.store(thread_number(), Relaxed);
        let _done = Done(&self.updating);
        // The old value, if somebody holds it, stays theirs.
        if Arc::get_mut(&mut state.value).is_none() {
            let copy = Arc::new(T::isolate(&state.value));
            _old = core::mem::replace(&mut state.value, copy);
        }
        state.written = true;
        let value = Arc::get_mut(&mut state.value);
        Ok(f(value.expect("made unique one line up, under the lock")))
    }

    /// Was it written since it was made?
    fn is_written(&self, name: &str) -> bool
    where
        T: Isolate,
    {
        self.refuse_own_update(name);
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let (written, value) = (state.written, Arc::clone(&state.value));
        drop(state); // a comparison is the user's
        let origin = self.origin.as_ref();
        let pristine = origin.and_then(|origin| origin.pristine.as_ref());
        written || pristine.is_some_and(|pristine| !is_same(&*value, pristine))
    }

    /// Invariant 3.
    fn refuse_own_update(&self, name: &str) {
        assert!(
            self.updating.load(Relaxed) != thread_number(),
            "singleton `{name}` is used inside its own update"
        );
    }
}

fn typed<T: Send + Sync + 'static>(cell: &Cell) -> &Place<T> {
    cell.downcast_ref()
        .expect("a singleton's cell has its type")
}

impl<T> fmt::Debug for Singleton<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Singleton")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
