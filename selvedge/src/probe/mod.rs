//! What happened, as typed events.
//!
//! Lower layers reach upward by `emit`: it costs one relaxed load when nobody listens. A subscriber
//! sees every event, on the thread where it happened. Without one, lifecycle events go nowhere, and only
//! failures that nobody will receive are printed on standard error.
//!
//! With the feature `log` every event is a record of the program's logger as well, with `tracing` an event of
//! the thread's subscriber; the target is `selvedge`, the thread's path is the field `thread`; of contexts it is
//! `selvedge::context::` and the context's name (with `tracing`, `selvedge::context`, and the name is the field
//! `context`). Failures are
//! errors, what is late or full is a warning, the rest is for debugging. Nothing has to be called for that. With
//! `tracing` a thread also starts with the subscriber and inside the span of the one that starts it.
//!
//! # Invariants
//!
//! 1. No lock is held while a subscriber runs; one that panics loses its event, nobody else does.
//! 2. A failure that nobody will receive is never silent: without a subscriber, and without a logger that
//!    wants it, it is printed.

#[cfg(not(feature = "tracing"))]
mod carried;
mod display;
mod event;
mod kind;
#[cfg(feature = "log")]
mod log;
#[cfg(all(
    feature = "log",
    any(feature = "observe", all(selvedge_process, feature = "worker"))
))]
pub(crate) mod records;
mod sink;
#[cfg_attr(
    not(feature = "observe"),
    expect(dead_code, reason = "nobody measures without the feature")
)]
mod span;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "tracing")]
pub(crate) use self::tracing::Carried;
#[cfg(not(feature = "tracing"))]
pub(crate) use carried::Carried;

pub use event::Event;
#[cfg(any(feature = "observe", all(selvedge_process, feature = "worker")))]
pub(crate) use kind::Weight;
pub use kind::{Ending, Kind};
#[cfg(feature = "inspect")]
pub(crate) use sink::look_on;
#[cfg(all(selvedge_process, feature = "worker"))]
pub(crate) use sink::print;
#[cfg(any(feature = "observe", all(selvedge_process, feature = "worker")))]
pub(crate) use sink::subscribe_to_news;
pub use sink::{Subscription, subscribe};
pub(crate) use sink::{emit, wants_details};
pub(crate) use span::{Body, What, body, span};
#[cfg(feature = "observe")]
pub(crate) use span::{Observer, Span, observe_spans, unobserve_spans};
