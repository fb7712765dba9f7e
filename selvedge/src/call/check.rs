//! Ties: bindings of one function that are equally specific, so that the order of registration decides.

use core::fmt;
use core::panic::Location;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use crate::call::binding::{self, Bound, Condition, Rank};
use crate::call::site::{Function, Site};
use crate::call::steps::Wide;
use crate::primitive::{Arc, Lease, RwLock};
use crate::probe::{self, Event};

/// The functions that something was bound to.
static BOUND: RwLock<Vec<&'static Site>> = RwLock::new(Vec::new());

/// Two bindings of one function that may hold at once and are equally specific then, see [`check`].
#[derive(Clone)]
pub struct Tie {
    function: &'static Function,
    earlier: Arc<Bound>,
    later: Arc<Bound>,
}

/// All bindings, of all functions, between which only the order of their registration may decide.
///
/// Two bindings can tie if they name as many contexts on each level, and one thread-wide context of both may be
/// the innermost, or none names any. A call in which it comes to that runs
/// the later one, and [`probe`](crate::probe) tells of it once. A test that asserts that there are no ties
/// makes the order in which the parts of a program are linked irrelevant.
///
/// # Examples
///
/// ```
/// use selvedge::{call::{self, Condition}, context, open};
///
/// context! { static NIGHT = "night"; static HOLIDAY = "holiday"; }
/// #[open] fn price() -> u32 { 10 }
///
/// price::bind(&[Condition::Process(&NIGHT)], |_, _| 8);
/// assert_eq!(call::check().len(), 0);
/// price::bind(&[Condition::Process(&HOLIDAY)], |_, _| 12); // what about a holiday's night?
/// let ties = call::check();
/// assert_eq!(ties.len(), 1);
/// assert!(ties[0].function().path().ends_with("::price"));
/// assert!(ties[0].to_string().contains("Process(night)"), "{}", ties[0]);
/// ```
#[must_use]
pub fn check() -> Vec<Tie> {
    binding::discover();
    let sites = BOUND.read().unwrap_or_else(PoisonError::into_inner).clone();
    let mut ties = Vec::new();
    for site in sites {
        let mut bound: Vec<_> = site.bindings.all().collect();
        bound.sort_by_key(|bound| bound.order);
        for (at, earlier) in bound.iter().enumerate() {
            for later in bound[at + 1..]
                .iter()
                .filter(|later| may_tie(earlier, later))
            {
                ties.push(Tie {
                    function: site.function(),
                    earlier: Arc::clone(earlier),
                    later: Arc::clone(later),
                });
            }
        }
    }
    ties
}

/// Notes that something is bound to `site`.
pub(super) fn remember(site: &'static Site) {
    let mut sites = BOUND.write().unwrap_or_else(PoisonError::into_inner);
    if !sites.iter().any(|other| core::ptr::eq(*other, site)) {
        sites.push(site);
    }
}

fn may_tie(a: &Bound, b: &Bound) -> bool {
    let levels = |bound: &Bound| {
        bound.when.iter().fold([0, 0, 0], |mut levels, condition| {
            let level = match condition {
                Condition::Thread(_) => 0,
                Condition::Group(_) => 1,
                Condition::Process(_) => 2,
            };
            levels[level] += 1;
            levels
        })
    };
    a.hook.of == b.hook.of
        && levels(a) == levels(b)
        && (levels(a)[0] == 0 || a.when.iter().any(|one| is_thread_of(one, b)))
}

fn is_thread_of(condition: &Condition, other: &Bound) -> bool {
    matches!(condition, Condition::Thread(_))
        && other.when.iter().any(|that| that.is_same(condition))
}

/// Says once that the order of registration decided. `ranked` is sorted.
pub(super) fn report_ties(site: &'static Site, ranked: &[Option<Wide>]) {
    let bindings = || {
        ranked.iter().flatten().filter_map(|wide| match wide {
            Wide::Binding(rank, bound) => Some((rank, bound)),
            Wide::Patch(_) => None,
        })
    };
    for (at, (rank, bound)) in bindings().enumerate() {
        // Of another instantiation of a generic function: never in the same call.
        let ties =
            |(other, that): (&Rank, &Lease<Bound>)| other == rank && that.hook.of == bound.hook.of;
        if bindings().skip(at + 1).any(ties) && !bound.tie_reported.swap(true, Relaxed) {
            let function = site.function().path();
            probe::emit(&Event::Tie { function });
        }
    }
}

impl Tie {
    /// The function that both are bound to.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.function
    }

    /// What the binding that wins was bound to, and where that was done.
    #[must_use]
    pub fn later(&self) -> (&[Condition], &'static Location<'static>) {
        (&self.later.when, self.later.at)
    }

    /// What the other one was bound to, and where that was done.
    #[must_use]
    pub fn earlier(&self) -> (&[Condition], &'static Location<'static>) {
        (&self.earlier.when, self.earlier.at)
    }
}

impl fmt::Display for Tie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((earlier, first), (later, second)) = (self.earlier(), self.later());
        write!(
            f,
            "`{}` is bound to {earlier:?} at {first} and to {later:?} at {second}, equally \
             specific: the later one wins",
            self.function.path()
        )
    }
}

impl fmt::Debug for Tie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tie({self})")
    }
}
