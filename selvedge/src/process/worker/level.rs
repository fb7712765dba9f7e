//! How much of what a worker logs is sent.

use serde::{Deserialize, Serialize};

/// How much a record of a worker's log matters; see [`Builder::log_level`](super::Builder::log_level).
///
/// The names are those of Python's `logging`, and `TRACE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is not as it should be.
    Warning,
    /// Something that its reader wants to know.
    Info,
    /// Of use when something is wrong.
    Debug,
    /// More than that; in Python, level 5.
    Trace,
}
