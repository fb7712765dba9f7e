//! A number that only advances, with a signal for each value that somebody waits for.
//!
//! # Invariants
//!
//! 1. The number is written under the lock of `marks`: who finds it too low there and adds a mark is
//!    found by the next who advances.
//! 2. A mark is in `marks` from its making until it is reached or its last handle goes.
//! 3. A mark on which something hangs keeps itself alive, as long as the progress lives: the last handle of
//!    the progress takes that back, and a mark whose progress is gone does not begin it.
//! 4. No signal is set or dropped under the lock of `marks`: dropping a mark takes it.
//!
//! # Orderings
//!
//! The `Release` store in `advance` pairs with the `Acquire` load in `get`: who sees the number sees what
//! was done before it was reached.

use core::fmt;
use core::panic::Location;
use std::collections::BTreeMap;

use crate::primitive::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};
use crate::primitive::{Arc, Mutex, Weak};
use crate::signal::on_set::run_here;
use crate::signal::reason::{Reason, Why};
use crate::signal::signal::{Inner, Kind, Signal, bounded};

/// A number that starts at 0, only advances, and can be waited for: "the first 100 are written".
///
/// A clone is another handle to the same number. When the last one is dropped, what was not reached never
/// will be.
///
/// # Examples
///
/// ```
/// use selvedge::signal::Progress;
/// let written = Progress::named("written");
/// let hundred = written.reached(100);
/// written.advance(99);
/// assert!(!hundred.is_set());
/// written.advance(1);
/// assert!(hundred.is_set() && written.reached(7).is_set());
/// assert_eq!(written.to_string(), "progress `written` at 100");
/// ```
#[derive(Clone)]
#[doc(alias = "Counter")]
#[doc(alias = "WaitGroup")]
pub struct Progress(Arc<State>);

struct State {
    value: AtomicU64,
    marks: Mutex<Marks>,
    name: Option<Box<str>>,
    made: &'static Location<'static>,
}

#[derive(Default)]
struct Marks {
    /// By value, and for one value in the order of making.
    waiting: BTreeMap<(u64, u64), Weak<Inner>>,
    next: u64,
}

/// Where a progress knows a mark.
pub(super) struct MarkKey {
    progress: Weak<State>,
    at: (u64, u64),
}

impl Progress {
    /// Makes one that stands at 0. It is called by where it was made.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Self::make(None, Location::caller())
    }

    /// Makes one with a name for messages, of which 100 bytes are kept.
    #[track_caller]
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::make(Some(bounded(name).into()), Location::caller())
    }

    fn make(name: Option<Box<str>>, made: &'static Location<'static>) -> Self {
        Self(Arc::new(State {
            value: AtomicU64::new(0),
            marks: Mutex::new(Marks::default()),
            name,
            made,
        }))
    }

    /// Adds `n`, and sets the signals of all values that are reached by it. Returns the new number.
    ///
    /// It stops at `u64::MAX`. Actions that hang on these signals run here, in the order of their values.
    #[track_caller]
    pub fn advance(&self, n: u64) -> u64 {
        let at = Location::caller();
        let (value, reached) = {
            let mut marks = self.0.marks.lock();
            let value = self.get().saturating_add(n);
            // Pairs with the load in `get`.
            self.0.value.store(value, Release);
            (value, marks.take_up_to(value))
        };
        for mark in reached.into_values().filter_map(|mark| mark.upgrade()) {
            Signal(mark).set_with(|| Reason::new(Why::Set, at), &mut run_here);
        }
        value
    }

    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        // Pairs with the store in `advance`.
        self.0.value.load(Acquire)
    }

    /// A signal that is set when the number is at least `n`; at once if it is now.
    ///
    /// Setting it by hand does not advance the number. It leaves nothing behind when it is dropped; one on
    /// which an action hangs lives until it is set, or the progress is gone.
    #[track_caller]
    #[must_use]
    pub fn reached(&self, n: u64) -> Signal {
        let made = Location::caller();
        let mut marks = self.0.marks.lock();
        if n <= self.get() {
            drop(marks);
            let reached = Signal::make(Kind::Plain, made);
            reached.claim(|| Reason::new(Why::Set, made));
            return reached;
        }
        let at = (n, marks.next);
        marks.next += 1;
        let progress = Arc::downgrade(&self.0);
        let kind = Kind::Mark(MarkKey { progress, at });
        let mark = Signal::make(kind, made);
        marks.waiting.insert(at, Arc::downgrade(&mark.0));
        mark
    }

    /// For how many signals it looks.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    #[must_use]
    pub fn marks(&self) -> usize {
        self.0.marks.lock().waiting.len()
    }
}

impl Marks {
    fn take_up_to(&mut self, value: u64) -> BTreeMap<(u64, u64), Weak<Inner>> {
        match value.checked_add(1) {
            Some(above) => {
                let later = self.waiting.split_off(&(above, 0));
                core::mem::replace(&mut self.waiting, later)
            }
            None => core::mem::take(&mut self.waiting),
        }
    }
}

impl MarkKey {
    /// Can it still be reached? (invariant 3)
    pub(super) fn is_alive(&self) -> bool {
        self.progress.strong_count() > 0
    }

    /// The mark is gone.
    pub(super) fn remove(&self) {
        if let Some(progress) = self.progress.upgrade() {
            let mark = progress.marks.lock().waiting.remove(&self.at);
            drop(mark);
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let marks = core::mem::take(&mut self.marks.lock().waiting);
        for mark in marks.into_values().filter_map(|mark| mark.upgrade()) {
            let kept = mark.links.lock().take_keep(); // invariant 3
            drop(kept);
        }
    }
}

impl Default for Progress {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("name", &self.0.name)
            .field("value", &self.get())
            .finish_non_exhaustive()
    }
}

/// The name, or where it was made, and the number.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            Some(name) => write!(f, "progress `{name}` at {}", self.get()),
            None => write!(f, "the progress made at {} at {}", self.0.made, self.get()),
        }
    }
}
