//! A value that is made at its first use, and says so when making it needs itself.
//!
//! std's `OnceLock` would wait for itself. (Two threads whose values need each other's do wait for ever.)

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::thread_local_struct;

/// A `OnceLock` that knows which thread is making its value.
pub(crate) struct Once<T> {
    value: OnceLock<T>,
    /// The number of that thread, 0 for none. Only a thread's own number matters to it.
    maker: AtomicUsize,
}

impl<T> Once<T> {
    pub(crate) const fn new() -> Self {
        Self {
            value: OnceLock::new(),
            maker: AtomicUsize::new(0),
        }
    }

    /// The value, made by `make` if this is the first use; `what` is what it is called.
    ///
    /// # Panics
    ///
    /// If `make` does, and if it needs the value itself.
    pub(crate) fn get_or_make(&self, what: &str, make: impl FnOnce() -> T) -> &T {
        struct Made<'o>(&'o AtomicUsize);
        impl Drop for Made<'_> {
            fn drop(&mut self) {
                self.0.store(0, Relaxed);
            }
        }
        if let Some(value) = self.value.get() {
            return value;
        }
        let me = thread_number();
        assert!(
            self.maker.load(Relaxed) != me,
            "{what} needs itself to be made"
        );
        self.value.get_or_init(|| {
            self.maker.store(me, Relaxed);
            let _made = Made(&self.maker);
            make()
        })
    }
}

thread_local_struct! {
    static MINE: u64 = 0;
}

/// A number for the calling thread, never 0, and even: the address of something of its own.
#[inline]
pub(crate) fn thread_number() -> usize {
    MINE.with(|mine| core::ptr::from_ref(mine).addr())
}
