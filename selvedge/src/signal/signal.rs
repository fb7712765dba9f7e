//! A flag that is set once and can be waited for.
//!
//! # State
//!
//! Two bits of one word: `DERIVED` (a combination, whose truth is that of its operands), which `SET` replaces.
//! All else stands under one lock, in [`Links`].
//!
//! # Invariants
//!
//! 1. `SET` is added once, under the lock of `links`, together with the reason, and never removed. The
//!    thread that added it takes out what hangs on the signal under the same lock, and fires that.
//! 2. An entry is linked under the lock of `links`, and only if `SET` is not there: so the setter finds it.
//! 3. A combination is linked to its operands exactly while something hangs on it. Then its operands
//!    hold it and it does not hold them, but for those that are set; otherwise it holds them and they do not know it.
//! 4. Callbacks run outside every lock, after the waiters were woken.
//!
//! # Orderings
//!
//! The `Release` store of `SET` pairs with the `Acquire` load in `is_set`: who sees the flag sees what the
//! setter did before. It is a store because only one thread makes it (invariant 1); who holds the lock knows
//! from the links whether that has happened.
//!
//! # Not here
//!
//! Combining ([`combine`](super::combine)), time ([`till`](super::till)), waiting ([`wait`](super::wait)),
//! sleeping ([`waiter`](super::waiter)), awaiting ([`future`](super::future)). There is no `clear`; make a new signal, they are cheap.

use core::fmt;
use core::panic::Location;
use std::borrow::Cow;

use crate::primitive::atomic::{
    AtomicU32,
    Ordering::{Acquire, Release},
};
use crate::primitive::{Arc, Mutex, global, yield_now};
use crate::signal::combine;
use crate::signal::links::{Body, Callback, Link, LinkId, Links, Taken};
use crate::signal::on_set::{OnSet, run_here};
use crate::signal::progress::MarkKey;
use crate::signal::reason::{Reason, Why};
use crate::signal::timer::TillKey;
use crate::signal::truth;

pub(super) const SET: u32 = 1;
pub(super) const DERIVED: u32 = 2;

/// How much of a name, or of a combination's, is kept and printed.
const NAME_LIMIT: usize = 100;

/// A flag that is set once, never cleared, and waited for by any number of threads.
///
/// A clone is another handle to the same flag. Combine with `|` and `&`, or [`any`](super::any) and
/// [`all`](super::all).
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, thread};
///
/// let done = Signal::new();
/// let hook = done.on_set(|| println!("done"));
/// done.set();
/// done.wait()?;
/// assert!(done.is_set());
/// # drop(hook);
/// # Ok::<(), selvedge::Stopped>(())
/// ```
#[derive(Clone)]
#[doc(alias = "Event")]
#[doc(alias = "CancellationToken")]
#[doc(alias = "please_stop")]
pub struct Signal(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) state: AtomicU32,
    pub(super) tag: Tag,
    is_named: bool,
    pub(super) links: Mutex<Links>,
    pub(super) made: &'static Location<'static>,
}

/// What kind of signal it is; what belongs to the kind is in the links' `body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Plain,
    Never,
    /// Set when one operand is.
    Any,
    /// Set when all operands are.
    All,
    Till,
    Mark,
}

/// What a signal that is no combination is made as.
pub(super) enum Kind {
    Plain,
    /// Refuses to be set.
    Never,
    /// Set by the timer; leaves it when dropped.
    Till(TillKey),
    /// Set by a progress; leaves it when dropped.
    Mark(MarkKey),
}

global! {
    fn never() -> Signal { Signal::make(Kind::Never, Location::caller()) }
}

impl Signal {
    /// Makes a signal that is not set. It is called by where it was made.
    #[track_caller]
    #[must_use]
    #[inline]
    pub fn new() -> Self {
        Self::assemble(Tag::Plain, 0, Links::default(), Location::caller())
    }

    /// Makes a signal with a name for messages, of which 100 bytes are kept.
    #[track_caller]
    #[must_use]
    pub fn named(name: &str) -> Self {
        let links = Links::named(bounded(name).into());
        Self::assemble(Tag::Plain, 0, links, Location::caller())
    }

    /// The signal that is never set: `a | never` is `a`. Setting it does nothing.
    #[must_use]
    pub fn never() -> Self {
        never().clone()
    }

