//! Open async functions: the walk over the steps as a future.
//!
//! What takes part is found at the first poll, in the ambient of that poll, and kept to the end of the call: the
//! future may go on anywhere. Hooks that run before and after are plain closures between two polls; a
//! handler around gives a future, boxed, since each handler has its own.
//!
//! # Invariants
//!
//! 1. A handler, its future's polls and its future's drop are masked: calls from there skip it. Whatever the
//!    handler proceeds to lifts that mask again, in its polls and its drop.
//! 2. A handler of another type than the call's is not in the list; one whose limits exclude the call is passed
//!    over when its turn comes, and counts no hit.

use core::any::TypeId;
use core::fmt;
use core::marker::PhantomData;
use core::pin::Pin;
use core::ptr;
use core::task::{Context, Poll};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::ambient::Context as Place;
use crate::call::binding;
use crate::call::chain::{self, InForce};
use crate::call::code::Look;
use crate::call::few::Few;
use crate::call::hook::{Handler, Hook, HookRef, Kind};
use crate::call::install;
use crate::call::site::{Function, Site};
use crate::call::steps::{Wide, go_on_with};
use crate::call::view::{Call, Returned, Unwound};
use crate::primitive::{Arc, drop_caught};

/// What a handler around an open async function gives: `Box::pin(async move { .. })`.
pub type BoxFuture<'c, R> = Pin<Box<dyn Future<Output = R> + Send + 'c>>;

/// What a handler of an open async function stands in front of: the next handler, or the body.
///
/// It can be used once.
///
/// # Examples
///
/// ```
/// use selvedge::open;
///
/// #[open]
/// async fn fetch(url: &str) -> Option<String> { None }
///
/// let retry = fetch::around(|args, next| Box::pin(async move {
///     match next.proceed(args).await {
///         Some(page) => Some(page),
///         None => fetch("cache").await, // a handler's own calls skip the handler
///     }
/// }));
/// let cached = fetch::before(|call| if call.args.url == "cache" { call.ret(Some("old".to_owned())) });
/// let page = retry.and(cached).wrap(async { fetch("page").await });
/// let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// assert_eq!(Box::pin(page).as_mut().poll(&mut context), std::task::Poll::Ready(Some("old".to_owned())));
/// # use selvedge::Wrap as _;
/// ```
#[must_use = "without `proceed` the function itself does not run"]
pub struct AsyncNext<'c, A, R> {
    rest: Rest,
    /// Of the handler that proceeds.
    id: u64,
    code: AsyncCode<A, R>,
    alive: PhantomData<&'c mut ()>,
}

impl<A: Send, R: Send> AsyncNext<'_, A, R> {
    /// Goes on with `args`; the future gives the result.
    ///
    /// # Panics
    ///
    /// When polled: if an argument that the function takes by value was taken out and not put back, and if
    /// what is called panics.
    pub fn proceed<'x>(self, args: &'x mut A) -> BoxFuture<'x, R>
    where
        R: 'x,
    {
        let site = self.rest.steps.site;
        let future = walk(args, self.rest, self.code);
        Box::pin(Turned::new(site, self.id, true, future))
    }
}

impl<A, R> AsyncNext<'_, A, R> {
    /// The function that is being called.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.rest.steps.site.function()
    }
}

/// What is particular to one instantiation of an open async function. For expansions.
#[doc(hidden)]
pub struct AsyncCode<A, R> {
    body: for<'x> fn(&'x mut A) -> BoxFuture<'x, R>,
    invoke: for<'x> fn(HookRef<'_>, Turn<'x, A, R>) -> Option<BoxFuture<'x, R>>,
    look: Look<A, R>,
}

impl<A, R> AsyncCode<A, R> {
    pub fn new(
        body: for<'x> fn(&'x mut A) -> BoxFuture<'x, R>,
        invoke: for<'x> fn(HookRef<'_>, Turn<'x, A, R>) -> Option<BoxFuture<'x, R>>,
        look: Look<A, R>,
    ) -> Self {
        Self { body, invoke, look }
    }
}

impl<A, R> Clone for AsyncCode<A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R> Copy for AsyncCode<A, R> {}

