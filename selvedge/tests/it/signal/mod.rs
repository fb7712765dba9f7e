//! Signals: set once, waited for, combined; what hangs on them is freed.

mod callbacks;
mod combinations;
mod flag;
mod leaks;
mod outside;
mod reasons;

use selvedge::probe::{self, Event};
use selvedge::{Signal, Till};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A bound for what should take no time at all.
fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

/// The timer wakes a waiter first, and takes the combination off its other operands then.
fn until_it_is_left(signal: &Signal) {
    let end = soon();
    while signal.links() > 0 {
        assert!(!end.is_set(), "{} links are left", signal.links());
        thread::yield_now();
    }
}

/// How many values of this kind are alive.
#[derive(Clone, Default)]
struct Alive(Arc<()>);

impl Alive {
    fn others(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

/// The panics of callbacks of the signal called `name`, as they are reported while `f` runs.
fn reported(name: &str, f: impl FnOnce()) -> Vec<String> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let subscription = probe::subscribe({
        let (heard, name) = (Arc::clone(&heard), format!("signal `{name}`"));
        move |event| {
            if let Event::CallbackPanicked { signal, message } = event
                && signal.to_string() == name
            {
                heard.lock().unwrap().push((*message).to_owned());
            }
        }
    });
    f();
    drop(subscription);
    let heard = heard.lock().unwrap();
    heard.clone()
}

/// Runs `f` on a thread with a stack of 128 KiB.
fn on_a_small_stack<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let small = thread::Builder::new().stack_size(128 << 10);
    small.spawn(f).unwrap().join().unwrap()
}
