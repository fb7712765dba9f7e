//! Bindings: bodies that contexts choose, for good.
//!
//! # Invariants
//!
//! 1. A site's `bindings` are in the order of registration; a binding is never changed or moved.
//! 2. Two bindings of one function to the same conditions: the later replaces the earlier.
//! 3. No lock is held while a handler runs: the matching ones are counted out first.

use core::cmp::Reverse;
use core::fmt;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::ambient::{self, Context};
use crate::call::site::{Handler, Site, number};
use crate::primitive::Arc;
#[cfg(feature = "discover")]
use crate::primitive::OnceLock;
use crate::probe::{self, Event};

/// Where a binding is in force: a context, thread-wide, of the thread's group, or process-wide.
///
/// # Examples
///
/// ```
/// use selvedge::{call::Condition, context, open};
///
/// context! { static LOUD = "loud"; static NIGHT = "night"; }
///
/// #[open]
/// fn greet() -> &'static str { "hello" }
///
/// greet::bind(&[Condition::Thread(&LOUD)], |_, _| "HELLO");
/// greet::bind(&[Condition::Thread(&LOUD), Condition::Process(&NIGHT)], |_, _| "hush");
///
/// assert_eq!(LOUD.run(greet), "HELLO");
/// let night = NIGHT.enter_process();
/// assert_eq!(LOUD.run(greet), "hush");
/// assert_eq!(greet(), "hello");
/// # drop(night);
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Condition {
    /// The calling code is inside this context.
    Thread(&'static Context),
    /// This context is entered for the [`Group`](crate::Group) of the calling thread.
    Group(&'static Context),
    /// This context is entered for the whole process.
    Process(&'static Context),
}

/// One handler and where it is in force.
pub(crate) struct Binding {
    when: Box<[Condition]>,
    handler: Handler,
    tie_reported: AtomicBool,
}

/// How specific a binding is here; greater is more. Order of the fields is order of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    thread: usize,
    group: usize,
    process: usize,
    depth: u32,
}

impl Condition {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Thread(a), Self::Thread(b))
            | (Self::Group(a), Self::Group(b))
            | (Self::Process(a), Self::Process(b)) => core::ptr::eq(*a, *b),
            _ => false,
        }
    }

    fn context(&self) -> &'static Context {
        match self {
            Self::Thread(context) | Self::Group(context) | Self::Process(context) => context,
        }
    }
}

impl Binding {
    /// Its rank, if all its conditions hold here and now.
    fn rank(&self) -> Option<Rank> {
        let mut rank = Rank {
            thread: 0,
            group: 0,
            process: 0,
            depth: 0,
        };
        for condition in &self.when {
            match condition {
                Condition::Thread(context) => {
                    rank.depth = rank.depth.max(context.depth()?);
                    rank.thread += 1;
                }
                Condition::Group(context) => {
                    if !context.is_active_in_group() {
                        return None;
                    }
                    rank.group += 1;
                }
                Condition::Process(context) => {
                    if !context.is_active_in_process() {
                        return None;
                    }
                    rank.process += 1;
                }
            }
        }
        Some(rank)
    }

    fn is_bound_as(&self, when: &[Condition], handler: &Handler) -> bool {
        (*self.handler).type_id() == (**handler).type_id()
            && self.when.len() == when.len()
            && when.iter().all(|a| self.when.iter().any(|b| a.is_same(b)))
    }
}

/// Registers `handler` at run time, after everything that was found by discovery; for expansions.
#[doc(hidden)]
pub fn bind(site: &'static Site, when: &[Condition], handler: Handler) {
    discover();
    bind_discovered(site, when, handler);
}

