//! Bindings: bodies that contexts choose, for good or until they are unbound.
//!
//! # Invariants
//!
//! 1. A site's nodes are only ever added, one for every set of conditions (and instantiation) that something was
//!    bound to; so a call reads them without a lock. What is bound in a node comes and goes.
//! 2. Two bindings of one function to the same conditions: the later replaces the earlier.
//! 3. Handlers run, and are dropped, outside the locks.

use core::any::TypeId;
use core::cmp::Reverse;
use core::fmt;
use core::panic::Location;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use crate::ambient::{self, Context};
use crate::call::check;
use crate::call::few::Few;
use crate::call::hook::{Hook, Kind, Shape};
use crate::call::site::Site;
use crate::call::steps::Wide;
use crate::primitive::{Arc, OnceLock, RwLock, Shelf};

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

/// What is bound to the contexts of one function.
pub(super) struct Bindings {
    first: OnceLock<Box<Node>>,
    /// The number of the latest registration. Registrations happen under this lock, one after the other.
    latest: RwLock<u32>,
    /// How many bindings there are.
    count: AtomicU32,
}

/// A set of conditions, and what is bound to it now.
struct Node {
    when: Box<[Condition]>,
    of: TypeId,
    bound: Shelf<Bound>,
    next: OnceLock<Box<Self>>,
}

/// One handler, and where it is in force.
pub(super) struct Bound {
    pub(super) hook: Arc<Hook>,
    pub(super) when: Box<[Condition]>,
    pub(super) at: &'static Location<'static>,
    /// Later registrations have greater ones.
    pub(super) order: u32,
    pub(super) tie_reported: AtomicBool,
}

/// How specific a binding is here; greater is more. Order of the fields is order of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    thread: u16,
    group: u16,
    process: u16,
    /// Of the innermost of its thread-wide contexts.
    depth: u32,
}

