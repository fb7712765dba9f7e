//! `any` and `all`: signals made of signals.
//!
//! A combination is lazy. Nobody waits for it: it holds its operands, they do not know it, and its truth
//! is computed from theirs. Somebody waits: it links itself to its operands, which then hold it while it
//! holds them weakly, so that it lives exactly as long as it can matter and no cycle is left when it
//! never does. An operand that is set knows nobody any more; it is held again, because it counts also
//! after everybody else has dropped it. Firing, linking, unlinking, reading and dropping are loops with a
//! work list: a chain as long as a user likes costs heap, never stack.
//!
//! # Invariants
//!
//! Those of [`signal`](super::signal), and:
//!
//! 1. `Operands::Watched` exactly while the combination is linked; `epoch` counts how often.
//! 2. An operand's link of an old epoch is taken off by whoever notices: the linker, or the unlinker.
//! 3. Only one lock of a `links` is held at a time.

use core::panic::Location;
use std::collections::VecDeque;

use crate::primitive::atomic::Ordering::{AcqRel, Acquire};
use crate::primitive::{Arc, Weak};
use crate::signal::links::{Callback, Link, LinkId, Links};
use crate::signal::signal::{DERIVED, Inner, Kind, LINKED, SET, Signal};

/// What a combination is made of.
#[derive(Default)]
pub(super) enum Operands {
    /// Not a combination, or one that is set.
    #[default]
    None,
    /// Not linked: held, and unknown to them.
    Held(Box<[Signal]>),
    /// Linked: known to them and held by them.
    Watched(Box<[Watch]>),
}

/// An operand of a combination that is linked.
pub(super) struct Watch {
    operand: Weak<Inner>,
    /// The entry by which it knows us.
    entry: Option<LinkId>,
    /// The operand again, once it is set: then it does not hold us any more.
    set: Option<Signal>,
}

impl Watch {
    /// The operand; one that is gone and was not set can never be.
    pub(super) fn operand(&self) -> Signal {
        let alive = || self.operand.upgrade().map(Signal);
        self.set
            .clone()
            .or_else(alive)
            .unwrap_or_else(Signal::never)
    }
}

/// A signal that is set when one of `signals` is. Of none: never.
///
/// An operand that is known to be set is the result; one that can never be set is left out.
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, signal};
/// let all = [Signal::new(), Signal::new(), Signal::new()];
/// let first = signal::any(&all);
/// all[1].set();
/// assert!(first.is_set() && !all[0].is_set());
/// ```
#[track_caller]
pub fn any<'a>(signals: impl IntoIterator<Item = &'a Signal>) -> Signal {
    let mut operands = Vec::new();
    for signal in signals {
        if is_known_set(signal) {
            return signal.clone();
        }
        if !is_never(signal) {
            operands.push(signal.clone());
        }
    }
    match operands.len() {
        0 => Signal::never(),
        1 => operands.swap_remove(0),
        _ => derived(Kind::Any, operands, Location::caller()),
    }
}

/// A signal that is set when all of `signals` are. Of none: at once.
///
/// Operands that are known to be set are left out; with one that can never be set, so is the result.
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, signal};
/// let parts = [Signal::new(), Signal::new()];
/// let whole = signal::all(&parts);
/// parts[0].set();
/// assert!(!whole.is_set());
/// parts[1].set();
/// assert!(whole.is_set());
/// ```
#[track_caller]
pub fn all<'a>(signals: impl IntoIterator<Item = &'a Signal>) -> Signal {
    let mut operands = Vec::new();
    let mut set = None;
    for signal in signals {
        if is_never(signal) {
            return Signal::never();
        }
        if is_known_set(signal) {
            set = Some(signal)
        } else {
            operands.push(signal.clone())
        }
    }
    match operands.len() {
        0 => set.map_or_else(Signal::always, Clone::clone),
        1 => operands.swap_remove(0),
        _ => derived(Kind::All, operands, Location::caller()),
    }
}

pub(super) fn child(parent: &Signal, at: &'static Location<'static>) -> Signal {
    derived(Kind::Any, vec![parent.clone()], at)
}

fn derived(kind: Kind, operands: Vec<Signal>, at: &'static Location<'static>) -> Signal {
    let links = Links::made_of(Operands::Held(operands.into()));
    Signal::make(kind, DERIVED, links, None, at)
}

/// Does its own flag say so? A chain is not computed at every link that is added to it.
fn is_known_set(signal: &Signal) -> bool {
    signal.0.state.load(Acquire) & SET != 0
}

