//! The order of one call: which handlers take part, and the walk over them.
//!
//! Nothing here is generic: a call of whatever type is a `dyn Running`, whose two methods run one handler, or
//! the body. What is in force in blocks is read while walking, since no call can change what lies around
//! it; what is process-wide is read once, at the beginning, since it may come and go meanwhile.
//!
//! # Invariants
//!
//! 1. A handler runs masked: its own calls skip it. What it proceeds to, and the body, run with the masks that the
//!    call was made with.
//! 2. A handler that has another type than the call, or does not apply to it, is passed over and counts no hit.
//! 3. No lock is held while a handler runs. Whatever the walk uses is kept alive by the block that put it in
//!    force, or by the list that was made at the beginning.

use core::any::{Any, TypeId};
use core::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::ambient::Context;
use crate::call::binding::{self, Bound, Rank};
use crate::call::chain::{self, InForce, Lent, Link, View};
use crate::call::code::{Code, See};
use crate::call::few::Few;
use crate::call::groutine::{self, Called, Set, Sets, Told};
use crate::call::hook::{Handler, Hook, HookRef, Kind};
use crate::call::install;
use crate::call::patch::Patch;
use crate::call::sequence::Sequence;
use crate::call::site::{Function, Site};
use crate::call::view::State;
use crate::call::watch;
use crate::primitive::{Lease, drop_caught, message_of};
use crate::probe::{self, Event, What};

type Panic = Box<dyn Any + Send>;

/// A call that is running, whatever its types are.
pub(super) trait Running {
    /// Runs a handler of the call's type. Is there a result now?
    fn invoke(&mut self, hook: &HookRef<'_>, phase: &Phase<'_>) -> bool;
    /// Lets a handler of the call's type look, which is not a step: of several answers the first counts.
    fn visit(&mut self, hook: &HookRef<'_>, phase: &Phase<'_>);
    /// Is there a result?
    fn is_answered(&self) -> bool;
    /// There is no result any more: what made it has panicked.
    fn forget_answer(&mut self);
    /// Runs the body.
    fn body(&mut self);
    /// Shows the arguments by name, or the result if there is one.
    fn look(&self, at: At, see: See<'_>);
}

/// What somebody looks at who does not know the types.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Arguments,
    Result,
}

/// Why it is a handler's turn.
#[derive(Clone, Copy)]
pub(super) enum Phase<'p> {
    Before,
    After,
    Unwound(&'p (dyn Any + Send)),
    /// The future of an async call was dropped before its end.
    Dropped,
    Around(&'p Rest<'p>),
    /// An expectation is asked whether it would take the call.
    Ask(&'p Asked<'p>),
}

/// What an expectation is asked.
pub(super) struct Asked<'a> {
    /// If it is part of this order; otherwise whatever it is.
    pub(super) of: Option<&'a Sequence>,
    /// Its answer.
    pub(super) takes: Cell<bool>,
}

/// What is the same for all steps of a call.
pub(super) struct Steps<'c> {
    site: &'static Site,
    of: &'static TypeId,
    receiver: *const (),
    view: View<'c>,
    sets: Sets<'c>,
    /// The strict context that nothing answers for: then there are no bindings, and the body does not run.
    refused_by: Option<&'static Context>,
}

/// Something process-wide that takes part in a call.
pub(super) enum Wide {
    Patch(Patch),
    Binding(Rank, Lease<Bound>),
}

/// The steps that are still to come.
#[derive(Clone, Copy)]
pub(super) struct Rest<'c> {
    steps: &'c Steps<'c>,
    /// The next patch of the calling block.
    link: Option<&'c Link>,
    /// The next set of groutines.
    set: Option<&'c groutine::Link>,
    /// What is process-wide, which comes then.
    wide: &'c [Option<Wide>],
    /// A groutine has answered: only other groutines hear of the call.
    is_answered: bool,
}

