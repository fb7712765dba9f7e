//! The subscribers, and standard error for what nobody receives.

use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::primitive::{Arc, RwLock, drop_caught, text_of};
use crate::probe::Event;

type Listener = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// A listener and its number.
struct Entry {
    id: usize,
    listener: Listener,
    /// It only looks on: what nobody else receives is printed all the same.
    looks_on: bool,
}

/// Who listens, newest last. A user's static in spirit: it is not part of any model.
static SINK: RwLock<Vec<Entry>> = RwLock::new(Vec::new());
/// How many listen; a hint for the quiet case, so `Relaxed` is enough.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);
/// How many of them want details; as above.
static CURIOUS: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Tells the subscribers that `event` happened.
pub(crate) fn emit(event: &Event<'_>) {
    let logged = log(event);
    let heard = LISTENERS.load(Relaxed) != 0 && emit_slow(event);
    if !heard && event.is_loss() && !logged {
        print(event);
    }
}

/// Does anybody want to hear of events that are only details? One relaxed load, and one for each kind of logging.
#[inline]
pub(crate) fn wants_details() -> bool {
    #[cfg(feature = "log")]
    if ::log::max_level() >= ::log::LevelFilter::Debug {
        return true;
    }
    #[cfg(feature = "tracing")]
    if ::tracing::level_filters::LevelFilter::current() >= ::tracing::Level::DEBUG {
        return true;
    }
    CURIOUS.load(Relaxed) != 0
}

/// Hands the event to the logging of the program. Does anybody want it?
#[cfg(any(feature = "log", feature = "tracing"))]
fn log(event: &Event<'_>) -> bool {
    let targets: &[fn(&Event<'_>) -> bool] = &[
        #[cfg(feature = "log")]
        super::log::forward,
        #[cfg(feature = "tracing")]
        super::tracing::forward,
    ];
    let mut logged = false;
    for forward in targets {
        match panic::catch_unwind(AssertUnwindSafe(|| forward(event))) {
            Ok(wanted) => logged |= wanted,
            Err(payload) => drop_caught(payload), // invariant 1
        }
    }
    logged
}

#[cfg(not(any(feature = "log", feature = "tracing")))]
fn log(_event: &Event<'_>) -> bool {
    false
}

/// Is any listener more than an onlooker?
#[cold]
fn emit_slow(event: &Event<'_>) -> bool {
    let (heard, listeners): (bool, Vec<Listener>) = {
        let sink = SINK.read().unwrap_or_else(|e| e.into_inner());
        let listeners = sink.iter().map(|entry| Arc::clone(&entry.listener));
        (
            sink.iter().any(|entry| !entry.looks_on),
            listeners.collect(),
        )
    };
    for listener in &listeners {
        // A listener's panic must not become the panic of the thread that it watches (invariant 1).
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| listener(event))) {
            print(event);
            drop_caught(payload);
        }
    }
    drop_caught(listeners); // perhaps the last handles: a subscription may have ended meanwhile
    heard
}

/// One line, in one write, so that lines of several threads do not mix.
#[cold]
pub(crate) fn print(event: &Event<'_>) {
    let line = format!("selvedge: {}\n", text_of(event));
    // There is nobody left to tell when standard error is gone.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// Calls `listener` for every event from now on, on the thread where it happens.
///
/// The listener must be quick and must not wait for other threads: what it observes waits for it.
/// With at least one subscriber, nothing is printed on standard error by the library itself.
///
/// # Examples
///
/// ```
/// use selvedge::probe;
///
/// let _heard = probe::subscribe(|event| eprintln!("{event}"));
/// ```
pub fn subscribe(listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Subscription {
    add(Arc::new(listener), true, false)
}

/// The same for somebody who can do without events that are only details.
#[cfg(any(feature = "observe", all(selvedge_process, feature = "worker")))]
pub(crate) fn subscribe_to_news(
    listener: impl Fn(&Event<'_>) + Send + Sync + 'static,
) -> Subscription {
    add(Arc::new(listener), false, false)
}

/// The same as [`subscribe`], but what nobody else receives is printed as if nobody listened; for one that can do
/// without events that are only details, if it is not curious.
#[cfg(feature = "inspect")]
pub(crate) fn look_on(
    is_curious: bool,
    listener: impl Fn(&Event<'_>) + Send + Sync + 'static,
) -> Subscription {
    add(Arc::new(listener), is_curious, true)
}

fn add(listener: Listener, is_curious: bool, looks_on: bool) -> Subscription {
    let id = NEXT.fetch_add(1, Relaxed);
    CURIOUS.fetch_add(usize::from(is_curious), Relaxed);
    let entry = Entry {
        id,
        listener,
        looks_on,
    };
    SINK.write().unwrap_or_else(|e| e.into_inner()).push(entry);
    LISTENERS.fetch_add(1, Relaxed);
    Subscription { id, is_curious }
}

/// Ends the subscription when dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the subscription"]
pub struct Subscription {
    id: usize,
    is_curious: bool,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let gone = {
            let mut sink = SINK.write().unwrap_or_else(|e| e.into_inner());
            let at = sink.iter().position(|entry| entry.id == self.id);
            at.map(|at| sink.remove(at))
        };
        LISTENERS.fetch_sub(1, Relaxed);
        if self.is_curious {
            CURIOUS.fetch_sub(1, Relaxed);
        }
        drop(gone); // the closure's captures are the user's: not under the lock
    }
}
