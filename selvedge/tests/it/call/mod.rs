//! Open functions: what a call runs, in which order, with what arguments.

mod arguments;
mod async_groutines;
mod async_local;
mod async_seen;
mod bindings;
mod breakpoints;
mod concurrent;
mod expectations;
mod explanations;
mod groutines;
mod here;
mod here_async;
mod hooks;
mod limits;
mod names;
mod open_async;
mod open_kinds;
mod open_traits;
mod panics;
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

/// Is nothing left of what was attached: is it as quiet as a function to which nothing ever was?
///
/// Not quite quiet, because the first strict context of the process, which is another test's, arms all of them, one
/// after the other, and a groutine that was woken does so for a while.
pub(crate) fn is_quiet(site: &impl std::fmt::Debug) -> bool {
    #[selvedge::open]
    fn untouched() {}

    fn armed(site: &impl std::fmt::Debug) -> String {
        let text = format!("{site:?}");
        let at = text.find("armed: ").expect("a site tells it");
        text[at..].chars().take_while(|c| *c != ',').collect()
    }

    untouched();
    (0..10_000).any(|_| {
        std::thread::yield_now();
        armed(site) == armed(untouched::__site())
    })
}
