//! Open functions: what a call runs, in which order, with what arguments.

mod arguments;
mod bindings;
mod concurrent;
mod expectations;
mod explanations;
mod groutines;
mod here;
mod hooks;
mod limits;
mod names;
mod open_async;
mod open_kinds;
mod open_traits;
mod patches;
mod recursion;
mod scenario;
mod strict;
mod watch;
mod worlds;

use std::cell::RefCell;

std::thread_local! {
    static TRAIL: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Notes that something ran, on this thread.
pub(crate) fn step(name: &'static str) {
    TRAIL.with_borrow_mut(|trail| trail.push(name));
}

/// What ran since the last call, on this thread.
pub(crate) fn trail() -> Vec<&'static str> {
    TRAIL.take()
}

/// Starts a thread outside every tree.
pub(crate) fn alien<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<T> {
    std::thread::Builder::new()
        .spawn(f)
        .expect("there is a thread to be had")
}
