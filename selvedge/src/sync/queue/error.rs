//! The errors of queues, one small type per operation.
//!
//! Those of pushing hand the element back. `Debug` does not show it, so that `push(x).unwrap()` needs no
//! `T: Debug`.

use core::fmt;
use std::error::Error;

use crate::signal::Stopped;

macro_rules! push_error {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident ( $($stopped:ty)? ) = $text:literal),* }) => {
        $(#[$meta])*
        #[derive(Clone)]
        #[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
        pub enum $name<T> { $($(#[$vmeta])* $variant(T $(, $stopped)?)),* }

        impl<T> $name<T> {
            /// The element that was not added.
            pub fn into_inner(self) -> T {
                match self { $(Self::$variant(element, ..) => element),* }
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$variant(..) => f.write_str(concat!(stringify!($variant), "(..)"))),* }
            }
        }

        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$variant(..) => f.write_str($text)),* }
            }
        }
    };
}

push_error! {
    /// The error of [`Queue::push`](super::Queue::push); holds the element that was not added.
    PushError {
        /// The queue is closed.
        Closed() = "the queue is closed",
        /// The queue is full and the thread was asked to stop while waiting for room.
        Stopped(Stopped) = "asked to stop while the queue was full"
    }
}

push_error! {
    /// The error of [`Queue::try_push`](super::Queue::try_push); holds the element that was not added.
    TryPushError {
        /// The queue is closed.
        Closed() = "the queue is closed",
        /// There is no room.
        Full() = "the queue is full"
    }
}

push_error! {
    /// The error of [`Queue::push_until`](super::Queue::push_until); holds the element that was not added.
    PushUntilError {
        /// The queue is closed.
        Closed() = "the queue is closed",
        /// The signal was set before there was room.
        Expired() = "the wait for room in the queue expired",
        /// The thread was asked to stop while waiting for room.
        Stopped(Stopped) = "asked to stop while the queue was full"
    }
}

/// The error of [`Queue::force_push`](super::Queue::force_push): the queue is closed; holds the element.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "it is the element")]
pub struct Closed<T>(pub T);

impl<T> Closed<T> {
    /// The element that was not added.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is closed")
    }
}

impl<T> Error for Closed<T> {}

impl<T> Error for PushError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Closed(_) => None,
            Self::Stopped(_, stopped) => Some(stopped),
        }
    }
}

impl<T> Error for TryPushError<T> {}

impl<T> PushUntilError<T> {
    /// Of a push that was not given a signal.
    pub(super) fn without_expiry(self) -> PushError<T> {
        match self {
            Self::Closed(element) => PushError::Closed(element),
            Self::Stopped(element, stopped) => PushError::Stopped(element, stopped),
            Self::Expired(_) => unreachable!("there was no signal to expire by"),
        }
    }
}

impl PopUntilError {
    /// Of a pop that was not given a signal.
    pub(super) fn without_expiry(self) -> PopError {
        match self {
            Self::Closed => PopError::Closed,
            Self::Stopped(stopped) => PopError::Stopped(stopped),
            Self::Expired => unreachable!("there was no signal to expire by"),
        }
    }
}

impl<T> Error for PushUntilError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Closed(_) | Self::Expired(_) => None,
            Self::Stopped(_, stopped) => Some(stopped),
        }
    }
}

/// The error of [`Queue::pop`](super::Queue::pop).
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
pub enum PopError {
    /// Closed and empty; no element will ever come.
    Closed,
    /// The thread was asked to stop while the queue was empty.
    Stopped(Stopped),
}

/// The error of [`Queue::try_pop`](super::Queue::try_pop).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
pub enum TryPopError {
    /// There is no element now.
    Empty,
    /// Closed and empty; no element will ever come.
    Closed,
}

/// The error of [`Queue::pop_until`](super::Queue::pop_until).
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the caller decides by it")]
pub enum PopUntilError {
    /// Closed and empty; no element will ever come.
    Closed,
    /// The signal was set before an element came.
    Expired,
    /// The thread was asked to stop while the queue was empty.
    Stopped(Stopped),
}

const CLOSED: &str = "the queue is closed and empty";

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str(CLOSED),
            Self::Stopped(stopped) => stopped.fmt(f),
        }
    }
}

impl fmt::Display for TryPopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::Closed => CLOSED,
        })
    }
}

impl fmt::Display for PopUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str(CLOSED),
            Self::Expired => f.write_str("the wait for an element of the queue expired"),
            Self::Stopped(stopped) => stopped.fmt(f),
        }
    }
}

impl Error for PopError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Closed => None,
            Self::Stopped(stopped) => Some(stopped),
        }
    }
}

impl Error for TryPopError {}

impl Error for PopUntilError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Closed | Self::Expired => None,
            Self::Stopped(stopped) => Some(stopped),
        }
    }
}
