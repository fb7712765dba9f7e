//! Carrying, said from the side of the work: `work.inherit()`.

use core::future::Future;
use core::panic::Location;

use crate::ambient::capture::Ambient;
use crate::ambient::enter::run_at;
use crate::ambient::wrap::{Closure, Polled, Wrapped};

/// Gives a closure or a future an ambient that it takes along, to another thread or another task.
///
/// What starts a thread or a task hands nothing over by itself. A closure becomes a closure (its argument, if it has
/// one, needs its type: `(|stop: Signal| ..).inherit()`), a future a future, which is in the ambient whenever it is
/// polled, and when it is dropped. It is `Send` when the work is.
///
/// # Examples
///
/// ```
/// use selvedge::{Ambient, Carry};
///
/// selvedge::local! { static USER: &'static str; }
///
/// let (inherits, detached, later) = USER.bind("Ada", || {
///     let ambient = Ambient::capture();
///     let read = || USER.copied().ok();
///     (read.inherit(), read.detached(), async move { read() }.in_ambient(ambient))
/// });
/// assert_eq!(std::thread::spawn(inherits).join().unwrap(), Some("Ada"));
/// assert_eq!(USER.bind("Grace", detached), None);
///
/// let mut later = Box::pin(later);
/// let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// assert_eq!(later.as_mut().poll(&mut context), std::task::Poll::Ready(Some("Ada")));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given an ambient",
    label = "neither a future nor a closure of no argument or one",
    note = "the type of a closure's argument must be written down: `|stop: Signal| ..`"
)]
pub trait Carry<M>: Sized {
    /// The work, in `ambient`.
    #[track_caller]
    fn in_ambient(self, ambient: Ambient) -> impl Sized;

    /// The work, in the ambient of where `inherit` is called.
    #[track_caller]
    fn inherit(self) -> impl Sized;

    /// The work, with nothing bound, wherever it runs.
    #[track_caller]
    fn detached(self) -> impl Sized;
}

macro_rules! carry {
    ($becomes:ty, |$work:ident, $ambient:ident, $at:ident| $body:expr) => {
        #[track_caller]
        fn in_ambient(self, $ambient: Ambient) -> $becomes {
            let ($work, $at) = (self, Location::caller());
            $body
        }

        #[track_caller]
        fn inherit(self) -> $becomes {
            let ($work, $ambient, $at) = (self, Ambient::capture(), Location::caller());
            $body
        }

        #[track_caller]
        fn detached(self) -> $becomes {
            let ($work, $ambient, $at) = (self, Ambient::empty(), Location::caller());
            $body
        }
    };
}

#[allow(
    refining_impl_trait_reachable,
    reason = "callers see what each kind of work becomes"
)]
impl<W: FnOnce() -> R, R> Carry<Closure<(), R>> for W {
    carry!(impl FnOnce() -> R, |work, ambient, at| move || run_at(
        ambient, at, work
    ));
}

#[allow(
    refining_impl_trait_reachable,
    reason = "callers see what each kind of work becomes"
)]
impl<W: FnOnce(A) -> R, A, R> Carry<Closure<(A,), R>> for W {
    carry!(impl FnOnce(A) -> R, |work, ambient, at| move |argument| {
        run_at(ambient, at, || work(argument))
    });
}

#[allow(
    refining_impl_trait_reachable,
    reason = "callers see what each kind of work becomes"
)]
impl<W: Future> Carry<Polled> for W {
    carry!(Wrapped<Ambient, W>, |work, ambient, at| Wrapped::new(ambient, work, at));
}