/// Whose turn it is.
enum Turn<'c> {
    Step(Step<'c>),
    Groutines(&'c Set),
}

/// One step of a call.
struct Step<'c> {
    hook: HookRef<'c>,
    id: u64,
    kind: Kind,
}

/// A call of an armed function that something in reach applies to. For expansions; what is generic is little.
#[inline(always)]
pub fn call<A, R>(site: &'static Site, receiver: *const (), args: &mut A, code: &Code<A, R>) -> R {
    let mut state = State::new(args, code, site.function());
    dispatch(site, code.of(), receiver, &mut state);
    state.into_result()
}

/// Not generic, so that it is there once.
#[inline(never)]
fn dispatch(site: &'static Site, of: &'static TypeId, receiver: *const (), call: &mut dyn Running) {
    if !site.is_for_blocks() {
        return dispatch_far(site, of, receiver, call);
    }
    chain::look(&site.key, |view| {
        walk(&Steps::of_blocks(site, of, receiver, view), &[], call);
    });
}

/// Something else than the patches of blocks may apply.
#[inline(never)]
fn dispatch_far(
    site: &'static Site,
    of: &'static TypeId,
    receiver: *const (),
    call: &mut dyn Running,
) {
    if site.is_measured() {
        let function = site.function();
        let _measured = probe::span(What::Call(function.path(), function.location()));
        return observe(site, of, receiver, call);
    }
    observe(site, of, receiver, call);
}

#[inline]
fn observe(site: &'static Site, of: &'static TypeId, receiver: *const (), call: &mut dyn Running) {
    if site.is_watched() {
        return watch::observe(site.function(), call, |call| run(site, of, receiver, call));
    }
    run(site, of, receiver, call);
}

#[inline]
fn run(site: &'static Site, of: &'static TypeId, receiver: *const (), call: &mut dyn Running) {
    groutine::attend();
    if site.is_heard() {
        groutine::sets(|sets| dispatch_among(site, of, receiver, sets, call));
    } else {
        dispatch_among(site, of, receiver, Sets::NONE, call);
    }
}

#[inline]
fn dispatch_among(
    site: &'static Site,
    of: &'static TypeId,
    receiver: *const (),
    sets: Sets<'_>,
    call: &mut dyn Running,
) {
    chain::look(&site.key, |view| {
        let steps = Steps {
            sets,
            refused_by: binding::unanswered(site, Some(*of)),
            ..Steps::of_blocks(site, of, receiver, view)
        };
        if site.has_wide() {
            walk_wide(&steps, call);
        } else {
            walk(&steps, &[], call);
        }
    });
}

/// A hook that was to see a panic has panicked: the first panic goes on, the other one is told to `probe`.
pub(super) fn go_on_with(function: &Function, second: Panic, panic: Panic) -> ! {
    report_second(function, second);
    resume_unwind(panic)
}

/// A call has panicked: a result that it had before is void. Its destructor is the user's.
fn forget_answer(function: &Function, call: &mut dyn Running) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| call.forget_answer())) {
        report_second(function, second);
    }
}

/// Tells `probe` of a panic that came after another one.
pub(super) fn report_second(function: &Function, second: Panic) {
    let (function, message) = (function.path(), message_of(&*second));
    probe::emit(&Event::HookPanicked { function, message });
    drop_caught(second);
}

/// Finds what is process-wide first. Not inlined: a call without such steps needs no stack for them.
#[inline(never)]
fn walk_wide(steps: &Steps<'_>, call: &mut dyn Running) {
    if steps.site.installed.is_empty()
        && steps.refused_by.is_none()
        && let only @ Some(_) = binding::only_match(steps.site)
    {
        return walk(steps, core::slice::from_ref(&only), call);
    }
    walk_many(steps, call);
}

#[inline(never)]
fn walk_many(steps: &Steps<'_>, call: &mut dyn Running) {
    let mut found = Few::new();
    install::installed(steps.site, &mut found);
    if steps.refused_by.is_none() {
        binding::matching(steps.site, &mut found);
    }
    walk(steps, found.as_mut_slice(), call);
}