fn is_never(signal: &Signal) -> bool {
    matches!(signal.0.kind, Kind::Never)
}

/// Hangs `link` on `signal`, linking combinations to their operands as needed.
pub(super) fn link(signal: &Signal, link: Link) -> Result<LinkId, Link> {
    let (id, first) = push(signal, link)?;
    if first {
        watch_operands(signal);
    }
    Ok(id)
}

/// Adds the entry; says whether a combination must now be linked to its operands.
fn push(signal: &Signal, link: Link) -> Result<(LinkId, bool), Link> {
    let mut links = signal.0.links.lock();
    // Pairs with the addition of `SET` in `claim`: either we see it, or the setter sees `LINKED` and
    // waits for the lock that we hold (invariant 2 of `signal`).
    let state = signal.0.state.fetch_or(LINKED, AcqRel);
    if state & SET != 0 {
        return Err(link);
    }
    let first = links.is_empty();
    let id = links.push(link);
    if first && matches!(signal.0.kind, Kind::Till(_)) {
        links.keep = Some(signal.clone());
    }
    Ok((id, first && state & DERIVED != 0))
}

/// Links a combination, and those that it is made of, to their operands.
fn watch_operands(signal: &Signal) {
    let mut work = VecDeque::from([signal.clone()]);
    while let Some(derived) = work.pop_front() {
        let Some((epoch, operands)) = begin_watch(&derived) else {
            continue;
        };
        for (at, operand) in operands.iter().enumerate() {
            match push(operand, Link::Forward(derived.clone(), at)) {
                Ok((id, first)) => {
                    if !remember(&derived, epoch, at, id) {
                        unlink(operand, id);
                    } else if first {
                        work.push_back(operand.clone());
                    }
                }
                // Set already: what its setter would have done, done here.
                Err(_) => {
                    if is_true_with(&derived, at, operand) {
                        derived.set_with(
                            || operand.reason().expect("a set signal has a reason"),
                            &mut super::on_set::run_here,
                        );
                        break;
                    }
                }
            }
        }
    }
}

/// From held to watched (invariant 1); what to link to.
fn begin_watch(derived: &Signal) -> Option<(u32, Box<[Signal]>)> {
    let mut links = derived.0.links.lock();
    if links.is_empty() {
        return None; // unlinked or fired meanwhile
    }
    let Operands::Held(held) = core::mem::take(&mut links.operands) else {
        return None;
    };
    let watched = held
        .iter()
        .map(|operand| Watch {
            operand: Arc::downgrade(&operand.0),
            entry: None,
            set: None,
        })
        .collect();
    links.operands = Operands::Watched(watched);
    links.epoch += 1;
    links.n_set = 0;
    Some((links.epoch, held))
}

/// Notes the entry by which operand `at` knows us; false if that is no longer wanted (invariant 2).
fn remember(derived: &Signal, epoch: u32, at: usize, id: LinkId) -> bool {
    let mut links = derived.0.links.lock();
    if links.epoch != epoch {
        return false;
    }
    let Operands::Watched(watched) = &mut links.operands else {
        return false;
    };
    watched[at].entry = Some(id);
    true
}

/// Is the combination true, now that operand `at` is set? Holds that operand if it is asked again.
///
/// Each operand says so once an epoch, so counting them is enough.
fn is_true_with(derived: &Signal, at: usize, operand: &Signal) -> bool {
    if matches!(derived.0.kind, Kind::Any) {
        return true;
    }
    let mut links = derived.0.links.lock();
    let links = &mut *links;
    let Operands::Watched(watched) = &mut links.operands else {
        return false; // nothing hangs on it any more: it is computed when somebody asks
    };
    if watched[at].set.is_none() {
        watched[at].set = Some(operand.clone());
        links.n_set += 1;
    }
    links.n_set == watched.len()
}

/// Takes an entry off, and combinations on which nothing hangs any more off their operands.
pub(super) fn unlink(signal: &Signal, id: LinkId) -> bool {
    let mut work = VecDeque::from([(signal.clone(), id)]);
    let mut was_there = None;
    while let Some((signal, id)) = work.pop_front() {
        let (link, watched, keep) = {
            let mut links = signal.0.links.lock();
            let link = links.remove(id);
            let last = link.is_some() && links.is_empty();
            let keep = if last { links.keep.take() } else { None };
            let watched = if last {
                end_watch(&signal, &mut links)
            } else {
                Vec::new()
            };
            if last {
                signal.0.state.fetch_and(!LINKED, AcqRel);
            }
            (link, watched, keep)
        };
        was_there.get_or_insert(link.is_some());
        work.extend(watched);
        // The user's closure, and what only the entry kept alive, go outside the lock.
        drop(link);
        drop(keep);
    }
    was_there.unwrap_or(false)
}

