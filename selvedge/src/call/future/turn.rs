//! The turn of one handler of an async function.

use core::fmt;

use crate::call::expect::{Expected, Verdict};
use crate::call::future::{AnyThread, AsyncNext, Boxes};
use crate::call::steps::Asked;
use crate::call::view::{Call, OTHER_KIND, Returned, Unwound};

/// The turn of one handler of an async function, for expansions.
#[doc(hidden)]
pub struct Turn<'s, A, R, S: Boxes = AnyThread>(pub(super) Of<'s, A, R, S>);

pub(super) enum Of<'s, A, R, S: Boxes> {
    Before(Call<'s, A, R>),
    After(Returned<'s, A, R>),
    Unwound(Unwound<'s, A, R>),
    Around(&'s mut A, AsyncNext<'s, A, R, S>),
    /// An expectation is asked whether it would take the call.
    Ask(&'s A, &'s Asked<'s>),
}

impl<'s, A, R, S: Boxes> Turn<'s, A, R, S> {
    /// For a handler that runs before.
    pub fn before(self, handler: impl FnOnce(&mut Call<'_, A, R>)) -> Option<S::Boxed<'s, R>> {
        if let Of::Before(mut call) = self.0 {
            handler(&mut call);
        }
        None
    }

    /// For one that runs after.
    pub fn after(self, handler: impl FnOnce(&mut Returned<'_, A, R>)) -> Option<S::Boxed<'s, R>> {
        if let Of::After(mut returned) = self.0 {
            handler(&mut returned);
        }
        None
    }

    /// For one that runs after a panic.
    pub fn unwound(self, handler: impl FnOnce(&mut Unwound<'_, A, R>)) -> Option<S::Boxed<'s, R>> {
        if let Of::Unwound(mut unwound) = self.0 {
            handler(&mut unwound);
        }
        None
    }

    /// For one that runs around.
    pub fn around(
        self,
        handler: impl FnOnce(&'s mut A, AsyncNext<'s, A, R, S>) -> S::Boxed<'s, R>,
    ) -> Option<S::Boxed<'s, R>> {
        match self.0 {
            Of::Around(args, next) => Some(handler(args, next)),
            _ => None,
        }
    }

    /// For an expectation: takes the call if it is expected.
    ///
    /// # Panics
    ///
    /// If it matches, and neither this nor any other expectation may take it.
    pub fn expect(
        self,
        expected: &Expected,
        matches: impl FnOnce(&A) -> bool,
        answer: impl FnOnce(&'s mut A, AsyncNext<'s, A, R, S>) -> S::Boxed<'s, R>,
    ) -> Option<S::Boxed<'s, R>>
    where
        R: 's,
    {
        let (args, next) = match self.0 {
            Of::Ask(args, asked) => {
                let takes = expected.could_take(asked.of) && matches(args);
                asked.takes.set(takes);
                return None;
            }
            Of::Around(args, next) => (args, next),
            _ => panic!("{OTHER_KIND}"),
        };
        let mut ignored = None;
        let call = Call::new(args, &mut ignored, next.code.seen.look, next.function());
        let call = format!("{call:?}");
        let taken = if matches(args) {
            match expected.take(|of| next.rest.is_expected(of, args, next.code)) {
                Verdict::Taken => expected.note_taken(call),
                Verdict::HandedOn => expected.note_handed_on(call),
                Verdict::Refused(refusal) => panic!("{}", expected.violated(call, &refusal)),
            }
        } else {
            expected.note_other(call)
        };
        Some(if taken {
            answer(args, next)
        } else {
            next.proceed(args)
        })
    }
}

impl<A, R, S: Boxes> fmt::Debug for Turn<'_, A, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}
