//! Open async functions: the walk over the steps as a future.
//!
//! What takes part is found at the first poll, in the ambient of that poll, and kept to the end of the call: the
//! future may go on anywhere. Hooks that run before and after are plain closures between two polls; a
//! handler around gives a future, boxed, since each handler has its own.
//!
//! Whether all these futures are `Send` is a type parameter, [`AnyThread`] or [`OneThread`]. The one place that has to
//! know it, the box around the next part of the walk, is a function pointer in [`AsyncCode`].
//!
//! # Invariants
//!
//! 1. A handler, its future's polls and its future's drop are masked: calls from there skip it. Whatever the
//!    handler proceeds to lifts that mask again, in its polls and its drop.
//! 2. A handler of another type than the call's is not in the list; one whose limits exclude the call is passed
//!    over when its turn comes, and counts no hit.
//! 3. A call whose beginning was told to a watch is told one end to it: its result, its panic, or that it was dropped.
//!    So is a set of groutines, if the end comes in its flow.

mod polls;
mod told;
mod turn;
mod walk;

use core::fmt;
use core::marker::PhantomData;
use core::pin::Pin;

pub use self::polls::Turned;
pub use self::turn::Turn;
pub use self::walk::call_async;
use self::walk::{Going, Rest, on_any_thread, on_one_thread};
use crate::call::code::Code;
use crate::call::hook::HookRef;
use crate::call::site::Function;

/// What a handler around an open async function gives: `Box::pin(async move { .. })`.
pub type BoxFuture<'c, R> = Pin<Box<dyn Future<Output = R> + Send + 'c>>;

/// The same, of a function that is [`open(?Send)`](macro@crate::open#async-functions): it stays on its thread.
pub type LocalBoxFuture<'c, R> = Pin<Box<dyn Future<Output = R> + 'c>>;

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
pub struct AsyncNext<'c, A, R, S: Boxes = AnyThread> {
    rest: Rest,
    /// Of the handler that proceeds.
    id: u64,
    code: AsyncCode<A, R, S>,
    alive: PhantomData<&'c mut ()>,
}

impl<A, R, S: Boxes> AsyncNext<'_, A, R, S> {
    /// Goes on with `args`; the future gives the result.
    ///
    /// # Panics
    ///
    /// When polled: if an argument that the function takes by value was taken out and not put back, and if
    /// what is called panics.
    pub fn proceed<'x>(self, args: &'x mut A) -> S::Boxed<'x, R>
    where
        R: 'x,
    {
        let Self { rest, id, code, .. } = self;
        let site = rest.site();
        let future = (code.walk)(Going::new(args, None), rest, code);
        S::lifted(Turned::new(site, id, true, future))
    }
}

impl<A, R, S: Boxes> AsyncNext<'_, A, R, S> {
    /// The function that is being called.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.rest.site().function()
    }
}

/// What an async function given to [`#[bind]`](crate::bind) stands in front of: there, `next: Next` is this.
///
/// # Examples
///
/// ```
/// use selvedge::{bind, context, open, signal::block_on};
///
/// context! { static LOUD = "loud"; }
///
/// #[open]
/// async fn greet(name: &str) -> String {
///     format!("hello {name}")
/// }
///
/// #[bind(greet, thread = LOUD)]
/// async fn shout(name: &str, next: Next) -> String {
///     next.proceed((name,)).await.to_uppercase()
/// }
///
/// assert_eq!(LOUD.run(|| block_on(greet("Ada")))?, "HELLO ADA");
/// # Ok::<(), selvedge::signal::Stopped>(())
/// ```
#[must_use = "without `proceed` the function itself does not run"]
pub struct AsyncNextOf<'c, A, R, S: Boxes = AnyThread> {
    run: S::Run<'c, A, R>,
    /// Not of `&'c (A, R)` itself: whether this is `Send` is up to `run`.
    of: PhantomData<fn() -> &'c (A, R)>,
}

impl<'c, A, R> AsyncNextOf<'c, A, R> {
    #[doc(hidden)]
    pub fn any_thread(run: Box<dyn FnOnce(A) -> BoxFuture<'c, R> + Send + 'c>) -> Self {
        let of = PhantomData;
        Self { run, of }
    }
}

impl<'c, A, R> AsyncNextOf<'c, A, R, OneThread> {
    #[doc(hidden)]
    pub fn one_thread(run: Box<dyn FnOnce(A) -> LocalBoxFuture<'c, R> + 'c>) -> Self {
        let of = PhantomData;
        Self { run, of }
    }
}