/// Registers `handler` for good, where `when` holds; for the expansion of `#[bind]`.
#[doc(hidden)]
pub fn bind_discovered(site: &'static Site, when: &[Condition], handler: Handler) {
    let mut conditions: Vec<Condition> = Vec::new();
    for condition in when {
        if !conditions.iter().any(|other| other.is_same(condition)) {
            conditions.push(*condition);
        }
    }
    let binding = Arc::new(Binding {
        when: conditions.into(),
        handler,
        tie_reported: AtomicBool::new(false),
    });
    let replaced = {
        let mut bindings = site
            .bindings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let old = bindings
            .iter()
            .position(|old| old.is_bound_as(&binding.when, &binding.handler));
        let old = old.map(|at| bindings.remove(at)); // invariant 2
        bindings.push(binding);
        site.n_bindings
            .store(bindings.len().try_into().unwrap_or(u32::MAX), Relaxed);
        old
    };
    // Armed after it can be found; a replaced one hands its count on.
    if replaced.is_none() {
        site.arm();
    }
    drop(replaced); // the user's closure: not under the lock
}

/// The bindings that match here, most specific first, except those that we are inside of.
pub(super) fn matching(site: &'static Site, masked: &[usize], found: &mut Vec<Handler>) {
    let mut ranked: Vec<(Rank, usize, Arc<Binding>)> = {
        let bindings = site.bindings.read().unwrap_or_else(PoisonError::into_inner);
        bindings
            .iter()
            .enumerate()
            .filter(|(_, binding)| !masked.contains(&number(&binding.handler)))
            .filter_map(|(order, binding)| Some((binding.rank()?, order, Arc::clone(binding))))
            .collect()
    };
    ranked.sort_by_key(|(rank, order, _)| Reverse((*rank, *order)));
    report_tie(site, &ranked);
    found.extend(
        ranked
            .iter()
            .map(|(_, _, binding)| Arc::clone(&binding.handler)),
    );
}

/// The strict context that is active here and that no binding in force names, if there is one.
///
/// A binding that we are inside of counts: it is an implementation.
pub(super) fn unanswered(site: &'static Site) -> Option<&'static Context> {
    let contexts = ambient::active_strict();
    if contexts.is_empty() {
        return None;
    }
    let bindings = site.bindings.read().unwrap_or_else(PoisonError::into_inner);
    contexts.into_iter().find(|context| {
        !bindings.iter().any(|binding| {
            let mut named = binding.when.iter().map(Condition::context);
            named.any(|it| core::ptr::eq(it, *context)) && binding.rank().is_some()
        })
    })
}

/// Says once that the order of registration decided.
fn report_tie(site: &'static Site, ranked: &[(Rank, usize, Arc<Binding>)]) {
    for (at, (rank, _, binding)) in ranked.iter().enumerate() {
        let ties = |other: &&(Rank, usize, Arc<Binding>)| {
            // Of another instantiation of a generic function: never in the same call.
            other.0 == *rank && (*other.2.handler).type_id() == (*binding.handler).type_id()
        };
        if ranked[at + 1..].iter().any(|other| ties(&other))
            && !binding.tie_reported.swap(true, Relaxed)
        {
            let function = site.function().path();
            probe::emit(&Event::Tie { function });
        }
    }
}

/// A `#[bind]` that was registered before `main`.
#[doc(hidden)]
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the expansion of `#[bind]` makes it, in a constant"
)]
pub struct Discovered(pub fn());

#[cfg(feature = "discover")]
inventory::collect!(Discovered);

/// Registers what `#[bind]` left, once.
pub(super) fn discover() {
    #[cfg(feature = "discover")]
    {
        static DONE: OnceLock<()> = OnceLock::new();
        DONE.get_or_init(|| {
            for discovered in inventory::iter::<Discovered> {
                (discovered.0)();
            }
        });
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thread(context) => write!(f, "Thread({})", context.name()),
            Self::Group(context) => write!(f, "Group({})", context.name()),
            Self::Process(context) => write!(f, "Process({})", context.name()),
        }
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding")
            .field("when", &self.when)
            .finish_non_exhaustive()
    }
}
