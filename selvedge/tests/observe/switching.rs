//! Profiles that begin and end in the middle of what they measure.

use std::time::Duration;

use selvedge::observe::profile::{self, StartError};
use selvedge::testing::World;
use selvedge::{Signal, open, thread};

use super::{all, alone, profile_of, row, start};

#[open]
fn timed(world: &World, millis: u64) {
    world.advance(Duration::from_millis(millis));
}

#[open]
fn around(world: &World, f: &mut dyn FnMut()) {
    timed(world, 1);
    f();
    timed(world, 2);
}

#[test]
fn what_began_before_is_not_counted_but_what_it_calls_is() {
    let _alone = alone();
    let world = World::with_mock_clock();
    world.run(|| {
        let mut profiling = None;
        around(&world, &mut || profiling = Some(start()));
        let profile = profiling.take().unwrap().stop();
        assert!(profile.row("around").is_none());
        assert_eq!(row(&profile, "timed"), (1, 1, 2, 2, 2));
    });
}

#[test]
fn what_is_running_at_the_end_counts_until_then() {
    let _alone = alone();
    let world = World::with_mock_clock();
    world.run(|| {
        let (mut profiling, mut profile) = (Some(start()), None);
        around(&world, &mut || {
            profile = profiling.take().map(|profiling| profiling.stop());
        });
        let profile = profile.unwrap();
        assert_eq!(row(&profile, "around"), (1, 1, 0, 1, 1));
        assert_eq!(row(&profile, "timed"), (1, 1, 1, 1, 1));
    });
}

/// The end of a call of the profile before is nobody's in this one.
#[test]
fn a_profile_that_is_started_again_within_a_call_begins_anew() {
    let _alone = alone();
    let world = World::with_mock_clock();
    world.run(|| {
        let (mut first, mut second) = (Some(start()), None);
        around(&world, &mut || {
            drop(first.take());
            second = Some(start());
            timed(&world, 4);
        });
        timed(&world, 8);
        let profile = second.unwrap().stop();
        assert!(profile.row("around").is_none());
        assert_eq!(row(&profile, "timed"), (3, 3, 14, 14, 8));
    });
}

#[test]
fn a_look_changes_nothing() {
    let profile = profile_of(all(), |world| {
        around(world, &mut || {
            let other = profile::start().unwrap_err();
            assert!(
                matches!(other, StartError::AlreadyOn { at } if at.file().ends_with("main.rs"))
            );
            assert!(other.to_string().contains("stop that one first"));
        });
    });
    let _alone = alone();
    let world = World::with_mock_clock();
    let looked = world.run(|| {
        let profiling = start();
        around(&world, &mut || {
            let now = profiling.snapshot();
            assert_eq!(row(&now, "around"), (1, 1, 0, 1, 1));
        });
        profiling.stop()
    });
    assert_eq!(row(&looked, "around"), row(&profile, "around"));
    assert_eq!(row(&looked, "timed"), (2, 2, 3, 3, 2));
}

#[test]
fn a_thread_that_outlives_the_profile_is_in_it() {
    let _alone = alone();
    let world = World::with_mock_clock();
    world.run(|| {
        let profiling = start();
        let (called, go_on) = (Signal::new(), Signal::new());
        let profile = thread::scope("outlived", |s| {
            let worker = s.spawn("worker", |_| {
                timed(&world, 3);
                called.set();
                go_on.wait()?;
                timed(&world, 9);
                Ok(())
            });
            called.wait()?;
            let profile = profiling.stop();
            go_on.set();
            worker.join()?;
            Ok(profile)
        })
        .unwrap();
        assert_eq!(row(&profile, "timed"), (1, 1, 3, 3, 3));
        let mut threads = profile.threads().iter();
        assert!(threads.any(|thread| thread.path().ends_with("/worker")));
    });
}

