//! The same names on top of loom, which walks every interleaving of two or three threads.
//!
//! A timed park never times out here: models of time are shuttle's.

use std::io;
use std::sync::Arc;

use loom::sync::MutexGuard;
pub(crate) use loom::sync::atomic;
pub(crate) use loom::thread::{JoinHandle, yield_now};

pub(crate) use loom::cell::UnsafeCell;

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Without locking: who has it alone needs no lock.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

/// Loom's `SeqCst` accesses are only `AcqRel`; its fences are what they should be.
pub(crate) fn model_fence() {
    atomic::fence(atomic::Ordering::SeqCst);
}

/// A model looks once.
pub(crate) fn spin<R>(mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
    attempt()
}

pub(crate) fn relax(_tries: &mut u32) {
    yield_now();
}

#[derive(Debug)]
pub(crate) struct Parker(Arc<Token>);

#[derive(Clone, Debug)]
pub(crate) struct Unparker(Arc<Token>);

/// The place of one sleep, inside something else: park and unpark without a count of their own.
#[derive(Debug)]
pub(crate) struct Token {
    given: loom::sync::Mutex<bool>,
    changed: loom::sync::Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Token::new()))
    }

    pub(crate) fn unparker(&self) -> Unparker {
        Unparker(Arc::clone(&self.0))
    }

    pub(crate) fn park(&self) {
        self.0.park();
    }

    pub(crate) fn park_until(&self, _deadline: std::time::Instant) {
        self.park();
    }
}

impl Unparker {
    pub(crate) fn unpark(&self) {
        self.0.unpark();
    }
}

impl Token {
    pub(crate) fn new() -> Self {
        Self {
            given: loom::sync::Mutex::new(false),
            changed: loom::sync::Condvar::new(),
        }
    }

    pub(crate) fn park(&self) {
        let mut given = self.given.lock().unwrap();
        while !*given {
            given = self.changed.wait(given).unwrap();
        }
        *given = false;
    }

    pub(crate) fn unpark(&self) {
        *self.given.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    _stack_size: Option<usize>,
    f: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    loom::thread::Builder::new().name(name.to_owned()).spawn(f)
}

/// Not known here: joined at the parent's end.
pub(crate) fn is_finished<T>(_thread: &JoinHandle<T>) -> bool {
    false
}

macro_rules! thread_local_struct {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr;) => {
        loom::thread_local! { $(#[$meta])* static $name: $type = $init }
    };
}
pub(crate) use thread_local_struct;

macro_rules! global {
    ($(#[$meta:meta])* fn $name:ident() -> $type:ty { $init:expr }) => {
        $(#[$meta])*
        pub(crate) fn $name() -> &'static $type {
            loom::lazy_static! { static ref GLOBAL: $type = $init; }
            &GLOBAL
        }
    };
}
pub(crate) use global;
