//! What happened, as typed events.
//!
//! Lower layers reach upward by `emit`: it costs one relaxed load when nobody listens. A subscriber
//! sees every event, on the thread where it happened. Without one, lifecycle events go nowhere, and only
//! failures that nobody will receive are printed on standard error.
//!
//! # Invariants
//!
//! 1. No lock is held while a subscriber runs; one that panics loses its event, nobody else does.
//! 2. A failure that nobody will receive is never silent: without a subscriber it is printed.

mod event;
mod sink;

pub use event::{Ending, Event};
pub(crate) use sink::emit;
pub use sink::{Subscription, subscribe};
