//! The steps of one async call, and the walk over them.

use core::any::TypeId;
use core::cell::Cell;
use core::future::poll_fn;
use core::marker::PhantomData;
use core::pin::pin;
use core::{mem, ptr};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::ambient::Context as Place;
use crate::call::binding::{self, Bound};
use crate::call::chain::{self, InForce};
use crate::call::few::Few;
use crate::call::future::polls::{Caught, Turned, Under};
use crate::call::future::told::{Heard, Watched};
use crate::call::future::turn::Of;
use crate::call::future::{
    AnyThread, AsyncCode, AsyncNext, BoxFuture, Boxes, LocalBoxFuture, OneThread, Turn,
};
use crate::call::groutine::{self, Called};
use crate::call::hook::{Handler, Hook, HookRef, Kind};
use crate::call::install;
use crate::call::patch::Patch;
use crate::call::sequence::Sequence;
use crate::call::site::Site;
use crate::call::steps::{Asked, Phase, Wide, go_on_with};
use crate::call::view::{self, Call, Returned, Unwound};
use crate::primitive::{Arc, Lease, drop_caught};
use crate::probe::{self, What};

/// What takes part in one call.
struct Steps {
    site: &'static Site,
    of: TypeId,
    receiver: usize,
    /// Outermost first.
    list: Vec<Step>,
    /// The strict context that nothing answers for: then the body does not run.
    refused_by: Option<&'static Place>,
}

enum Step {
    Patch(Patch),
    Binding(Lease<Bound>),
    /// What a block has lent, by its number: it is there only while the block runs, or its future is polled.
    Lent(u64),
    /// Groutines, by the number of their set: it is looked for whenever there is something to tell, since each poll
    /// has its own blocks around it.
    Groutines(u64),
}

/// The steps that are still to come.
#[derive(Clone)]
pub(super) struct Rest {
    steps: Arc<Steps>,
    at: usize,
}

/// A call on its way: the arguments, and the result if a groutine has answered, so that only others hear of it.
pub(super) struct Going<'x, A, R> {
    pub(super) args: &'x mut A,
    pub(super) answer: Option<R>,
    /// Not of `&'x R` itself, which would not be `Send`.
    of: PhantomData<fn() -> &'x R>,
}

impl<'x, A, R> Going<'x, A, R> {
    pub(super) fn new(args: &'x mut A, answer: Option<R>) -> Self {
        let of = PhantomData;
        Self { args, answer, of }
    }
}

/// A call of an armed function that something in reach may apply to: polled first, it finds out what. For expansions.
#[doc(hidden)]
pub async fn call_async<A, R, S: Boxes>(
    site: &'static Site,
    of: TypeId,
    receiver: usize,
    args: A,
    code: AsyncCode<A, R, S>,
) -> R {
    let mut call = pin!(go(site, of, receiver, args, code));
    let (is_measured, mut is_first) = (site.is_measured(), true);
    poll_fn(|context| {
        if !is_measured {
            return call.as_mut().poll(context);
        }
        let (function, is_first) = (site.function(), mem::replace(&mut is_first, false));
        let what = What::Poll(function.path(), function.location(), is_first);
        let _measured = probe::span(what);
        call.as_mut().poll(context)
    })
    .await
}

/// The same, whoever measures.
async fn go<A, R, S: Boxes>(
    site: &'static Site,
    of: TypeId,
    receiver: usize,
    args: A,
    code: AsyncCode<A, R, S>,
) -> R {
    let mut watched = Watched::begin(site, args, code);
    groutine::attend();
    let refused_by = binding::unanswered(site, Some(of));
    let steps = Steps {
        site,
        of,
        receiver,
        list: gather(site, of, refused_by.is_some()),
        refused_by,
    };
    let rest = Rest {
        steps: Arc::new(steps),
        at: 0,
    };
    let (args, seeing) = watched.parts();
    let walk = (code.walk)(Going::new(args, None), rest, code);
    let Some(seeing) = seeing else {
        return walk.await;
    };
    let ended = Caught(Under::new(seeing, walk)).await;
    watched.end(ended)
}

