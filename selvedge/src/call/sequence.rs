//! The order in which expected calls are to come.
//!
//! # Invariants
//!
//! 1. Turns are only ever added.
//! 2. A turn takes a call only when every earlier one has had as many as it needs, and no later one has had any.

use core::fmt;
use core::panic::Location;

use crate::call::calls::Calls;
use crate::call::site::Function;
use crate::primitive::{Arc, Mutex};

/// An order between expectations; see [`Expectation::in_order`](crate::call::Expectation::in_order).
///
/// A clone is the same order.
#[derive(Clone, Default)]
pub struct Sequence(Arc<Mutex<Vec<Turn>>>);

/// One expectation, as its sequence knows it.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    function: &'static Function,
    calls: Calls,
    at: &'static Location<'static>,
    count: u64,
}

/// Why a turn may not take a call.
pub(super) enum Refusal {
    /// It has had as many as it may.
    UsedUp(u64),
    /// An earlier one has not had enough.
    Early(Turn),
    /// A later one has begun.
    Late(Turn),
}

impl Turn {
    pub(super) fn new(
        function: &'static Function,
        calls: Calls,
        at: &'static Location<'static>,
    ) -> Self {
        Self {
            function,
            calls,
            at,
            count: 0,
        }
    }
}

impl Sequence {
    /// An order without expectations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn add(&self, turn: Turn) -> usize {
        let mut turns = self.0.lock();
        turns.push(turn);
        turns.len() - 1
    }

    /// Are they the same?
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// May the turn take a call now?
    pub(super) fn may(&self, at: usize) -> Result<(), Refusal> {
        may(&self.0.lock(), at)
    }

    pub(super) fn take(&self, at: usize) -> Result<(), Refusal> {
        let mut turns = self.0.lock();
        may(&turns, at)?;
        turns[at].count += 1;
        Ok(())
    }

    pub(super) fn count(&self, at: usize) -> u64 {
        self.0.lock()[at].count
    }

    /// The count, which begins anew.
    pub(super) fn reset(&self, at: usize) -> u64 {
        core::mem::take(&mut self.0.lock()[at].count)
    }
}

/// Invariant 2.
fn may(turns: &[Turn], at: usize) -> Result<(), Refusal> {
    let is_short = |turn: &&Turn| turn.count < turn.calls.least();
    if let Some(later) = turns[at + 1..].iter().find(|turn| turn.count > 0) {
        return Err(Refusal::Late(*later));
    }
    if turns[at].count >= turns[at].calls.most() {
        return Err(Refusal::UsedUp(turns[at].count));
    }
    match turns[..at].iter().find(is_short) {
        Some(earlier) => Err(Refusal::Early(*earlier)),
        None => Ok(()),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UsedUp(0) => f.write_str("there may be none"),
            Self::UsedUp(n) => write!(f, "there were {n} already"),
            Self::Early(turn) => write!(f, "it is too early: before it, {turn}"),
            Self::Late(turn) => write!(f, "it is too late: after it, {turn}"),
        }
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            function,
            calls,
            at,
            count,
        } = self;
        let path = function.path();
        write!(f, "{calls} of `{path}` (at {at}), got {count}")
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turns = self.0.lock().clone();
        f.debug_list()
            .entries(turns.iter().map(|turn| turn.to_string()))
            .finish()
    }
}
