//! The loop that delivers the batches of a batch queue.
//!
//! The invariants that are cited stand in [`batch`](super::batch).

use std::collections::VecDeque;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::primitive::{drop_caught, text_of};
use crate::probe::{self, Event};
use crate::signal::{self, Signal, Till, shield};
use crate::sync::batch::batch::{BatchQueue, Entry, Shared};
use crate::sync::batch::error::Undelivered;
use crate::sync::{PopUntilError, TryPopError};

type Failure = Box<dyn Error + Send + Sync>;

/// What was taken out of the queue and is not delivered.
struct Hand<T> {
    items: Vec<T>,
    /// Functions, each with how many of `items` come before it.
    after: VecDeque<(usize, Box<dyn FnOnce() + Send>)>,
    /// Somebody waits for what is in it.
    is_due: bool,
}

/// Is more to come?
#[derive(PartialEq, Eq)]
enum More {
    Perhaps,
    Never,
}

impl<T> BatchQueue<T> {
    /// Hands batches to `sink` until the queue is stopped, or the calling thread is asked to stop; then
    /// everything that was accepted is delivered, in batches, with the stop hidden from the sink.
    ///
    /// `Ok` of the sink means that the batch is delivered. With an error, what it leaves in the vector is
    /// not; that is tried again, in order, after each period, and each failure is reported as
    /// [`Event::SinkFailed`](crate::probe::Event::SinkFailed). A sink removes from the front what it has
    /// delivered. It is never called with an empty batch.
    ///
    /// # Stopping
    ///
    /// See above: it ends after the last flush, without an error.
    ///
    /// # Errors
    ///
    /// [`Undelivered`] – the last flush failed. It is not tried again. [`stop`](Self::stop) gives the same.
    ///
    /// # Panics
    ///
    /// If the sink does; then the queue is closed and `stop` hands back what was not delivered. Or if the
    /// queue is, or was, served by another call.
    ///
    /// # Examples
    ///
    /// ```
    /// # use selvedge::sync::BatchQueue;
    /// # use std::time::Duration;
    /// let rows = BatchQueue::named("rows", 2, Duration::from_secs(1));
    /// rows.extend(1..=3)?;
    /// rows.close();
    /// let mut written = Vec::new();
    /// let served = rows.serve(|batch| {
    ///     written.push(batch.remove(0)); // delivered; then the disk is full
    ///     Err("disk full")
    /// });
    /// assert_eq!(served.unwrap_err().take_items(), [2, 3]);
    /// assert_eq!(written, [1]);
    /// # Ok::<(), selvedge::sync::PushError<Vec<i32>>>(())
    /// ```
    #[track_caller]
    pub fn serve<E>(
        &self,
        mut sink: impl FnMut(&mut Vec<T>) -> Result<(), E>,
    ) -> Result<(), Undelivered<T>>
    where
        E: Into<Failure>,
    {
        let shared = &*self.0;
        let again = core::mem::replace(&mut shared.state.lock().taken, true);
        assert!(!again, "{} is served already", shared.label);
        let mut hand = Hand {
            items: Vec::new(),
            after: VecDeque::new(),
            is_due: false,
        };
        let mut sink = |items: &mut Vec<T>| sink(items).map_err(Into::into);
        let served = catch_unwind(AssertUnwindSafe(|| shared.run(&mut hand, &mut sink)));
        shared.close(); // invariant 2
        let (failure, payload) = match served {
            Ok(Ok(())) => (None, None),
            Ok(Err(failure)) => (Some(failure), None),
            Err(payload) => (Some("the sink panicked".into()), Some(payload)),
        };
        let mut dropped: Vec<_> = hand.after.into_iter().map(|(_, f)| f).collect();
        let ended = failure.map_or(Ok(()), |failure| {
            let mut items = hand.items;
            for entry in shared.queue.pop_all() {
                match entry {
                    Entry::Item(item) => items.push(item),
                    Entry::After(f) | Entry::Now(f) => dropped.push(f),
                }
            }
            let lost = Undelivered::new(failure, items, shared.label.clone());
            shared.state.lock().lost = Some(lost.clone());
            Err(lost)
        });
        for f in dropped {
            drop_caught(f);
        }
        shared.served.set(); // invariant 3
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
        ended
    }
}

