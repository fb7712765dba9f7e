//! What is the user's, used where nothing may unwind: destructors, texts, sources of errors.
//!
//! # Invariants
//!
//! 1. Nothing here unwinds, whatever the user's code does. The panic hook has told each panic.

use core::any::Any;
use core::fmt::{self, Display, Write};
use core::ops::Deref;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops what is the user's where nothing may unwind: a panic of its destructor, which the panic hook has
/// told, goes no further.
pub(crate) fn drop_caught<T>(value: T) {
    catch(|| drop(value));
}

/// A value of the user's that is dropped by us: in the error of a thread, say, which is given up while another
/// panic is under way.
pub(crate) struct Caught<T>(Option<T>);

impl<T> Caught<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(crate) fn into_inner(mut self) -> T {
        self.0.take().expect("it is taken here alone")
    }
}

impl<T> Deref for Caught<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is there until `into_inner`")
    }
}

impl<T> Drop for Caught<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            drop_caught(value);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Caught<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The text of `value`, or the beginning of it and why there is no more.
pub(crate) fn text_of<T: Display + ?Sized>(value: &T) -> String {
    let mut text = String::new();
    let written = catch(|| write!(text, "{value}"));
    if !matches!(written, Some(Ok(()))) {
        let how = if written.is_some() {
            "failed"
        } else {
            "panicked"
        };
        text.push_str("(its `Display` ");
        text.push_str(how);
        text.push(')');
    }
    text
}

/// What `error` says it comes from; nothing if it panics.
pub(crate) fn source_of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    catch(|| error.source()).flatten()
}

/// The message of a panic.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(a payload that is not text)")
}

fn catch<R>(f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f))
        .map_err(|payload| {
            // Its destructor may panic as well, and the payload of that one's: there it ends.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                core::mem::forget(again);
            }
        })
        .ok()
}
