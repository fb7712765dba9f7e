//! `any` and `all`: signals made of signals.
//!
//! A combination is lazy. Nobody waits for it: it holds its operands, they do not know it, and its truth
//! is computed from theirs. Somebody waits: it links itself to its operands, which then hold it while it
//! holds them weakly, so that it lives exactly as long as it can matter and no cycle is left when it
//! never does. An operand that is set knows nobody any more; it is held again, because it counts also
//! after everybody else has dropped it. A combination that is set holds the operand that was the last, which
//! knows the reason. Firing, linking, unlinking, reading and dropping are loops with a
//! work list: a chain as long as a user likes costs heap, never stack.
//!
//! # Invariants
//!
//! Those of [`signal`](super::signal), and:
//!
//! 1. `Body::Watched` exactly while the combination is linked; `epoch` counts how often.
//! 2. An operand's link of an old epoch is taken off by whoever notices: the linker, or the unlinker.
//! 3. Only one lock of a `links` is held at a time.

use core::panic::Location;
use std::collections::VecDeque;

use crate::primitive::atomic::Ordering::Acquire;
use crate::primitive::{Arc, drop_caught};
use crate::signal::links::{Body, Callback, Link, LinkId, Links, Taken, Watch};
use crate::signal::on_set::run_here;
#[cfg(selvedge_worker)]
use crate::signal::reading;
use crate::signal::signal::{DERIVED, Inner, SET, Signal, Tag};

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
    any_at(signals, Location::caller())
}

/// The same, as if combined at `at`.
pub(super) fn any_at<'a>(
    signals: impl IntoIterator<Item = &'a Signal>,
    at: &'static Location<'static>,
) -> Signal {
    let mut operands = Few::default();
    for signal in signals {
        if is_known_set(signal) {
            return signal.clone();
        }
        if !is_never(signal) {
            operands.push(signal);
        }
    }
    match operands.into_body() {
        Body::None => Signal::never(),
        Body::One(operand) => operand,
        body => derived(Tag::Any, body, at),
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
    let mut operands = Few::default();
    let mut set = None;
    for signal in signals {
        if is_never(signal) {
            return Signal::never();
        }
        if is_known_set(signal) {
            set = Some(signal)
        } else {
            operands.push(signal)
        }
    }
    match operands.into_body() {
        Body::None => set.map_or_else(Signal::always, Clone::clone),
        Body::One(operand) => operand,
        body => derived(Tag::All, body, Location::caller()),
    }
}

/// Operands as they come, nearly always two.
#[derive(Default)]
struct Few<'a> {
    first: Option<&'a Signal>,
    second: Option<&'a Signal>,
    more: Vec<Signal>,
}

impl<'a> Few<'a> {
    #[inline]
    fn push(&mut self, signal: &'a Signal) {
        if self.first.is_none() {
            self.first = Some(signal);
        } else if self.second.is_none() {
            self.second = Some(signal);
        } else {
            self.more.push(signal.clone());
        }
    }

    #[inline]
    fn into_body(self) -> Body {
        match (self.first, self.second) {
            (None, _) => Body::None,
            (Some(one), None) => Body::One(one.clone()),
            (Some(one), Some(two)) if self.more.is_empty() => Body::Two([one.clone(), two.clone()]),
            (Some(one), Some(two)) => {
                let first = [one.clone(), two.clone()];
                Body::Many(first.into_iter().chain(self.more).collect())
            }
        }
    }
}

pub(super) fn child(parent: &Signal, at: &'static Location<'static>) -> Signal {
    derived(Tag::Any, Body::One(parent.clone()), at)
}

#[inline]
fn derived(tag: Tag, body: Body, at: &'static Location<'static>) -> Signal {
    Signal::assemble(tag, DERIVED, Links::made_of(body), at)
}

/// Does its own flag say so? A chain is not computed at every link that is added to it.
fn is_known_set(signal: &Signal) -> bool {
    signal.0.state.load(Acquire) & SET != 0
}

