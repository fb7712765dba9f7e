//! The same names on top of shuttle, which runs whole operations under random schedules.
//!
//! One OS thread plays many, so thread-locals and globals are shuttle's, made anew for each run.
//! Time is virtual: a timed park lets others run, then moves the clock to its deadline.

use std::io;
use std::sync::{Arc, LockResult, PoisonError, RwLockReadGuard, RwLockWriteGuard, TryLockError};

use shuttle::sync::MutexGuard;
pub(crate) use shuttle::sync::atomic;
pub(crate) use shuttle::thread::{JoinHandle, yield_now};

pub(crate) use super::cell::UnsafeCell;

#[derive(Debug, Default)]
pub(crate) struct Mutex<T: ?Sized>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
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
        self.0.try_lock().ok()
    }
}

/// Std's, because statics keep one from run to run: who does not get it lets others run and tries again.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T: ?Sized>(std::sync::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::RwLock::new(value))
    }
}

impl<T: ?Sized> RwLock<T> {
    pub(crate) fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        retry(|| self.0.try_read())
    }

    pub(crate) fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        retry(|| self.0.try_write())
    }
}

fn retry<G>(attempt: impl Fn() -> std::sync::TryLockResult<G>) -> LockResult<G> {
    switch();
    loop {
        match attempt() {
            Ok(held) => return Ok(held),
            Err(TryLockError::Poisoned(held)) => return Err(held),
            Err(TryLockError::WouldBlock) => yield_now(),
        }
    }
}

/// Lets another thread go on here, perhaps.
pub(crate) fn switch() {
    shuttle::thread::sleep(std::time::Duration::ZERO);
}

/// Nothing: shuttle knows no weak memory.
pub(crate) fn model_fence() {}

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
    given: shuttle::sync::Mutex<bool>,
    changed: shuttle::sync::Condvar,
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

    /// Time passes whenever the scheduler likes.
    pub(crate) fn park_until(&self, deadline: std::time::Instant) {
        yield_now();
        let mut given = self.0.given();
        if !*given {
            super::clock::advance_to(deadline);
        }
        *given = false;
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
            given: shuttle::sync::Mutex::new(false),
            changed: shuttle::sync::Condvar::new(),
        }
    }

    /// One thread plays all: while one of them unwinds, another seems to, and poisons what it holds.
    fn given(&self) -> MutexGuard<'_, bool> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn park(&self) {
        let mut given = self.given();
        while !*given {
            given = self
                .changed
                .wait(given)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *given = false;
    }

    pub(crate) fn unpark(&self) {
        *self.given() = true;
        self.changed.notify_one();
    }
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    _stack_size: Option<usize>,
    f: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    shuttle::thread::Builder::new()
        .name(name.to_owned())
        .spawn(f)
}

/// Not known here: joined at the parent's end.
pub(crate) fn is_finished<T>(_thread: &JoinHandle<T>) -> bool {
    false
}

macro_rules! thread_local_struct {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $init:expr;) => {
        shuttle::thread_local! { $(#[$meta])* static $name: $type = $init }
    };
}
pub(crate) use thread_local_struct;

macro_rules! global {
    ($(#[$meta:meta])* fn $name:ident() -> $type:ty { $init:expr }) => {
        $(#[$meta])*
        pub(crate) fn $name() -> &'static $type {
            shuttle::lazy_static! { static ref GLOBAL: $type = $init; }
            &GLOBAL
        }
    };
}
pub(crate) use global;
