//! What hangs on a signal that is not set: sleeping threads, callbacks, combinations.
//!
//! A list in the order of arrival; an entry is removed by its number in O(log n).

use std::collections::VecDeque;

use crate::primitive::Arc;
#[cfg(all(unix, feature = "os"))]
use crate::primitive::sys::Event;
use crate::signal::combine::Operands;
use crate::signal::signal::Signal;
use crate::signal::waiter::Waiter;

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
    /// Sorted by number; a removed entry leaves a hole until holes are half of the list.
    entries: VecDeque<(LinkId, Option<Link>)>,
    next: u64,
    live: usize,
    /// What a combination is made of.
    pub(super) operands: Operands,
    /// How often a combination has been linked to its operands.
    pub(super) epoch: u32,
    /// How many operands of an `all` were set in this epoch.
    pub(super) n_set: usize,
    /// Keeps a till alive while something hangs on it.
    pub(super) keep: Option<Signal>,
}

impl Links {
    pub(super) fn made_of(operands: Operands) -> Self {
        Self {
            operands,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, link: Link) -> LinkId {
        let id = LinkId(self.next);
        self.next += 1;
        self.live += 1;
        self.entries.push_back((id, Some(link)));
        id
    }

    /// Takes entry `id` out, if it is still there.
    pub(super) fn remove(&mut self, id: LinkId) -> Option<Link> {
        let at = self
            .entries
            .binary_search_by_key(&id, |entry| entry.0)
            .ok()?;
        let link = self.entries[at].1.take()?;
        self.live -= 1;
        if self.live * 2 <= self.entries.len() {
            self.entries.retain(|entry| entry.1.is_some());
        }
        Some(link)
    }

    /// Takes everything out, oldest first.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Link> + use<> {
        self.live = 0;
        core::mem::take(&mut self.entries)
            .into_iter()
            .filter_map(|entry| entry.1)
    }

    #[cfg(feature = "testing")]
    pub(super) fn len(&self) -> usize {
        self.live
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live == 0
    }
}
