//! The turn of an expectation in a call.

use crate::call::expect::{Expected, Verdict};
use crate::call::steps::Phase;
use crate::call::view::{Next, OTHER_KIND, State, Step};

impl<A, R> Step<'_, A, R> {
    /// For an expectation: takes the call if it is expected.
    ///
    /// # Panics
    ///
    /// If it matches, and neither this nor any other expectation may take it.
    pub fn expect(
        &mut self,
        expected: &Expected,
        matches: impl FnOnce(&A) -> bool,
        answer: impl FnOnce(&mut A, Next<'_, A, R>) -> R,
    ) {
        let rest = match *self.phase {
            Phase::Ask(asked) => {
                let takes = expected.could_take(asked.of) && matches(self.call.args);
                return asked.takes.set(takes);
            }
            Phase::Around(rest) => rest,
            _ => panic!("{OTHER_KIND}"),
        };
        let call = format!("{self:?}");
        let taken = if matches(self.call.args) {
            let state = &mut State::new(self.call.args, self.code, self.call.function);
            match expected.take(|of| rest.is_expected(of, state)) {
                Verdict::Taken => expected.note_taken(call),
                Verdict::HandedOn => expected.note_handed_on(call),
                Verdict::Refused(refusal) => panic!("{}", expected.violated(call, &refusal)),
            }
        } else {
            expected.note_other(call)
        };
        self.around(|args, next| {
            if taken {
                answer(args, next)
            } else {
                next.proceed(args)
            }
        });
    }
}