#[test]
fn guards_may_go_in_any_order_and_be_leaked() {
    let profile = profile_of(all(), |world| {
        let outer = profile::block("outer");
        timed(world, 1);
        let inner = profile::block("inner");
        timed(world, 2);
        drop(outer); // ends the inner one as well
        timed(world, 4);
        drop(inner);
        around(world, &mut || std::mem::forget(profile::block("leaked")));
        timed(world, 8);
    });
    assert_eq!(row(&profile, "outer"), (1, 1, 0, 3, 3));
    assert_eq!(row(&profile, "inner"), (1, 1, 0, 2, 2));
    assert_eq!(row(&profile, "leaked"), (1, 1, 0, 2, 2));
    assert_eq!(row(&profile, "around"), (1, 1, 0, 3, 3));
    assert_eq!(row(&profile, "timed"), (6, 6, 18, 18, 8));
}

#[test]
fn a_body_that_began_before_counts_from_its_first_call_on() {
    let _alone = alone();
    let world = World::with_mock_clock();
    world.run(|| {
        let (began, go_on) = (Signal::new(), Signal::new());
        thread::scope("began", |s| {
            let worker = s.spawn("worker", |_| {
                began.set();
                go_on.wait()?;
                timed(&world, 3);
                world.advance(Duration::from_millis(5));
                timed(&world, 1);
                Ok(())
            });
            began.wait()?;
            let profiling = start();
            go_on.set();
            worker.join()?;
            let profile = profiling.stop();
            let mut rows = profile.rows().iter();
            let path = rows.find(|row| row.name().ends_with("/worker")).unwrap();
            assert_eq!(row(&profile, path.name()), (0, 0, 5, 9, 9));
            let thread = profile.thread(path.name()).unwrap();
            assert!(thread.row("timed").is_some(), "{profile}");
            Ok(())
        })
        .unwrap();
    });
}

/// What its thread does after it is another body's.
#[test]
fn a_body_that_began_before_ends_with_its_thread() {
    let _alone = alone();
    let (inner, outer) = (World::with_mock_clock(), World::with_mock_clock());
    outer.run(|| {
        let mut profiling = None;
        inner.run(|| {
            profiling = Some(start());
            timed(&inner, 2);
        });
        timed(&outer, 4);
        let profile = profiling.unwrap().stop();
        assert_eq!(row(&profile, "timed"), (2, 2, 6, 6, 4));
        assert_eq!(profile.threads().len(), 2, "{profile}");
        for thread in profile.threads() {
            let calls: Vec<_> = thread.rows().iter().map(|row| row.calls()).collect();
            assert_eq!(calls.iter().sum::<u64>(), 1, "{profile}");
            assert!(thread.row(thread.path()).is_some(), "{profile}");
        }
    });
}

#[test]
fn a_body_that_waits_for_its_children_has_no_second_one() {
    let _alone = alone();
    let (inner, outer) = (World::with_mock_clock(), World::with_mock_clock());
    outer.run(|| {
        let profiling = start();
        inner.run(|| {
            timed(&inner, 2);
            let child = |stop: Signal| Ok(_ = stop.wait_until(&stop));
            thread::spawn("child", child).release();
        });
        timed(&outer, 4);
        let profile = profiling.stop();
        // The child, and the bodies of both worlds.
        assert_eq!(profile.threads().len(), 3, "{profile}");
        assert_eq!(
            profile
                .threads()
                .iter()
                .filter(|it| it.row("timed").is_some())
                .count(),
            2
        );
    });
}

/// The body has a number of the first profile.
#[test]
fn a_body_ends_in_a_profile_that_was_started_within_it() {
    let _alone = alone();
    let (inner, outer) = (World::with_mock_clock(), World::with_mock_clock());
    outer.run(|| {
        let first = start();
        let mut profiling = None;
        inner.run(|| {
            drop(first.stop());
            profiling = Some(start());
            timed(&inner, 2);
        });
        timed(&outer, 4);
        let profile = profiling.unwrap().stop();
        assert_eq!(profile.threads().len(), 2, "{profile}");
        for thread in profile.threads() {
            let calls = thread.rows().iter().map(|row| row.calls()).sum::<u64>();
            assert_eq!(calls, 1, "{profile}");
        }
    });
}
