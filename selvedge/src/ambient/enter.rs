//! Blocks as values: what is to be bound is said first, and the block entered later, by `run` or `wrap`.
//!
//! # Invariants
//!
//! 1. Every call of [`enter`](Enter::enter) and of the last action of a block comes between its `begin` and the end of
//!    its `finish`; `begin` and `finish` run at most once, `finish` exactly once if `begin` returned.
//! 2. A block that is [`PLAIN`](Enter::PLAIN) does nothing in `begin` and `finish`, so both may be left out.
//! 3. No panic is lost: of several the first goes on, the others are told to `probe`.

use core::any::Any;
use core::fmt;
use core::panic::Location;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::ambient::base::Kept;
use crate::primitive::{drop_caught, message_of};
use crate::probe::{self, Event};

/// What a block binds: a value that is [`run`](Enter::run) around a closure, or wrapped around work that runs later
/// ([`Wrap`](crate::Wrap)).
///
/// [`Local::to`](crate::Local::to) makes one, an [`Ambient`](crate::Ambient) is one, and they combine, so that one block
/// may bind several things. Nobody has to import this trait: each such type has the same verbs of its own. It is
/// for functions that take any block.
///
/// # Examples
///
/// ```
/// use selvedge::Enter;
///
/// selvedge::local! { static USER: String; static LEVEL: u8; }
///
/// fn greet_in(block: impl Enter) -> String {
///     block.run(|| USER.with(|user| format!("hello {user}, {}", LEVEL.copied().unwrap())).unwrap())
/// }
///
/// let ada = USER.to("Ada".to_owned());
/// assert_eq!(greet_in(ada.clone().and(LEVEL.to(3))), "hello Ada, 3");
/// assert_eq!(greet_in(ada.and(LEVEL.to(4))), "hello Ada, 4");
/// assert!(!USER.is_bound());
/// ```
pub trait Enter: Sized {
    /// Nothing to do but frames: neither `begin` nor `finish` does anything.
    #[doc(hidden)]
    const PLAIN: bool = false;
    /// The innermost frame of the block hides everything below it, so that a table can be kept for it.
    #[doc(hidden)]
    const IS_BASE: bool = false;

    /// Once, where the block is entered first. Runs no code of the user.
    #[doc(hidden)]
    fn begin(&mut self) {}

    /// Pushes the frames, runs `f`, pops them; as often as a future is polled.
    #[doc(hidden)]
    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R;

    /// As `enter`, by somebody who keeps a table from one time to the next.
    #[doc(hidden)]
    fn enter_again<R>(
        &self,
        _kept: &mut Kept,
        block: &'static Location<'static>,
        f: impl FnOnce() -> R,
    ) -> R {
        self.enter(block, f)
    }

    /// Once, at the end of a block that was begun: its last actions, each inside the block's bindings.
    ///
    /// A caller must expect a panic as well: of the destructor of what the block owned.
    #[doc(hidden)]
    fn finish(self, _block: &'static Location<'static>) -> Ended {
        Ok(())
    }

    /// Both blocks: `other` inside of this one, where they bind the same thing.
    ///
    /// # Examples
    ///
    /// ```
    /// selvedge::local! { static A: u8; static B: u8; }
    /// let both = A.to(1).and(B.to(2)).and(A.to(3));
    /// assert_eq!(both.run(|| (A.copied(), B.copied())), (Ok(3), Ok(2)));
    /// ```
    fn and<O: Enter>(self, other: O) -> And<Self, O> {
        And {
            outer: self,
            inner: other,
        }
    }

    /// The block, with a last action: once, when the block is left, while its bindings still hold.
    ///
    /// Actions run in reverse order, after a panic too, and when a wrapped future is dropped before it is
    /// ready. A block that was never entered has no last actions either. If an action panics, the others run,
    /// everything is unbound all the same, and the panic goes on; if something panicked before, the later
    /// panic is an event of [`probe`](crate::probe) instead.
    ///
    /// # Examples
    ///
    /// ```
    /// selvedge::local! { static USER: &'static str; }
    /// let mut goodbye = String::new();
    /// USER.to("Ada")
    ///     .on_exit(|| goodbye = format!("goodbye {}", USER.copied().unwrap()))
    ///     .run(|| assert!(USER.is_bound()));
    /// assert_eq!(goodbye, "goodbye Ada");
    /// ```
    fn on_exit<F: FnOnce()>(self, action: F) -> OnExit<Self, F> {
        OnExit {
            block: self,
            action,
        }
    }

    /// Runs `f` in the block.
    ///
    /// # Panics
    ///
    /// If `f` does, or a last action; the block is left all the same.
    #[track_caller]
    #[inline]
    fn run<R>(self, f: impl FnOnce() -> R) -> R {
        run_at(self, Location::caller(), f)
    }
}

/// How a block ended; the payload of the first panic of its last actions.
#[doc(hidden)]
pub type Ended = Result<(), Box<dyn Any + Send>>;

/// Runs `f` in `block`, once.
#[inline]
pub(crate) fn run_at<E: Enter, R>(
    block: E,
    at: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    if E::PLAIN {
        return block.enter(at, f); // invariant 2
    }
    run_whole(block, at, f)
}

