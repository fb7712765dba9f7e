//! The real primitives: std's, with a mutex that ignores poisoning and a parker with its own token.
//!
//! # Orderings
//!
//! The `Release` store in [`Token::unpark`] pairs with the `Acquire` swap in [`Token::park`]: who
//! was woken sees what the waker did before.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, PoisonError, TryLockError};
use std::{io, thread};

use std::sync::MutexGuard;
pub(crate) use std::sync::atomic;
pub(crate) use std::thread::{JoinHandle, yield_now};

/// Declares a process-wide value that is made at first use; the name is a function that returns it.
macro_rules! global {
    ($(#[$meta:meta])* fn $name:ident() -> $type:ty { $init:expr }) => {
        $(#[$meta])*
        pub(crate) fn $name() -> &'static $type {
            static GLOBAL: std::sync::OnceLock<$type> = std::sync::OnceLock::new();
            GLOBAL.get_or_init(|| $init)
        }
    };
}
pub(crate) use super::cell::UnsafeCell;
pub(crate) use global;

/// A mutex without poisoning: our critical sections run no user code and cannot panic half-way.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T: ?Sized>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }
}

impl<T: ?Sized> Mutex<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without locking: who has it alone needs no lock.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(held)) => Some(held.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Where the calling thread sleeps until its [`Unparker`] is used.
#[derive(Debug)]
pub(crate) struct Parker(Arc<Token>);

/// Wakes the thread that made the [`Parker`]; may outlive it.
#[derive(Clone, Debug)]
pub(crate) struct Unparker(Arc<Token>);

/// The place of one sleep, inside something else: park and unpark without a count of their own.
#[derive(Debug)]
pub(crate) struct Token {
    given: AtomicBool,
    thread: thread::Thread,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Token::new()))
    }

    pub(crate) fn unparker(&self) -> Unparker {
        Unparker(Arc::clone(&self.0))
    }

    /// Sleeps until a token is given, and takes it. Tokens do not add up.
    pub(crate) fn park(&self) {
        self.0.park();
    }

    /// The same, but gives up at `deadline` of the real clock. For the timer thread alone.
    pub(crate) fn park_until(&self, deadline: std::time::Instant) {
        while !self.0.take() {
            let Some(left) = deadline.checked_duration_since(std::time::Instant::now()) else {
                return;
            };
            if left.is_zero() {
                return;
            }
            thread::park_timeout(left);
        }
    }
}

impl Unparker {
    pub(crate) fn unpark(&self) {
        self.0.unpark();
    }
}

impl Token {
    /// For the calling thread, which alone may park on it.
    pub(crate) fn new() -> Self {
        Self {
            given: AtomicBool::new(false),
            thread: thread::current(),
        }
    }

    pub(crate) fn park(&self) {
        while !self.take() {
            thread::park();
        }
    }

    pub(crate) fn unpark(&self) {
        // Pairs with the swap in `take`.
        self.given.store(true, Release);
        self.thread.unpark();
    }

    fn take(&self) -> bool {
        // Pairs with the store in `unpark`.
        self.given.swap(false, Acquire)
    }
}

/// Nothing: `SeqCst` accesses are ordered among themselves, which loom does not know.
#[inline]
pub(crate) fn model_fence() {}

/// How long a thread looks again and again before it lets others run.
const SPIN: std::time::Duration = std::time::Duration::from_micros(1);
/// How often it lets others run, and looks again, before it goes to sleep.
const YIELDS: usize = 8;

/// Tries again for a moment, before the thread goes to sleep: on a machine with one processor only after
/// others have run.
pub(crate) fn spin<R>(mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
    if *processors() > 1 {
        let start = std::time::Instant::now();
        while start.elapsed() < SPIN {
            for _ in 0..4 {
                core::hint::spin_loop();
            }
            if let found @ Some(_) = attempt() {
                return found;
            }
        }
    }
    (0..YIELDS).find_map(|_| {
        yield_now();
        attempt()
    })
}

global! {
    /// How many processors the program may use.
    fn processors() -> usize { thread::available_parallelism().map_or(1, usize::from) }
}

/// Waits for a thread that is between two steps: a moment, then lets others run.
#[inline]
pub(crate) fn relax(tries: &mut u32) {
    *tries += 1;
    if *tries < 32 {
        core::hint::spin_loop();
    } else {
        yield_now();
    }
}

/// Starts an OS thread. The kernel keeps the first 15 bytes of `name`.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    stack_size: Option<usize>,
    f: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    // A NUL cannot be in an OS thread's name; we keep the full one ourselves.
    let mut builder = thread::Builder::new().name(name.replace('\0', "\u{fffd}"));
    if let Some(size) = stack_size {
        builder = builder.stack_size(size);
    }
    builder.spawn(f)
}

/// Has the thread returned from its closure?
pub(crate) fn is_finished<T>(thread: &JoinHandle<T>) -> bool {
    thread.is_finished()
}

/// Declares the crate's thread-local struct. It has no destructor, so it can be read during thread exit.
macro_rules! thread_local_struct {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr;) => {
        std::thread_local! { $(#[$meta])* static $name: $type = const { $init } }
    };
}
pub(crate) use thread_local_struct;
