//! The static of an open function: is it quiet, and does anything in reach apply to a call here?
//!
//! # Invariants
//!
//! 1. `armed` is `NEW` until the first call or binding has looked for discovered bindings and the function has been noted
//!    by those who may have to arm all; beside that it counts the live patches, once more while they are installed, the
//!    hooks that are lent, the bindings, watches, profiles and waits of groutines, one more once a strict context was
//!    entered, and one while a groutine that was woken has not gone on. It is 0 exactly when a call may go straight to
//!    the body.
//! 2. `armed` is a sum of `PATCH`, `OTHER` and `WAIT`, so that one load tells what there is to look at. More patches
//!    than `OTHER`, or more others than `WAIT / OTHER`, look like one of the next kind, which makes a call look at more
//!    than it has to, and are told apart again when they go.
//! 3. `wide` counts the bindings and installed patches among them: what applies outside of every block too.

use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::ambient::{self, Context, Key, Refuses};
use crate::call::binding::{self, Bindings};
use crate::call::chain;
use crate::call::groutine;
use crate::call::install::Installations;
use crate::call::{met, trace, watch};

/// The first call takes the slow path once, to find the bindings that were registered before `main`, and to note
/// the function.
const NEW: u64 = 1 << 63;
/// One patch of blocks, in `armed`: it is found through the function's key, or not at all.
const PATCH: u64 = 1;
/// One binding, installed patch, watch, or cause for which all are armed.
const OTHER: u64 = 1 << 16;
/// One groutine that waits.
const WAIT: u64 = 1 << 32;

/// What an open function is called, for messages.
#[derive(Debug)]
pub struct Function {
    path: &'static str,
    location: &'static Location<'static>,
}

impl Function {
    /// Module path and name.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// Where it is defined.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

/// The static of an open function. Expansions make it; nobody else needs it.
#[doc(hidden)]
pub struct Site {
    armed: AtomicU64,
    wide: AtomicU32,
    /// How many watches there are whose pattern matches.
    watched: AtomicU32,
    /// How many profiles there are whose pattern matches.
    #[cfg(feature = "observe")]
    measured: AtomicU32,
    function: Function,
    /// Patches and masks of the calling block are bound to it.
    pub(super) key: Key,
    pub(super) installed: Installations,
    pub(super) bindings: Bindings,
}

impl Site {
    #[track_caller]
    pub const fn new(path: &'static str) -> Self {
        Self {
            armed: AtomicU64::new(NEW),
            wide: AtomicU32::new(0),
            watched: AtomicU32::new(0),
            #[cfg(feature = "observe")]
            measured: AtomicU32::new(0),
            function: Function {
                path,
                location: Location::caller(),
            },
            key: Key::new(),
            installed: Installations::new(),
            bindings: Bindings::new(),
        }
    }

    /// May a call here go straight to the body? Quiet, that is one relaxed load: whoever arms a function
    /// for a thread does it on that thread, or hands the work over by something that synchronises.
    #[inline(always)]
    pub fn passes(&'static self) -> bool {
        self.armed.load(Relaxed) == 0 || self.is_out_of_reach()
    }

    /// Can only the patches of blocks apply?
    #[inline]
    pub(super) fn is_for_blocks(&self) -> bool {
        self.armed.load(Relaxed) < OTHER
    }

    /// Is all that applies to this function somewhere else?
    #[cold]
    #[inline(never)]
    fn is_out_of_reach(&'static self) -> bool {
        if self.is_for_blocks() {
            return chain::is_empty(&self.key);
        }
        if self.is_new() {
            self.prepare();
        }
        !groutine::is_concerned(self) && self.are_others_out_of_reach()
    }

    #[inline(never)]
    fn are_others_out_of_reach(&'static self) -> bool {
        chain::is_empty(&self.key)
            && (!self.has_wide() || self.installed.is_empty() && !self.bindings.has_match())
            && binding::unanswered(self, None).is_none()
            && (!self.is_watched() || !watch::is_in_reach())
            && !self.is_measured()
    }

