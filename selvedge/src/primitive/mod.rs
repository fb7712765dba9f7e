//! What the rest of the crate may build on.
//!
//! Nothing outside this folder names `std::sync`, `std::thread` or the operating system, so that a
//! scheduler under test can see every step. `--cfg selvedge_loom` and `--cfg selvedge_shuttle` choose
//! another backend with the same names.
//!
//! # Not modelled
//!
//! Reference counts and `OnceLock` are std's in every backend (loom's `Arc` has neither `Weak` nor
//! unsized values, and no code here may wait inside a `OnceLock`); so is `RwLock` in loom's, which has
//! none for statics; so are OS processes; wall time is
//! [`clock`]'s business; weak memory is not seen by shuttle.

#[cfg(not(any(selvedge_loom, selvedge_shuttle)))]
mod std;
#[cfg(not(any(selvedge_loom, selvedge_shuttle)))]
pub(crate) use self::std::{
    JoinHandle, Mutex, Parker, Token, Unparker, UnsafeCell, atomic, global, is_finished,
    model_fence, relax, spawn, spin, thread_local_struct, yield_now,
};

#[cfg(selvedge_loom)]
mod loom;
#[cfg(selvedge_loom)]
pub(crate) use self::loom::{
    JoinHandle, Mutex, Parker, Token, Unparker, UnsafeCell, atomic, global, is_finished,
    model_fence, relax, spawn, spin, thread_local_struct, yield_now,
};

#[cfg(selvedge_shuttle)]
mod shuttle;
#[cfg(all(selvedge_shuttle, selvedge_worker))]
pub(crate) use self::shuttle::switch;
#[cfg(selvedge_shuttle)]
pub(crate) use self::shuttle::{
    JoinHandle, Mutex, Parker, RwLock, Token, Unparker, UnsafeCell, atomic, global, is_finished,
    model_fence, relax, spawn, spin, thread_local_struct, yield_now,
};

mod caught;
#[cfg(not(selvedge_loom))]
mod cell;
pub(crate) mod clock;
mod once;
mod shelf;
pub(crate) mod sys;

#[cfg(not(selvedge_shuttle))]
pub(crate) use ::std::sync::RwLock;
pub(crate) use caught::{Caught, drop_caught, drop_each, message_of, source_of, text_of};
pub(crate) use once::{Once, thread_number};
pub(crate) use shelf::{Lease, Shelf, process_shelf};

pub(crate) use ::std::sync::{Arc, OnceLock, Weak};
pub(crate) use ::std::thread::{Thread, current, panicking};

/// Declares a function that is `const` wherever the backend's constructors are: not under loom.
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)*) => {
        #[cfg(not(selvedge_loom))]
        $(#[$meta])* $vis const fn $($rest)*
        #[cfg(selvedge_loom)]
        $(#[$meta])* $vis fn $($rest)*
    };
}
pub(crate) use const_fn;
