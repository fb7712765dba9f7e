//! A signal that is set when a block is left, however it is left.

use core::panic::Location;

use crate::signal::on_set::run_here;
use crate::signal::reason::{Reason, Why};
use crate::signal::signal::Signal;

/// Sets its signal when dropped, on unwinding too.
#[derive(Debug)]
#[must_use = "dropping it sets the signal"]
#[doc(alias = "DropGuard")]
pub struct SetOnDrop {
    signal: Option<Signal>,
    at: &'static Location<'static>,
}

impl SetOnDrop {
    /// Leaves the signal as it is, and gives it back.
    pub fn disarm(mut self) -> Signal {
        self.signal.take().expect("only this and `drop` take it")
    }
}

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        if let Some(signal) = self.signal.take() {
            signal.set_with(|| Reason::new(Why::Set, self.at), &mut run_here);
        }
    }
}

impl Signal {
    /// A guard that sets the signal when it is dropped, also by a panic.
    ///
    /// The place in the reason is that of this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::Signal;
    /// let done = Signal::new();
    /// drop(done.set_on_drop());
    /// assert!(done.is_set());
    ///
    /// let other = Signal::new();
    /// other.set_on_drop().disarm();
    /// assert!(!other.is_set());
    /// ```
    #[track_caller]
    #[doc(alias = "drop_guard")]
    pub fn set_on_drop(&self) -> SetOnDrop {
        SetOnDrop {
            signal: Some(self.clone()),
            at: Location::caller(),
        }
    }
}
