//! Groutines as a block: a list of them is run around a closure, or wrapped around a future.
//!
//! # Invariants
//!
//! 1. `set` is there from `begin` to `finish`, but while the block is entered, which has it then. All are started at
//!    the first entrance after that, and killed in `finish`, inside the block.

use core::fmt;
use core::future::Future;
use core::panic::Location;

use crate::ambient::{Ended, Enter, verbs};
use crate::call::groutine::ending::Ends;
use crate::call::groutine::flow;
use crate::call::groutine::poll::{Body, Task};
use crate::call::groutine::set::{Set, attend};
use crate::primitive::{Arc, Mutex};
use crate::signal;

/// Groutines that live together, for the block that they are run around.
///
/// When the block is entered, each runs to its first wait, in the order in which they were added. When it is left,
/// on a panic too, those that still wait are dropped where they stand: their destructors run. A list can be cloned;
/// every run has groutines of its own.
///
/// They belong to one flow: to the calls that the block itself makes on its thread, or the future that they are
/// wrapped around, wherever it is polled. Calls of other threads are not heard, nor those in a captured ambient.
///
/// # Panics
///
/// A groutine that panics, or ends with an error, ends; the panic rises in the caller of the function whose call woke
/// it. The others stay.
///
/// # Examples
///
/// ```
/// use selvedge::{call::Groutines, event, open};
///
/// #[event]
/// fn SAVED(name: &str) -> Option<()>;
///
/// #[open]
/// fn save(name: &str) -> bool { !name.is_empty() }
///
/// async fn announce() {
///     loop {
///         save::returned().await.with(|returned| SAVED(returned.args.name));
///     }
/// }
/// async fn print() {
///     SAVED::called().await.with(|saved| assert_eq!(saved.args.name, "a"));
/// }
///
/// Groutines::new().with(announce).with(print).run(|| assert!(save("a")));
/// assert_eq!(SAVED("nobody listens"), None);
/// ```
#[derive(Default)]
#[must_use = "groutines do nothing until they are run around a block"]
pub struct Groutines {
    sources: Vec<Source>,
    /// See invariant 1.
    set: Mutex<Option<Box<Set>>>,
}

/// How to make a groutine.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) name: Arc<str>,
    pub(super) make: Arc<dyn Fn() -> Body + Send + Sync>,
}

impl Groutines {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more: an async function without arguments, or a closure that makes a future.
    ///
    /// It ends with nothing, or with a `Result`; an error rises as a panic in the caller.
    #[track_caller]
    pub fn with<F, E: Ends>(self, groutine: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = E> + Send + 'static,
    {
        let name = name_of(&groutine, Location::caller());
        self.named(&name, groutine)
    }

    /// One more, with a name for messages.
    pub fn named<F, E: Ends>(
        mut self,
        name: &str,
        groutine: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = E> + Send + 'static,
    {
        let name: Arc<str> = name.into();
        let make = {
            let name = Arc::clone(&name);
            move || -> Body {
                let (groutine, name) = (groutine(), Arc::clone(&name));
                Box::pin(async move { groutine.await.end(&name) })
            }
        };
        self.sources.push(Source {
            name,
            make: Arc::new(make),
        });
        self
    }

    pub(super) fn from_sources(sources: Vec<Source>) -> Self {
        let set = Mutex::new(None);
        Self { sources, set }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Starts them, runs `f`, and kills those that still wait.
    ///
    /// # Panics
    ///
    /// If `f` does, or a groutine at its start, or a destructor of one that was killed.
    #[track_caller]
    pub fn run<R>(self, f: impl FnOnce() -> R) -> R {
        Enter::run(self, f)
    }
}

/// The path of a function; where a closure was added.
fn name_of<F>(_: &F, at: &Location<'_>) -> String {
    let name = core::any::type_name::<F>();
    if name.contains("{{closure}}") {
        format!("{name} ({at})")
    } else {
        name.to_owned()
    }
}

verbs!(joining [] Groutines);

impl Enter for Groutines {
    fn begin(&mut self) {
        signal::before_wait(attend);
        let tasks = self.sources.iter();
        let tasks = tasks.map(|source| Task::new(Arc::clone(&source.name)));
        let set = Set::new(tasks.collect());
        *self.set.lock() = Some(Box::new(set));
    }

    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        struct Back<'g>(&'g Groutines, Option<Box<Set>>);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                *self.0.set.lock() = self.1.take();
            }
        }
        let set = self.set.lock().take();
        let back = Back(self, set);
        // A wrapped future that was never polled is dropped in a block that never began.
        let Some(set) = back.1.as_deref() else {
            return f();
        };
        flow::with_set(set, block, || {
            set.block.set(block);
            if set.is_started.replace(true) {
                set.attend();
            } else {
                for (number, source) in self.sources.iter().enumerate() {
                    set.start(number, (source.make)());
                }
            }
            f()
        })
    }

    fn finish(self, block: &'static Location<'static>) -> Ended {
        let set = self.set.lock().take();
        match set {
            Some(set) => flow::with_set(&set, block, || set.kill()),
            None => Ok(()),
        }
    }
}

impl Clone for Groutines {
    fn clone(&self) -> Self {
        Self::from_sources(self.sources.clone())
    }
}

impl fmt::Debug for Groutines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.sources.iter().map(|source| &source.name);
        f.debug_tuple("Groutines")
            .field(&names.collect::<Vec<_>>())
            .finish()
    }
}
