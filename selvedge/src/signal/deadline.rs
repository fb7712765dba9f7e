//! Deadlines: a signal that ends the blocking operations of a block, like a stop.
//!
//! # Invariants
//!
//! 1. A limit's `all` is set when its own signal is, or that of a limit further out that is not behind a
//!    shield: so a later deadline inside cannot extend an earlier one.
//! 2. A shield pushes a wall if a limit is visible: what is further out is not seen through it, in a
//!    capture either.
//! 3. If both are set, the thread's stop counts before a deadline, and an outer deadline before an inner one.
//!
//! A limit is a binding of the ambient chain, so it needs no clean-up and travels with a capture.

use core::panic::Location;

use crate::ambient::{self, Binding, Key, Payload};
use crate::primitive::{Arc, OnceLock};
use crate::signal::combine::any_at;
use crate::signal::reason::{Reason, Why};
use crate::signal::record::Record;
use crate::signal::signal::Signal;

static LIMIT: Key = Key::new();

/// Runs `f` with a deadline: when `deadline` is set, its blocking operations end with
/// [`Stopped`](super::Stopped), as if the thread had been asked to stop.
///
/// Normally `deadline` is a [`Till`](crate::Till), so the time is absolute: however many operations `f` does,
/// it is counted once. Any signal will do. Of nested deadlines the earliest counts. The deadline travels with
/// an [`Ambient`](crate::Ambient) that is captured inside; a [`shield`](super::shield) inside hides it, and
/// one that is entered in a shield counts there.
///
/// What `f` returns is returned. Decide here what it means: a `Stopped` is yours if
/// [`stop`](super::stop) outside the block is not set; otherwise pass it on, because a stop or an outer
/// deadline cut the work off as well. (trio's `move_on_after` and `fail_after` in one.) A thread whose body
/// ends with a deadline's `Stopped`, though nobody asked the thread to stop, has failed.
///
/// # Panics
///
/// If `f` does.
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, Till, signal};
/// use std::time::Duration;
///
/// let answer = Signal::new();
/// let soon = Till::after(Duration::from_millis(1));
/// let waited = signal::deadline(&soon, || answer.wait());
/// let late = match waited {
///     Err(stopped) if signal::stop().is_set() => return Err(stopped), // not ours
///     Err(stopped) => stopped.is_deadline(),
///     Ok(()) => false,
/// };
/// assert!(late);
/// # Ok::<(), signal::Stopped>(())
/// ```
#[track_caller]
#[doc(alias = "timeout")]
#[doc(alias = "move_on_after")]
#[doc(alias = "fail_after")]
pub fn deadline<R>(deadline: &Signal, f: impl FnOnce() -> R) -> R {
    deadline_at(deadline, Location::caller(), f)
}

/// The same, as if entered at `at`.
pub(crate) fn deadline_at<R>(
    deadline: &Signal,
    at: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    limited(deadline, true, at, f)
}

/// Runs `f` with a stop of its own, in addition to the thread's: a scope's closure ends with its threads.
pub(crate) fn obeying<R>(
    stop: &Signal,
    at: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    limited(stop, false, at, f)
}

fn limited<R>(
    own: &Signal,
    is_deadline: bool,
    at: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    let limit = Limit {
        at,
        own: own.clone(),
        is_deadline,
        outer: visible(|outer| outer.map(|outer| outer.all().clone())),
        all: OnceLock::new(),
        thread: thread_stop(),
        with_stop: OnceLock::new(),
    };
    bind(Some(limit), at, f)
}

/// What is bound for the block of a deadline.
struct Limit {
    at: &'static Location<'static>,
    own: Signal,
    /// Otherwise a stop, which is told as it was asked.
    is_deadline: bool,
    /// `all` of the limit further out.
    outer: Option<Signal>,
    all: OnceLock<Signal>,
    /// The stop of the thread that entered, as it was visible then.
    thread: Signal,
    with_stop: OnceLock<Signal>,
}

