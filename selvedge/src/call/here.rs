//! Hooks that borrow: a block, or each poll of a future, has them in force, and no capture carries them.
//!
//! # Invariants
//!
//! 1. A handler is in force only while [`enter`](Enter::enter) runs, which borrows it: a future that is leaked between
//!    two polls leaves nothing behind.
//! 2. It has one number for good, by which a call that began in one poll finds it in the next.

use core::cell::RefCell;
use core::fmt;
use core::panic::Location;

use crate::ambient::{Enter, verbs};
use crate::call::chain;
use crate::call::hook::{Shape, next_id};
use crate::call::site::Site;

/// A hook that may borrow, for the blocks that it is run around, and the futures that it is wrapped around.
///
/// Made by the function's `before_lent`. It is in force on the thread that runs the block, or polls the future,
/// while it does so: no capture carries it, and between two polls nobody sees it. So a future may be
/// dropped or leaked half-way, and it may go on on another thread if the hook is `Send`.
///
/// An async call that begins inside has the hook where its turn comes inside; outside it passes by.
///
/// # Examples
///
/// ```
/// use selvedge::{Wrap as _, open, signal::block_on};
///
/// #[open]
/// async fn fetch(url: &str) -> usize { url.len() }
///
/// let mut urls = Vec::new();
/// let sum = fetch::before_lent(|call| urls.push(call.args.url.to_owned()))
///     .wrap(async { fetch("a").await + fetch("bc").await });
/// assert_eq!(block_on(sum)?, 3);
/// assert_eq!(urls, ["a", "bc"]);
/// # Ok::<(), selvedge::signal::Stopped>(())
/// ```
#[must_use = "a hook does nothing until it is run around a block, or wrapped around a future"]
pub struct Lending<H> {
    armed: Armed,
    verb: &'static str,
    id: u64,
    /// Borrowed while a block runs.
    handler: RefCell<H>,
    lend: Lend<H>,
}

/// Calls [`lend`] with the handler as its shape wants it.
type Lend<H> = fn(Loan, &mut H, &mut dyn FnMut());

/// Where a handler is lent, and as what. For expansions.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Loan {
    site: &'static Site,
    verb: &'static str,
    id: u64,
    block: &'static Location<'static>,
}

/// Runs `block` with `handler` in force. For expansions.
#[doc(hidden)]
pub fn lend<S: Shape>(loan: Loan, handler: &mut S::Lent<'_>, block: &mut dyn FnMut()) {
    let Loan {
        site,
        verb,
        id,
        block: at,
    } = loan;
    chain::lend::<S, ()>(&site.key, handler, (id, verb), at, block);
}

/// Keeps a function armed.
struct Armed(&'static Site);

impl Armed {
    fn new(site: &'static Site) -> Self {
        site.arm();
        Self(site)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.0.disarm();
    }
}

impl<H> Lending<H> {
    /// For expansions. `verb` is what they call it.
    #[doc(hidden)]
    pub fn new(site: &'static Site, verb: &'static str, handler: H, lend: Lend<H>) -> Self {
        Self {
            armed: Armed::new(site),
            verb,
            id: next_id(),
            handler: RefCell::new(handler),
            lend,
        }
    }
}

verbs!([H] Lending<H>);

impl<H> Enter for Lending<H> {
    const PLAIN: bool = true;

    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        let loan = Loan {
            site: self.armed.0,
            verb: self.verb,
            id: self.id,
            block,
        };
        let (mut f, mut result) = (Some(f), None);
        // Free: nobody enters a block inside of itself.
        (self.lend)(loan, &mut self.handler.borrow_mut(), &mut || {
            result = f.take().map(|f| f());
        });
        result.expect("what lends runs the block, once")
    }
}

impl<H> fmt::Debug for Lending<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lending")
            .field("function", &self.armed.0.function().path())
            .finish_non_exhaustive()
    }
}