#[inline]
fn walk(steps: &Steps<'_>, wide: &[Option<Wide>], call: &mut dyn Running) {
    let mut rest = Rest {
        steps,
        link: steps.view.first(),
        set: steps.sets.first(),
        wide,
        is_answered: false,
    };
    rest.run(call);
}

impl<'c> Steps<'c> {
    #[inline]
    fn of_blocks(
        site: &'static Site,
        of: &'static TypeId,
        receiver: *const (),
        view: View<'c>,
    ) -> Self {
        Self {
            site,
            of,
            receiver,
            view,
            sets: Sets::NONE,
            refused_by: None,
        }
    }

    /// Is a handler of the call's type, and are we not inside of it?
    #[inline]
    fn takes(&self, of: TypeId, id: u64) -> bool {
        of == *self.of && !self.view.is_masked(id)
    }

    /// The step of a patch, in force here or everywhere, if it applies to the call; then it counts.
    #[inline]
    fn patch<'p>(&self, patch: &'p Patch) -> Option<Step<'p>> {
        let step = self.kept(patch.hook())?;
        patch.takes(self.receiver).then_some(step)
    }

    /// The step of a handler that somebody keeps, so of a body that contexts have chosen.
    #[inline]
    fn kept<'h>(&self, hook: &'h Hook) -> Option<Step<'h>> {
        self.takes(hook.of, hook.id).then(|| Step::of(hook))
    }

    /// The step of a handler that a block has lent.
    #[inline]
    fn lent<'l>(&self, lent: &'l Lent) -> Option<Step<'l>> {
        self.takes(lent.of, lent.id).then_some(Step {
            hook: HookRef(Handler::Lent(lent)),
            id: lent.id,
            kind: Kind::Before,
        })
    }
}

impl<'c> Rest<'c> {
    /// Runs the steps to the end of the call.
    fn run(&mut self, call: &mut dyn Running) {
        while let Some(turn) = self.next() {
            let step = match turn {
                Turn::Step(step) => step,
                Turn::Groutines(set) => return self.run_heard(set, call),
            };
            let Step { hook, id, kind } = step;
            match kind {
                Kind::Before => {
                    if self.masked(id, || call.invoke(&hook, &Phase::Before)) {
                        return;
                    }
                }
                Kind::Around => {
                    self.masked(id, || call.invoke(&hook, &Phase::Around(self)));
                    return;
                }
                Kind::After => {
                    self.run(call);
                    self.masked(id, || call.invoke(&hook, &Phase::After));
                    return;
                }
                Kind::Unwound => return self.run_caught(id, hook, call),
            }
        }
        if self.is_answered {
            return;
        }
        match self.steps.refused_by {
            None => call.body(),
            Some(context) => self.steps.site.refuse(context),
        }
    }

    /// Runs the rest of the call while groutines listen: to its beginning, and to its end.
    #[inline(never)]
    fn run_heard(&mut self, set: &Set, call: &mut dyn Running) {
        let Steps {
            site, of, receiver, ..
        } = *self.steps;
        let called = Called { site, of, receiver };
        let id = set.begin();
        let ended = match set.tell(&called, id, &Phase::Before, call) {
            Told::Consumed => Ok(()),
            told => {
                self.is_answered |= told == Told::Answered;
                match self.is_over() {
                    true => Ok(()),
                    false => catch_unwind(AssertUnwindSafe(|| self.run(call))),
                }
            }
        };
        let Err(panic) = ended else {
            if set.waits_for_return(site) {
                set.tell(&called, id, &Phase::After, call);
            }
            return;
        };
        forget_answer(site.function(), call);
        let phase = Phase::Unwound(&*panic);
        let told = catch_unwind(AssertUnwindSafe(|| set.tell(&called, id, &phase, call)));
        self.end_unwound(panic, told.map(|told| told != Told::NotAnswered));
    }