    /// Before the first look at what applies: finds bindings that were registered before `main`, and what the
    /// environment watches, once for all functions; makes itself known.
    #[inline(never)]
    pub(super) fn prepare(&'static self) {
        binding::discover();
        trace::start();
        // `Relaxed`: who sees that it is not new sees that it was armed, which is the same atomic.
        ambient::watch_strict(
            self,
            || self.is_new(),
            || {
                met::meet(self);
                self.armed.fetch_and(!NEW, Relaxed);
            },
        );
    }

    fn is_new(&self) -> bool {
        self.armed.load(Relaxed) & NEW != 0
    }

    /// Does the pattern of any watch match?
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Relaxed) != 0
    }

    /// How many watches are in force.
    #[cfg(feature = "inspect")]
    pub(super) fn watches(&self) -> u64 {
        self.watched.load(Relaxed).into()
    }

    /// How many causes there are to look further than at the body (invariant 1).
    #[cfg(feature = "inspect")]
    pub(super) fn armed(&self) -> u64 {
        let armed = self.armed.load(Relaxed) & !NEW;
        armed % OTHER + armed % WAIT / OTHER + armed / WAIT
    }

    /// One more watch.
    pub(super) fn arm_watched(&self) {
        self.watched.fetch_add(1, Relaxed);
        self.arm_for_all();
    }

    pub(super) fn disarm_watched(&self) {
        self.disarm_for_all();
        self.watched.fetch_sub(1, Relaxed);
    }

    /// Is a profile taken of its calls?
    #[cfg(feature = "observe")]
    #[inline]
    pub(super) fn is_measured(&self) -> bool {
        self.measured.load(Relaxed) != 0
    }

    #[cfg(not(feature = "observe"))]
    #[inline]
    pub(super) fn is_measured(&self) -> bool {
        false
    }

    /// One more profile.
    #[cfg(feature = "observe")]
    pub(super) fn arm_measured(&self) {
        self.measured.fetch_add(1, Relaxed);
        self.arm_for_all();
    }

    #[cfg(feature = "observe")]
    pub(super) fn disarm_measured(&self) {
        self.disarm_for_all();
        self.measured.fetch_sub(1, Relaxed);
    }

    /// Ends a call that no binding answers inside of `context`, which is strict.
    #[cold]
    pub(super) fn refuse(&self, context: &Context) -> ! {
        let (function, context) = (self.function.path, context.name());
        panic!(
            "`{function}` has no implementation for the strict context `{context}`: bind one to it, or call it \
             outside"
        )
    }

    /// Does any groutine wait for it?
    #[inline]
    pub(super) fn is_heard(&self) -> bool {
        self.armed.load(Relaxed) & !NEW >= WAIT
    }

    /// One more groutine waits for it.
    pub(super) fn listen(&self) {
        self.armed.fetch_add(WAIT, Relaxed);
    }

    pub(super) fn unlisten(&self) {
        self.armed.fetch_sub(WAIT, Relaxed);
    }

    /// Are there bindings or installed patches?
    #[inline]
    pub(super) fn has_wide(&self) -> bool {
        self.wide.load(Relaxed) != 0
    }

    pub(super) fn function(&'static self) -> &'static Function {
        &self.function
    }

    /// One more live patch.
    pub(super) fn arm(&self) {
        self.armed.fetch_add(PATCH, Relaxed);
    }

    pub(super) fn disarm(&self) {
        self.armed.fetch_sub(PATCH, Relaxed);
    }

    /// One more cause to look further than at the blocks around a call.
    pub(super) fn arm_for_all(&self) {
        self.armed.fetch_add(OTHER, Relaxed);
    }

    pub(super) fn disarm_for_all(&self) {
        self.armed.fetch_sub(OTHER, Relaxed);
    }

    /// One more binding or installed patch; after it can be found.
    pub(super) fn arm_wide(&self) {
        self.wide.fetch_add(1, Relaxed);
        self.arm_for_all();
    }

    pub(super) fn disarm_wide(&self) {
        self.disarm_for_all();
        self.wide.fetch_sub(1, Relaxed);
    }
}

impl Refuses for Site {
    fn arm(&self) {
        self.arm_for_all();
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("path", &self.function.path)
            .field("armed", &(self.armed.load(Relaxed) & !NEW))
            .finish_non_exhaustive()
    }
}
