//! Who is told of an async call: watches, and groutines. Of a call that is dropped half-way, too (invariant 3 of the
//! module): what is here holds the arguments, and is dropped after the futures that borrow them.

use core::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::call::future::walk::Rest;
use crate::call::future::{AsyncCode, Boxes};
use crate::call::groutine::{self, CallId, Told};
use crate::call::site::{Function, Site};
use crate::call::steps::{Phase, go_on_with, report_second};
use crate::call::view::State;
use crate::call::watch::Seeing;
use crate::primitive::{drop_caught, panicking};

type Panic = Box<dyn Any + Send>;

/// A call, and who watches it.
pub(super) struct Watched<A, R, S: Boxes> {
    args: A,
    code: AsyncCode<A, R, S>,
    function: &'static Function,
    /// Until its end was told.
    seeing: Option<Seeing>,
}

impl<A, R, S: Boxes> Watched<A, R, S> {
    pub(super) fn begin(site: &'static Site, mut args: A, code: AsyncCode<A, R, S>) -> Self {
        let function = site.function();
        let seeing = if site.is_watched() {
            Seeing::begin(function, &State::new(&mut args, &code.seen, function))
        } else {
            None
        };
        Self {
            args,
            code,
            function,
            seeing,
        }
    }

    pub(super) fn parts(&mut self) -> (&mut A, Option<&Seeing>) {
        (&mut self.args, self.seeing.as_ref())
    }

    pub(super) fn end(mut self, ended: Result<R, Panic>) -> R {
        let seeing = self.seeing.take();
        let code = self.code.seen;
        let (result, panic) = match ended {
            Ok(result) => (Some(result), None),
            Err(panic) => (None, Some(panic)),
        };
        let state = State::new(&mut self.args, &code, self.function).holding(result);
        match (seeing, panic) {
            (Some(seeing), panic) => seeing.end(&state, panic),
            (None, Some(panic)) => resume_unwind(panic),
            (None, None) => {}
        }
        state.into_result()
    }
}

impl<A, R, S: Boxes> Drop for Watched<A, R, S> {
    fn drop(&mut self) {
        if let Some(seeing) = self.seeing.take() {
            let code = self.code.seen;
            seeing.dropped(&State::new(&mut self.args, &code, self.function));
        }
    }
}

/// A call whose beginning a set of groutines has heard.
pub(super) struct Heard<'x, A, R, S: Boxes> {
    args: &'x mut A,
    code: AsyncCode<A, R, S>,
    rest: Rest,
    /// Until its end was told.
    id: Option<CallId>,
}

impl<'x, A, R, S: Boxes> Heard<'x, A, R, S> {
    /// Tells a set of the beginning. Then there may be an answer, which nobody else may be told of.
    pub(super) fn begin(
        args: &'x mut A,
        answer: Option<R>,
        rest: &Rest,
        code: AsyncCode<A, R, S>,
        set: u64,
    ) -> (Self, Option<R>, bool) {
        let rest = rest.clone();
        let id = groutine::with_set_of(set, |set| set.begin());
        let mut heard = Self {
            args,
            code,
            rest,
            id: None,
        };
        let (told, answer) = heard.tell(id, answer, Phase::Before);
        heard.id = id;
        (heard, answer, told == Told::Consumed)
    }

    pub(super) fn args(&mut self) -> &mut A {
        self.args
    }

    /// Tells the set of the end, and gives the result that comes of it.
    pub(super) fn end(mut self, ended: Result<R, Panic>) -> R {
        let id = self.id.take();
        let panic = match ended {
            Ok(result) => {
                let (_, result) = self.tell(id, Some(result), Phase::After);
                return result.expect("it was there, and can only be replaced");
            }
            Err(panic) => panic,
        };
        let phase = Phase::Unwound(&*panic);
        let told = catch_unwind(AssertUnwindSafe(|| self.tell(id, None, phase)));
        match told {
            Ok((_, Some(result))) => {
                drop_caught(panic);
                result
            }
            Ok((_, None)) => resume_unwind(panic),
            Err(second) => go_on_with(self.rest.site().function(), second, panic),
        }
    }

    /// Tells those of the set who wait for that, if the set is around.
    fn tell(
        &mut self,
        id: Option<CallId>,
        answer: Option<R>,
        phase: Phase<'_>,
    ) -> (Told, Option<R>) {
        let (called, code) = (self.rest.called(), self.code.seen);
        let state = State::new(self.args, &code, called.site.function());
        let mut state = state.holding(answer);
        let told = id.map_or(Told::NotAnswered, |id| {
            groutine::tell_of(id, &called, &phase, &mut state)
        });
        (told, state.into_answer())
    }
}

impl<A, R, S: Boxes> Drop for Heard<'_, A, R, S> {
    /// A groutine that fails here does so in whoever drops the future; not if they are panicking.
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.tell(Some(id), None, Phase::Dropped)
        }));
        if let Err(panic) = told {
            if panicking() {
                report_second(self.rest.site().function(), panic);
            } else {
                resume_unwind(panic);
            }
        }
    }
}
