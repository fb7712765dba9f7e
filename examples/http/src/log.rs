//! Lines that say which application and which request they are about, though nobody tells them.

use core::fmt;
use std::io::Write;
use std::sync::Arc;

use crate::contexts::{APP, REQUEST};

/// Where an application's lines go; a resource of [`APP`](static@APP).
#[derive(Clone)]
pub struct Log(Arc<dyn Fn(&str) + Send + Sync>);

impl Log {
    /// Hands each line to `sink`.
    pub fn to(sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Prints each line; one that cannot be printed is lost, and nothing else.
    #[must_use]
    pub fn to_stdout() -> Self {
        Self::to(|line| {
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        })
    }

    /// Forgets each line.
    #[must_use]
    pub fn nowhere() -> Self {
        Self::to(|_| {})
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

/// Writes a line to the log of the application that the caller is in, with the number of the request.
///
/// Outside of every application there is no log, and nothing is written.
pub fn note(text: impl fmt::Display) {
    let Ok(name) = APP.config.with(|config| config.name.clone()) else {
        return;
    };
    let line = match REQUEST.id.copied() {
        Ok(id) => format!("{name} #{id}: {text}"),
        Err(_) => format!("{name}: {text}"),
    };
    // Counted, so that a slow sink holds nothing of the block.
    if let Ok(log) = APP.log.get() {
        (log.0)(&line);
    }
}