    /// A signal that is set already.
    #[track_caller]
    #[must_use]
    pub fn always() -> Self {
        let always = Self::named("always");
        always.set();
        always
    }

    /// A signal that is set when this one is, and can be set alone.
    ///
    /// It leaves nothing behind on this signal when it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::Signal;
    /// let (parent, other) = (Signal::new(), Signal::new());
    /// let child = parent.child();
    /// child.set();
    /// assert!(child.is_set() && !parent.is_set());
    /// let sibling = parent.child();
    /// parent.set();
    /// assert!(sibling.is_set() && !other.is_set());
    /// ```
    #[track_caller]
    #[must_use]
    pub fn child(&self) -> Self {
        combine::child(self, Location::caller())
    }

    pub(super) fn make(kind: Kind, made: &'static Location<'static>) -> Self {
        let (tag, body) = match kind {
            Kind::Plain => (Tag::Plain, Body::None),
            Kind::Never => (Tag::Never, Body::None),
            Kind::Till(key) => (Tag::Till, Body::Till(key)),
            Kind::Mark(key) => (Tag::Mark, Body::Mark(Box::new(key))),
        };
        Self::assemble(tag, 0, Links::made_of(body), made)
    }

    #[inline]
    pub(super) fn assemble(
        tag: Tag,
        state: u32,
        links: Links,
        made: &'static Location<'static>,
    ) -> Self {
        Self(Arc::new(Inner {
            state: AtomicU32::new(state),
            tag,
            is_named: links.is_named(),
            links: Mutex::new(links),
            made,
        }))
    }

    /// Sets the signal, wakes who waits for it, then runs its callbacks here. True if it was not set.
    ///
    /// After *any* `set` returns, [`is_set`](Self::is_set) is true for everybody. Setting again does
    /// nothing.
    #[track_caller]
    #[doc(alias = "go")]
    #[doc(alias = "cancel")]
    #[doc(alias = "raise")]
    pub fn set(&self) -> bool {
        let at = Location::caller();
        self.set_with(|| Reason::new(Why::Set, at), &mut run_here)
    }

    /// Sets the signal and says why; the time is noted as well.
    ///
    /// ```
    /// use selvedge::Signal;
    /// let stop = Signal::new();
    /// stop.set_because("disk full");
    /// assert_eq!(stop.reason().unwrap().text(), Some("disk full"));
    /// ```
    #[track_caller]
    pub fn set_because(&self, text: impl Into<Cow<'static, str>>) -> bool {
        let (text, at) = (text.into(), Location::caller()); // the user's code: outside the lock
        self.set_with(|| Reason::new(Why::Said(text), at).now(), &mut run_here)
    }

    /// Sets the signal for a reason that is known already: a stop that is handed on.
    pub(crate) fn set_for(&self, reason: Reason) -> bool {
        self.set_with(|| reason, &mut run_here)
    }

    /// Sets the signal; callbacks are handed to `run`, in order, after the waiters were woken.
    pub(super) fn set_with(
        &self,
        reason: impl FnOnce() -> Reason,
        run: &mut dyn FnMut(&Self, Callback),
    ) -> bool {
        let Some(taken) = self.take(reason) else {
            return false;
        };
        if !taken.is_empty() {
            combine::fire(self, taken, run);
        }
        true
    }

    /// Sets a signal that nobody else has yet, so that nothing hangs on it.
    pub(super) fn claim(&self, reason: impl FnOnce() -> Reason) -> bool {
        self.take(reason).is_some()
    }

    /// Sets the signal and takes out what hangs on it, for the one caller that must fire it (invariant 1).
    /// `reason` is made under the lock, so it must be our own code.
    #[inline]
    fn take(&self, reason: impl FnOnce() -> Reason) -> Option<Taken> {
        if self.0.tag == Tag::Never {
            return None;
        }
        let mut links = self.0.links.lock();
        self.0.take_with(&mut links, || Body::Set(reason()))
    }

