//! Where this code is running: values and contexts that live for a block and all that it calls.
//!
//! A value is bound to a [`Local`] for the duration of a closure; everything that the closure calls, on
//! the same thread, can read it. Nobody below can change what the caller sees, nothing leaks out of the
//! block, and a new thread sees nothing unless an [`Ambient`] was carried there.
//!
//! ```
//! selvedge::local! { static USER: String; }
//!
//! fn greet() -> Result<String, selvedge::Unbound> {
//!     USER.with(|user| format!("hello {user}"))
//! }
//!
//! let greeting = USER.bind("Ada".to_owned(), greet)?;
//! assert_eq!(greeting, "hello Ada");
//! assert!(greet().is_err()); // outside the block
//! # Ok::<(), selvedge::Unbound>(())
//! ```
//!
//! # How it is built
//!
//! Whatever can be bound has a `Key`: a small process-wide index, given at its first binding.
//! A thread has a *table*, one slot a key, which says what is bound right now, so that a read is one
//! indexed load at any depth. Entering a block saves the slot in the block's *frame* and overwrites it;
//! leaving puts it back. Frames live on the stack of the block and form a chain that only
//! [`capture`](Ambient::capture) walks, and only down to the last captured frame.
//!
//! # Not here
//!
//! A setter; guards; values that are not `Send + Sync` (they could not be carried).

pub mod baggage;
mod base;
mod capture;
mod carry;
mod context;
mod current;
mod enter;
mod entering;
mod frame;
mod group;
mod key;
mod local;
mod resource;
mod strict;
mod to;
mod wrap;

pub use base::Kept;
pub use capture::Ambient;
pub use carry::Carry;
pub use context::{Activated, Context};
pub use enter::{And, Ended, Enter, OnExit};
pub use entering::Entering;
pub use group::Group;
pub use local::{Local, Unbound};
pub use resource::Resource;
pub use to::To;
pub use wrap::{Closure, Polled, Wrap, Wrapped};

pub(crate) use baggage::Inherited;
#[cfg(all(selvedge_process, feature = "worker"))]
pub(crate) use baggage::headers_here;
pub(crate) use context::ISOLATION;
pub(crate) use current::{Entered, Identity, enter_thread, identity, thread_path};
pub(crate) use enter::verbs;
pub(crate) use frame::{
    Binding, Extension, Payload, Top, depth, enter, foreign_stack, innermost, top, with_value,
};
pub(crate) use key::Key;
pub(crate) use strict::{
    Refuses, active as active_strict, is_any as is_any_strict, watch as watch_strict,
};
