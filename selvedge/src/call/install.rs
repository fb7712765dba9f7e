//! Patches that are in force for the whole process.
//!
//! # Invariants
//!
//! 1. The list is replaced, never changed: a call that has read it keeps it to its end.
//! 2. Lists and patches are dropped outside the lock: a handler's destructor is the user's.

use core::fmt;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::call::few::Few;
use crate::call::hook::next_id;
use crate::call::patch::Patch;
use crate::call::site::Site;
use crate::call::steps::Wide;
use crate::primitive::{Arc, RwLock};

/// The installed patches of one function, oldest first.
pub(super) struct Installations {
    list: RwLock<Option<List>>,
    /// How many there are, so that a call without any takes no lock.
    count: AtomicU32,
}

type List = Arc<[(u64, Patch)]>;

impl Installations {
    pub(super) const fn new() -> Self {
        Self {
            list: RwLock::new(None),
            count: AtomicU32::new(0),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Relaxed) == 0
    }

    fn list(&self) -> Option<List> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        list.clone()
    }

    fn replace(&self, change: impl FnOnce(&[(u64, Patch)]) -> Vec<(u64, Patch)>) {
        let old = {
            let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
            let new = change(list.as_deref().unwrap_or_default());
            self.count
                .store(new.len().try_into().unwrap_or(u32::MAX), Relaxed);
            core::mem::replace(&mut *list, (!new.is_empty()).then(|| new.into()))
        };
        drop(old); // invariant 2
    }
}

/// The installed patches of `site`, newest first.
pub(super) fn installed(site: &'static Site, found: &mut Few<Wide>) {
    if site.installed.is_empty() {
        return;
    }
    if let Some(list) = site.installed.list() {
        for (_, patch) in list.iter().rev() {
            found.push(Wide::Patch(patch.clone()));
        }
    }
}

/// Keeps a patch in force for the whole process until it is dropped; made by [`Patch::install`].
///
/// It may be dropped on any thread, and guards in any order. Calls that are running then go on with the
/// patches that they began with.
#[must_use = "the patch is taken off when this is dropped"]
pub struct Installed {
    site: &'static Site,
    number: u64,
}

impl Installed {
    pub(super) fn new(site: &'static Site, patch: Patch) -> Self {
        let number = next_id();
        site.installed.replace(|old| {
            let mut new = old.to_vec();
            new.push((number, patch));
            new
        });
        site.arm_wide();
        Self { site, number }
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        self.site.disarm_wide();
        self.site.installed.replace(|old| {
            let others = old.iter().filter(|(number, _)| *number != self.number);
            others.cloned().collect()
        });
    }
}

impl fmt::Debug for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installed")
            .field("function", &self.site.function().path())
            .finish()
    }
}
