//! The slow half of a queue: waiting for room, and for elements.
//!
//! The invariants that are cited stand in [`queue`](super::queue).

use core::panic::Location;

use crate::primitive::Arc;
use crate::signal::{self, Signal, Stopped, WaitSite, Waiter, Woken};
use crate::sync::error::{PopUntilError, PushUntilError, TryPopError};
use crate::sync::queue::Queue;
use crate::sync::state::{Popping, Pushing};

/// What ended a wait.
enum Ended {
    Expired,
    Stopped(Stopped),
}

impl<T> Queue<T> {
    #[cold]
    pub(super) fn push_slow(
        &self,
        element: T,
        front: bool,
        until: Option<&Signal>,
        at: &'static Location<'static>,
    ) -> Result<(), PushUntilError<T>> {
        let stop = signal::stop();
        let signals = [until.unwrap_or(&stop), &stop];
        let mut element = Some(element);
        let mut rejected = false;
        let mut waked = None;
        let waited = Waiter::wait_notified(&signals, self.site(at), |waiter| {
            let mut state = self.0.state.lock();
            if state.closed {
                rejected = true;
                return None;
            }
            let element = element.take()?;
            if state.items.len() < self.0.bound && state.pushing.is_empty() {
                state.insert(element, front); // room came meanwhile
                waked = state.popping.pop_front();
                return None;
            }
            let id = state.number();
            state.pushing.push_back(Pushing {
                id,
                element,
                front,
                waiter: Arc::clone(waiter),
            });
            if self.0.bound == 0 {
                waked = state.popping.pop_front(); // it takes the element from `pushing`
            }
            drop(state);
            if let Some(popping) = waked.take() {
                popping.waiter.notify();
            }
            Some(id)
        });
        if let Some(popping) = waked {
            popping.waiter.notify();
        }
        let Some((id, woken)) = waited else {
            return match element {
                Some(element) if rejected => Err(PushUntilError::Closed(element)),
                _ => Ok(()),
            };
        };
        // Taken meanwhile: it was pushed, whatever else happened (invariant 2).
        let Some((element, closed)) = self.take_back(id) else {
            return Ok(());
        };
        match ended(woken, until, &stop) {
            None => Err(PushUntilError::Closed(element)),
            Some(_) if closed => Err(PushUntilError::Closed(element)),
            Some(Ended::Expired) => Err(PushUntilError::Expired(element)),
            Some(Ended::Stopped(stopped)) => Err(PushUntilError::Stopped(element, stopped)),
        }
    }

    /// The element of producer `id`, if no pop has taken it; and whether the queue is closed.
    fn take_back(&self, id: u64) -> Option<(T, bool)> {
        let mut state = self.0.state.lock();
        let at = state.pushing.iter().position(|pushing| pushing.id == id)?;
        let pushing = state.pushing.remove(at)?;
        Some((pushing.element, state.closed))
    }

    #[cold]
    pub(super) fn pop_slow(
        &self,
        until: Option<&Signal>,
        at: &'static Location<'static>,
    ) -> Result<T, PopUntilError> {
        let stop = signal::stop();
        let signals = [until.unwrap_or(&stop), &stop];
        let mut place = None;
        loop {
            let mut found = None;
            let waited = Waiter::wait_notified(&signals, self.site(at), |waiter| {
                let mut state = self.0.state.lock();
                let (element, pushed) = state.take(self.0.bound);
                if element.is_some() || state.closed {
                    found = Some((element, pushed));
                    return None;
                }
                let id = place.unwrap_or_else(|| state.number());
                state.enqueue(Popping {
                    id,
                    waiter: Arc::clone(waiter),
                });
                Some(id)
            });
            let Some((id, woken)) = waited else {
                return match found {
                    Some((Some(element), pushed)) => {
                        if let Some(waiter) = pushed {
                            waiter.notify();
                        }
                        Ok(element)
                    }
                    _ => Err(PopUntilError::Closed),
                };
            };
            place = Some(id); // woken and too late: it keeps its place
            self.leave(id);
            // What is ready comes first, also if the wait ended for another reason (invariant 3).
            match self.try_pop() {
                Ok(element) => return Ok(element),
                Err(TryPopError::Closed) => return Err(PopUntilError::Closed),
                Err(TryPopError::Empty) => {}
            }
            match ended(woken, until, &stop) {
                None => {}
                Some(Ended::Expired) => return Err(PopUntilError::Expired),
                Some(Ended::Stopped(stopped)) => return Err(PopUntilError::Stopped(stopped)),
            }
        }
    }

    /// Takes a consumer out of the waiting ones, if nobody has notified it.
    fn leave(&self, id: u64) {
        let mut state = self.0.state.lock();
        if let Ok(at) = state
            .popping
            .binary_search_by_key(&id, |popping| popping.id)
        {
            state.popping.remove(at);
        }
    }

    fn site(&self, at: &'static Location<'static>) -> WaitSite {
        WaitSite::new("queue", self.0.name.as_deref(), at)
    }
}

/// What a wait that was not for nothing ended by.
fn ended(woken: Woken, until: Option<&Signal>, stop: &Signal) -> Option<Ended> {
    match woken {
        Woken::Notified => None,
        Woken::Signal(0) if until.is_some() => Some(Ended::Expired),
        Woken::Signal(_) => Some(Ended::Stopped(Stopped::by(stop))),
    }
}
