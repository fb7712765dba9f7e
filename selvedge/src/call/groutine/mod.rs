//! Groutines: pieces of a program that listen to the calls of another one.
//!
//! A groutine is an `async` function that waits for calls of [open functions](crate::call), looks at them, answers
//! them, and makes calls of its own. There is no executor and no thread: a call that somebody waits for runs the
//! groutine, on the caller's stack, until it waits for something else. The code that makes the calls knows nothing of it.
//!
//! ```
//! use selvedge::{call::Groutines, open};
//!
//! #[open]
//! fn is_allowed(user: &str) -> bool { user == "root" }
//!
//! async fn let_ada_in() {
//!     loop {
//!         is_allowed::called().when(|call| call.args.user == "ada").await.ret(true);
//!     }
//! }
//!
//! assert!(!is_allowed("ada"));
//! Groutines::new().with(let_ada_in).run(|| assert!(is_allowed("ada") && !is_allowed("bob")));
//! ```
//!
//! The chapter [`guide::groutines`](crate::guide::groutines) tells it from the beginning.
//!
//! # Waiting
//!
//! An open function `f` has, beside its hooks,
//!
//! - `f::called()`: ready before `f` runs; the [`Live`] call shows the arguments and can be answered;
//! - `f::returned()`: ready when it has returned, with the result;
//! - `f::panicked()`: ready when it has panicked, and may end the panic;
//! - `f::dropped()`, of an async function: ready when the future of a call was dropped before its end.
//!
//! Each can be narrowed by [`when`](Wait::when), [`on`](Wait::on) and [`same`](Wait::same). [`any`] and [`all`] wait
//! for several. A groutine may also await a [`Signal`](crate::Signal), a [`Till`](crate::Till), or anything else that
//! keeps its waker: when that is ready, it goes on at the next call of an open function, or the next operation that
//! has to wait, in its own flow. It may hand values to its parent and get others back by an [`Exchange`].
//!
//! # Who hears what
//!
//! A call is heard by those who waited for it before, in the order in which they began to; an answer does not keep
//! it from the others, unless it is [consumed](Live::consume), and the first answer counts. Of several sets the
//! innermost block's comes first; among [patches](crate::call::Patch) each set stands where its block does, and a call
//! that one of them has answered does not go on to the patches of outer blocks, the bindings and the body. The end of
//! a call is heard if somebody in the set waited for any part of a call of that function when it was made.
//!
//! A call of an async function is heard when it is polled first, and its end at the poll in which it is ready, or when
//! its future is dropped, if that is in the same flow. If it ends elsewhere, the set does not hear of it.
//!
//! A groutine that is running hears nothing: its own calls do not come back to it.

mod alarm;
mod combine;
mod discovered;
mod ending;
mod exchange;
mod flow;
mod groutines;
mod live;
mod poll;
mod set;
mod typed;
mod wait;

pub use combine::{AllOf, AnyOf, OneOf2, OneOf3, OneOf4, all, any};
pub use ending::Ends;
pub use exchange::{Exchange, NotWaiting};
pub use groutines::Groutines;
pub use live::{Addr, Live};
#[doc(hidden)]
pub use poll::When;
pub use typed::{AtCall, AtDrop, AtPanic, AtReturn, Moment};
pub use wait::Wait;

pub(super) use flow::{Link, Sets, sets, with_set_of};
pub(super) use set::{CallId, Called, Set, Told, attend, is_concerned, tell_of};

pub(super) use typed::{Answers, Sees};

/// For `__private` alone.
pub(crate) mod private {
    #[cfg(feature = "discover")]
    pub use super::discovered::Found;
    pub use super::ending::rounds;
    pub use super::typed::{Answers, Filters, Sees, Visit};
}
