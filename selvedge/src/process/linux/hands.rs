//! In whose hands each process is: the engine's, or those of a thread that waits for it.
//!
//! # Invariants
//!
//! 1. Who has taken a process is alone with it, holds no lock meanwhile, and puts it back.
//! 2. What is wanted of a process that a waiting thread has is noted, and the thread recalled; it is wanted again
//!    when the process is back.
//! 3. No process is dropped under the lock: that sets signals.

use std::collections::HashMap;

use rustix::process::Pid;

use crate::primitive::Mutex;
use crate::process::linux::watched::{Look, Watched};
use crate::signal::Signal;

/// The processes by their numbers.
#[derive(Default)]
pub(super) struct Hands(Mutex<HashMap<u64, Place>>);

enum Place {
    /// Nobody has looked at it since it was started.
    New(Box<Watched>),
    There(Box<Watched>),
    /// The engine has it.
    Taken,
    /// A thread that waits for it has it.
    Lent(Box<Loan>),
}

struct Loan {
    leader: Pid,
    recall: Signal,
    /// What is wanted (invariant 2).
    looks: Vec<Look>,
}

/// What became of a try to take a process.
pub(super) enum Taken {
    /// Here it is; is it new?
    There(Box<Watched>, bool),
    /// A waiting thread has it.
    Away,
    Unknown,
}

impl Place {
    fn process(&self) -> Option<&Watched> {
        match self {
            Self::New(process) | Self::There(process) => Some(process),
            Self::Taken | Self::Lent(_) => None,
        }
    }
}

impl Hands {
    /// One is started. The kernel tells what happens to it from here on: is there nothing to do before that?
    pub(super) fn enter(&self, mut process: Box<Watched>) -> bool {
        let mut places = self.0.lock();
        let is_listening = process.listen();
        places.insert(process.key(), Place::New(process));
        is_listening
    }

    /// Has nobody looked at it yet?
    pub(super) fn is_new(&self, key: u64) -> bool {
        matches!(self.0.lock().get(&key), Some(Place::New(_)))
    }

    /// For the engine, because of what the kernel tells. That is told again as long as it is so.
    pub(super) fn take(&self, key: u64) -> Taken {
        match self.0.lock().get_mut(&key) {
            Some(place) => take(place),
            None => Taken::Unknown,
        }
    }

    /// For the engine, because of what somebody wants.
    pub(super) fn take_for(&self, key: u64, look: Look) -> Taken {
        let recall = match self.0.lock().get_mut(&key) {
            Some(Place::Lent(loan)) => {
                loan.looks.push(look); // invariant 2
                loan.recall.clone()
            }
            Some(place) => return take(place),
            None => return Taken::Unknown,
        };
        recall.set();
        Taken::Away
    }

    /// The engine has done with it for now.
    pub(super) fn put(&self, process: Box<Watched>) {
        let _ = self.put_back(process);
    }

    /// Could a thread that waits for it have it now?
    pub(super) fn may_lend(&self, key: u64) -> bool {
        let places = self.0.lock();
        let process = places.get(&key).and_then(Place::process);
        process.is_some_and(Watched::is_quiet)
    }

    /// For a thread that waits for it: is it new? It comes back when `recall` is set.
    pub(super) fn lend(&self, key: u64, recall: &Signal) -> Option<(Box<Watched>, bool)> {
        let mut places = self.0.lock();
        let place = places.get_mut(&key)?;
        let loan = Place::Lent(Box::new(Loan {
            leader: place.process().filter(|it| it.is_quiet())?.leader,
            recall: recall.clone(),
            looks: Vec::new(),
        }));
        match core::mem::replace(place, loan) {
            Place::New(process) => Some((process, true)),
            Place::There(process) => Some((process, false)),
            Place::Taken | Place::Lent(_) => unreachable!("it was there"),
        }
    }

    /// What was wanted meanwhile of one that was lent. One of which nothing is left is forgotten.
    pub(super) fn put_back(&self, process: Box<Watched>) -> Vec<Look> {
        let key = process.key();
        let (before, _gone) = {
            let mut places = self.0.lock();
            match places.get_mut(&key) {
                Some(_) if process.is_done() => (places.remove(&key), Some(process)),
                Some(place) => (Some(core::mem::replace(place, Place::There(process))), None),
                None => (None, Some(process)), // the engine has ended
            }
        }; // invariant 3
        match before {
            Some(Place::Lent(loan)) => loan.looks,
            _ => Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Those whose time has passed.
    pub(super) fn due(&self) -> Vec<u64> {
        let places = self.0.lock();
        let is_due = |place: &Place| place.process().is_some_and(Watched::is_due);
        let due = places.iter().filter(|(_, place)| is_due(place));
        due.map(|(key, _)| *key).collect()
    }

    /// The leaders of all that are not reaped, or not known to be.
    pub(super) fn leaders(&self) -> Vec<Pid> {
        let leader = |place: &Place| match place {
            Place::Lent(loan) => Some(loan.leader),
            place => {
                let there = place.process().filter(|it| it.pidfd.is_some());
                there.map(|process| process.leader)
            }
        };
        self.0.lock().values().filter_map(leader).collect()
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        let all = core::mem::take(&mut *self.0.lock());
        drop(all); // invariant 3
    }
}

fn take(place: &mut Place) -> Taken {
    if let Place::Lent(_) = place {
        return Taken::Away;
    }
    match core::mem::replace(place, Place::Taken) {
        Place::New(process) => Taken::There(process, true),
        Place::There(process) => Taken::There(process, false),
        Place::Taken | Place::Lent(_) => unreachable!("the engine has one at a time"),
    }
}