fn is_never(signal: &Signal) -> bool {
    signal.0.tag == Tag::Never
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
    // Under this lock we see it, or the setter finds the entry (invariant 2 of `signal`).
    if links.is_set() {
        return Err(link);
    }
    let first = links.is_empty();
    let id = links.push(link);
    let keep = match &links.body {
        Body::Till(_) => first,
        Body::Mark(key) => first && key.is_alive(),
        _ => false,
    };
    if keep {
        links.keep(signal.clone());
    }
    let is_derived = matches!(signal.0.tag, Tag::Any | Tag::All);
    Ok((id, first && is_derived))
}

/// Links a combination, and those that it is made of, to their operands.
fn watch_operands(signal: &Signal) {
    let (mut next, mut work) = (Some(signal.clone()), VecDeque::new());
    while let Some(derived) = next.take().or_else(|| work.pop_front()) {
        let Some((epoch, operands)) = begin_watch(&derived) else {
            continue;
        };
        for (at, operand) in operands.held().unwrap_or_default().iter().enumerate() {
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
                    if let Some(taken) = take_with(&derived, at, operand) {
                        fire(&derived, taken, &mut run_here);
                        break;
                    }
                }
            }
        }
    }
}

/// From held to watched (invariant 1); what to link to.
fn begin_watch(derived: &Signal) -> Option<(u32, Body)> {
    let mut links = derived.0.links.lock();
    if links.is_empty() {
        return None; // unlinked or fired meanwhile
    }
    let watched = links.body.held()?.iter().map(Watch::of).collect();
    let held = core::mem::replace(&mut links.body, Body::Watched(watched));
    Some((links.begin_epoch(), held))
}

/// Notes the entry by which operand `at` knows us; false if that is no longer wanted (invariant 2).
fn remember(derived: &Signal, epoch: u32, at: usize, id: LinkId) -> bool {
    let mut links = derived.0.links.lock();
    if !links.is_epoch(epoch) {
        return false;
    }
    let Body::Watched(watched) = &mut links.body else {
        return false;
    };
    watched[at].entry = Some(id);
    true
}

/// Sets the combination if it is true, now that operand `at` is set; what its caller must fire.
fn take_with(derived: &Signal, at: usize, operand: &Signal) -> Option<Taken> {
    let mut links = derived.0.links.lock();
    if derived.0.tag == Tag::All && !links.count(at, operand) {
        return None;
    }
    (derived.0).take_with(&mut links, || Body::Because(operand.clone()))
}

/// Takes an entry off, and combinations on which nothing hangs any more off their operands.
pub(super) fn unlink(signal: &Signal, id: LinkId) -> bool {
    let Some((first, watched)) = unlink_one(signal, id) else {
        return false;
    };
    let mut work = VecDeque::from(watched);
    while let Some((signal, id)) = work.pop_front() {
        if let Some((_, watched)) = unlink_one(&signal, id) {
            work.extend(watched);
        }
    }
    // The user's closure goes outside the locks, and last, because its destructor may panic.
    drop(first);
    true
}

/// What was hung on, and what to unlink from if it was the last.
fn unlink_one(signal: &Signal, id: LinkId) -> Option<(Link, Vec<(Signal, LinkId)>)> {
    let mut links = signal.0.links.lock();
    let link = links.remove(id)?;
    if !links.is_empty() {
        return Some((link, Vec::new()));
    }
    let keep = links.take_keep();
    let watched = end_watch(signal, &mut links);
    drop(links);
    drop(keep); // not the last: `signal` is another
    Some((link, watched))
}

/// From watched to held (invariant 1); what to unlink from.
fn end_watch(signal: &Signal, links: &mut Links) -> Vec<(Signal, LinkId)> {
    let Body::Watched(watched) = &links.body else {
        return Vec::new();
    };
    let held: Body = watched.iter().map(Watch::operand).collect();
    let operands = held.held().unwrap_or_default().iter();
    let entries = operands
        .zip(watched)
        .filter_map(|(operand, watch)| Some((operand.clone(), watch.entry?)))
        .collect();
    debug_assert!(
        matches!(signal.0.tag, Tag::Any | Tag::All),
        "only combinations watch"
    );
    links.body = held;
    entries
}

