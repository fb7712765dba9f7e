//! The ambient: what a block binds, who sees it, and what is left when the block is gone.

mod blocks;
mod captures;
mod contexts;
mod executors;
mod futures;
mod groups;
mod locals;
mod resources;
mod tables;

use std::time::Duration;

use selvedge::testing::World;
use selvedge::{Till, thread};

/// Runs `f` on a new thread, which has nothing bound, and gives what it gave.
#[track_caller]
pub(crate) fn elsewhere<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    World::new().run(|| {
        thread::spawn("elsewhere", move |_stop| Ok(f()))
            .join_until(&Till::after(Duration::from_secs(10)))
            .expect("the thread returns a value in time")
    })
}

/// Runs `f`, which must panic with a text, and gives the text.
#[track_caller]
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let payload = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
        Ok(_) => panic!("it was to panic"),
        Err(payload) => payload,
    };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload
            .downcast::<&'static str>()
            .expect("a panic with a text")
            .to_string(),
    }
}
