//! Queues: bounded, many to many, closed once.

mod buffer;
mod channel;
mod error;
mod iter;
mod many;
mod priority;
mod producer;
#[expect(
    clippy::module_inception,
    reason = "files are named after the type they hold"
)]
mod queue;
mod ring;
mod sleepers;
mod waiting;
#[cfg(selvedge_process)]
mod weak;

pub use error::{
    Closed, PopError, PopUntilError, PushError, PushUntilError, TryPopError, TryPushError,
};
pub use iter::Iter;
pub use many::{pop_any, pop_any_until};
pub use priority::PriorityQueue;
pub use producer::Producer;
pub use queue::Queue;
#[cfg(selvedge_process)]
pub(crate) use weak::WeakQueue;
