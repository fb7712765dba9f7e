//! The verbs that a plain ring does not have: front, force, unique, many at once, any of several queues.

mod any;
mod full;
mod go;
mod levels;
mod model;
mod producers;
mod unique;

use std::thread;

/// Starts a thread outside every tree.
fn outside(body: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::Builder::new().spawn(body).unwrap()
}
