//! The part `process` as models have it: the connection to a worker, and no process behind it.

/// What of workers sleeps nowhere but in pipes.
#[allow(dead_code, unreachable_pub, reason = "models use a part of it")]
pub mod worker {
    mod connection;
    mod error;
    mod level;
    mod lines;
    mod model;
    mod protocol;

    pub use model::Wire;
}
