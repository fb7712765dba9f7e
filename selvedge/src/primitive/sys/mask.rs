//! A child's signal mask.
//!
//! A program inherits the mask of the thread that starts it, and std leaves it so: one with SIGTERM blocked does not
//! hear that it is to stop. The thread's own mask is never changed, not for a moment: a signal that everybody blocks,
//! so that one thread may wait for it, would find a thread that does not.
//!
//! # Invariants
//!
//! 1. A set of signals begins as zeros, which are a set: the system writes only the part of it that it uses.
//! 2. What runs in the child before it becomes another program calls `pthread_sigmask` and nothing else: POSIX
//!    allows that after a fork, and it takes no lock and no memory.

#![expect(
    unsafe_code,
    reason = "masks have no safe interface, and a child sets its own"
)]

use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The highest number of a signal on Linux.
const LAST: i32 = 64;

/// Has the child begin with no signal blocked.
///
/// Where the calling thread blocks none there is nothing to do, and std starts the child the fast way, without a copy
/// of the tables of our memory.
pub(crate) fn clear_for(command: &mut Command) {
    if is_clear() {
        return;
    }
    let none = none();
    let clear = move || {
        // SAFETY: `none` is initialised (invariant 1), and the old mask is not asked for.
        match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, null_mut()) } {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    };
    // SAFETY: invariant 2; an error that is made of a number takes no memory either.
    unsafe { command.pre_exec(clear) };
}

/// Has the calling thread no signal blocked?
fn is_clear() -> bool {
    let mut mask = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: without a new mask it only writes the present one, to where there is room for it.
    let asked = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, null(), mask.as_mut_ptr()) };
    if asked != 0 {
        return true; // it fails only if it is asked for what is not there
    }
    // SAFETY: invariant 1.
    let mask = unsafe { mask.assume_init() };
    // SAFETY: as above; a number that is no signal's is no member.
    (1..=LAST).all(|signal| unsafe { libc::sigismember(&raw const mask, signal) } != 1)
}

fn none() -> libc::sigset_t {
    let mut none = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: it only writes to the set, for which there is room.
    let emptied = unsafe { libc::sigemptyset(none.as_mut_ptr()) };
    debug_assert_eq!(emptied, 0, "it fails for no set");
    // SAFETY: invariant 1.
    unsafe { none.assume_init() }
}