    /// Answered, and nobody else to be told.
    fn is_over(&self) -> bool {
        self.is_answered && self.set.is_none()
    }

    #[inline(never)]
    fn run_caught(&mut self, id: u64, hook: HookRef<'_>, call: &mut dyn Running) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.run(call))) else {
            return;
        };
        forget_answer(self.steps.site.function(), call);
        let phase = Phase::Unwound(&*panic);
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.masked(id, || call.invoke(&hook, &phase))
        }));
        self.end_unwound(panic, told);
    }

    /// Goes on with a panic that somebody was told of, unless he has answered.
    fn end_unwound(&self, panic: Panic, told: Result<bool, Panic>) {
        match told {
            Ok(true) => drop_caught(panic), // answered
            Ok(false) => resume_unwind(panic),
            Err(second) => go_on_with(self.steps.site.function(), second, panic),
        }
    }

    /// What an around handler proceeds to.
    #[inline(never)]
    pub(super) fn proceed(&self, call: &mut dyn Running) {
        let Steps { site, view, .. } = self.steps;
        let block = site.function().location();
        let mut rest = *self;
        chain::unmasked(&site.key, *view, block, || rest.run(call));
    }

    /// Would any expectation that is still to come, in this order if one is given, take the call?
    pub(super) fn is_expected(&self, of: Option<&Sequence>, call: &mut dyn Running) -> bool {
        let steps = self.steps;
        let links = core::iter::successors(self.link, |link| link.outer());
        let of_blocks = links.filter_map(|link| match link.what() {
            InForce::Patch(patch) => Some(patch),
            InForce::Lent(_) => None,
        });
        let wide = self.wide.iter().flatten();
        let installed = wide.filter_map(|wide| match wide {
            Wide::Patch(patch) => Some(patch),
            Wide::Binding(..) => None,
        });
        let takes = Cell::new(false);
        let asked = Asked { of, takes };
        for patch in of_blocks.chain(installed) {
            let hook = patch.hook();
            if patch.is_expecting() && patch.is_on(steps.receiver) && steps.takes(hook.of, hook.id)
            {
                let Step { hook, id, .. } = Step::of(hook);
                self.masked(id, || call.invoke(&hook, &Phase::Ask(&asked)));
                if asked.takes.get() {
                    return true;
                }
            }
        }
        false
    }

    /// Runs a handler (invariant 1).
    #[inline]
    fn masked(&self, id: u64, f: impl FnOnce() -> bool) -> bool {
        let Steps { site, view, .. } = self.steps;
        chain::masked(&site.key, *view, id, site.function().location(), f)
    }

    /// The next set that listens, or step that applies to the call.
    fn next(&mut self) -> Option<Turn<'c>> {
        let steps = self.steps;
        loop {
            if let Some(set) = self.set
                && (self.link.is_none_or(|link| link.depth() < set.depth()))
            {
                self.set = set.outer();
                if set.set().waits_for(steps.site) {
                    return Some(Turn::Groutines(set.set()));
                }
                continue;
            }
            let Some(link) = self.link else { break };
            self.link = link.outer();
            if self.is_answered {
                continue;
            }
            let step = match link.what() {
                InForce::Patch(patch) => steps.patch(patch),
                InForce::Lent(lent) => steps.lent(lent),
            };
            if let Some(step) = step {
                return Some(Turn::Step(step));
            }
        }
        if self.is_answered {
            return None;
        }
        while let [Some(wide), rest @ ..] = self.wide {
            self.wide = rest;
            let step = match wide {
                Wide::Patch(patch) => steps.patch(patch),
                Wide::Binding(_, bound) => steps.kept(&bound.hook),
            };
            if let Some(step) = step {
                return Some(Turn::Step(step));
            }
        }
        None
    }
}

impl<'c> Step<'c> {
    #[inline]
    fn of(hook: &'c Hook) -> Self {
        Self {
            hook: HookRef(Handler::Kept(hook)),
            id: hook.id,
            kind: hook.kind,
        }
    }
}