/// Made by the first wait of the block, for all: most blocks do not wait.
impl Limit {
    /// `own`, or an outer one.
    fn all(&self) -> &Signal {
        match &self.outer {
            Some(outer) => self.all.get_or_init(|| any_at([outer, &self.own], self.at)),
            None => &self.own,
        }
    }

    /// The thread's stop, or `all`.
    fn with_stop(&self) -> &Signal {
        self.with_stop
            .get_or_init(|| any_at([&self.thread, self.all()], self.at))
    }
}

fn bind<R>(limit: Option<Limit>, at: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    let limit = Arc::new(limit);
    // Readers come by the payload's owner; nobody follows the pointer.
    let pointer = Arc::as_ptr(&limit).cast();
    ambient::enter(&LIMIT, Payload::Shared(limit, pointer), at, f)
}

/// Runs `f` where no deadline from outside is visible (invariant 2).
pub(super) fn walled<R>(at: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    if visible(|limit| limit.is_some()) {
        bind(None, at, f)
    } else {
        f()
    }
}

/// The calling thread's stop with the deadlines that are visible.
pub(super) fn with_deadlines(thread: Option<Signal>) -> Option<Signal> {
    visible(|limit| {
        let Some(limit) = limit else { return thread };
        let thread = thread.unwrap_or_else(Signal::never);
        if limit.thread.is_same(&thread) {
            Some(limit.with_stop().clone())
        } else {
            Some(any_at([&thread, limit.all()], limit.at))
        }
    })
}

/// Why a blocking operation ended, if a deadline ended it.
pub(super) fn blamed() -> Option<Reason> {
    if !visible(|limit| limit.is_some_and(|limit| limit.all().is_set())) {
        return None;
    }
    let Outer { thread, limits } = Outer::here();
    if thread.is_set() {
        return None;
    }
    blamed_of(&limits)
}

/// What ends the blocking operations of a block from outside, for who hands it on to threads that do not see it.
#[derive(Debug)]
pub(crate) struct Outer {
    thread: Signal,
    limits: Vec<Named>,
}

/// The own signal of a limit.
#[derive(Debug)]
struct Named {
    own: Signal,
    is_deadline: bool,
    at: &'static Location<'static>,
}

impl Outer {
    /// What the calling block sees.
    pub(crate) fn here() -> Self {
        let limits = ambient::innermost(&LIMIT, |binding| {
            let mut limits = Vec::new();
            let mut binding = binding;
            while let Some(limit) = binding.and_then(limit_of) {
                limits.push(Named {
                    own: limit.own.clone(),
                    is_deadline: limit.is_deadline,
                    at: limit.at,
                });
                binding = binding.and_then(Binding::outer);
            }
            limits
        });
        Self {
            thread: thread_stop(),
            limits,
        }
    }

    /// Why it ends, if it does: a stop as it was asked, a deadline by its name.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.thread.reason().or_else(|| blamed_of(&self.limits))
    }
}

/// The outermost limit that is set (invariant 3); they are given from the inside.
fn blamed_of(limits: &[Named]) -> Option<Reason> {
    limits.iter().rev().find_map(|limit| {
        let reason = limit.own.reason()?;
        Some(if limit.is_deadline {
            reason.because(Why::Deadline, limit.at)
        } else {
            reason
        })
    })
}

fn thread_stop() -> Signal {
    Record::with(|record| record.and_then(Record::visible_stop)).unwrap_or_else(Signal::never)
}

/// Runs `f` with the innermost limit, unless there is a wall before it.
#[inline]
fn visible<R>(f: impl FnOnce(Option<&Limit>) -> R) -> R {
    ambient::innermost(&LIMIT, |binding| f(binding.and_then(limit_of)))
}

fn limit_of(binding: &Binding) -> Option<&Limit> {
    match &binding.payload {
        Payload::Shared(limit, _) => limit.downcast_ref::<Option<Limit>>()?.as_ref(),
        _ => None,
    }
}
