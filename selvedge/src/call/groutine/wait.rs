//! Waiting for a part of a call.
//!
//! # Invariants
//!
//! 1. The function is armed while the wait is being awaited: from its first poll until it is dropped, or until the poll
//!    in which it is ready ends. So one that waits for the same function again, at once, finds it armed.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::num::NonZeroUsize;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::any::TypeId;

use crate::call::groutine::flow;
use crate::call::groutine::live::{Addr, Live};
use crate::call::groutine::poll::{Happening, Interest, Polling};
use crate::call::groutine::set::Tick;
use crate::call::groutine::typed::{Filters, Moment, Visit};
use crate::call::hook::Shape;
use crate::call::site::Site;

/// Arms a function (invariant 1).
pub(super) struct Armed(&'static Site);

/// Waits for a part of a call, in a groutine. Made by an open function's `called`, `returned` and `panicked`.
///
/// It listens while it is awaited, and no longer. It can be awaited by `&mut` too, and then again.
///
/// # Panics
///
/// Awaited anywhere but in a groutine, it panics.
///
/// # Examples
///
/// ```
/// use selvedge::{call::Groutines, open};
///
/// #[open]
/// fn price(of: &str) -> u32 { 10 }
///
/// // Made a groutine: whatever it is asked for next costs nothing, if its name is long.
/// let free = || async {
///     price::called().when(|call| call.args.of.len() > 5).await.ret(0);
/// };
/// Groutines::new().with(free).run(|| {
///     assert_eq!([price("bread"), price("butter"), price("cheese")], [10, 0, 10]);
/// });
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct Wait<M, P> {
    site: &'static Site,
    of: &'static TypeId,
    /// The type of receiver that the function has.
    receiver: Option<&'static str>,
    /// The address of the receiver.
    on: Option<NonZeroUsize>,
    same: Option<Tick>,
    filters: Vec<Filter>,
    listening: Option<Listening>,
    marker: PhantomData<fn() -> (M, P)>,
}

type Filter = Box<dyn Fn(Visit<'_>) -> bool + Send>;

/// Since when a wait listens.
struct Listening {
    armed: Armed,
    /// Where.
    set: u64,
    since: Tick,
    /// What it has looked at last, and did not want.
    seen: Option<Tick>,
}

impl<M, P: Moment> Wait<M, P> {
    /// For expansions.
    #[doc(hidden)]
    pub fn new<S: Shape>(site: &'static Site, receiver: Option<&'static str>) -> Self {
        Self {
            site,
            of: const { &TypeId::of::<S>() },
            receiver,
            on: None,
            same: None,
            filters: Vec::new(),
            listening: None,
            marker: PhantomData,
        }
    }

    /// Only calls that this is true of. Others pass, and the wait goes on. Several filters must all be true.
    ///
    /// It runs in the caller of the function. If it panics, the groutine does.
    pub fn when<F>(mut self, filter: F) -> Self
    where
        M: Filters<P, F>,
        F: Send + 'static,
    {
        self.filters
            .push(Box::new(move |visit| M::passes(visit, &filter)));
        self
    }

    /// Only calls of a method on this very object.
    ///
    /// # Panics
    ///
    /// If the function is not a method of that type that takes `&self` or `&mut self`.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{call::{Addr, Groutines}, open};
    ///
    /// struct Door { open: bool }
    ///
    /// #[open]
    /// impl Door {
    ///     fn is_open(&self) -> bool { self.open }
    /// }
    ///
    /// fn main() {
    ///     let (front, back) = (Door { open: false }, Door { open: false });
    ///     let it = Addr::of(&front);
    ///     let opens = move || async move { door::is_open::called().on(it).await.ret(true) };
    ///     Groutines::new().with(opens).run(|| {
    ///         assert!(!back.is_open());
    ///         assert!(front.is_open());
    ///     });
    /// }
    /// ```
    #[track_caller]
    pub fn on(mut self, object: Addr) -> Self {
        object.check(self.site.function(), self.receiver);
        self.on = Some(object.address());
        self
    }

    /// Only this very call: for the end of a call that the groutine has seen begin.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{call::Groutines, open};
    ///
    /// #[open]
    /// fn height(n: u32) -> u32 {
    ///     if n == 0 { 0 } else { height(n - 1) + 1 }
    /// }
    ///
    /// // The outermost call, not those in it.
    /// let doubles = || async {
    ///     let call = height::called().await;
    ///     height::returned().same(&call).await.with(|returned| *returned.result *= 2);
    /// };
    /// Groutines::new().with(doubles).run(|| assert_eq!(height(3), 6));
    /// ```
    pub fn same<Q>(mut self, call: &Live<M, Q>) -> Self {
        self.same = Some(call.id());
        self
    }

    /// Is it ready? If not, it listens.
    #[inline]
    fn look(&mut self, polling: &Polling<'_>) -> Poll<Live<M, P>> {
        let set = polling.set;
        let since = match &self.listening {
            Some(listening) if listening.set == set.id() => listening.since,
            _ => {
                let since = set.tick();
                self.listening = Some(Listening {
                    armed: Armed::again(polling.armed.take(), self.site),
                    set: set.id(),
                    since,
                    seen: None,
                });
                since
            }
        };
        let interest = Interest {
            number: polling.number,
            since,
            site: self.site,
            of: self.of,
            when: P::WHEN,
            on: self.on,
            same: self.same,
        };
        if let Some(heard) = polling.heard
            && interest.fits(heard.happening)
            && self.is_new(heard.happening)
        {
            let live = Live::new(self.site, heard.happening.call);
            let wants = |filter: &Filter| heard.lend(filter).unwrap_or_default();
            if self.filters.iter().all(wants) {
                let armed = self.listening.take().map(|listening| listening.armed);
                polling.armed.set(armed);
                return Poll::Ready(live);
            }
        }
        polling.is_in_reach.set(true);
        set.listen(interest);
        Poll::Pending
    }

    /// Is this the first look at it?
    fn is_new(&mut self, happening: &Happening<'_>) -> bool {
        let seen = Some(happening.at);
        self.listening
            .as_mut()
            .is_some_and(|listening| core::mem::replace(&mut listening.seen, seen) != seen)
    }
}

impl<M, P: Moment> Future for Wait<M, P> {
    type Output = Live<M, P>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Live<M, P>> {
        let this = self.get_mut();
        flow::innermost(|polling| match polling {
            Some(polling) => this.look(polling),
            None => panic!(
                "a wait for calls of `{}` is awaited outside of a groutine",
                this.site.function().path()
            ),
        })
    }
}

impl Armed {
    /// Arms `site`, unless `left` is what has armed it.
    #[inline]
    fn again(left: Option<Self>, site: &'static Site) -> Self {
        if let Some(left) = left
            && core::ptr::eq(left.0, site)
        {
            return left;
        }
        site.listen();
        Self(site)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.0.unlisten();
    }
}

impl<M, P: Moment> fmt::Debug for Wait<M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("function", &self.site.function().path())
            .field("for", &P::WHEN)
            .finish_non_exhaustive()
    }
}
