//! An argument that the function takes by value, as a handler sees it.

use core::fmt;
use core::ops::{Deref, DerefMut};

/// An argument that the function takes by value: look at it, change it, or take it.
///
/// Taken and not put back, it is missing when the function runs, which panics and names the argument.
///
/// # Examples
///
/// ```
/// use selvedge::open;
///
/// #[open]
/// fn shout(text: String) -> String { text.to_uppercase() }
///
/// let patch = shout::before(|call| call.args.text.push('!')); // changed where it is
/// assert_eq!(patch.run(|| shout("hey".to_owned())), "HEY!");
///
/// let patch = shout::before(|call| {
///     let text = call.args.text.take(); // taken, and another one put in its place
///     call.args.text.put(text + "?");
/// });
/// assert_eq!(patch.run(|| shout("hey".to_owned())), "HEY?");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Own<T> {
    value: Option<T>,
}

const TAKEN: &str = "this argument was taken by a handler and not put back";

impl<T> Own<T> {
    #[doc(hidden)]
    pub fn new(value: T) -> Self {
        Self { value: Some(value) }
    }

    /// Takes the value out.
    ///
    /// # Panics
    ///
    /// If it was taken already.
    pub fn take(&mut self) -> T {
        self.value.take().expect(TAKEN)
    }

    /// Puts a value in, whether or not the old one was taken.
    pub fn put(&mut self, value: T) {
        self.value = Some(value);
    }

    /// Was it taken? By a handler, or by the function, which has run then.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.value.is_none()
    }

    /// For the body: as [`take`](Self::take), with a message that names the argument.
    #[doc(hidden)]
    pub fn hand_over(&mut self, name: &'static str) -> T {
        match self.value.take() {
            Some(value) => value,
            None => missing(name),
        }
    }

    /// For the body: what it borrows.
    #[doc(hidden)]
    pub fn lend(&mut self, name: &'static str) -> &mut T {
        match &mut self.value {
            Some(value) => value,
            None => missing(name),
        }
    }
}

#[cold]
fn missing(name: &str) -> ! {
    panic!(
        "the argument `{name}` was taken by a handler and not put back: call `put`, or answer the call"
    )
}

impl<T> Deref for Own<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value.as_ref().expect(TAKEN)
    }
}

impl<T> DerefMut for Own<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect(TAKEN)
    }
}

impl<T: fmt::Debug> fmt::Debug for Own<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => value.fmt(f),
            None => f.write_str("<taken>"),
        }
    }
}
