//! Output that somebody wants all at once, and not line by line.
//!
//! # Invariants
//!
//! 1. While somebody collects, what is written is in `text`, and comes after what is in the queue. Nothing comes to
//!    the queue meanwhile, and it is not closed.
//! 2. Who collects and gives up loses nothing: the last one's text goes back to the queue. The engine puts it
//!    there; once it has nothing more to come (`has_ended`), whoever gave up does. The lock decides which.

use crate::primitive::Mutex;

#[derive(Default)]
pub(super) struct Collection(Mutex<State>);

#[derive(Default)]
struct State {
    text: Vec<u8>,
    /// How many collect.
    collectors: usize,
    has_ended: bool,
}

impl Collection {
    /// One collects from here on.
    pub(super) fn begin(&self) {
        self.0.lock().collectors += 1;
    }

    /// One collects no more. What it is to put into the queue, before it closes that (invariant 2).
    pub(super) fn leave(&self) -> Option<Vec<u8>> {
        let mut state = self.0.lock();
        state.collectors -= 1;
        let is_last = state.collectors == 0;
        (is_last && state.has_ended).then(|| core::mem::take(&mut state.text))
    }

    /// What there is.
    pub(super) fn take(&self) -> Vec<u8> {
        core::mem::take(&mut self.0.lock().text)
    }

    /// Is more to come here?
    pub(super) fn is_wanted(&self) -> bool {
        let state = self.0.lock();
        state.collectors > 0 && !state.has_ended
    }

    pub(super) fn push(&self, bytes: &[u8]) {
        self.0.lock().text.extend_from_slice(bytes);
    }

    /// If nobody collects any more: what is to go back to the queue.
    pub(super) fn take_back(&self) -> Option<Vec<u8>> {
        let mut state = self.0.lock();
        let is_free = state.collectors == 0 && !state.has_ended;
        is_free.then(|| core::mem::take(&mut state.text))
    }

    /// Nothing more is to come. If nobody collects any more: what is to go back to the queue.
    pub(super) fn end(&self) -> Option<Vec<u8>> {
        let mut state = self.0.lock();
        let is_free = state.collectors == 0 && !state.has_ended;
        state.has_ended = true;
        is_free.then(|| core::mem::take(&mut state.text))
    }
}
