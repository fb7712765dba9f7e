//! Futures whose polls, and whose drop, stand in something: in a handler, under watch, in a guard against panics.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::call::chain;
use crate::call::site::Site;
use crate::call::watch::Seeing;

/// A future whose polls and drop are inside of a handler, or, lifted, outside of it again (invariant 1 of the module).
#[doc(hidden)]
#[derive(Debug)]
pub struct Turned<F> {
    site: &'static Site,
    id: u64,
    lifted: bool,
    /// Present until the drop.
    future: Option<F>,
}

impl<F> Turned<F> {
    pub(super) fn new(site: &'static Site, id: u64, lifted: bool, future: F) -> Self {
        Self {
            site,
            id,
            lifted,
            future: Some(future),
        }
    }

    fn run<T>(&mut self, f: impl FnOnce(&mut Option<F>) -> T) -> T {
        let block = self.site.function().location();
        chain::turned(&self.site.key, self.id, self.lifted, block, || {
            f(&mut self.future)
        })
    }
}

impl<F: Future + Unpin> Future for Turned<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.run(|future| poll(future, context))
    }
}

impl<F> Drop for Turned<F> {
    fn drop(&mut self) {
        self.run(|future| drop(future.take()));
    }
}

/// A future whose polls and drop make calls deeper, for those who watch the call.
pub(super) struct Under<'s, F> {
    seeing: &'s Seeing,
    /// Present until the drop.
    future: Option<F>,
}

impl<'s, F> Under<'s, F> {
    pub(super) fn new(seeing: &'s Seeing, future: F) -> Self {
        let future = Some(future);
        Self { seeing, future }
    }
}

impl<F: Future + Unpin> Future for Under<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { seeing, future } = self.get_mut();
        seeing.run(|| poll(future, context))
    }
}

impl<F> Drop for Under<'_, F> {
    fn drop(&mut self) {
        let Self { seeing, future } = self;
        seeing.run(|| drop(future.take()));
    }
}

fn poll<F: Future + Unpin>(future: &mut Option<F>, context: &mut Context<'_>) -> Poll<F::Output> {
    let future = future.as_mut().expect("present until the drop");
    Pin::new(future).poll(context)
}

/// A future whose panic is a result.
pub(super) struct Caught<F>(pub(super) F);

impl<F: Future + Unpin> Future for Caught<F> {
    type Output = std::thread::Result<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.0).poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
