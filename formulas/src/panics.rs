//! A panic of a plugin is an error of its statement, and is reported as one.
//!
//! Rust's panic hook would also print it, at once, from the worker's thread, into the middle of
//! what the main thread prints. So while statements are evaluated there is a hook that keeps the
//! place of a panic that [`catch`] will catch, and hands every other panic to the hook that was
//! there before, which is put back at the end.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Arc;

thread_local! {
    /// Whether the thread is inside [`catch`].
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    /// Where the last panic inside [`catch`] was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug)]
pub(crate) struct Caught {
    /// The file and line, if the hook saw it.
    pub(crate) place: Option<String>,
    /// What it said.
    pub(crate) message: String,
}

/// Runs `f`, which belongs to somebody else, and catches its panic.
///
/// What `f` changes must not matter after a panic: it gets numbers and returns one.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Caught> {
    let outer = CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    CATCHING.set(outer);
    result.map_err(|payload| Caught {
        place: PLACE.take(),
        message: message(&*payload),
    })
}

/// Runs `f` with panics inside [`catch`] kept quiet, on whatever thread.
pub(crate) fn quietly<R>(f: impl FnOnce() -> R) -> R {
    let before: Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync> = Arc::from(panic::take_hook());
    let other = Arc::clone(&before);
    panic::set_hook(Box::new(move |info| {
        if CATCHING.get() {
            let place = info
                .location()
                .map(|at| format!("{}:{}", at.file(), at.line()));
            PLACE.set(place);
        } else {
            other(info);
        }
    }));
    let result = f();
    panic::set_hook(Box::new(move |info| before(info)));
    result
}

/// The text of a panic.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}