/// What is in force here and now, for calls of the type `of`.
fn gather(site: &'static Site, of: TypeId, is_refused: bool) -> Vec<Step> {
    let mut sets = Vec::new();
    if site.is_heard() {
        groutine::sets(|around| {
            let around = core::iter::successors(around.first(), |link| link.outer());
            sets.extend(around.map(|link| (link.depth(), link.set().id())));
        });
    }
    let mut sets = sets.into_iter().peekable();
    chain::look(&site.key, |view| {
        let takes_part = |hook: &Hook| hook.of == of && !view.is_masked(hook.id);
        let mut list = Vec::new();
        let mut at = view.first();
        while let Some(link) = at {
            at = link.outer();
            while let Some((_, set)) = sets.next_if(|(depth, _)| *depth > link.depth()) {
                list.push(Step::Groutines(set));
            }
            match link.what() {
                InForce::Patch(patch) if takes_part(patch.hook()) => {
                    list.push(Step::Patch(patch.clone()));
                }
                InForce::Lent(lent) if lent.of == of && !view.is_masked(lent.id) => {
                    list.push(Step::Lent(lent.id));
                }
                InForce::Patch(_) | InForce::Lent(_) => {}
            }
        }
        list.extend(sets.map(|(_, set)| Step::Groutines(set)));
        if site.has_wide() {
            let mut found = Few::new();
            install::installed(site, &mut found);
            if !is_refused {
                binding::matching(site, &mut found);
            }
            let found = found.as_mut_slice().iter_mut().filter_map(Option::take);
            let found = found.map(|wide| match wide {
                Wide::Patch(patch) => Step::Patch(patch),
                Wide::Binding(_, bound) => Step::Binding(bound),
            });
            list.extend(found.filter(|step| step.hook().is_some_and(takes_part)));
        }
        list
    })
}

impl Step {
    /// The handler, if the step keeps it.
    fn hook(&self) -> Option<&Hook> {
        match self {
            Self::Patch(patch) => Some(patch.hook()),
            Self::Binding(bound) => Some(&bound.hook),
            Self::Lent(_) | Self::Groutines(_) => None,
        }
    }
}

impl Rest {
    pub(super) fn site(&self) -> &'static Site {
        self.steps.site
    }

    /// What does not change in the call.
    pub(super) fn called(&self) -> Called<'_> {
        let steps = &*self.steps;
        Called {
            site: steps.site,
            of: &steps.of,
            receiver: ptr::without_provenance(steps.receiver),
        }
    }

    /// The next step that applies to the call (invariant 2 of the module): where it stands in the list.
    fn next(&mut self, is_answered: bool) -> Option<usize> {
        let Steps {
            site,
            receiver,
            ref list,
            ..
        } = *self.steps;
        while let Some(step) = list.get(self.at) {
            self.at += 1;
            let applies = match step {
                Step::Groutines(set) => {
                    groutine::with_set_of(*set, |set| set.waits_for(site)).unwrap_or_default()
                }
                _ if is_answered => false,
                Step::Patch(patch) => patch.takes(ptr::without_provenance(receiver)),
                Step::Binding(_) | Step::Lent(_) => true,
            };
            if applies {
                return Some(self.at - 1);
            }
        }
        None
    }

    /// Would any expectation that is still to come, in this order if one is given, take the call?
    pub(super) fn is_expected<A, R, S: Boxes>(
        &self,
        of: Option<&Sequence>,
        args: &A,
        code: AsyncCode<A, R, S>,
    ) -> bool {
        let Steps { list, receiver, .. } = &*self.steps;
        let receiver = ptr::without_provenance(*receiver);
        let takes = Cell::new(false);
        let asked = Asked { of, takes };
        for step in &list[self.at..] {
            if let Step::Patch(patch) = step
                && patch.is_expecting()
                && patch.is_on(receiver)
            {
                self.steps.invoke(patch.hook(), code, Of::Ask(args, &asked));
                if asked.takes.get() {
                    return true;
                }
            }
        }
        false
    }
}

impl Steps {
    /// Runs a handler, masked.
    fn invoke<'x, A, R, S: Boxes>(
        &self,
        hook: &Hook,
        code: AsyncCode<A, R, S>,
        turn: Of<'x, A, R, S>,
    ) -> Option<S::Boxed<'x, R>> {
        let block = self.site.function().location();
        chain::turned(&self.site.key, hook.id, false, block, || {
            (code.invoke)(HookRef(Handler::Kept(hook)), Turn(turn))
        })
    }

    /// Runs a handler that a block has lent, masked, if we are in that block.
    fn invoke_lent<A, R, S: Boxes>(&self, id: u64, code: AsyncCode<A, R, S>, call: Call<'_, A, R>) {
        let (site, code) = (self.site, &code.seen);
        chain::look(&site.key, |view| {
            let Some(lent) = view.lent(id) else { return };
            let hook = HookRef(Handler::Lent(lent));
            chain::turned(&site.key, id, false, site.function().location(), || {
                let phase = &Phase::Before;
                code.run(&hook, &mut view::Step { call, code, phase });
            });
        });
    }
}

