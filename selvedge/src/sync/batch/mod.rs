//! Batches for something slow.

#[expect(
    clippy::module_inception,
    reason = "files are named after the type they hold"
)]
mod batch;
mod error;
mod producer;
mod serve;

pub use batch::BatchQueue;
pub use error::{StopError, Undelivered};
pub use producer::BatchProducer;
