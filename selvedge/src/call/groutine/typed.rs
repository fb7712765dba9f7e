//! What an expansion knows of a function's types, and how it gets at a call without saying `unsafe`.

use crate::call::chain;
use crate::call::groutine::poll::{Heard, When};
use crate::call::hook::{Handler, HookRef, Shape};
use crate::call::steps::{Phase, Running};

/// Which part of a call somebody waits for: [`AtCall`], [`AtReturn`], [`AtPanic`] or [`AtDrop`].
pub trait Moment: 'static {
    #[doc(hidden)]
    const WHEN: When;
}

/// Before the function runs: `function::called()`.
#[derive(Debug)]
#[non_exhaustive]
pub enum AtCall {}

/// After it has returned: `function::returned()`.
#[derive(Debug)]
#[non_exhaustive]
pub enum AtReturn {}

/// After it has panicked: `function::panicked()`.
#[derive(Debug)]
#[non_exhaustive]
pub enum AtPanic {}

/// After the future of an async function's call was dropped before its end: `function::dropped()`.
#[derive(Debug)]
#[non_exhaustive]
pub enum AtDrop {}

impl Moment for AtCall {
    const WHEN: When = When::Called;
}

impl Moment for AtReturn {
    const WHEN: When = When::Returned;
}

impl Moment for AtPanic {
    const WHEN: When = When::Panicked;
}

impl Moment for AtDrop {
    const WHEN: When = When::Dropped;
}

/// A closure that may look at such a call. Expansions implement it for every open function.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this closure cannot look at a call of that function",
    label = "takes the call by reference, of any lifetime, and keeps nothing of it"
)]
pub trait Sees<P, F, X> {
    fn see(visit: Visit<'_>, look: F) -> Option<X>;
}

/// A closure that may choose such calls. Expansions implement it for every open function.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this closure cannot choose calls of that function",
    label = "takes the call by reference, of any lifetime, and says whether it is wanted"
)]
pub trait Filters<P, F> {
    fn passes(visit: Visit<'_>, filter: &F) -> bool;
}

/// What such a call may be answered by. Expansions implement it where the result borrows nothing.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "calls of that function cannot be answered by `ret` or `consume`",
    note = "if its result borrows from its arguments, use `with(|call| call.ret(..))`"
)]
pub trait Answers<P, R> {
    fn answer(visit: Visit<'_>, result: R);
}

/// One look at a call, for expansions.
#[doc(hidden)]
pub struct Visit<'v> {
    call: &'v mut dyn Running,
    phase: &'v Phase<'v>,
}

impl Visit<'_> {
    /// Runs `handler` with the call, if it is one of an instantiation with this shape.
    pub fn run<S: Shape>(self, handler: &mut S::Lent<'_>) {
        let Self { call, phase } = self;
        chain::lent::<S, _>(handler, 0, |lent| {
            call.visit(&HookRef(Handler::Lent(lent)), phase)
        });
    }
}

impl Heard<'_> {
    /// Lends the call to `f`; none, if somebody has it.
    pub(super) fn lend<R>(&self, f: impl FnOnce(Visit<'_>) -> R) -> Option<R> {
        struct Back<'b, 'p>(&'b Heard<'p>, Option<&'p mut (dyn Running + 'p)>);
        impl Drop for Back<'_, '_> {
            fn drop(&mut self) {
                self.0.call.set(self.1.take());
            }
        }
        let mut back = Back(self, Some(self.call.take()?));
        let visit = Visit {
            call: &mut **back.1.as_mut()?,
            phase: self.happening.phase,
        };
        Some(f(visit))
    }
}

impl core::fmt::Debug for Visit<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Visit").finish_non_exhaustive()
    }
}
