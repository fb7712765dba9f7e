//! What hangs on a signal that is not set: sleeping threads, callbacks, combinations; and what it is made of.
//!
//! A list in the order of arrival; an entry is removed by its number in O(log n). The list comes into being
//! with its first entry: most signals never have one.
//!
//! # Invariants
//!
//! 1. An entry's number is not given again while its signal lives: the list, once made, stays.

use std::collections::VecDeque;

#[cfg(all(unix, feature = "os"))]
use crate::primitive::sys::Event;
use crate::primitive::{Arc, Weak};
use crate::signal::progress::MarkKey;
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
    Call(Callback),
    /// Ask this combination, whose operand with this index we are, whether it is set now; the count
    /// keeps it alive.
    Forward(Signal, usize),
}

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
    /// Sorted by number; a removed entry leaves a hole until holes are half of the list.
    entries: VecDeque<(LinkId, Option<Link>)>,
    next: u64,
    live: usize,
    /// How often a combination has been linked to its operands.
    epoch: u32,
    /// How many operands of an `all` were set in this epoch.
    n_set: usize,
    /// Keeps a till, or a mark of a progress, alive while something hangs on it.
    keep: Option<Signal>,
}

/// What a signal is made of.
#[derive(Default)]
pub(super) enum Body {
    /// Nothing but itself, or a combination that is set.
    #[default]
    None,
    /// Where the timer knows it.
    Till(TillKey),
    /// Where a progress knows it.
    Mark(MarkKey),
    /// Operands of a combination that is not linked: held, and unknown to them.
    One(Signal),
    Two([Signal; 2]),
    Many(Box<[Signal]>),
    /// Those of one that is linked: known to them and held by them.
    Watched(Box<[Watch]>),
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
            Self::None | Self::Till(_) | Self::Mark(_) | Self::Watched(_) => None,
        }
    }

    /// Takes the operands out; the key of a till or mark stays.
    pub(super) fn take(&mut self) -> Self {
        match self {
            Self::Till(_) | Self::Mark(_) => Self::None,
            operands => core::mem::take(operands),
        }
    }

    /// Gives the operands that it holds to `each`.
    pub(super) fn take_apart(&mut self, each: &mut dyn FnMut(Signal)) {
        match self.take() {
            Self::One(operand) => each(operand),
            Self::Two(operands) => operands.into_iter().for_each(each),
            Self::Many(operands) => operands.into_iter().for_each(each),
            Self::None | Self::Till(_) | Self::Mark(_) | Self::Watched(_) => {}
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

impl Links {
    pub(super) fn made_of(body: Body) -> Self {
        Self { body, list: None }
    }

    pub(super) fn push(&mut self, link: Link) -> LinkId {
        let list = self.list.get_or_insert_default();
        let id = LinkId(list.next);
        list.next += 1;
        list.live += 1;
        list.entries.push_back((id, Some(link)));
        id
    }

    /// Takes entry `id` out, if it is still there.
    pub(super) fn remove(&mut self, id: LinkId) -> Option<Link> {
        let list = self.list.as_mut()?;
        let at = list
            .entries
            .binary_search_by_key(&id, |entry| entry.0)
            .ok()?;
        let link = list.entries[at].1.take()?;
        list.live -= 1;
        if list.live == 0 {
            list.entries.clear();
            list.entries.shrink_to(ROOM);
        } else if list.live * 2 <= list.entries.len() {
            list.entries.retain(|entry| entry.1.is_some());
        }
        Some(link)
    }

    /// Takes everything out, oldest first.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Link> + use<> {
        let entries = match &mut self.list {
            Some(list) => {
                list.live = 0;
                core::mem::take(&mut list.entries)
            }
            None => VecDeque::new(),
        };
        entries.into_iter().filter_map(|entry| entry.1)
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
