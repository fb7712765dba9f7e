//! An argument or a result as `Debug`: what it says of itself, or its type.

use core::fmt;

/// A value that may or may not be `Debug`: the expansion calls `(&&Peek(&value)).peek()`, which finds the
/// first of two traits that fits.
#[doc(hidden)]
#[expect(clippy::exhaustive_structs, reason = "expansions make it")]
pub struct Peek<'v, T: ?Sized>(pub &'v T);

#[doc(hidden)]
pub trait PeekDebug {
    fn peek(&self) -> &dyn fmt::Debug;
}

impl<T: fmt::Debug> PeekDebug for &Peek<'_, T> {
    fn peek(&self) -> &dyn fmt::Debug {
        self.0
    }
}

#[doc(hidden)]
pub trait PeekType {
    fn peek(&self) -> &dyn fmt::Debug;
}

impl<T> PeekType for Peek<'_, T> {
    fn peek(&self) -> &dyn fmt::Debug {
        self
    }
}

impl<T> fmt::Debug for Peek<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = core::any::type_name::<T>();
        // An argument that the function takes by value is kept in an `Own`, of which nobody has to know.
        let own = name
            .strip_prefix("selvedge::call::own::Own<")
            .and_then(|name| name.strip_suffix('>'));
        write!(f, "<{}>", own.unwrap_or(name))
    }
}
