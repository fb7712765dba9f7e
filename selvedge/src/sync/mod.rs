//! Data that threads share: queues, and locks to wait in.
//!
//! # Three forms of every blocking verb
//!
//! | form                 | waits            | ends early with                        |
//! |----------------------|------------------|----------------------------------------|
//! | `pop`, `push`        | until it can     | `Stopped`, when the thread is asked to |
//! | `try_pop`            | never            |                                        |
//! | `pop_until(&signal)` | until it can     | `Expired` as well                      |
//!
//! One exception: [`Lock::enter`] waits through a stop, because clean-up needs locks.
//!
//! What is ready is handed out first, then the given signal counts, then the stop. An operation that
//! returns an error did not happen.

mod buffer;
mod channel;
mod error;
mod held;
mod iter;
mod lock;
mod many;
mod monitor;
mod priority;
mod producer;
mod queue;
mod ring;
mod sleepers;
mod waiting;

pub use error::{
    AlreadyHeld, Closed, EnterUntilError, PopError, PopUntilError, PushError, PushUntilError,
    TryEnterError, TryPopError, TryPushError,
};
pub use iter::Iter;
pub use lock::{Held, Lock};
pub use many::{pop_any, pop_any_until};
pub use priority::PriorityQueue;
pub use producer::Producer;
pub use queue::Queue;
