//! The entry of a context: one frame, with its resources, and what comes with entering and leaving.
//!
//! # Invariants
//!
//! 1. However many resources there are, an entry is one frame; one more if the context isolates.
//! 2. An overlay takes its base in `begin`, which comes once, where the block is entered first; so it cannot bring
//!    back what was left in the meantime.
//! 3. Who hears of an entry hears of its end: `told` is decided once.
//!
//! # Orderings
//!
//! `panicked` is written and read by the thread that leaves the block, which owns it by then: `Relaxed`.

use core::fmt;
use core::iter;
use core::panic::Location;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::ambient::context::{Context, ISOLATION};
use crate::ambient::current;
use crate::ambient::enter::{Ended, Enter, verbs};
use crate::ambient::frame::{self, Extension, Payload};
use crate::ambient::resource::{Resource, Values};
use crate::ambient::strict;
use crate::primitive::{Arc, OnceLock, panicking};
use crate::probe::{self, Event};

/// A block in which a context is entered; made by [`Context::enter`].
///
/// It may be entered any number of times: clones share the values.
///
/// # Examples
///
/// ```
/// selvedge::local! { static USER: &'static str; }
/// selvedge::context! { static ADMIN = "admin"; }
///
/// let block = ADMIN.enter().and(USER.to("Ada"));
/// for _ in 0..2 {
///     block.clone().run(|| assert!(ADMIN.is_active() && USER.is_bound()));
/// }
/// ```
#[must_use = "a block does nothing until it is run or wrapped around something"]
pub struct Entering {
    context: &'static Context,
    /// None of a context that is only a name.
    resources: Option<Values>,
    is_overlay: bool,
    /// Made in `begin`, of a context that isolates.
    isolation: Option<Arc<Extension>>,
    told: bool,
    panicked: AtomicBool,
}

impl Entering {
    /// For [`context!`](crate::context): `n` resources, none of them bound.
    #[doc(hidden)]
    pub fn fresh(context: &'static Context, n: usize) -> Self {
        Self {
            context,
            resources: (n > 0).then(|| iter::repeat_n(None, n).collect()),
            is_overlay: false,
            isolation: None,
            told: false,
            panicked: AtomicBool::new(false),
        }
    }

    /// For [`context!`](crate::context): `n` resources, bound to what they will be bound to at entry.
    #[doc(hidden)]
    pub fn overlay(context: &'static Context, n: usize) -> Self {
        Self {
            is_overlay: true,
            ..Self::fresh(context, n)
        }
    }

    /// For [`context!`](crate::context): `resource`, one of this context, will be `value`.
    #[doc(hidden)]
    pub fn set<T: Send + Sync + 'static>(mut self, resource: &Resource<T>, value: T) -> Self {
        if let Some(resources) = &mut self.resources {
            Arc::make_mut(resources)[resource.index()] = Some(Arc::new(value));
        }
        self
    }

    pub(super) fn isolated_by(context: &'static Context, isolation: Arc<Extension>) -> Self {
        Self {
            isolation: Some(isolation),
            ..Self::fresh(context, 0)
        }
    }

    /// What the innermost entry has, where this one says nothing (invariant 2).
    fn take_base(&mut self) {
        let Some(resources) = &mut self.resources else {
            return;
        };
        frame::innermost(&self.context.key, |binding| {
            let Some(Payload::Resources(base)) = binding.map(|binding| &binding.payload) else {
                return;
            };
            for (mine, base) in Arc::make_mut(resources).iter_mut().zip(&**base) {
                if mine.is_none() {
                    mine.clone_from(base);
                }
            }
        });
    }
}

impl Enter for Entering {
    fn begin(&mut self) {
        let context = self.context;
        strict::note(context);
        if self.is_overlay {
            self.take_base();
        }
        if context.isolates() && self.isolation.is_none() {
            self.isolation = Some(Arc::new(Extension {
                name: context.name(),
                slot: OnceLock::new(),
            }));
        }
        if probe::wants_details() {
            self.told = true;
            probe::emit(&Event::Entered {
                context: context.name(),
                thread: &current::thread_path(),
            });
        }
    }

    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        let _noted = (self.told && !panicking()).then(|| NotePanic(&self.panicked));
        let payload = match &self.resources {
            Some(resources) => Payload::Resources(Arc::clone(resources)),
            None => Payload::Switch(true),
        };
        frame::enter(&self.context.key, payload, block, || {
            match &self.isolation {
                None => f(),
                Some(isolation) => {
                    let payload = Payload::Extension(Arc::clone(isolation));
                    frame::enter(&ISOLATION, payload, block, f)
                }
            }
        })
    }

    fn finish(self, _block: &'static Location<'static>) -> Ended {
        if self.told {
            probe::emit(&Event::Left {
                context: self.context.name(),
                thread: &current::thread_path(),
                panicking: self.panicked.load(Relaxed),
            });
        }
        Ok(())
    }
}

verbs!([] Entering);

/// Notes whether the block is left by a panic.
struct NotePanic<'b>(&'b AtomicBool);

impl Drop for NotePanic<'_> {
    fn drop(&mut self) {
        if panicking() {
            self.0.store(true, Relaxed);
        }
    }
}

/// The clone has not been entered.
impl Clone for Entering {
    fn clone(&self) -> Self {
        Self {
            context: self.context,
            resources: self.resources.clone(),
            is_overlay: self.is_overlay,
            isolation: self.isolation.clone(),
            told: false,
            panicked: AtomicBool::new(false),
        }
    }
}

impl fmt::Debug for Entering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entering")
            .field("context", &self.context.name())
            .field("is_overlay", &self.is_overlay)
            .finish_non_exhaustive()
    }
}