impl<T> Shared<T> {
    fn run(
        &self,
        hand: &mut Hand<T>,
        sink: &mut dyn FnMut(&mut Vec<T>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let stop = signal::stop();
        // Looked at before each batch: what is ready comes before a stop, so waits alone may never see one.
        let over = || stop.is_set() || self.closing.is_set();
        while !over() && self.fill(hand, &stop) == More::Perhaps {
            if self.deliver(hand, sink).is_err()
                && Till::after(self.period).wait_until(&self.closing).is_err()
            {
                break; // closed or asked to stop: the last flush tries once more
            }
        }
        self.close(); // invariant 2
        shield(|| {
            loop {
                self.top_up(hand);
                if hand.items.is_empty() {
                    return Ok(()); // closed: what `top_up` did not find never comes
                }
                self.deliver(hand, sink)?;
            }
        })
    }

    /// Fills the hand to a batch, or for a period from its first item.
    fn fill(&self, hand: &mut Hand<T>, stop: &Signal) -> More {
        hand.is_due = false;
        if !hand.items.is_empty() {
            self.top_up(hand); // what failed has waited its period
            return More::Perhaps;
        }
        while hand.items.is_empty() {
            match self.queue.pop() {
                Ok(entry) => self.take(hand, entry),
                Err(_) => return More::Never,
            }
            if stop.is_set() {
                return More::Never;
            }
        }
        let due = Till::after(self.period);
        while hand.items.len() < self.batch && !hand.is_due {
            match self.queue.pop_until(&due) {
                Ok(entry) => self.take(hand, entry),
                Err(PopUntilError::Expired) => break,
                Err(PopUntilError::Closed | PopUntilError::Stopped(_)) => return More::Never,
            }
            if due.is_set() {
                break; // functions alone never fill a batch
            }
            if stop.is_set() {
                return More::Never;
            }
        }
        More::Perhaps
    }

    /// Fills the hand with what is there now; what is pushed meanwhile may have to wait.
    fn top_up(&self, hand: &mut Hand<T>) {
        for _ in 0..self.queue.len() {
            if hand.items.len() >= self.batch {
                break;
            }
            match self.queue.try_pop() {
                Ok(entry) => self.take(hand, entry),
                Err(TryPopError::Empty | TryPopError::Closed) => break,
            }
        }
    }

    fn take(&self, hand: &mut Hand<T>, entry: Entry<T>) {
        match entry {
            Entry::Item(item) => hand.items.push(item),
            Entry::After(f) | Entry::Now(f) if hand.items.is_empty() => self.call(f),
            Entry::After(f) => hand.after.push_back((hand.items.len(), f)),
            Entry::Now(f) => {
                hand.is_due = true;
                hand.after.push_back((hand.items.len(), f));
            }
        }
    }

    fn deliver(
        &self,
        hand: &mut Hand<T>,
        sink: &mut dyn FnMut(&mut Vec<T>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let before = hand.items.len();
        let sent = catch_unwind(AssertUnwindSafe(|| sink(&mut hand.items)));
        if let Ok(Ok(())) = sent {
            drop_caught(core::mem::take(&mut hand.items));
        }
        let items = hand.items.len();
        let delivered = before.saturating_sub(items);
        for (before, _) in &mut hand.after {
            *before = before.saturating_sub(delivered);
        }
        while hand.after.front().is_some_and(|(before, _)| *before == 0) {
            let (_, f) = hand.after.pop_front().expect("it was looked at");
            self.call(f);
        }
        let queue = &self.label;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => {
                let told = &text_of(&failure);
                probe::emit(&Event::SinkFailed {
                    queue,
                    failure: told,
                    items,
                });
                Err(failure)
            }
            Err(payload) => {
                let failure = &"it panicked";
                probe::emit(&Event::SinkFailed {
                    queue,
                    failure,
                    items,
                });
                resume_unwind(payload)
            }
        }
    }

    /// Runs a function of `after_batch`: an action of a set signal, whose panics are reported.
    fn call(&self, f: Box<dyn FnOnce() + Send>) {
        let delivered = Signal::named(&self.label.to_string());
        delivered.set();
        delivered.on_set(f).forever();
    }
}
