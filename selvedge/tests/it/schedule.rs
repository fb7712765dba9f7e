//! Schedules: when runs begin, that they end, and what the status says.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use selvedge::sync::Queue;
use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Overlap, Schedule};
use selvedge::{Signal, signal};

const HOUR: Duration = Duration::from_secs(3600);

/// Waits until `holds`; a test that hangs would tell nothing.
#[track_caller]
fn eventually(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never holds");
        std::thread::yield_now();
    }
}

/// Does a thread of this name sleep?
fn sleeps(name: &str) -> bool {
    let tree = thread::tree();
    let mut nodes = tree.nodes().iter();
    nodes.any(|node| node.name() == name && node.waits_for().is_some())
}

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_800)
}

/// A world with a mock clock at noon.
fn world() -> Arc<World> {
    let world = World::with_mock_clock();
    world.set_system_clock(noon());
    Arc::new(world)
}

#[test]
fn it_runs_at_once_and_then_every_so_often() {
    let world = world();
    world.run(|| {
        let (ran, end) = (Queue::new(), Signal::new());
        let given = ran.clone();
        let hourly = Schedule::every(HOUR).until(&end);
        let hourly = hourly
            .spawn("hourly", move |_| Ok(given.push(())?))
            .unwrap();
        for n in 1..=5 {
            ran.pop().unwrap();
            assert_eq!(hourly.status().runs(), u64::from(n));
            eventually(|| hourly.status().next_run() == Some(noon() + HOUR * n));
            world.advance(HOUR);
        }
        ran.pop().unwrap();
        let status = hourly.status();
        assert_eq!((status.failures(), status.skipped()), (0, 0));
        assert_eq!(status.last_run(), Some(noon() + HOUR * 5));
        end.set();
        assert_eq!(hourly.thread().join().unwrap(), 6);
        assert_eq!(hourly.status().next_run(), None);
    });
}

/// The next time was rounded into the past.
#[test]
fn a_start_that_is_over_gives_the_next_time_to_come() {
    let world = world();
    world.run(|| {
        let ran = Queue::new();
        for (start, next) in [
            (noon() - HOUR * 3 / 2, noon() + HOUR / 2),
            (noon() - HOUR, noon()),
            (noon() + HOUR / 4, noon() + HOUR / 4),
        ] {
            let given = ran.clone();
            world.set_system_clock(noon() - Duration::from_secs(1));
            let hourly = Schedule::every(HOUR).start_at(start);
            let hourly = hourly
                .spawn("hourly", move |_| Ok(given.push(())?))
                .unwrap();
            eventually(|| hourly.status().next_run() == Some(next));
            assert_eq!(hourly.status().runs(), 0);
            world.set_system_clock(next);
            ran.pop().unwrap();
            eventually(|| hourly.status().next_run() == Some(next + HOUR));
            hourly.thread().stop();
            let ended = hourly.thread().join();
            assert!(matches!(ended, Err(JoinError::Stopped { .. })), "{ended:?}");
        }
    });
}

#[test]
fn times_within_a_run_are_skipped_or_made_up_for_once() {
    let world = world();
    world.run(|| {
        for (overlap, runs, skipped, next) in [
            (Overlap::Skip, 1, 2, noon() + HOUR * 3),
            (Overlap::Once, 2, 0, noon() + HOUR * 3),
        ] {
            world.set_system_clock(noon());
            let (clock, first) = (Arc::clone(&world), Signal::new());
            let slow = Schedule::every(HOUR).overlap(overlap);
            let slow = slow.spawn("slow", move |_| {
                if first.set() {
                    clock.advance(HOUR * 5 / 2);
                }
                Ok(())
            });
            let slow = slow.unwrap();
            eventually(|| slow.status().next_run() == Some(next));
            let status = slow.status();
            assert_eq!((status.runs(), status.skipped()), (runs, skipped));
            slow.thread().stop();
        }
    });
}

#[test]
fn a_failure_is_told_and_the_schedule_goes_on() {
    let world = world();
    world.run(|| {
        let (begun, flaw) = (Queue::new(), Signal::new());
        let (given, has_failed) = (begun.clone(), flaw.clone());
        let shaky = Schedule::every(HOUR).spawn("shaky", move |_| {
            given.push(())?;
            if has_failed.set() {
                panic!("no luck");
            }
            Ok(())
        });
        let shaky = shaky.unwrap();
        begun.pop().unwrap();
        eventually(|| shaky.status().next_run() == Some(noon() + HOUR));
        let status = shaky.status();
        assert_eq!(status.failures(), 1);
        assert!(status.last_error().unwrap().contains("no luck"));
        world.advance(HOUR);
        begun.pop().unwrap();
        eventually(|| shaky.status().next_run() == Some(noon() + HOUR * 2));
        let status = shaky.status();
        assert_eq!((status.failures(), status.last_error()), (1, None));
    });
    let told = "a run of shaky failed".to_owned();
    assert_eq!(
        world
            .events()
            .iter()
            .filter(|event| **event == told)
            .count(),
        1
    );
}

