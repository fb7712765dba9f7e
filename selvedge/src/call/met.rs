//! The open functions that were met, and the patterns that are watched: who comes later finds the others.
//!
//! # Invariants
//!
//! 1. Every site in `sites` is armed once, and counted in `watched` once, for each of `patterns` that matches its
//!    path. Both lists change under one lock, and the counts with them.
//! 2. A site is in `sites` before its first call goes on.

use std::sync::PoisonError;

use crate::call::glob::Glob;
use crate::call::site::Site;
use crate::primitive::RwLock;

/// See the head.
static MET: RwLock<Met> = RwLock::new(Met {
    sites: Vec::new(),
    patterns: Vec::new(),
});

struct Met {
    sites: Vec<&'static Site>,
    /// By the number of the watch.
    patterns: Vec<(u64, Glob)>,
}

/// Adds a function that was never called. Once for each: the caller sees to that.
pub(super) fn meet(site: &'static Site) {
    let mut met = MET.write().unwrap_or_else(PoisonError::into_inner);
    for (_, glob) in &met.patterns {
        if glob.matches(site.function().path()) {
            site.arm_watched();
        }
    }
    met.sites.push(site);
}

/// Arms what `glob` matches, now and later.
pub(super) fn start_watching(number: u64, glob: &Glob) {
    let mut met = MET.write().unwrap_or_else(PoisonError::into_inner);
    met.patterns.push((number, glob.clone()));
    for site in &met.sites {
        if glob.matches(site.function().path()) {
            site.arm_watched();
        }
    }
}

/// Takes back what `start_watching` did.
pub(super) fn stop_watching(number: u64, glob: &Glob) {
    let mut met = MET.write().unwrap_or_else(PoisonError::into_inner);
    met.patterns.retain(|(other, _)| *other != number);
    for site in &met.sites {
        if glob.matches(site.function().path()) {
            site.disarm_watched();
        }
    }
}
