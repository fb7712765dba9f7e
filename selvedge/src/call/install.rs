//! Patches that are in force for the whole process, or for the threads of a group.
//!
//! # Invariants
//!
//! 1. The list is replaced, never changed: a call that has read it keeps it to its end.
//! 2. Lists and patches are dropped outside the lock: a handler's destructor is the user's.

use core::fmt;

use crate::ambient::Group;
use crate::call::few::Few;
use crate::call::hook::next_id;
use crate::call::patch::Patch;
use crate::call::site::Site;
use crate::call::steps::Wide;
use crate::primitive::{Arc, Shelf};

/// The installed patches of one function, oldest first.
pub(super) struct Installations {
    list: Shelf<Vec<Entry>>,
}

#[derive(Clone)]
struct Entry {
    number: u64,
    /// Whose threads it is for; none: everybody.
    group: Option<Group>,
    patch: Patch,
}

impl Installations {
    pub(super) const fn new() -> Self {
        Self { list: Shelf::new() }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn replace(&self, change: impl FnOnce(&[Entry]) -> Vec<Entry>) {
        let old = self.list.replace(|list| {
            let new = change(list.map_or(&[], |list| list));
            Some((!new.is_empty()).then(|| Arc::new(new)))
        });
        drop(old); // invariant 2
    }
}

/// The installed patches of `site` that are for the calling thread: its group's, then the process's, newest first.
pub(super) fn installed(site: &'static Site, found: &mut Few<Wide>) {
    if site.installed.is_empty() {
        return;
    }
    if let Some(list) = site.installed.list.lend() {
        let here = match list.iter().any(|entry| entry.group.is_some()) {
            true => Group::current(),
            false => None,
        };
        if let Some(here) = &here {
            push(&list, Some(here), found);
        }
        push(&list, None, found);
    }
}

fn push(list: &[Entry], group: Option<&Group>, found: &mut Few<Wide>) {
    for entry in list.iter().rev() {
        if entry.group.as_ref() == group {
            found.push(Wide::Patch(entry.patch.clone()));
        }
    }
}

/// Keeps a patch in force for the whole process, or a group, until it is dropped; made by [`Patch::install`] and
/// [`Group::install`].
///
/// It may be dropped on any thread, and guards in any order. Calls that are running then go on with the
/// patches that they began with.
#[must_use = "the patch is taken off when this is dropped"]
pub struct Installed {
    site: &'static Site,
    number: u64,
}

impl Installed {
    pub(super) fn new(site: &'static Site, patch: Patch, group: Option<Group>) -> Self {
        let number = next_id();
        site.installed.replace(|old| {
            let mut new = old.to_vec();
            new.push(Entry {
                number,
                group,
                patch,
            });
            new
        });
        site.arm_wide();
        Self { site, number }
    }
}

impl Group {
    /// Puts a patch in force for the threads of the group, those to come included, until the guard is dropped.
    ///
    /// In a call it stands behind the patches of the calling blocks, and before those of the whole process; of several the
    /// newest is the first. It keeps the group, not its threads.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Group, open, thread};
    ///
    /// #[open]
    /// fn price() -> u32 { 10 }
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let testers = Group::new("testers");
    ///     let free = testers.install(&price::before(|call| call.ret(0)));
    ///     let tester = thread::Builder::new("tester").group(&testers).spawn(|_stop| Ok(price()))?;
    ///     assert_eq!((tester.join()?, price()), (0, 10));
    ///     drop(free);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn install(&self, patch: &Patch) -> Installed {
        Installed::new(patch.site(), patch.clone(), Some(self.clone()))
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        self.site.disarm_wide();
        self.site.installed.replace(|old| {
            let others = old.iter().filter(|entry| entry.number != self.number);
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
