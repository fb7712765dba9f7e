//! What hangs on a signal that is not set: sleeping threads, callbacks, combinations; and what it is made of.
//!
//! A list in the order of arrival; an entry is removed by its number in O(log n). The list comes into being
//! with its first entry, which stands in it directly: most signals never have one, and most others no second.
//!
//! # Invariants
//!
//! 1. An entry's number is not given again while its signal lives: the list, once made, stays until the
//!    signal is set, and then nothing is linked any more.
//! 2. `first` is older than all of `more`.

#[cfg(all(unix, feature = "os"))]
use crate::primitive::sys::Event;
#[cfg(selvedge_worker)]
use crate::primitive::sys::inlet::Inlet;
use crate::primitive::{Arc, Weak};
use crate::signal::progress::MarkKey;
use crate::signal::reason::Reason;
use crate::signal::signal::{Inner, Signal};
use crate::signal::timer::TillKey;
use crate::signal::waiter::Waiter;

/// An emptied list keeps room for so many entries.
const ROOM: usize = 8;

/// An action of `on_set`.
pub(super) type Callback = Box<dyn FnOnce() + Send>;

/// One thing to do when the signal is set.
pub(super) enum Link {
    Wake(Arc<Waiter>),
    /// Make this descriptor readable.
    #[cfg(all(unix, feature = "os"))]
    Raise(Arc<Event>),
    /// Wake who sleeps in reading this.
    #[cfg(selvedge_worker)]
    Nudge(Arc<Inlet>),
    Call(Callback),
    /// Ask this combination, whose operand with this index we are, whether it is set now; the count
    /// keeps it alive.
    Forward(Signal, usize),
}

/// One that was taken off leaves a hole until holes are half of the list.
type Entry = (LinkId, Option<Link>);

/// The number of an entry, unique within its signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkId(u64);

#[derive(Default)]
pub(super) struct Links {
    /// What the signal is made of.
    pub(super) body: Body,
    list: Option<Box<List>>,
}

#[derive(Default)]
struct List {
    first: Option<(LinkId, Link)>,
    /// Sorted by number.
    more: Vec<Entry>,
    next: u64,
    live: usize,
    /// How often a combination has been linked to its operands.
    epoch: u32,
    /// How many operands of an `all` were set in this epoch.
    n_set: usize,
    /// Keeps a till, or a mark of a progress, alive while something hangs on it.
    keep: Option<Signal>,
    /// The signal's, which is rare.
    name: Option<Arc<str>>,
}

/// What a signal that is set leaves, to be dealt with outside the lock.
pub(super) struct Taken {
    list: Option<Box<List>>,
    pub(super) body: Body,
}

/// What a signal is made of.
#[derive(Default)]
pub(super) enum Body {
    /// Nothing but itself.
    #[default]
    None,
    /// Where the timer knows it.
    Till(TillKey),
    /// Where a progress knows it.
    Mark(Box<MarkKey>),
    /// Operands of a combination that is not linked: held, and unknown to them.
    One(Signal),
    Two([Signal; 2]),
    Many(Box<[Signal]>),
    /// Those of one that is linked: known to them and held by them.
    Watched(Box<[Watch]>),
    /// It is set, for this reason.
    Set(Reason),
    /// It is set because this operand is, which knows the reason.
    Because(Signal),
}

/// An operand of a combination that is linked.
pub(super) struct Watch {
    pub(super) operand: Weak<Inner>,
    /// The entry by which it knows us.
    pub(super) entry: Option<LinkId>,
    /// The operand again, once it is set: then it does not hold us any more.
    pub(super) set: Option<Signal>,
}

impl Watch {
    pub(super) fn of(operand: &Signal) -> Self {
        Self {
            operand: Arc::downgrade(&operand.0),
            entry: None,
            set: None,
        }
    }

    /// The operand; one that is gone and was not set can never be.
    pub(super) fn operand(&self) -> Signal {
        let alive = || self.operand.upgrade().map(Signal);
        self.set
            .clone()
            .or_else(alive)
            .unwrap_or_else(Signal::never)
    }
}

impl Body {
    /// The operands that it holds.
    pub(super) fn held(&self) -> Option<&[Signal]> {
        match self {
            Self::One(operand) => Some(core::slice::from_ref(operand)),
            Self::Two(operands) => Some(operands),
            Self::Many(operands) => Some(operands),
            _ => None,
        }
    }
}

impl FromIterator<Signal> for Body {
    fn from_iter<I: IntoIterator<Item = Signal>>(operands: I) -> Self {
        let mut operands = operands.into_iter();
        let (first, second) = (operands.next(), operands.next());
        match (first, second, operands.next()) {
            (None, ..) => Self::None,
            (Some(one), None, _) => Self::One(one),
            (Some(one), Some(two), None) => Self::Two([one, two]),
            (Some(one), Some(two), Some(three)) => {
                Self::Many([one, two, three].into_iter().chain(operands).collect())
            }
        }
    }
}

