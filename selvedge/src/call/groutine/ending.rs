//! How a groutine ends, and groutines that go round.

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::pin;

/// What a groutine may end with: nothing, or a `Result`.
///
/// An error rises, as a panic with its message, in the caller of the function whose call woke the groutine.
pub trait Ends {
    #[doc(hidden)]
    fn end(self, groutine: &str);
}

impl Ends for () {
    fn end(self, _groutine: &str) {}
}

/// What a function of type `F` gives: the only name that `!`, the end of a loop without one, has as a type.
trait Gives {
    type Output;
}

impl<T> Gives for fn() -> T {
    type Output = T;
}

#[allow(private_interfaces, reason = "`Gives` is a way to write `!`")]
impl Ends for <fn() -> ! as Gives>::Output {
    fn end(self, _groutine: &str) {}
}

impl<E: fmt::Display> Ends for Result<(), E> {
    fn end(self, groutine: &str) {
        if let Err(error) = self {
            panic!("the groutine `{groutine}` failed: {error}");
        }
    }
}

/// The rounds of a `#[groutine(loop)]`; for the expansion.
///
/// # Panics
///
/// If a round ends without having waited: the next one would not wait either.
#[doc(hidden)]
pub async fn rounds<F: Future<Output: Ends>>(groutine: &'static str, round: impl Fn() -> F) {
    loop {
        let mut round = pin!(round());
        let mut has_waited = false;
        let end = poll_fn(|context| {
            let polled = round.as_mut().poll(context);
            has_waited |= polled.is_pending();
            polled
        });
        end.await.end(groutine);
        assert!(
            has_waited,
            "the groutine `{groutine}` goes round without waiting for anything"
        );
    }
}
