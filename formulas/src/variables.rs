//! The variables, as plugins see them, and the promise that each of them is.
//!
//! [`VARIABLES`] is the singleton of the program. The main thread meets the lines in order; when it
//! meets `x = ..` it binds `x` to a new [`Binding`], whose value comes later, from the worker that
//! gets the line. Before it does so it takes a picture of all variables (one count: the map is
//! persistent), and the line is evaluated against that picture. So a statement reads what the
//! latest earlier line bound, whoever computes it and when, and a later line that binds the name
//! again does not disturb it.
//!
//! # Invariants
//!
//! 1. A [`Binding`] gets its value once, from the commit of its line (see `batch`). A line that
//!    fails gives it the value that the name had before.
//! 2. A statement waits for bindings of earlier lines only. Lines are handed out in order, so the
//!    earliest line that is not done never waits, and there is no deadlock.
//! 3. A binding does not hold the one before it. What is kept is one binding for each name, and the
//!    pictures of the lines in flight.
//!
//! # Orderings
//!
//! The signal of a binding is only made if somebody waits. Waiter and resolver can meet like this:
//!   1. the waiter reads the value: not there; it makes the signal.
//!   2. the resolver writes the value and looks for a signal.
//!   3. the waiter sleeps.
//!
//! Both have a `SeqCst` fence between their write and their read, so one of them sees the other's:
//! the waiter looks again after step 1, the resolver finds the signal in step 2, or both.

use core::fmt;
use core::sync::atomic::{Ordering, fence};
use std::sync::{Arc, OnceLock};

use rpds::HashTrieMapSync;
use selvedge::shared::Isolate;
use selvedge::{Signal, Stopped};

use crate::number::Number;

selvedge::singleton! {
    /// The variables of the program.
    ///
    /// A plugin that reads them sees them as they were at the line of its statement. A plugin that
    /// writes to them writes to a copy, which ends with its call.
    pub static VARIABLES: Variables = Variables::new();
}

/// Names and what they are bound to.
#[derive(Clone)]
pub struct Variables {
    bindings: HashTrieMapSync<Arc<str>, Arc<Binding>>,
}

impl Variables {
    pub(crate) fn new() -> Self {
        Self {
            bindings: HashTrieMapSync::new_sync(),
        }
    }

    /// The value of `name`, or `None` if no earlier line has bound it.
    ///
    /// Waits for the line that binds it, if a worker is still at it.
    ///
    /// # Stopping
    ///
    /// Obeys the stop of the calling thread.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub fn value(&self, name: &str) -> Result<Option<Number>, Stopped> {
        match self.bindings.get(name) {
            Some(binding) => binding.wait(),
            None => Ok(None),
        }
    }

    /// Binds `name` to `value`.
    pub fn set(&mut self, name: &str, value: Number) {
        self.bindings
            .insert_mut(self.key(name), Arc::new(Binding::resolved(value)));
    }

    /// Binds `name` to a value that comes later.
    pub(crate) fn declare(&mut self, name: &str) -> Arc<Binding> {
        let binding = Arc::new(Binding::default());
        self.bindings
            .insert_mut(self.key(name), Arc::clone(&binding));
        binding
    }

    /// How many names there are, those whose binding failed included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bindings.size()
    }

    /// The names, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.bindings.keys().map(|name| &**name)
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    /// The key for `name`: the one that is there, so that a name is stored once.
    fn key(&self, name: &str) -> Arc<str> {
        match self.bindings.get_key_value(name) {
            Some((key, _)) => Arc::clone(key),
            None => Arc::from(name),
        }
    }
}

/// A copy is a count; it need not be made before the first write.
///
/// A binding does change behind its `Arc`, but only once, from "not yet" to its value, and only
/// by the program. A plugin cannot write to it, so a copy may share it.
impl Isolate for Variables {
    const INTERIOR: bool = false;

    fn isolate(&self) -> Self {
        self.clone()
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.bindings.iter()).finish()
    }
}

/// What one line binds a name to.
#[derive(Default)]
pub(crate) struct Binding {
    value: OnceLock<Option<Number>>,
    /// Set when the value is there. Made by the first who waits.
    done: OnceLock<Signal>,
}

impl Binding {
    fn resolved(value: Number) -> Self {
        Self {
            value: OnceLock::from(Some(value)),
            done: OnceLock::new(),
        }
    }

    /// Gives the binding its value, for good: `None` if the line failed and the name was not bound
    /// before.
    pub(crate) fn resolve(&self, value: Option<Number>) {
        let first = self.value.set(value).is_ok();
        debug_assert!(first, "a binding was resolved twice (invariant 1)");
        fence(Ordering::SeqCst); // Pairs with the fence in `wait_slow`.
        if let Some(done) = self.done.get() {
            done.set();
        }
    }

    /// The value, as soon as it is there.
    #[inline]
    pub(crate) fn wait(&self) -> Result<Option<Number>, Stopped> {
        match self.value.get() {
            Some(value) => Ok(*value),
            None => self.wait_slow(),
        }
    }

    #[cold]
    fn wait_slow(&self) -> Result<Option<Number>, Stopped> {
        let done = self
            .done
            .get_or_init(|| Signal::named("the value of a line"));
        fence(Ordering::SeqCst); // Pairs with the fence in `resolve`.
        loop {
            if let Some(value) = self.value.get() {
                return Ok(*value);
            }
            crate::batch::not_on_the_clock(|| done.wait())?;
        }
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.get() {
            None => f.write_str("<not yet>"),
            Some(None) => f.write_str("<failed>"),
            Some(Some(value)) => fmt::Display::fmt(value, f),
        }
    }
}
