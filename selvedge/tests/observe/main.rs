//! Profiles: what they measure, when they begin and end, and the forms in which they are written.
//!
//! A binary of its own, whose tests run one after the other: a profile is of the whole process.

mod export;
mod profile;
mod switching;

use std::sync::{Mutex, MutexGuard, PoisonError};

use selvedge::observe::profile::{Builder, Profile, Profiling};
use selvedge::testing::World;

/// Who runs: a test counts what all threads do.
static ONE: Mutex<()> = Mutex::new(());

pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a profile of the functions of this module and those below.
pub(crate) fn start() -> Profiling {
    all().start().unwrap()
}

pub(crate) fn all() -> Builder {
    Builder::new().functions("observe::**")
}

/// The profile of `f` in a world whose time moves only when told.
pub(crate) fn profile_of(builder: Builder, f: impl FnOnce(&World)) -> Profile {
    let _alone = alone();
    let world = World::with_mock_clock();
    world.run(|| {
        let profiling = builder.start().unwrap();
        f(&world);
        profiling.stop()
    })
}

/// Calls, primitive calls, then own time, total and the longest call in milliseconds.
pub(crate) fn row(profile: &Profile, name: &str) -> (u64, u64, u128, u128, u128) {
    let row = profile
        .row(name)
        .unwrap_or_else(|| panic!("no row `{name}`:\n{profile}"));
    (
        row.calls(),
        row.primitive_calls(),
        row.own().as_millis(),
        row.total().as_millis(),
        row.max().as_millis(),
    )
}
