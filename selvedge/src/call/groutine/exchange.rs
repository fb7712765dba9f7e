//! Values that go back and forth between a groutine and its parent.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::call::groutine::flow;
use crate::primitive::{Arc, Mutex};

/// Values that go back and forth between a groutine and its parent: the code in the block, or in another groutine,
/// that resumes it.
///
/// The groutine hands up a `U` and waits; the parent takes it and hands down a `V`, with which the groutine goes
/// on at once, on the parent's stack, until it hands up the next one or waits for something else. Both have a
/// clone. One groutine uses it at a time.
///
/// # Examples
///
/// ```
/// use selvedge::call::{Groutines, groutine::Exchange};
///
/// let exchange = Exchange::<u32, u32>::new();
/// let parent = exchange.clone();
/// let sums = move || {
///     let exchange = exchange.clone();
///     async move {
///         let mut sum = 0;
///         loop {
///             sum += exchange.yield_to_parent(sum).await;
///         }
///     }
/// };
/// Groutines::new().with(sums).run(|| {
///     assert_eq!(parent.take(), Some(0)); // from its start
///     assert_eq!(parent.resume(3), Ok(Some(3)));
///     assert_eq!(parent.resume(4), Ok(Some(7)));
/// });
/// assert_eq!(parent.resume(5).unwrap_err().value, 5); // it was killed with its block
/// ```
#[doc(alias = "switch")]
pub struct Exchange<U, V> {
    state: Arc<Mutex<State<U, V>>>,
}

struct State<U, V> {
    up: Option<U>,
    down: Option<V>,
    /// The groutine that waits: its set, and its place there.
    waiting: Option<(u64, usize)>,
}

/// The error of [`Exchange::resume`]: no groutine around the calling code waits to be resumed.
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the value is all there is")]
pub struct NotWaiting<V> {
    /// What was to be handed down.
    pub value: V,
}

impl<U, V> Exchange<U, V> {
    /// With nothing in it.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            up: None,
            down: None,
            waiting: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// In a groutine: hands `value` up, and waits until the parent hands something down.
    ///
    /// # Panics
    ///
    /// The future panics if it is awaited outside of a groutine, or while another one waits in this exchange.
    pub fn yield_to_parent(&self, value: U) -> impl Future<Output = V> + use<U, V> {
        Yielded {
            state: Arc::clone(&self.state),
            value: Some(value),
            is_waiting: false,
        }
    }

    /// What the groutine has handed up, if that was not taken yet.
    #[must_use]
    pub fn take(&self) -> Option<U> {
        self.state.lock().up.take()
    }

    /// Hands `value` down to the groutine that waits, and runs it until it waits again; what it hands up then,
    /// if it is that what it waits for.
    ///
    /// # Errors
    ///
    /// [`NotWaiting`], with the value, if no groutine around the calling code waits in this exchange.
    ///
    /// # Panics
    ///
    /// If the groutine does.
    pub fn resume(&self, value: V) -> Result<Option<U>, NotWaiting<V>> {
        let waiting = self.state.lock().waiting;
        let Some((id, number)) = waiting else {
            return Err(NotWaiting { value });
        };
        flow::sets(|sets| {
            let Some(set) = sets.iter().find(|set| set.id() == id) else {
                return Err(NotWaiting { value });
            };
            let old = {
                let mut state = self.state.lock();
                state.waiting = None;
                (state.up.take(), state.down.replace(value))
            };
            drop(old); // outside the lock
            set.resume(number);
            Ok(self.take())
        })
    }
}

/// See [`Exchange::yield_to_parent`].
struct Yielded<U, V> {
    state: Arc<Mutex<State<U, V>>>,
    value: Option<U>,
    is_waiting: bool,
}

impl<U, V> Unpin for Yielded<U, V> {}

impl<U, V> Future for Yielded<U, V> {
    type Output = V;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<V> {
        let this = self.get_mut();
        let here = flow::innermost(|polling| {
            polling.map(|polling| {
                polling.is_in_reach.set(true);
                (polling.set.id(), polling.number)
            })
        });
        let here = here.expect("a groutine hands values to its parent: awaited outside of one");
        let mut state = this.state.lock();
        if this.is_waiting
            && let Some(value) = state.down.take()
        {
            this.is_waiting = false;
            return Poll::Ready(value);
        }
        let other = state.waiting.replace(here).filter(|other| *other != here);
        let old = match this.value.take() {
            Some(value) => state.up.replace(value),
            None => None,
        };
        drop(state);
        drop(old); // outside the lock
        assert!(other.is_none(), "two groutines wait in one exchange");
        this.is_waiting = true;
        Poll::Pending
    }
}

impl<U, V> Drop for Yielded<U, V> {
    fn drop(&mut self) {
        if self.is_waiting {
            let mut state = self.state.lock();
            state.waiting = None;
            let left = (state.up.take(), state.down.take());
            drop(state);
            drop(left); // outside the lock
        }
    }
}

impl<U, V> Default for Exchange<U, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<U, V> Clone for Exchange<U, V> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
        }
    }
}

impl<U, V> fmt::Debug for Exchange<U, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_waiting = self.state.lock().waiting.is_some();
        f.debug_struct("Exchange")
            .field("is_waiting", &is_waiting)
            .finish_non_exhaustive()
    }
}

impl<V> fmt::Debug for NotWaiting<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotWaiting").finish_non_exhaustive()
    }
}

impl<V> fmt::Display for NotWaiting<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no groutine around the calling code waits to be resumed by this exchange")
    }
}

impl<V> std::error::Error for NotWaiting<V> {}