impl<'c, A, R, S: Boxes> AsyncNextOf<'c, A, R, S> {
    /// Goes on with the arguments, as a tuple; the future gives the result.
    ///
    /// # Panics
    ///
    /// When polled: if what is called does.
    pub fn proceed(self, args: A) -> S::Boxed<'c, R> {
        S::run(self.run, args)
    }
}

/// Whether the futures of a function's calls may go from thread to thread.
#[doc(hidden)]
pub trait Boxes: Sized + 'static {
    type Boxed<'x, R>: Future<Output = R> + Unpin;
    type Run<'x, A, R>;
    fn lifted<'x, R: 'x>(future: Turned<Self::Boxed<'x, R>>) -> Self::Boxed<'x, R>;
    fn run<'x, A, R>(run: Self::Run<'x, A, R>, args: A) -> Self::Boxed<'x, R>;
}

/// They are `Send`.
#[doc(hidden)]
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a name in types")]
pub enum AnyThread {}

/// They are not: `open(?Send)`.
#[doc(hidden)]
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a name in types")]
pub enum OneThread {}

impl Boxes for AnyThread {
    type Boxed<'x, R> = BoxFuture<'x, R>;
    type Run<'x, A, R> = Box<dyn FnOnce(A) -> BoxFuture<'x, R> + Send + 'x>;

    fn lifted<'x, R: 'x>(future: Turned<BoxFuture<'x, R>>) -> BoxFuture<'x, R> {
        Box::pin(future)
    }

    fn run<'x, A, R>(run: Self::Run<'x, A, R>, args: A) -> BoxFuture<'x, R> {
        run(args)
    }
}

impl Boxes for OneThread {
    type Boxed<'x, R> = LocalBoxFuture<'x, R>;
    type Run<'x, A, R> = Box<dyn FnOnce(A) -> LocalBoxFuture<'x, R> + 'x>;

    fn lifted<'x, R: 'x>(future: Turned<LocalBoxFuture<'x, R>>) -> LocalBoxFuture<'x, R> {
        Box::pin(future)
    }

    fn run<'x, A, R>(run: Self::Run<'x, A, R>, args: A) -> LocalBoxFuture<'x, R> {
        run(args)
    }
}

/// What the type of an open async function says of its futures, for `#[bind]`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no open async function",
    label = "an async function is bound to an async one"
)]
pub trait OpenAsync {
    type Boxes: Boxes;
}

/// What is particular to one instantiation of an open async function. For expansions.
#[doc(hidden)]
pub struct AsyncCode<A, R, S: Boxes> {
    body: Body<A, R, S>,
    invoke: Invoke<A, R, S>,
    /// For somebody who looks at the call, which takes no step.
    pub(super) seen: Code<A, R>,
    /// The next part of a walk.
    walk: for<'x> fn(Going<'x, A, R>, Rest, Self) -> S::Boxed<'x, R>,
}

type Body<A, R, S> = for<'x> fn(&'x mut A) -> <S as Boxes>::Boxed<'x, R>;
type Invoke<A, R, S> =
    for<'x> fn(HookRef<'_>, Turn<'x, A, R, S>) -> Option<<S as Boxes>::Boxed<'x, R>>;

impl<A: Send, R: Send> AsyncCode<A, R, AnyThread> {
    pub fn any_thread(
        body: Body<A, R, AnyThread>,
        invoke: Invoke<A, R, AnyThread>,
        seen: Code<A, R>,
    ) -> Self {
        Self {
            body,
            invoke,
            seen,
            walk: on_any_thread,
        }
    }
}

impl<A, R> AsyncCode<A, R, OneThread> {
    pub fn one_thread(
        body: Body<A, R, OneThread>,
        invoke: Invoke<A, R, OneThread>,
        seen: Code<A, R>,
    ) -> Self {
        Self {
            body,
            invoke,
            seen,
            walk: on_one_thread,
        }
    }
}

impl<A, R, S: Boxes> Clone for AsyncCode<A, R, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R, S: Boxes> Copy for AsyncCode<A, R, S> {}

impl<A, R, S: Boxes> fmt::Debug for AsyncNext<'_, A, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncNext")
            .field("function", &self.function().path())
            .finish_non_exhaustive()
    }
}

impl<A, R, S: Boxes> fmt::Debug for AsyncNextOf<'_, A, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncNextOf").finish_non_exhaustive()
    }
}

impl<A, R, S: Boxes> fmt::Debug for AsyncCode<A, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCode").finish_non_exhaustive()
    }
}