/// The turn of one handler of an async function, for expansions.
#[doc(hidden)]
pub struct Turn<'s, A, R>(Of<'s, A, R>);

enum Of<'s, A, R> {
    Before(Call<'s, A, R>),
    After(Returned<'s, A, R>),
    Unwound(Unwound<'s, A, R>),
    Around(&'s mut A, AsyncNext<'s, A, R>),
}

impl<'s, A, R> Turn<'s, A, R> {
    /// For a handler that runs before.
    pub fn before(self, handler: impl FnOnce(&mut Call<'_, A, R>)) -> Option<BoxFuture<'s, R>> {
        if let Of::Before(mut call) = self.0 {
            handler(&mut call);
        }
        None
    }

    /// For one that runs after.
    pub fn after(self, handler: impl FnOnce(&mut Returned<'_, A, R>)) -> Option<BoxFuture<'s, R>> {
        if let Of::After(mut returned) = self.0 {
            handler(&mut returned);
        }
        None
    }

    /// For one that runs after a panic.
    pub fn unwound(self, handler: impl FnOnce(&mut Unwound<'_, A, R>)) -> Option<BoxFuture<'s, R>> {
        if let Of::Unwound(mut unwound) = self.0 {
            handler(&mut unwound);
        }
        None
    }

    /// For one that runs around.
    pub fn around(
        self,
        handler: impl FnOnce(&'s mut A, AsyncNext<'s, A, R>) -> BoxFuture<'s, R>,
    ) -> Option<BoxFuture<'s, R>> {
        match self.0 {
            Of::Around(args, next) => Some(handler(args, next)),
            _ => None,
        }
    }
}

/// What takes part in one call.
struct Steps {
    site: &'static Site,
    receiver: usize,
    /// Outermost first.
    list: Vec<Wide>,
    /// The strict context that nothing answers for: then the body does not run.
    refused_by: Option<&'static Place>,
}

/// The steps that are still to come.
#[derive(Clone)]
struct Rest {
    steps: Arc<Steps>,
    at: usize,
}

/// A call of an armed function that something in reach may apply to: polled first, it finds out what. For expansions.
#[doc(hidden)]
pub async fn call_async<A: Send, R: Send>(
    site: &'static Site,
    of: TypeId,
    receiver: usize,
    mut args: A,
    code: AsyncCode<A, R>,
) -> R {
    let refused_by = binding::unanswered(site);
    let steps = Steps {
        site,
        receiver,
        list: gather(site, of, refused_by.is_some()),
        refused_by,
    };
    let rest = Rest {
        steps: Arc::new(steps),
        at: 0,
    };
    walk(&mut args, rest, code).await
}

/// What is in force here and now, for calls of the type `of`.
fn gather(site: &'static Site, of: TypeId, is_refused: bool) -> Vec<Wide> {
    chain::look(&site.key, |view| {
        let takes_part = |hook: &Hook| hook.of == of && !view.is_masked(hook.id);
        let mut list = Vec::new();
        let mut at = view.first();
        while let Some(link) = at {
            at = link.outer();
            // What a block has lent is not for a future, which may leave the block.
            if let InForce::Patch(patch) = link.what()
                && takes_part(patch.hook())
            {
                list.push(Wide::Patch(patch.clone()));
            }
        }
        if site.has_wide() {
            let mut found = Few::new();
            install::installed(site, &mut found);
            if !is_refused {
                binding::matching(site, &mut found);
            }
            let found = found.as_mut_slice().iter_mut().filter_map(Option::take);
            list.extend(found.filter(|wide| takes_part(hook_of(wide))));
        }
        list
    })
}

fn hook_of(wide: &Wide) -> &Hook {
    match wide {
        Wide::Patch(patch) => patch.hook(),
        Wide::Binding(_, bound) => &bound.hook,
    }
}

impl Rest {
    /// The next step that applies to the call (invariant 2): where it stands in the list.
    fn next(&mut self) -> Option<usize> {
        while let Some(wide) = self.steps.list.get(self.at) {
            self.at += 1;
            let applies = match wide {
                Wide::Patch(patch) => patch.takes(ptr::without_provenance(self.steps.receiver)),
                Wide::Binding(..) => true,
            };
            if applies {
                return Some(self.at - 1);
            }
        }
        None
    }
}

impl Steps {
    fn hook(&self, at: usize) -> &Hook {
        hook_of(&self.list[at])
    }

    /// Runs a handler, masked.
    fn invoke<'x, A, R>(
        &self,
        at: usize,
        code: AsyncCode<A, R>,
        turn: Of<'x, A, R>,
    ) -> Option<BoxFuture<'x, R>> {
        let hook = self.hook(at);
        let block = self.site.function().location();
        chain::turned(&self.site.key, hook.id, false, block, || {
            (code.invoke)(HookRef(Handler::Kept(hook)), Turn(turn))
        })
    }
}

/// The steps to the end of the call.
fn walk<'x, A: Send, R: Send + 'x>(
    args: &'x mut A,
    mut rest: Rest,
    code: AsyncCode<A, R>,
) -> BoxFuture<'x, R> {
    Box::pin(async move {
        let (steps, look) = (Arc::clone(&rest.steps), code.look);
        let function = steps.site.function();
        while let Some(at) = rest.next() {
            let id = steps.hook(at).id;
            match steps.hook(at).kind {
                Kind::Before => {
                    let mut answer = None;
                    let call = Call::new(args, &mut answer, look, function);
                    steps.invoke(at, code, Of::Before(call));
                    if let Some(result) = answer {
                        return result;
                    }
                }
                Kind::After => {
                    let mut result = walk(args, rest, code).await;
                    let returned = Returned::new(args, &mut result, look, function);
                    steps.invoke(at, code, Of::After(returned));
                    return result;
                }
                Kind::Unwound => {
                    let panic = match Caught(walk(args, rest, code)).await {
                        Ok(result) => return result,
                        Err(panic) => panic,
                    };
                    let mut answer = None;
                    let told = catch_unwind(AssertUnwindSafe(|| {
                        let unwound = Unwound::new(args, &*panic, &mut answer, look, function);
                        steps.invoke(at, code, Of::Unwound(unwound));
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
                    let next = AsyncNext {
                        rest,
                        id,
                        code,
                        alive: PhantomData,
                    };
                    let future = steps.invoke(at, code, Of::Around(args, next));
                    let future = future.expect("a handler around gives a future");
                    return Turned::new(steps.site, id, false, future).await;
                }
            }
        }
        match steps.refused_by {
            None => (code.body)(args).await,
            Some(context) => steps.site.refuse(context),
        }
    })
}

/// A future whose polls and drop are inside of a handler, or, lifted, outside of it again (invariant 1).
struct Turned<'x, R> {
    site: &'static Site,
    id: u64,
    lifted: bool,
    /// Present until the drop.
    future: Option<BoxFuture<'x, R>>,
}

impl<'x, R> Turned<'x, R> {
    fn new(site: &'static Site, id: u64, lifted: bool, future: BoxFuture<'x, R>) -> Self {
        Self {
            site,
            id,
            lifted,
            future: Some(future),
        }
    }

    fn run<T>(&mut self, f: impl FnOnce(&mut Option<BoxFuture<'x, R>>) -> T) -> T {
        let block = self.site.function().location();
        chain::turned(&self.site.key, self.id, self.lifted, block, || {
            f(&mut self.future)
        })
    }
}

impl<R> Future for Turned<'_, R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        self.run(|future| {
            let future = future.as_mut().expect("present until the drop");
            future.as_mut().poll(context)
        })
    }
}

impl<R> Drop for Turned<'_, R> {
    fn drop(&mut self) {
        self.run(|future| drop(future.take()));
    }
}

/// A future whose panic is a result.
struct Caught<'x, R>(BoxFuture<'x, R>);

impl<R> Future for Caught<'_, R> {
    type Output = std::thread::Result<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

impl<A, R> fmt::Debug for AsyncNext<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncNext")
            .field("function", &self.function().path())
            .finish_non_exhaustive()
    }
}

impl<A, R> fmt::Debug for Turn<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

impl<A, R> fmt::Debug for AsyncCode<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCode").finish_non_exhaustive()
    }
}
