//! Profiles: the calls of functions are spans of [`probe`](crate::probe), on all threads, while somebody wants them.

use crate::call::glob::{BadPattern, Glob};
use crate::call::hook::next_id;
use crate::call::met::{self, Purpose};

/// Calls of functions whose paths match are spans until this is dropped.
#[derive(Debug)]
pub(crate) struct Measured {
    number: u64,
    glob: Glob,
}

impl Measured {
    /// From now on.
    pub(crate) fn start(pattern: &str) -> Result<Self, BadPattern> {
        let (glob, number) = (Glob::new(pattern)?, next_id());
        met::start(number, &glob, Purpose::Measure);
        Ok(Self { number, glob })
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        met::stop(self.number, &self.glob, Purpose::Measure);
    }
}