/// From watched to held (invariant 1); what to unlink from.
fn end_watch(signal: &Signal, links: &mut Links) -> Vec<(Signal, LinkId)> {
    let Operands::Watched(watched) = &links.operands else {
        return Vec::new();
    };
    let held: Box<[Signal]> = watched.iter().map(Watch::operand).collect();
    let entries = held
        .iter()
        .zip(watched)
        .filter_map(|(operand, watch)| Some((operand.clone(), watch.entry?)))
        .collect();
    debug_assert!(
        signal.0.state.load(Acquire) & DERIVED != 0,
        "only combinations watch"
    );
    links.operands = Operands::Held(held);
    entries
}

/// Wakes, asks and calls everything that hangs on `first`, which its caller has just set.
pub(super) fn fire(first: &Signal, run: &mut dyn FnMut(&Signal, Callback)) {
    let mut work = VecDeque::from([first.clone()]);
    let mut calls = Vec::new();
    while let Some(signal) = work.pop_front() {
        let (entries, operands, keep) = {
            let mut links = signal.0.links.lock();
            (
                links.take(),
                core::mem::take(&mut links.operands),
                links.keep.take(),
            )
        };
        for link in entries {
            match link {
                Link::Wake(waiter) => waiter.wake(),
                #[cfg(all(unix, feature = "os"))]
                Link::Raise(event) => event.raise(),
                Link::Call(action) => calls.push((signal.clone(), action)),
                Link::Forward(derived, at) => {
                    let reason = || signal.reason().expect("a set signal has a reason");
                    if is_true_with(&derived, at, &signal) && derived.claim(reason) {
                        work.push_back(derived);
                    }
                }
            }
        }
        leave_operands(operands);
        drop(keep);
    }
    for (signal, action) in calls {
        run(&signal, action);
    }
}

/// A combination that is set leaves the operands that are not.
fn leave_operands(operands: Operands) {
    match operands {
        Operands::Watched(watched) => {
            for watch in watched {
                if let (Some(inner), Some(id)) = (watch.operand.upgrade(), watch.entry) {
                    unlink(&Signal(inner), id);
                }
            }
        }
        held => drop_operands(held),
    }
}

/// Drops a tree of combinations without recursion.
pub(super) fn drop_operands(operands: Operands) {
    let mut work = Vec::new();
    if let Operands::Held(held) = operands {
        work.extend(held);
    }
    drop_signals(work);
}

/// Drops what a signal that is gone was made of, and what hung on it, without recursion.
pub(super) fn drop_links(links: &mut Links) {
    let mut work = Vec::new();
    take_apart(links, &mut work);
    drop_signals(work);
}

fn drop_signals(mut work: Vec<Signal>) {
    while let Some(signal) = work.pop() {
        let Some(inner) = Arc::into_inner(signal.0) else {
            continue;
        };
        take_apart(&mut inner.links.lock(), &mut work);
    }
}

/// Moves to `work` the signals that these links may be the last to hold: operands, and combinations.
fn take_apart(links: &mut Links, work: &mut Vec<Signal>) {
    if let Operands::Held(held) = core::mem::take(&mut links.operands) {
        work.extend(held);
    }
    for link in links.take() {
        if let Link::Forward(derived, _) = link {
            work.push(derived);
        }
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $by:ident),*) => { $(
        impl core::ops::$trait for &Signal {
            type Output = Signal;
            #[track_caller]
            fn $method(self, other: &Signal) -> Signal {
                $by([self, other])
            }
        }
        impl core::ops::$trait for Signal {
            type Output = Self;
            #[track_caller]
            fn $method(self, other: Self) -> Self {
                $by([&self, &other])
            }
        }
        impl core::ops::$trait<&Self> for Signal {
            type Output = Self;
            #[track_caller]
            fn $method(self, other: &Self) -> Self {
                $by([&self, other])
            }
        }
        impl core::ops::$trait<Signal> for &Signal {
            type Output = Signal;
            #[track_caller]
            fn $method(self, other: Signal) -> Signal {
                $by([self, &other])
            }
        }
    )* };
}
operators!(BitOr bitor any, BitAnd bitand all);
