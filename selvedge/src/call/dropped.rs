//! What a groutine sees of an async call that was dropped half-way.

use core::fmt;

use crate::call::code::Look;
use crate::call::site::Function;
use crate::call::view::{Step, write_call};

/// A call of an async function whose future was dropped before its end, as a groutine sees it that waits for
/// `function::dropped()`.
///
/// There is nobody to answer any more.
pub struct Dropped<'c, A, R> {
    /// The arguments as the call has left them.
    pub args: &'c mut A,
    look: Look<A, R>,
    function: &'static Function,
}

impl<A, R> Dropped<'_, A, R> {
    /// The function that was called.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.function
    }
}

impl<A, R> Step<'_, A, R> {
    /// For one that runs when the call is dropped.
    pub fn dropped(&mut self) -> Dropped<'_, A, R> {
        Dropped {
            args: self.call.args,
            look: self.code.look,
            function: self.call.function,
        }
    }
}

impl<A, R> fmt::Debug for Dropped<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_call(f, self.function, (self.look, &*self.args))?;
        f.write_str(" dropped")
    }
}
