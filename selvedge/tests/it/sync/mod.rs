//! Queues: nothing is lost, nothing doubled, everybody wakes.

mod many_threads;
mod one_thread;

use selvedge::thread as tree;
use selvedge::{Signal, Till};
use std::thread;
use std::time::Duration;

/// A bound for what should take no time at all.
pub(crate) fn soon() -> Signal {
    Till::after(Duration::from_secs(60))
}

/// Waits until the thread called `path` below this world sleeps on something.
pub(crate) fn until_it_waits(name: &str) {
    loop {
        let tree = tree::tree();
        if tree
            .nodes()
            .iter()
            .any(|node| node.name() == name && node.waits_for().is_some())
        {
            return;
        }
        thread::yield_now();
    }
}
