//! Waiting for several things at once.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

/// Waits for the first of several futures, and drops the others: of waits, no listener is left behind.
///
/// A tuple of two to four futures of any types gives a [`OneOf2`] .. [`OneOf4`]; a `Vec` or an array of futures of
/// one type gives the place and the output. If several are ready, the first of them counts. What is a future by
/// `.await` alone, as a [`Signal`](crate::Signal), may be given too.
///
/// # Examples
///
/// ```
/// use selvedge::{call::{Groutines, groutine::{OneOf2, any}}, open};
///
/// #[open] fn left() -> u32 { 1 }
/// #[open] fn right() -> u32 { 2 }
///
/// let first = || async {
///     match any((left::called(), right::called())).await {
///         OneOf2::A(left) => left.ret(10),
///         OneOf2::B(right) => right.ret(20),
///     }
/// };
/// Groutines::new().with(first).run(|| assert_eq!((right(), left(), right()), (20, 1, 2)));
/// ```
#[doc(alias = "wait_any")]
#[doc(alias = "select")]
pub fn any<T: AnyOf>(futures: T) -> impl Future<Output = T::First> {
    futures.first()
}

/// Waits for all of several futures, in whatever order they are ready, and gives all outputs.
///
/// As [`any`], it takes a tuple, a `Vec` or an array. A call that was waited for early is over at the end.
///
/// # Examples
///
/// ```
/// use selvedge::{Signal, call::{Groutines, groutine::all}, open};
///
/// #[open] fn left() {}
/// #[open] fn right() {}
///
/// let both = Signal::new();
/// let ready = both.clone();
/// let wait = move || {
///     let both = both.clone();
///     async move {
///         all((left::called(), right::called())).await;
///         both.set();
///     }
/// };
/// Groutines::new().with(wait).run(|| {
///     right();
///     assert!(!ready.is_set());
///     left();
///     assert!(ready.is_set());
/// });
/// ```
#[doc(alias = "join")]
pub fn all<T: AllOf>(futures: T) -> impl Future<Output = T::Outputs> {
    futures.outputs()
}

/// What [`any`] takes.
pub trait AnyOf {
    /// The output of one of them, and which one it is.
    type First;
    #[doc(hidden)]
    fn first(self) -> impl Future<Output = Self::First>;
}

/// What [`all`] takes.
pub trait AllOf {
    /// The outputs.
    type Outputs;
    #[doc(hidden)]
    fn outputs(self) -> impl Future<Output = Self::Outputs>;
}

macro_rules! tuple {
    ($one:ident, $what:literal: $($name:ident $future:ident $output:ident)+) => {
        #[doc = $what]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::exhaustive_enums, reason = "as many as were waited for")]
        pub enum $one<$($name),+> {
            $(
                #[doc = concat!("Of the future in place ", stringify!($name), ".")]
                $name($name),
            )+
        }

        #[allow(refining_impl_trait_reachable, reason = "whether it is `Send` shows through")]
        impl<$($name: IntoFuture),+> AnyOf for ($($name,)+) {
            type First = $one<$($name::Output),+>;

            async fn first(self) -> Self::First {
                let ($($future,)+) = self;
                $(let mut $future = pin!($future.into_future());)+
                poll_fn(|context| {
                    $(
                        if let Poll::Ready(output) = $future.as_mut().poll(context) {
                            return Poll::Ready($one::$name(output));
                        }
                    )+
                    Poll::Pending
                })
                .await
            }
        }

        impl<$($name: IntoFuture),+> AllOf for ($($name,)+) {
            type Outputs = ($($name::Output,)+);

            async fn outputs(self) -> Self::Outputs {
                let ($($future,)+) = self;
                $(let mut $future = pin!($future.into_future());)+
                $(let mut $output = None;)+
                poll_fn(|context| {
                    $(
                        if $output.is_none()
                            && let Poll::Ready(output) = $future.as_mut().poll(context)
                        {
                            $output = Some(output);
                        }
                    )+
                    match ($($output.take(),)+) {
                        ($(Some($future),)+) => Poll::Ready(($($future,)+)),
                        ($($future,)+) => {
                            $($output = $future;)+
                            Poll::Pending
                        }
                    }
                })
                .await
            }
        }
    };
}

tuple!(OneOf2, "The output of one of two futures.": A a x B b y);
tuple!(OneOf3, "The output of one of three futures.": A a x B b y C c z);
tuple!(OneOf4, "The output of one of four futures.": A a x B b y C c z D d w);

impl<F: IntoFuture> AnyOf for Vec<F> {
    type First = (usize, F::Output);

    async fn first(self) -> Self::First {
        let mut futures: Vec<_> = self
            .into_iter()
            .map(|f| Box::pin(f.into_future()))
            .collect();
        poll_fn(|context| {
            for (place, future) in futures.iter_mut().enumerate() {
                if let Poll::Ready(output) = future.as_mut().poll(context) {
                    return Poll::Ready((place, output));
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl<F: IntoFuture> AllOf for Vec<F> {
    type Outputs = Vec<F::Output>;

    async fn outputs(self) -> Self::Outputs {
        let mut futures: Vec<_> = self
            .into_iter()
            .map(|f| Box::pin(f.into_future()))
            .collect();
        let mut outputs: Vec<_> = futures.iter().map(|_| None).collect();
        poll_fn(|context| {
            for (future, output) in futures.iter_mut().zip(&mut outputs) {
                if output.is_none()
                    && let Poll::Ready(ready) = future.as_mut().poll(context)
                {
                    *output = Some(ready);
                }
            }
            if outputs.iter().any(Option::is_none) {
                return Poll::Pending;
            }
            Poll::Ready(outputs.drain(..).flatten().collect())
        })
        .await
    }
}

impl<F: IntoFuture, const N: usize> AnyOf for [F; N] {
    type First = (usize, F::Output);

    async fn first(self) -> Self::First {
        Vec::from(self).first().await
    }
}

impl<F: IntoFuture, const N: usize> AllOf for [F; N] {
    type Outputs = Vec<F::Output>;

    async fn outputs(self) -> Self::Outputs {
        Vec::from(self).outputs().await
    }
}