fn run_whole<E: Enter, R>(
    mut block: E,
    at: &'static Location<'static>,
    f: impl FnOnce() -> R,
) -> R {
    block.begin();
    let result = catch_unwind(AssertUnwindSafe(|| block.enter(at, f)));
    let ended = finish(block, at);
    match (result, ended) {
        (Ok(result), Ok(())) => result,
        (Ok(result), Err(panic)) => {
            drop_caught(result);
            resume_unwind(panic)
        }
        (Err(panic), ended) => {
            tell(at, ended);
            resume_unwind(panic)
        }
    }
}

/// Ends a block that was begun; does not unwind.
pub(super) fn finish<E: Enter>(block: E, at: &'static Location<'static>) -> Ended {
    catch(|| block.finish(at))
}

/// Runs what may panic in one of two ways.
pub(super) fn catch(f: impl FnOnce() -> Ended) -> Ended {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(Err)
}

/// The first panic of two things that were both done (invariant 3).
pub(super) fn first(at: &Location<'_>, earlier: Ended, later: Ended) -> Ended {
    match earlier {
        Ok(()) => later,
        Err(panic) => {
            tell(at, later);
            Err(panic)
        }
    }
}

/// Reports a panic that cannot go on, because another one does (invariant 3).
pub(super) fn tell(at: &Location<'_>, ended: Ended) {
    if let Err(panic) = ended {
        let message = message_of(&*panic);
        probe::emit(&Event::ExitPanicked { block: at, message });
        drop_caught(panic);
    }
}

/// Two blocks as one; made by [`Enter::and`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a block does nothing until it is run or wrapped around something"]
pub struct And<A, B> {
    outer: A,
    inner: B,
}

impl<A: Enter, B: Enter> Enter for And<A, B> {
    const PLAIN: bool = A::PLAIN && B::PLAIN;
    const IS_BASE: bool = A::IS_BASE || B::IS_BASE;

    fn begin(&mut self) {
        // `begin` runs no code of the user, so the outer block is not left alone with its actions.
        let Self { outer, inner } = self;
        outer.begin();
        if !B::PLAIN {
            outer.enter(Location::caller(), || inner.begin());
        }
    }

    #[inline]
    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        self.outer.enter(block, || self.inner.enter(block, f))
    }

    #[inline]
    fn enter_again<R>(
        &self,
        kept: &mut Kept,
        block: &'static Location<'static>,
        f: impl FnOnce() -> R,
    ) -> R {
        if B::IS_BASE {
            self.outer
                .enter(block, || self.inner.enter_again(kept, block, f))
        } else {
            self.outer
                .enter_again(kept, block, || self.inner.enter(block, f))
        }
    }

    fn finish(self, block: &'static Location<'static>) -> Ended {
        let Self { outer, inner } = self;
        let ended = catch(|| outer.enter(block, || inner.finish(block)));
        first(block, ended, finish(outer, block))
    }
}

/// A block with a last action; made by [`Enter::on_exit`].
#[derive(Clone, Copy)]
#[must_use = "a block does nothing until it is run or wrapped around something"]
pub struct OnExit<E, F> {
    block: E,
    action: F,
}

impl<E: Enter, F: FnOnce()> Enter for OnExit<E, F> {
    const IS_BASE: bool = E::IS_BASE;

    fn begin(&mut self) {
        self.block.begin();
    }

    #[inline]
    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        self.block.enter(block, f)
    }

    #[inline]
    fn enter_again<R>(
        &self,
        kept: &mut Kept,
        block: &'static Location<'static>,
        f: impl FnOnce() -> R,
    ) -> R {
        self.block.enter_again(kept, block, f)
    }

    fn finish(self, at: &'static Location<'static>) -> Ended {
        let Self { block, action } = self;
        let ended = catch(|| {
            block.enter(at, action);
            Ok(())
        });
        first(at, ended, finish(block, at))
    }
}

impl<E: fmt::Debug, F> fmt::Debug for OnExit<E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnExit")
            .field("block", &self.block)
            .finish_non_exhaustive()
    }
}

/// Gives a type its verbs, so that users need not import [`Enter`]: `verbs!([T: Send] To<T>);`. With `joining`, only
/// those that make other blocks of it: its `run` borrows, and is its own.
macro_rules! verbs {
    ([$($generics:tt)*] $block:ty) => {
        $crate::ambient::verbs!(joining [$($generics)*] $block);

        impl<$($generics)*> $block {
            /// Runs `f` in the block. See [`Enter::run`](crate::Enter::run).
            ///
            /// # Panics
            ///
            /// If `f` does, or a last action; the block is left all the same.
            #[track_caller]
            #[inline]
            pub fn run<R>(self, f: impl FnOnce() -> R) -> R {
                $crate::Enter::run(self, f)
            }
        }
    };
    (joining [$($generics:tt)*] $block:ty) => {
        impl<$($generics)*> $block {
            /// Both blocks: `other` inside of this one. See [`Enter::and`](crate::Enter::and).
            pub fn and<O: $crate::Enter>(self, other: O) -> $crate::ambient::And<Self, O> {
                $crate::Enter::and(self, other)
            }

            /// The block, with a last action. See [`Enter::on_exit`](crate::Enter::on_exit).
            pub fn on_exit<Z: FnOnce()>(self, action: Z) -> $crate::ambient::OnExit<Self, Z> {
                $crate::Enter::on_exit(self, action)
            }
        }
    };
}
pub(crate) use verbs;

verbs!([A: Enter, B: Enter] And<A, B>);
verbs!([E: Enter, F: FnOnce()] OnExit<E, F>);