/// Wakes, asks and calls everything that hung on `first`, which its caller has just set.
pub(super) fn fire(first: &Signal, taken: Taken, run: &mut dyn FnMut(&Signal, Callback)) {
    let (mut work, mut calls) = (VecDeque::new(), Vec::new());
    fire_one(first, taken, &mut work, &mut calls);
    while let Some((signal, taken)) = work.pop_front() {
        fire_one(&signal, taken, &mut work, &mut calls);
    }
    for (signal, action) in calls {
        run(&signal, action);
    }
}

/// Wakes what hung on one signal; combinations that are set by it, and callbacks, are left to do.
fn fire_one(
    signal: &Signal,
    taken: Taken,
    work: &mut VecDeque<(Signal, Taken)>,
    calls: &mut Vec<(Signal, Callback)>,
) {
    let (links, body, keep) = taken.into_parts();
    for link in links {
        match link {
            Link::Wake(waiter) => waiter.wake(),
            #[cfg(all(unix, feature = "os"))]
            Link::Raise(event) => event.raise(),
            #[cfg(selvedge_worker)]
            Link::Nudge(inlet) => reading::nudge(inlet),
            Link::Call(action) => calls.push((signal.clone(), action)),
            Link::Forward(derived, at) => {
                if let Some(taken) = take_with(&derived, at, signal) {
                    work.push_back((derived, taken));
                }
            }
        }
    }
    leave(signal, body);
    drop(keep);
}

/// A signal that is set leaves its timer or progress, a combination the operands that are not set.
fn leave(signal: &Signal, body: Body) {
    match body {
        // The timer takes out what elapses.
        Body::Till(key) if !signal.0.links.lock().is_elapsed() => key.remove(),
        Body::Mark(key) => key.remove(),
        Body::Watched(watched) => {
            for watch in watched {
                if let (Some(inner), Some(id)) = (watch.operand.upgrade(), watch.entry) {
                    // One that is set has taken its links out, or is about to.
                    if inner.state.load(Acquire) & SET == 0 {
                        unlink(&Signal(inner), id);
                    }
                }
            }
        }
        held => drop_operands(held),
    }
}

/// Drops a tree of combinations without recursion.
pub(super) fn drop_operands(operands: Body) {
    let mut work = Vec::new();
    take_body_apart(operands, &mut work);
    drop_all(work);
}

/// Drops what a signal that is gone was made of, and what hung on it, without recursion.
pub(super) fn drop_links(links: &mut Links) {
    let mut work = Vec::new();
    take_apart(links, &mut work);
    drop_all(work);
}

fn drop_all(mut work: Vec<Inner>) {
    while let Some(mut inner) = work.pop() {
        take_apart(inner.links.get_mut(), &mut work);
    }
}

/// Moves to `work` the signals of which these links have the last handle: operands, and combinations.
fn take_apart(links: &mut Links, work: &mut Vec<Inner>) {
    let (links, body, _) = links.take_out(Body::None).into_parts();
    take_body_apart(body, work);
    for link in links {
        match link {
            Link::Forward(derived, _) => work.extend(last(derived)),
            Link::Call(action) => drop_caught(action),
            Link::Wake(_) => {}
            #[cfg(all(unix, feature = "os"))]
            Link::Raise(_) => {}
            #[cfg(selvedge_worker)]
            Link::Nudge(_) => {}
        }
    }
}

/// The same for what one is made of; a till leaves its timer, a mark its progress.
#[inline]
fn take_body_apart(body: Body, work: &mut Vec<Inner>) {
    match body {
        Body::One(operand) | Body::Because(operand) => work.extend(Arc::into_inner(operand.0)),
        Body::Two(operands) => work.extend(operands.into_iter().filter_map(last)),
        Body::Many(operands) => work.extend(operands.into_iter().filter_map(last)),
        Body::Watched(watched) => {
            let set = watched.into_iter().filter_map(|watch| watch.set);
            work.extend(set.filter_map(last));
        }
        Body::Till(key) => key.remove(),
        Body::Mark(key) => key.remove(),
        Body::None | Body::Set(_) => {}
    }
}

/// What is in the last handle.
fn last(signal: Signal) -> Option<Inner> {
    Arc::into_inner(signal.0)
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
