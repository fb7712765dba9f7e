//! The open functions that were met, for those who arm more than one: watches, by pattern, and groutines that were
//! woken, all of them. Who comes later finds the others.
//!
//! # Invariants
//!
//! 1. Every site in `sites` is armed once, and counted in `watched` or `measured` once, for each of `patterns` that
//!    matches its path, and armed once more while `woken` is positive. All change under one lock, and the counts with
//!    them; nothing else happens under it.
//! 2. A site is in `sites` before its first call goes on.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::PoisonError;

use crate::call::glob::Glob;
#[cfg(feature = "inspect")]
use crate::call::site::Function;
use crate::call::site::Site;
use crate::primitive::RwLock;

/// See the head.
static MET: RwLock<Met> = RwLock::new(Met {
    sites: Vec::new(),
    patterns: Vec::new(),
    woken: 0,
});

/// Is `Met::woken` positive?
static WOKEN: AtomicBool = AtomicBool::new(false);

struct Met {
    sites: Vec<&'static Site>,
    /// By the number of whoever looks.
    patterns: Vec<(u64, Glob, Purpose)>,
    /// How many groutines were woken and not polled yet; less than that for a moment, when a poll is faster than
    /// the waker.
    woken: i64,
}

/// What somebody looks at calls for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// A watch, which may be somewhere else.
    Watch,
    /// A profile, of all threads.
    #[cfg(feature = "observe")]
    Measure,
}

impl Purpose {
    fn arm(self, site: &Site) {
        match self {
            Self::Watch => site.arm_watched(),
            #[cfg(feature = "observe")]
            Self::Measure => site.arm_measured(),
        }
    }

    fn disarm(self, site: &Site) {
        match self {
            Self::Watch => site.disarm_watched(),
            #[cfg(feature = "observe")]
            Self::Measure => site.disarm_measured(),
        }
    }
}

/// Adds a function that was never called. Once for each: the caller sees to that.
pub(super) fn meet(site: &'static Site) {
    change(|met| {
        for (_, glob, purpose) in &met.patterns {
            if glob.matches(site.function().path()) {
                purpose.arm(site);
            }
        }
        if met.woken > 0 {
            site.arm_for_all();
        }
        met.sites.push(site);
    });
}

/// Arms what `glob` matches, now and later.
pub(super) fn start(number: u64, glob: &Glob, purpose: Purpose) {
    change(|met| {
        met.patterns.push((number, glob.clone(), purpose));
        for site in &met.sites {
            if glob.matches(site.function().path()) {
                purpose.arm(site);
            }
        }
    });
}

/// Takes back what `start` did.
pub(super) fn stop(number: u64, glob: &Glob, purpose: Purpose) {
    change(|met| {
        met.patterns.retain(|(other, ..)| *other != number);
        for site in &met.sites {
            if glob.matches(site.function().path()) {
                purpose.disarm(site);
            }
        }
    });
}

/// Arms all functions for a groutine that was woken, until it has been polled.
pub(super) fn wake() {
    change(|met| {
        met.woken += 1;
        if met.woken == 1 {
            met.sites.iter().for_each(|site| site.arm_for_all());
        }
        WOKEN.store(met.woken > 0, Relaxed);
    });
}

/// Takes back what `wake` did, or will do.
pub(super) fn polled() {
    change(|met| {
        met.woken -= 1;
        if met.woken == 0 {
            met.sites.iter().for_each(|site| site.disarm_for_all());
        }
        WOKEN.store(met.woken > 0, Relaxed);
    });
}

/// Is any groutine of the process woken and not polled yet?
#[inline]
pub(super) fn is_any_woken() -> bool {
    WOKEN.load(Relaxed)
}

/// The functions that were met, and how many arms and watches are on each.
#[cfg(feature = "inspect")]
pub(crate) fn all() -> Vec<(&'static Function, u64, u64)> {
    let met = MET.read().unwrap_or_else(PoisonError::into_inner);
    met.sites
        .iter()
        .map(|site| (site.function(), site.armed(), site.watches()))
        .collect()
}

fn change(f: impl FnOnce(&mut Met)) {
    f(&mut MET.write().unwrap_or_else(PoisonError::into_inner));
}
