//! Data that threads share: queues, locks to wait in, permits, promises, the latest value.
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

mod batch;
mod lock;
mod promise;
mod queue;
mod semaphore;
mod watch;

pub use batch::{BatchProducer, BatchQueue, StopError, Undelivered};
pub use lock::{AlreadyHeld, EnterUntilError, Held, Lock, TryEnterError};
pub use promise::{Assigned, Promise};
#[cfg(selvedge_process)]
pub(crate) use queue::WeakQueue;
pub use queue::{
    Closed, Iter, PopError, PopUntilError, PriorityQueue, Producer, PushError, PushUntilError,
    Queue, TryPopError, TryPushError, pop_any, pop_any_until,
};
pub use semaphore::{AcquireError, AcquireUntilError, Permit, Semaphore};
pub use watch::{ChangedError, ChangedUntilError, Watch, Watcher};
