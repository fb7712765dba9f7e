//! A call that a groutine has waited for, and the address of an object.
//!
//! # Invariants
//!
//! 1. A handle is a number. The call itself is found through the ambient, by whoever is being polled in it: not on
//!    another thread, and not when the call has gone on.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroUsize;
use core::ptr;

use crate::call::groutine::flow;
use crate::call::groutine::set::Tick;
use crate::call::groutine::typed::{Answers, Moment, Sees, Visit};
use crate::call::site::{Function, Site};

/// A call that a groutine has waited for.
///
/// The call waits while the groutine runs, and goes on when the groutine waits for something else, or ends. Then
/// this handle is over: it says so, and can still tell [the end of the same call](super::Wait::same) from others.
///
/// # Examples
///
/// ```
/// use selvedge::{call::Groutines, open};
///
/// #[open]
/// fn add(a: u32, b: u32) -> u32 { a + b }
///
/// let careful = || async {
///     let mut call = add::called().await;
///     let (a, b) = call.with(|call| (call.args.a, call.args.b));
///     if a.checked_add(b).is_none() {
///         call.ret(u32::MAX);
///     }
/// };
/// assert_eq!(Groutines::new().with(careful).run(|| add(u32::MAX, 2)), u32::MAX);
/// ```
pub struct Live<M, P> {
    site: &'static Site,
    id: Tick,
    marker: PhantomData<fn() -> (M, P)>,
}

impl<M, P: Moment> Live<M, P> {
    pub(super) fn new(site: &'static Site, id: Tick) -> Self {
        Self {
            site,
            id,
            marker: PhantomData,
        }
    }

    /// Looks at the call: at its arguments, at its result if it has returned; and may change both, or answer.
    ///
    /// The closure gets what a [hook](crate::call#hooks) of the same kind gets.
    ///
    /// # Panics
    ///
    /// If the call is over, and inside of another look at the same call.
    #[track_caller]
    pub fn with<F, X>(&mut self, look: F) -> X
    where
        M: Sees<P, F, X>,
    {
        self.visit(|visit| M::see(visit, look))
            .expect("a call that was waited for has the types of its function")
    }

    /// Answers the call: it returns this, and the function does not run.
    ///
    /// Others who wait for the call hear of it all the same, and the first answer counts. Of a call that has
    /// returned, this replaces the result; of one that has panicked, it ends the panic.
    ///
    /// Where the result borrows from the arguments, use `with(|call| call.ret(..))`.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    #[track_caller]
    pub fn ret<R>(self, result: R)
    where
        M: Answers<P, R>,
    {
        self.visit(|visit| M::answer(visit, result));
    }

    /// Answers the call, and nobody after this groutine hears of it.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{call::Groutines, event};
    ///
    /// #[event]
    /// fn key(code: u32) -> Option<&'static str>;
    ///
    /// let dialog = || async { key::called().await.consume(Some("closed")) };
    /// let window = || async { loop { key::called().await.ret(Some("typed")) } };
    /// Groutines::new().with(dialog).with(window).run(|| {
    ///     assert_eq!(key(27), Some("closed"));
    ///     assert_eq!(key(27), Some("typed"));
    /// });
    /// ```
    #[doc(alias = "ForceReturn")]
    #[track_caller]
    pub fn consume<R>(self, result: R)
    where
        M: Answers<P, R>,
    {
        self.visit(|visit| M::answer(visit, result));
        flow::find(|polling| {
            let heard = polling.heard.filter(|heard| self.is_at(heard))?;
            heard.happening.is_consumed.set(true);
            Some(())
        });
    }

    /// May it be looked at, here and now?
    #[must_use]
    pub fn is_live(&self) -> bool {
        let free = flow::find(|polling| {
            let heard = polling.heard.filter(|heard| self.is_at(heard))?;
            Some(heard.lend(|_| ()).is_some())
        });
        free.unwrap_or_default()
    }

    /// The function that was called.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.site.function()
    }

    fn is_at(&self, heard: &super::poll::Heard<'_>) -> bool {
        heard.happening.call == self.id && heard.happening.when == P::WHEN
    }

    #[track_caller]
    fn visit<R>(&self, look: impl FnOnce(Visit<'_>) -> R) -> R {
        let mut look = Some(look);
        let seen = flow::find(|polling| {
            let heard = polling.heard.filter(|heard| self.is_at(heard))?;
            Some(heard.lend(|visit| look.take().map(|look| look(visit))))
        });
        match seen {
            Some(Some(Some(seen))) => seen,
            None => panic!(
                "this call of `{}` is over: a groutine can look at a call only until it waits for something else",
                self.site.function().path()
            ),
            _ => panic!(
                "this call of `{}` is being looked at: one look inside of another would see it twice",
                self.site.function().path()
            ),
        }
    }
}

impl<M, P> Live<M, P> {
    /// Another handle of the same call.
    pub(in crate::call) fn again(&self) -> Self {
        Self { ..*self }
    }

    pub(super) fn id(&self) -> Tick {
        self.id
    }
}

impl<M, P: Moment> fmt::Debug for Live<M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("function", &self.site.function().path())
            .field("is_live", &self.is_live())
            .finish_non_exhaustive()
    }
}

/// The address of an object, by which [`Wait::on`](super::Wait::on) knows it again.
///
/// The object must stay where it is while somebody waits for calls on it, and must not be of size 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Addr {
    address: NonZeroUsize,
    type_name: &'static str,
    is_thin: bool,
}

impl Addr {
    /// Of this object.
    #[must_use]
    pub fn of<T: ?Sized>(object: &T) -> Self {
        Self {
            address: ptr::NonNull::from_ref(object).addr(),
            type_name: core::any::type_name::<T>(),
            is_thin: size_of::<&T>() == size_of::<&()>(),
        }
    }

    pub(super) fn address(self) -> NonZeroUsize {
        self.address
    }

    /// Panics if no call of the function can be on this object.
    #[track_caller]
    pub(super) fn check(self, function: &Function, receiver: Option<&str>) {
        let (path, given) = (function.path(), self.type_name);
        match receiver {
            None => panic!(
                "`{path}` is not called on an object: `on` is for methods that borrow `self`"
            ),
            // A `dyn Trait` may be it.
            Some(name) => assert!(
                name == given || !self.is_thin,
                "`{path}` is called on a `{name}`: no call is on this `{given}`"
            ),
        }
    }
}