impl Condition {
    pub(super) fn is_same(&self, other: &Self) -> bool {
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

/// The rank of a binding to `when`, if all of it holds here and now.
#[inline]
fn rank(when: &[Condition]) -> Option<Rank> {
    let mut rank = Rank {
        thread: 0,
        group: 0,
        process: 0,
        depth: 0,
    };
    for condition in when {
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

impl Bindings {
    pub(super) const fn new() -> Self {
        Self {
            first: OnceLock::new(),
            latest: RwLock::new(0),
            count: AtomicU32::new(0),
        }
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        let first = self.first.get();
        core::iter::successors(first, |node| node.next.get()).map(|node| &**node)
    }

    /// Is anything bound that holds here and now? Takes no lock.
    pub(super) fn has_match(&self) -> bool {
        self.count.load(Relaxed) != 0 && self.nodes().any(|node| node.rank().is_some())
    }

    /// All that is bound now.
    pub(super) fn all(&self) -> impl Iterator<Item = Arc<Bound>> {
        self.nodes().filter_map(|node| node.bound.get())
    }

    /// The node for `when`; a new one, if nothing was ever bound to that.
    fn node(&self, when: &[Condition], of: TypeId) -> &Node {
        let mut place = &self.first;
        loop {
            let node = place.get_or_init(|| Box::new(Node::new(when, of)));
            if node.is_for(when, of) {
                return node;
            }
            place = &node.next;
        }
    }
}

impl Node {
    fn new(when: &[Condition], of: TypeId) -> Self {
        Self {
            when: when.into(),
            of,
            bound: Shelf::new(),
            next: OnceLock::new(),
        }
    }

    fn is_for(&self, when: &[Condition], of: TypeId) -> bool {
        self.of == of
            && self.when.len() == when.len()
            && when.iter().all(|a| self.when.iter().any(|b| a.is_same(b)))
    }

    /// Its rank, if something is bound and all conditions hold here and now.
    #[inline]
    fn rank(&self) -> Option<Rank> {
        if self.bound.is_empty() {
            return None;
        }
        rank(&self.when)
    }
}

/// What [`bind`](crate::call#bindings) made; it stays for good, unless it is [unbound](Self::unbind).
///
/// # Examples
///
/// ```
/// use selvedge::{call::Condition, context, open};
///
/// context! { static LOUD = "loud"; }
/// #[open] fn greet() -> &'static str { "hello" }
///
/// let shout = greet::bind(&[Condition::Thread(&LOUD)], |_, _| "HELLO");
/// assert_eq!(LOUD.run(greet), "HELLO");
/// shout.unbind();
/// assert_eq!(LOUD.run(greet), "hello");
/// ```
#[derive(Clone)]
pub struct Binding {
    site: &'static Site,
    bound: Arc<Bound>,
}

impl Binding {
    /// Takes the binding off; not what has replaced it meanwhile. Calls that are running go on with it.
    ///
    /// Was it still bound?
    #[doc(alias = "drop_context")]
    pub fn unbind(&self) -> bool {
        let node = self
            .site
            .bindings
            .node(&self.bound.when, self.bound.hook.of);
        let remove = |bound: Option<&Arc<Bound>>| Arc::ptr_eq(bound?, &self.bound).then_some(None);
        let removed = node.bound.replace(remove);
        if removed.is_some() {
            self.site.bindings.count.fetch_sub(1, Relaxed);
            self.site.disarm_wide();
        }
        removed.is_some() // a handler's destructor runs when the counts are right
    }
}

/// Registers a handler at run time, after everything that was found by discovery; for expansions.
#[doc(hidden)]
#[track_caller]
pub fn bind<S: Shape>(site: &'static Site, when: &[Condition], handler: Box<S::Hook>) -> Binding {
    discover();
    bind_discovered::<S>(site, when, handler)
}

/// Registers a handler where `when` holds; for the expansion of `#[bind]`.
#[doc(hidden)]
#[track_caller]
pub fn bind_discovered<S: Shape>(
    site: &'static Site,
    when: &[Condition],
    handler: Box<S::Hook>,
) -> Binding {
    register(
        site,
        when,
        Arc::new(Hook::new::<S>(Kind::Around, handler)),
        Location::caller(),
    )
}

fn register(
    site: &'static Site,
    when: &[Condition],
    hook: Arc<Hook>,
    at: &'static Location<'static>,
) -> Binding {
    let mut conditions: Vec<Condition> = Vec::new();
    for condition in when {
        if !conditions.iter().any(|other| other.is_same(condition)) {
            conditions.push(*condition);
        }
    }
    check::remember(site);
    let (bound, replaced) = {
        let latest = &site.bindings.latest;
        let mut latest = latest.write().unwrap_or_else(PoisonError::into_inner);
        *latest += 1;
        let node = site.bindings.node(&conditions, hook.of);
        let bound = Arc::new(Bound {
            hook,
            when: conditions.into(),
            at,
            order: *latest,
            tie_reported: AtomicBool::new(false),
        });
        let replaced = node.bound.replace(|_| Some(Some(Arc::clone(&bound)))); // invariant 2
        (bound, replaced)
    };
    // Armed after it can be found; a replaced one hands its count on.
    if !replaced.is_some() {
        site.bindings.count.fetch_add(1, Relaxed);
        site.arm_wide();
    }
    drop(replaced); // invariant 3
    Binding { site, bound }
}

/// The strict context that is active here and that no binding in force names, if there is one; of the instantiation
/// `of` of a generic function, or, without it, of any.
///
/// A binding that we are inside of counts: it is an implementation.
#[inline]
pub(super) fn unanswered(site: &'static Site, of: Option<TypeId>) -> Option<&'static Context> {
    if !ambient::is_any_strict() {
        return None;
    }
    unanswered_strict(site, of)
}

#[inline(never)]
fn unanswered_strict(site: &'static Site, of: Option<TypeId>) -> Option<&'static Context> {
    ambient::active_strict().into_iter().find(|context| {
        !site.bindings.nodes().any(|node| {
            let mut named = node.when.iter().map(Condition::context);
            of.is_none_or(|of| node.of == of)
                && named.any(|it| core::ptr::eq(it, *context))
                && node.rank().is_some()
        })
    })
}

/// The binding that matches here, if it is the only one.
pub(super) fn only_match(site: &'static Site) -> Option<Wide> {
    let mut nodes = site.bindings.nodes();
    let (node, rank) = nodes.find_map(|node| Some((node, node.rank()?)))?;
    if nodes.any(|other| other.rank().is_some()) {
        return None;
    }
    Some(Wide::Binding(rank, node.bound.lend()?))
}

/// The bindings that match here, most specific first, to the end of `found`.
pub(super) fn matching(site: &'static Site, found: &mut Few<Wide>) {
    if site.bindings.count.load(Relaxed) == 0 {
        return;
    }
    let others = found.len();
    for node in site.bindings.nodes() {
        if let Some(rank) = node.rank()
            && let Some(bound) = node.bound.lend()
        {
            found.push(Wide::Binding(rank, bound));
        }
    }
    if found.len() > others + 1 {
        let found = &mut found.as_mut_slice()[others..];
        found.sort_unstable_by_key(|wide| match wide {
            Some(Wide::Binding(rank, bound)) => Some(Reverse((*rank, bound.order))),
            _ => None,
        });
        check::report_ties(site, found);
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
            .field("function", &self.site.function().path())
            .field("when", &self.bound.when)
            .finish()
    }
}
