//! Work that runs later, in a block.
//!
//! # Invariants
//!
//! 1. The work of a [`Wrapped`] future is pinned where it stands: it is never moved out, only dropped in place, and
//!    nothing else is handed out by reference.
//! 2. `work` is alive exactly while `block` is there.
#![allow(unsafe_code, reason = "a future that is pinned inside another one")]

use core::fmt;
use core::future::Future;
use core::mem::ManuallyDrop;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic::resume_unwind;

use crate::ambient::base::Kept;
use crate::ambient::enter::{self, Ended, Enter, catch, first, run_at, tell};
use crate::primitive::{drop_caught, panicking};

/// Puts a closure or a future into a block, wherever and whenever it runs.
///
/// `block.wrap(closure)` is a closure that runs in the block; closures may take one argument (which needs its type:
/// `|stop: Signal| ..`). `block.wrap(future)` is a future that is in the block whenever it is polled, and
/// when it is dropped: the bindings are there across every `.await`, on whatever thread it goes on.
///
/// The block of a closure is entered when the closure is called. The block of a future begins at its first poll
/// and ends when it is ready, or dropped; only then are its [`on_exit`](crate::Enter::on_exit) actions run, once.
/// A future that was never polled runs none.
///
/// # Examples
///
/// ```
/// use selvedge::Wrap;
///
/// selvedge::local! { static USER: String; }
///
/// let greet = USER.to("Ada".to_owned()).wrap(|| USER.with(|user| format!("hello {user}")));
/// assert_eq!(std::thread::spawn(greet).join().unwrap()?, "hello Ada");
///
/// let mut length = Box::pin(USER.to("Grace".to_owned()).wrap(async {
///     std::future::ready(()).await;
///     USER.with(String::len)
/// }));
/// let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// let std::task::Poll::Ready(length) = length.as_mut().poll(&mut context) else { panic!() };
/// assert_eq!(length?, 5);
/// # Ok::<(), selvedge::Unbound>(())
/// ```
///
/// # Panics
///
/// A wrapped future whose block has `on_exit` actions cannot be polled after it was ready.
#[diagnostic::on_unimplemented(
    message = "`{W}` cannot be put into a block",
    label = "neither a future nor a closure of no argument or one",
    note = "the type of a closure's argument must be written down: `|stop: Signal| ..`"
)]
#[doc(alias = "with_xlocal")]
#[doc(alias = "scope")]
pub trait Wrap<W, M>: Enter {
    /// Work that runs in this block.
    #[track_caller]
    fn wrap(self, work: W) -> impl Sized;
}

/// Marks closures, for [`Wrap`] and [`Carry`](crate::Carry).
#[doc(hidden)]
#[derive(Debug)]
pub struct Closure<A, R>(core::marker::PhantomData<fn(A) -> R>);

/// Marks futures, for [`Wrap`] and [`Carry`](crate::Carry).
#[doc(hidden)]
#[derive(Debug)]
pub struct Polled(());

#[allow(
    refining_impl_trait_reachable,
    reason = "callers see what each kind of work becomes"
)]
impl<E: Enter, W: FnOnce() -> R, R> Wrap<W, Closure<(), R>> for E {
    #[track_caller]
    fn wrap(self, work: W) -> impl FnOnce() -> R {
        let at = Location::caller();
        move || run_at(self, at, work)
    }
}

#[allow(
    refining_impl_trait_reachable,
    reason = "callers see what each kind of work becomes"
)]
impl<E: Enter, W: FnOnce(A) -> R, A, R> Wrap<W, Closure<(A,), R>> for E {
    #[track_caller]
    fn wrap(self, work: W) -> impl FnOnce(A) -> R {
        let at = Location::caller();
        move |argument| run_at(self, at, || work(argument))
    }
}

#[allow(
    refining_impl_trait_reachable,
    reason = "callers see what each kind of work becomes"
)]
impl<E: Enter, W: Future> Wrap<W, Polled> for E {
    #[track_caller]
    fn wrap(self, work: W) -> Wrapped<E, W> {
        Wrapped::new(self, work, Location::caller())
    }
}

/// A future that is polled, and dropped, in a block; made by [`Wrap`] and [`Carry`](crate::Carry).
#[must_use = "futures do nothing unless they are awaited"]
pub struct Wrapped<E: Enter, W> {
    /// None when the block has ended.
    block: Option<E>,
    begun: bool,
    kept: Kept,
    at: &'static Location<'static>,
    work: ManuallyDrop<W>,
}

// The work is pinned where it stands (invariant 1); the rest is never pinned.
impl<E: Enter, W: Unpin> Unpin for Wrapped<E, W> {}

impl<E: Enter, W> Wrapped<E, W> {
    pub(super) fn new(block: E, work: W, at: &'static Location<'static>) -> Self {
        Self {
            block: Some(block),
            begun: false,
            kept: Kept::default(),
            at,
            work: ManuallyDrop::new(work),
        }
    }

    /// Drops the work inside the block, and ends the block; does not unwind.
    fn end(&mut self) -> Ended {
        let Some(block) = self.block.take() else {
            return Ok(());
        };
        let Self { kept, work, at, .. } = self;
        let dropped = catch(|| {
            block.enter_again(kept, at, || {
                // SAFETY: alive until now (invariant 2), and the block is gone, so nobody touches it again.
                unsafe { ManuallyDrop::drop(work) }
            });
            Ok(())
        });
        self.kept = Kept::default(); // the block alone has what it binds
        let ended = if self.begun {
            enter::finish(block, at)
        } else {
            catch(|| {
                drop(block);
                Ok(())
            })
        };
        first(at, dropped, ended)
    }
}

impl<E: Enter, W: Future> Future for Wrapped<E, W> {
    type Output = W::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<W::Output> {
        // SAFETY: nothing is moved out of it (invariant 1).
        let this = unsafe { self.get_unchecked_mut() };
        let at = this.at;
        let Some(block) = &mut this.block else {
            panic!("the future that was wrapped at {at} is polled though it was ready")
        };
        if !E::PLAIN && !this.begun {
            block.begin();
            this.begun = true;
        }
        // SAFETY: pinned, because `self` is, and alive, because the block is there (invariants 1, 2).
        let work = unsafe { Pin::new_unchecked(&mut *this.work) };
        let polled = block.enter_again(&mut this.kept, at, || work.poll(context));
        if E::PLAIN || polled.is_pending() {
            return polled;
        }
        if let Err(panic) = this.end() {
            drop_caught(polled);
            resume_unwind(panic);
        }
        polled
    }
}

impl<E: Enter, W> Drop for Wrapped<E, W> {
    fn drop(&mut self) {
        let ended = self.end();
        if panicking() {
            tell(self.at, ended);
        } else if let Err(panic) = ended {
            resume_unwind(panic);
        }
    }
}

impl<E: Enter + fmt::Debug, W> fmt::Debug for Wrapped<E, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped")
            .field("block", &self.block)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