#[test]
fn a_run_that_takes_too_long_is_stopped_then_told() {
    let limit = Duration::from_secs(5);
    let world = world();
    world.run(|| {
        let go = Signal::new();
        let wait = go.clone();
        let stuck = Schedule::every(HOUR).limit(limit);
        let stuck = stuck.spawn("stuck", move |stop| {
            stop.wait()?;
            signal::shield(|| wait.wait())?; // and still does not end
            Err(stop.wait().map_or_else(Into::into, |()| "too late".into()))
        });
        let stuck = stuck.unwrap();
        eventually(|| stuck.status().running_for().is_some() && sleeps("stuck"));
        assert_eq!(stuck.status().next_run(), None);
        world.advance(limit);
        let is_asked = || {
            let tree = thread::tree();
            let mut nodes = tree.nodes().iter();
            nodes.any(|node| {
                node.name() == "run-1" && node.stop().is_some_and(|why| why.contains("longer"))
            })
        };
        eventually(|| is_asked() && sleeps("stuck"));
        assert_eq!(stuck.status().running_for(), Some(limit));
        world.advance(Duration::from_secs(10));
        eventually(|| {
            world
                .events()
                .contains(&"stuck/run-1 is overdue".to_owned())
        });
        go.set();
        eventually(|| stuck.status().next_run() == Some(noon() + HOUR));
        let status = stuck.status();
        assert_eq!((status.failures(), status.running_for()), (1, None));
        assert_eq!(status.last_took(), Some(Duration::from_secs(15)));
        assert!(status.last_error().unwrap().contains("too late"));
    });
}

#[test]
fn a_run_that_obeys_its_limit_has_failed_all_the_same() {
    let limit = Duration::from_secs(5);
    let world = world();
    world.run(|| {
        let slow = Schedule::every(HOUR).limit(limit);
        let slow = slow.spawn("slow", |_| Ok(Signal::never().wait()?)).unwrap();
        eventually(|| slow.status().running_for().is_some() && sleeps("slow"));
        world.advance(limit);
        eventually(|| slow.status().failures() == 1);
        let status = slow.status();
        assert!(status.last_error().unwrap().contains("longer than 5s"));
    });
    let events = world.events();
    assert!(events.contains(&"a run of slow failed".to_owned()));
    assert!(!events.iter().any(|event| event.contains("overdue")));
}

#[test]
fn a_stop_ends_the_run_and_its_failure_is_the_schedules() {
    let world = world();
    world.run(|| {
        for fails in [false, true] {
            let begun = Signal::new();
            let begin = begun.clone();
            let daily = Schedule::every(HOUR * 24).spawn("daily", move |stop| {
                begin.set();
                let stopped = stop.wait();
                if fails {
                    return Err("could not clean up".into());
                }
                stopped?;
                Ok(Signal::never().wait()?)
            });
            let daily = daily.unwrap();
            begun.wait().unwrap();
            daily.thread().stop();
            match daily.thread().join() {
                Err(JoinError::Stopped { .. }) => assert!(!fails),
                Err(error) => {
                    assert!(fails && error.to_string().contains("could not"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn cron_goes_by_the_systems_clock_and_runs_no_time_twice() {
    let day = HOUR * 24;
    let world = world();
    // "Noon" is two in the morning, UTC.
    let three = SystemTime::UNIX_EPOCH + day * 11574 + HOUR * 3;
    world.run(|| {
        let (clock, ran) = (Arc::clone(&world), Queue::new());
        let given = ran.clone();
        let nightly = Schedule::cron("0 3 * * *", jiff::tz::TimeZone::UTC).unwrap();
        let nightly = nightly.spawn("nightly", move |_| {
            clock.set_system_clock(three - Duration::from_secs(2)); // a daemon was strict
            Ok(given.push(())?)
        });
        let nightly = nightly.unwrap();
        eventually(|| nightly.status().next_run() == Some(three));
        world.set_system_clock(three);
        ran.pop().unwrap();
        eventually(|| nightly.status().next_run() == Some(three + day));
        assert_eq!(nightly.status().skipped(), 0);
        // The machine slept for two nights: it runs when it wakes up, and once.
        world.set_system_clock(three + day * 2 + HOUR);
        ran.pop().unwrap();
    });
}

#[test]
#[should_panic(expected = "needs time")]
fn runs_need_time_between_them() {
    let _ = Schedule::every(Duration::ZERO);
}