/// [`walk`], boxed.
pub(super) fn on_any_thread<'x, A: Send, R: Send>(
    going: Going<'x, A, R>,
    rest: Rest,
    code: AsyncCode<A, R, AnyThread>,
) -> BoxFuture<'x, R> {
    Box::pin(walk(going, rest, code))
}

/// [`walk`], boxed.
pub(super) fn on_one_thread<'x, A, R>(
    going: Going<'x, A, R>,
    rest: Rest,
    code: AsyncCode<A, R, OneThread>,
) -> LocalBoxFuture<'x, R> {
    Box::pin(walk(going, rest, code))
}

/// The steps to the end of the call.
async fn walk<'x, A, R, S: Boxes>(
    Going { args, answer, .. }: Going<'x, A, R>,
    mut rest: Rest,
    code: AsyncCode<A, R, S>,
) -> R {
    let (steps, look) = (Arc::clone(&rest.steps), code.seen.look);
    let function = steps.site.function();
    while let Some(at) = rest.next(answer.is_some()) {
        let hook = match &steps.list[at] {
            Step::Patch(patch) => patch.hook(),
            Step::Binding(bound) => &bound.hook,
            Step::Lent(id) => {
                let mut answer = None;
                let call = Call::new(args, &mut answer, look, function);
                steps.invoke_lent(*id, code, call);
                match answer {
                    Some(result) => return result,
                    None => continue,
                }
            }
            Step::Groutines(set) => {
                return walk_heard(Going::new(args, answer), rest, code, *set).await;
            }
        };
        match hook.kind {
            Kind::Before => {
                let mut answer = None;
                let call = Call::new(args, &mut answer, look, function);
                steps.invoke(hook, code, Of::Before(call));
                if let Some(result) = answer {
                    return result;
                }
            }
            Kind::After => {
                let mut result = (code.walk)(Going::new(args, None), rest, code).await;
                let returned = Returned::new(args, &mut result, look, function);
                steps.invoke(hook, code, Of::After(returned));
                return result;
            }
            Kind::Unwound => {
                let walk = (code.walk)(Going::new(args, None), rest, code);
                let panic = match Caught(walk).await {
                    Ok(result) => return result,
                    Err(panic) => panic,
                };
                let mut answer = None;
                let told = catch_unwind(AssertUnwindSafe(|| {
                    let unwound = Unwound::new(args, &*panic, &mut answer, look, function);
                    steps.invoke(hook, code, Of::Unwound(unwound));
                }));
                return match (told, answer) {
                    (Ok(()), Some(result)) => {
                        drop_caught(panic);
                        result
                    }
                    (Ok(()), None) => resume_unwind(panic),
                    (Err(second), _) => go_on_with(function, second, panic),
                };
            }
            Kind::Around => {
                let (id, alive) = (hook.id, PhantomData);
                let next = AsyncNext {
                    rest,
                    id,
                    code,
                    alive,
                };
                let future = steps.invoke(hook, code, Of::Around(args, next));
                let future = future.expect("a handler around gives a future");
                return Turned::new(steps.site, id, false, future).await;
            }
        }
    }
    if let Some(result) = answer {
        return result;
    }
    match steps.refused_by {
        None => (code.body)(args).await,
        Some(context) => steps.site.refuse(context),
    }
}

/// The rest of the call while groutines listen: to its beginning, and to its end.
async fn walk_heard<'x, A, R, S: Boxes>(
    Going { args, answer, .. }: Going<'x, A, R>,
    rest: Rest,
    code: AsyncCode<A, R, S>,
    set: u64,
) -> R {
    let (mut heard, answer, is_consumed) = Heard::begin(args, answer, &rest, code, set);
    let ended = match answer {
        Some(result) if is_consumed => Ok(result),
        answer => Caught((code.walk)(Going::new(heard.args(), answer), rest, code)).await,
    };
    heard.end(ended)
}
