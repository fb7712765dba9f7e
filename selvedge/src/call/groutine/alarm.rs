//! A groutine that waits for a signal is woken by whoever sets it, on any thread; it goes on at the next open call, or
//! blocking call, of its own flow. Until then every open function is armed, so that the next call looks.
//!
//! # Invariants
//!
//! 1. Every function that is not new stands in the registry. Each of them is armed once more while `pending` is not
//!    positive; both change under the registry's lock, and nothing else happens under it.
//! 2. `pending` counts the flags that are woken; less than that for a moment, when a poll is faster than the waker.
//!
//! # Orderings
//!
//! A poll that takes a wake sees what was done before it: each change of a flag reads and writes, acquires and
//! releases, so none of several wakes is lost either.

use core::sync::atomic::{
    AtomicBool, AtomicU8,
    Ordering::{AcqRel, Relaxed},
};
use std::sync::PoisonError;
use std::task::Wake;

use crate::call::site::Site;
use crate::primitive::{Arc, RwLock};

struct Registry {
    sites: Vec<&'static Site>,
    pending: i64,
}

static REGISTRY: RwLock<Registry> = RwLock::new(Registry {
    sites: Vec::new(),
    pending: 0,
});

/// Is `Registry::pending` positive?
static PENDING: AtomicBool = AtomicBool::new(false);

/// Is any groutine of the process woken and not polled yet?
#[inline]
pub(in crate::call) fn is_pending() -> bool {
    PENDING.load(Relaxed)
}

/// Notes a function, before it may be quiet for the first time (invariant 1).
pub(in crate::call) fn register(site: &'static Site) {
    change(|registry| {
        registry.sites.push(site);
        if registry.pending > 0 {
            site.arm();
        }
    });
}

fn ring() {
    change(|registry| {
        registry.pending += 1;
        if registry.pending == 1 {
            registry.sites.iter().for_each(|site| site.arm());
        }
    });
}

fn silence() {
    change(|registry| {
        registry.pending -= 1;
        if registry.pending == 0 {
            registry.sites.iter().for_each(|site| site.disarm());
        }
    });
}

fn change(f: impl FnOnce(&mut Registry)) {
    let mut registry = REGISTRY.write().unwrap_or_else(PoisonError::into_inner);
    f(&mut registry);
    PENDING.store(registry.pending > 0, Relaxed);
}

/// Was this groutine woken? Its waker.
pub(super) struct Flag(AtomicU8);

const WOKEN: u8 = 1;
const ENDED: u8 = 2;

impl Flag {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    pub(super) fn is_woken(&self) -> bool {
        self.0.load(Relaxed) & WOKEN != 0
    }

    /// Was it woken since it was asked last?
    pub(super) fn take(&self) -> bool {
        let taken = self.is_woken() && self.0.fetch_and(!WOKEN, AcqRel) == WOKEN;
        if taken {
            silence();
        }
        taken
    }

    /// Nobody is to be woken any more.
    pub(super) fn end(&self) {
        if self.0.fetch_or(ENDED, AcqRel) == WOKEN {
            silence();
        }
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.0.fetch_or(WOKEN, AcqRel) == 0 {
            ring();
        }
    }
}
