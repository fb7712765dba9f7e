//! The logger of the crate `log`, if the program has no other: it hands records to who takes them, a log, or the line
//! to a worker's other side.
//!
//! # Invariants
//!
//! 1. No lock is held while a record is taken.
//! 2. The last of `TAKERS` takes records, nobody else, and `log` lets through what that one wants.

use core::fmt::{self, Display};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use log::kv::{Error, Key, Source, Value, VisitSource};
use log::{LevelFilter, Metadata, Record};

use crate::primitive::{Arc, RwLock};

/// Who takes records.
pub(crate) trait Taker: Send + Sync {
    /// Those that matter at least so much.
    fn max(&self) -> LevelFilter;

    /// Takes a record, unless it matters too little.
    fn take(&self, record: &Record<'_>);

    fn flush(&self);
}

/// There is one for a process, and it stays. It has a size, so that nothing else has its address.
struct Logger {
    _size: u8,
}

static LOGGER: Logger = Logger { _size: 0 };
/// A user's static in spirit: it is in no model.
static TAKERS: RwLock<Vec<(usize, Arc<dyn Taker>)>> = RwLock::new(Vec::new());
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Somebody takes records until this is dropped.
#[derive(Debug)]
pub(crate) struct Taking(usize);

/// Before whom somebody takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Before all that are there.
    #[cfg(feature = "observe")]
    First,
    /// If nobody else does.
    #[cfg(all(selvedge_process, feature = "worker"))]
    Last,
}

/// Has `taker` take records from now on. `None`: the program has another logger.
pub(crate) fn take_records(taker: Arc<dyn Taker>, rank: Rank) -> Option<Taking> {
    let is_logger = || core::ptr::addr_eq(log::logger(), &raw const LOGGER);
    if log::set_logger(&LOGGER).is_err() && !is_logger() {
        return None;
    }
    let id = NEXT.fetch_add(1, Relaxed);
    let mut takers = TAKERS.write().unwrap_or_else(PoisonError::into_inner);
    let at = match rank {
        #[cfg(feature = "observe")]
        Rank::First => takers.len(),
        #[cfg(all(selvedge_process, feature = "worker"))]
        Rank::Last => 0,
    };
    takers.insert(at, (id, taker));
    let_through(&takers);
    Some(Taking(id))
}

impl Drop for Taking {
    fn drop(&mut self) {
        let gone = {
            let mut takers = TAKERS.write().unwrap_or_else(PoisonError::into_inner);
            let at = takers.iter().position(|(id, _)| *id == self.0);
            let gone = at.map(|at| takers.remove(at));
            let_through(&takers);
            gone
        };
        drop(gone); // perhaps the last handle of a writer of the user's: not under the lock
    }
}

fn let_through(takers: &[(usize, Arc<dyn Taker>)]) {
    log::set_max_level(takers.last().map_or(LevelFilter::Off, |(_, it)| it.max()));
}

fn taker() -> Option<Arc<dyn Taker>> {
    let takers = TAKERS.read().unwrap_or_else(PoisonError::into_inner);
    takers.last().map(|(_, taker)| Arc::clone(taker))
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !is_event(metadata.target()) && taker().is_some_and(|it| metadata.level() <= it.max())
    }

    fn log(&self, record: &Record<'_>) {
        if !is_event(record.target())
            && let Some(taker) = taker()
        {
            taker.take(record);
        }
    }

    fn flush(&self) {
        if let Some(taker) = taker() {
            taker.flush();
        }
    }
}

/// Events of the library reach who takes records by themselves.
fn is_event(target: &str) -> bool {
    target == "selvedge" || target.starts_with("selvedge::context::")
}

/// ` key=value` for each.
pub(crate) struct Values<'v>(pub(crate) &'v dyn Source);

impl Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Each<'a, 'f>(&'a mut fmt::Formatter<'f>);
        impl<'kvs> VisitSource<'kvs> for Each<'_, '_> {
            fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
                Ok(write!(self.0, " {key}={value:?}")?)
            }
        }
        self.0.visit(&mut Each(f)).map_err(|_| fmt::Error)
    }
}
