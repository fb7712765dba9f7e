//! Races of two or three threads on one word, every interleaving of them, by loom.
//!
//! ```text
//! RUSTFLAGS="--cfg selvedge_loom" LOOM_MAX_PREEMPTIONS=2 cargo test -p selvedge --release --test loom
//! ```
//!
//! Without `LOOM_MAX_PREEMPTIONS` the bound is 2. A lost wake-up is a deadlock here, and loom reports it;
//! data without a happens-before edge is a `Cell` below, and loom reports that too. Which mistake each
//! model was seen to catch is in `MODELS.md`.
//!
//! Loom tries two orders of two accesses only if nothing else touched the word in between: a thread that
//! reads a word and then writes it hides earlier reads of others. So every race here has a twin in
//! `sched`, and a model with a single interleaving fails.
#![cfg(selvedge_loom)]

#[path = "models/combine.rs"]
mod combine;
#[cfg(unix)]
#[path = "models/descriptor.rs"]
mod descriptor;
#[path = "models/lock.rs"]
mod lock;
#[path = "models/queue.rs"]
mod queue;
#[path = "models/set.rs"]
mod set;
#[path = "models/signal.rs"]
mod signal_models;
#[path = "models/small.rs"]
mod small;
#[path = "models/till.rs"]
mod till;
#[path = "models/tree.rs"]
mod tree;
#[path = "models/waits.rs"]
mod waits;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use loom::cell::UnsafeCell;

const PREEMPTIONS: usize = 2;

fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(PREEMPTIONS));
    builder.max_branches = 10_000;
    let runs = Arc::new(AtomicUsize::new(0));
    builder.check({
        let runs = Arc::clone(&runs);
        move || {
            runs.fetch_add(1, SeqCst);
            body();
        }
    });
    println!("{} interleavings", runs.load(SeqCst));
    assert!(
        runs.load(SeqCst) > 1,
        "a model without a choice models nothing"
    );
}

/// A word that is not atomic: loom complains when an access to it is not ordered after the last write.
struct Cell(UnsafeCell<u32>);

// SAFETY: every access goes through loom's cell, which checks that no two of them race.
unsafe impl Sync for Cell {}

impl Cell {
    fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(0)))
    }

    fn write(&self, value: u32) {
        // SAFETY: the pointer is good inside the closure, and loom checks for other accesses.
        self.0.with_mut(|word| unsafe { *word = value });
    }

    fn read(&self) -> u32 {
        // SAFETY: as in `write`.
        self.0.with(|word| unsafe { *word })
    }
}

/// How often something has happened; no point of choice for loom.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn up(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}
