//! What an application counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of one application; a resource of [`APP`](static@crate::contexts::APP).
#[derive(Debug, Default)]
pub struct Statistics {
    requests: AtomicU64,
    refused: AtomicU64,
    opened: AtomicU64,
    closed: AtomicU64,
}

impl Statistics {
    /// Requests that were understood.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Requests that were malformed, too long or too slow.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Database connections that were opened.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.opened.load(Relaxed)
    }

    /// Database connections that were closed by the end of their request.
    #[must_use]
    pub fn closed(&self) -> u64 {
        self.closed.load(Relaxed)
    }

    /// The number of a new request, from 1.
    pub(crate) fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Relaxed) + 1
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// The number of a new database connection, from 1.
    pub(crate) fn count_opened(&self) -> u64 {
        self.opened.fetch_add(1, Relaxed) + 1
    }

    pub(crate) fn count_closed(&self) {
        self.closed.fetch_add(1, Relaxed);
    }
}
