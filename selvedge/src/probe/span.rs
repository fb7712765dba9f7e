//! Spans: what runs for a while, told to whoever measures it.
//!
//! Lower layers say that something begins by [`span`], and that it ends by dropping what that gives. It costs one
//! relaxed load while nobody measures.
//!
//! # Invariants
//!
//! 1. An observer is told of the end of exactly the spans whose beginning it has numbered, on the same thread; and of the
//!    ends of bodies, which have a function of their own, whether they have a number or not.
//! 2. No function of the observer runs code of the user, waits, or unwinds.

use core::fmt::Display;
use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::panic::Location;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::primitive::OnceLock;

/// How many measure. A hint for the quiet case: the observer knows what it wants.
static MEASURED: AtomicU32 = AtomicU32::new(0);
/// The one observer.
static OBSERVER: OnceLock<Observer> = OnceLock::new();

type Place = &'static Location<'static>;

/// What runs for a while.
#[derive(Clone, Copy)]
pub(crate) enum What<'a> {
    /// A call of the open function with this path, which stands there.
    Call(&'static str, Place),
    /// A poll of a call of an open async function; is it the first of this call?
    Poll(&'static str, Place, bool),
    /// A named block.
    Block(&'static str, Place),
    /// The body of the calling thread.
    Thread,
    /// The calling thread sleeps on something of this kind; what it is, in words.
    Wait(&'static str, &'a dyn Display),
}

/// Who measures spans: numbers their beginnings, and is told of the end by that number.
pub(crate) struct Observer {
    pub(crate) begin: fn(What<'_>) -> Option<NonZeroU64>,
    pub(crate) end: fn(NonZeroU64),
    /// The innermost body of the calling thread ends; its number, if its beginning was observed.
    pub(crate) end_body: fn(Option<NonZeroU64>),
}

/// Tells the observer of spans, until as many have said [`unobserve_spans`]. There is one observer; the first counts.
#[cfg(feature = "observe")]
pub(crate) fn observe_spans(observer: Observer) {
    OBSERVER.get_or_init(|| observer);
    MEASURED.fetch_add(1, Relaxed);
}

/// Takes back one [`observe_spans`].
#[cfg(feature = "observe")]
pub(crate) fn unobserve_spans() {
    MEASURED.fetch_sub(1, Relaxed);
}

/// Something begins. It ends when the span is dropped, on the same thread.
#[inline]
pub(crate) fn span(what: What<'_>) -> Span {
    let number = match MEASURED.load(Relaxed) {
        0 => None,
        _ => begin(what),
    };
    Span {
        number,
        here: PhantomData,
    }
}

/// The body of the calling thread begins, and ends when this is dropped.
pub(crate) fn body() -> Body {
    Body(span(What::Thread))
}

#[inline(never)]
fn begin(what: What<'_>) -> Option<NonZeroU64> {
    (OBSERVER.get()?.begin)(what)
}

/// Ends when dropped.
#[derive(Debug)]
#[must_use = "it ends when this is dropped"]
pub(crate) struct Span {
    number: Option<NonZeroU64>,
    /// Stays on its thread.
    here: PhantomData<*const ()>,
}

impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        if let Some(number) = self.number {
            end(number);
        }
    }
}

/// A body that runs. Who begins to observe in the middle of it is told of its end.
#[derive(Debug)]
#[must_use = "it ends when this is dropped"]
pub(crate) struct Body(Span);

impl Drop for Body {
    fn drop(&mut self) {
        let number = self.0.number.take();
        if (number.is_some() || MEASURED.load(Relaxed) > 0)
            && let Some(observer) = OBSERVER.get()
        {
            (observer.end_body)(number);
        }
    }
}

#[inline(never)]
fn end(number: NonZeroU64) {
    if let Some(observer) = OBSERVER.get() {
        (observer.end)(number);
    }
}