impl List {
    fn named(name: Option<Arc<str>>) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// What is left to do, oldest first.
    fn into_links(self) -> impl Iterator<Item = Link> {
        let first = self.first.map(|entry| entry.1);
        let more = self.more.into_iter().filter_map(|entry| entry.1);
        first.into_iter().chain(more)
    }
}

impl Taken {
    /// Is there nothing to be dealt with?
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_none() && matches!(self.body, Body::None)
    }

    pub(super) fn into_parts(self) -> (impl Iterator<Item = Link>, Body, Option<Signal>) {
        let mut list = self.list;
        let keep = list.as_mut().and_then(|list| list.keep.take());
        let links = list.into_iter().flat_map(|list| list.into_links());
        (links, self.body, keep)
    }
}

impl Links {
    #[inline]
    pub(super) fn made_of(body: Body) -> Self {
        Self { body, list: None }
    }

    pub(super) fn named(name: Arc<str>) -> Self {
        let list = Some(Box::new(List::named(Some(name))));
        Self {
            body: Body::None,
            list,
        }
    }

    pub(super) fn name(&self) -> Option<Arc<str>> {
        self.list.as_ref()?.name.clone()
    }

    /// Is nothing to be done when the signal goes, but to free memory?
    #[inline]
    pub(super) fn is_trivial(&self) -> bool {
        matches!(self.body, Body::None | Body::Set(_)) && self.is_empty()
    }

    /// Takes out what hangs on the signal and what it is made of; `because` is why it is set.
    #[inline]
    pub(super) fn take_out(&mut self, because: Body) -> Taken {
        let body = core::mem::replace(&mut self.body, because);
        let list = match &mut self.list {
            Some(list) if list.name.is_some() => (list.live > 0).then(|| {
                let named = List::named(list.name.clone());
                Box::new(core::mem::replace(&mut **list, named))
            }),
            list => list.take(),
        };
        Taken { list, body }
    }

    /// Has the signal been set?
    #[inline]
    pub(super) fn is_set(&self) -> bool {
        matches!(self.body, Body::Set(_) | Body::Because(_))
    }

    #[inline]
    pub(super) fn is_named(&self) -> bool {
        self.list.as_ref().is_some_and(|list| list.name.is_some())
    }

    /// Was it set by the timer?
    pub(super) fn is_elapsed(&self) -> bool {
        matches!(&self.body, Body::Set(reason) if reason.is_elapsed())
    }

    pub(super) fn push(&mut self, link: Link) -> LinkId {
        let list = self.list.get_or_insert_default();
        let id = LinkId(list.next);
        list.next += 1;
        list.live += 1;
        if list.live == 1 {
            list.first = Some((id, link)); // no hole is left in an empty list
        } else {
            list.more.push((id, Some(link)));
        }
        id
    }

    /// Takes entry `id` out, if it is still there.
    pub(super) fn remove(&mut self, id: LinkId) -> Option<Link> {
        let list = self.list.as_mut()?;
        let link = match list.first.take_if(|first| first.0 == id) {
            Some(first) => first.1,
            None => {
                let at = list.more.binary_search_by_key(&id, |entry| entry.0).ok()?;
                list.more[at].1.take()?
            }
        };
        list.live -= 1;
        if list.live == 0 {
            list.more.clear();
            list.more.shrink_to(ROOM);
        } else if list.live * 2 <= list.more.len() {
            list.more.retain(|entry| entry.1.is_some());
        }
        Some(link)
    }

    /// Begins an epoch of a combination on which something hangs; its number.
    pub(super) fn begin_epoch(&mut self) -> u32 {
        let list = self.list.get_or_insert_default();
        list.epoch += 1;
        list.n_set = 0;
        list.epoch
    }

    pub(super) fn is_epoch(&self, epoch: u32) -> bool {
        self.list.as_ref().is_some_and(|list| list.epoch == epoch)
    }

    /// Operand `at` of an `all` is set: true if all are. Holds it, because it forgets us.
    ///
    /// Each operand counts once an epoch. False if nothing hangs on the combination any more: then it is
    /// computed when somebody asks.
    pub(super) fn count(&mut self, at: usize, operand: &Signal) -> bool {
        let (Body::Watched(watched), Some(list)) = (&mut self.body, &mut self.list) else {
            return false;
        };
        if watched[at].set.is_none() {
            watched[at].set = Some(operand.clone());
            list.n_set += 1;
        }
        list.n_set == watched.len()
    }

    pub(super) fn keep(&mut self, signal: Signal) {
        self.list.get_or_insert_default().keep = Some(signal);
    }

    pub(super) fn take_keep(&mut self) -> Option<Signal> {
        self.list.as_mut()?.keep.take()
    }

    #[cfg(feature = "testing")]
    pub(super) fn len(&self) -> usize {
        self.list.as_ref().map_or(0, |list| list.live)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.as_ref().is_none_or(|list| list.live == 0)
    }
}