    /// Is it set? One acquire load for a plain signal.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        // Pairs with the store in `take_with`.
        let state = self.0.state.load(Acquire);
        if state & (SET | DERIVED) == 0 {
            return false; // one test for the usual answer
        }
        state & SET != 0 || truth::is_set(self)
    }

    /// Why it was set, if it was.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        if !self.is_set() {
            return None;
        }
        let mut signal = self.clone();
        loop {
            let because = match &signal.0.links.lock().body {
                Body::Set(reason) => return Some(reason.clone()),
                Body::Because(operand) => Some(operand.clone()),
                _ => None,
            };
            // A combination on which something hangs: its operand's setter is on the way to it.
            match because.or_else(|| truth::evaluate(&signal)) {
                Some(because) => signal = because,
                None => yield_now(),
            }
        }
    }

    /// Runs `action` once when the signal is set: on the setting thread, or here and now if it is set.
    ///
    /// Actions run in the order in which they were added, after the waiters were woken, and outside every
    /// lock. One that panics is reported as a [`probe::Event`](crate::probe::Event), and the others run.
    /// Those of a till run on one dispatcher thread: they delay one another, never a timer.
    ///
    /// Dropping the handle takes the action back, without waiting for one that runs already;
    /// [`forever`](OnSet::forever) keeps it, also when nobody holds the signal:
    ///
    /// ```
    /// use selvedge::Signal;
    /// let (a, b, seen) = (Signal::new(), Signal::new(), Signal::new());
    /// let both = seen.clone();
    /// (&a & &b).on_set(move || { both.set(); }).forever();
    /// a.set();
    /// b.set();
    /// assert!(seen.is_set());
    /// ```
    #[doc(alias = "then")]
    #[doc(alias = "register")]
    pub fn on_set(&self, action: impl FnOnce() + Send + 'static) -> OnSet {
        let id = match self.link(Link::Call(Box::new(action))) {
            Ok(id) => Some(id),
            Err(Link::Call(action)) => {
                run_here(self, action);
                None
            }
            Err(_) => unreachable!("a link comes back as it was given"),
        };
        OnSet::new(self, id)
    }

    /// Hangs `link` on the signal, or gives it back if the signal is set.
    pub(super) fn link(&self, link: Link) -> Result<LinkId, Link> {
        if self.is_set() {
            return Err(link);
        }
        combine::link(self, link)
    }

    /// Takes a link off again. True if it was still there, so that it never ran.
    pub(super) fn unlink(&self, id: LinkId) -> bool {
        combine::unlink(self, id)
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn made(&self) -> &'static Location<'static> {
        self.0.made
    }

    /// No other signal has it while this one lives.
    #[cfg(feature = "inspect")]
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    pub(super) fn name(&self) -> Option<Arc<str>> {
        (self.0.is_named).then(|| self.0.links.lock().name())?
    }

    /// How many threads, callbacks and combinations hang on it.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn links(&self) -> usize {
        self.0.links.lock().len()
    }
}

impl Default for Signal {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    /// Adds `SET` and the reason, and takes out the rest, under the lock (invariant 1); `None` if it is set.
    #[inline]
    pub(super) fn take_with(
        &self,
        links: &mut Links,
        because: impl FnOnce() -> Body,
    ) -> Option<Taken> {
        if links.is_set() {
            return None;
        }
        let because = because();
        // Pairs with the loads in `is_set`.
        self.state.store(SET, Release);
        Some(links.take_out(because))
    }
}

impl Drop for Inner {
    #[inline]
    fn drop(&mut self) {
        let links = self.links.get_mut();
        if !links.is_trivial() {
            combine::drop_links(links);
        }
    }
}

/// At most the limit's bytes of `name`, cut between characters.
pub(super) fn bounded(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_LIMIT)]
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal")
            .field("name", &format_args!("{self}"))
            .field("set", &(self.0.state.load(Acquire) & SET != 0))
            .finish_non_exhaustive()
    }
}

/// The name, or how it was combined, or where it was made.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name() {
            return write!(f, "signal `{name}`");
        }
        match self.0.tag {
            Tag::Never => f.write_str("signal `never`"),
            Tag::Any => write!(f, "a signal combined by any at {}", self.0.made),
            Tag::All => write!(f, "a signal combined by all at {}", self.0.made),
            Tag::Mark => write!(f, "the mark of a progress made at {}", self.0.made),
            Tag::Till => write!(f, "the till made at {}", self.0.made),
            Tag::Plain => write!(f, "the signal made at {}", self.0.made),
        }
    }
}
