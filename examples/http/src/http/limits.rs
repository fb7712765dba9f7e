//! What a client may ask of us before it asks anything.

use std::time::Duration;

/// Limits of a connection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// How many bytes the request line and the headers may have.
    pub head: usize,
    /// How many bytes the body may have.
    pub body: usize,
    /// How long a connection may wait for the first byte of a request.
    pub idle: Duration,
    /// How long a request may take from its first byte to its last.
    pub receive: Duration,
    /// How long a client may take to accept a response.
    pub send: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 16 << 10,
            body: 1 << 20,
            idle: Duration::from_secs(30),
            receive: Duration::from_secs(10),
            send: Duration::from_secs(10),
        }
    }
}
