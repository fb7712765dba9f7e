//! Repeats: their times are fixed by the first, and a stop or their end comes before a tick.

use std::sync::Arc;
use std::time::{Duration, Instant};

use selvedge::sync::Queue;
use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Missed, Outcome, Repeat, Tick};
use selvedge::{Signal, Till, signal};

const SECOND: Duration = Duration::from_secs(1);

/// The number, the time since the first in milliseconds, and how many were missed, of each tick.
fn ticks(repeat: Repeat, mut f: impl FnMut(Tick) -> Outcome<()>) -> Vec<(u64, u128, u64)> {
    let (end, mut seen, mut first) = (Signal::new(), Vec::new(), None::<Instant>);
    let done = repeat.until(&end).run(|tick| {
        let first = *first.get_or_insert(tick.due());
        seen.push((
            tick.number(),
            (tick.due() - first).as_millis(),
            tick.missed(),
        ));
        if f(tick).is_err() {
            end.set();
        }
        Ok(())
    });
    assert_eq!(done.unwrap(), seen.len() as u64);
    seen
}

#[test]
fn it_does_not_drift() {
    let world = Arc::new(World::with_mock_clock());
    world.run(|| {
        let (dues, end) = (Queue::new(), Signal::new());
        let (given, mine) = (dues.clone(), Arc::clone(&world));
        let repeat = Repeat::every(SECOND).until(&end);
        let thread = repeat.spawn("beat", move |tick| {
            mine.advance(Duration::from_millis(300)); // what it takes
            Ok(given.push(tick.due())?)
        });
        let first = dues.pop().unwrap();
        for n in 1..50 {
            world.advance(Duration::from_millis(700));
            assert_eq!(dues.pop().unwrap() - first, SECOND * n);
        }
        end.set();
        assert_eq!(thread.unwrap().join().unwrap(), 50);
    });
}

#[test]
fn missed_times_are_skipped_and_counted() {
    let world = World::with_mock_clock();
    world.run(|| {
        let seen = ticks(Repeat::every(SECOND), |tick| match tick.number() {
            0 => {
                world.advance(SECOND * 3); // 1 and 2 are over, 3 is now
                Ok(())
            }
            1 => {
                world.advance(SECOND);
                Ok(())
            }
            _ => Err("enough".into()),
        });
        assert_eq!(seen, [(0, 0, 0), (1, 3000, 2), (2, 4000, 0)]);
    });
}

#[test]
fn missed_times_are_made_up_for_in_a_burst() {
    let world = World::with_mock_clock();
    world.run(|| {
        let repeat = Repeat::every(SECOND).missed(Missed::Burst);
        let seen = ticks(repeat, |tick| match tick.number() {
            0 => {
                world.advance(SECOND * 3);
                Ok(())
            }
            3 => Err("enough".into()),
            _ => Ok(()),
        });
        assert_eq!(seen, [(0, 0, 0), (1, 1000, 0), (2, 2000, 0), (3, 3000, 0)]);
    });
}

#[test]
fn a_delay_begins_anew() {
    let world = World::with_mock_clock();
    world.run(|| {
        let repeat = Repeat::every(SECOND).missed(Missed::Delay);
        let seen = ticks(repeat, |tick| match tick.number() {
            0 => {
                world.advance(Duration::from_millis(2500));
                Ok(())
            }
            1 => {
                world.advance(SECOND);
                Ok(())
            }
            _ => Err("enough".into()),
        });
        assert_eq!(seen, [(0, 0, 0), (1, 2500, 0), (2, 3500, 0)]);
    });
}

/// 276: `until` is a duration from now; it was taken for an absolute time, and ended at once.
#[test]
fn until_a_till_is_a_duration_from_now() {
    let world = World::with_mock_clock();
    world.run(|| {
        let until = Till::after(SECOND * 10);
        let done = Repeat::every(SECOND).until(&until).run(|tick| {
            world.advance(SECOND);
            if tick.number() == 9 {
                until.wait()?; // the time has come; the timer thread says so
            }
            Ok(())
        });
        assert_eq!(done.unwrap(), 10);
    });
}

#[test]
fn its_end_and_a_stop_come_before_missed_ticks() {
    let world = Arc::new(World::with_mock_clock());
    world.run(|| {
        for missed in [Missed::Skip, Missed::Burst, Missed::Delay] {
            let end = Signal::new();
            let done = Repeat::every(SECOND).missed(missed).until(&end).run(|_| {
                world.advance(SECOND * 100);
                end.set();
                Ok(())
            });
            assert_eq!(done.unwrap(), 1);
            let clock = Arc::clone(&world);
            let stopped = thread::spawn("beat", move |stop| {
                Repeat::every(SECOND).missed(missed).run(|tick| {
                    assert_eq!(tick.number(), 0);
                    clock.advance(SECOND * 100);
                    stop.set();
                    Ok(())
                })
            });
            let ended = stopped.join();
            assert!(matches!(ended, Err(JoinError::Stopped { .. })), "{ended:?}");
        }
    });
}

#[test]
fn a_stop_ends_its_wait() {
    World::with_mock_clock().run(|| {
        let (begun, beat) = (Signal::new(), Repeat::every(SECOND * 3600));
        let begin = begun.clone();
        let thread = beat.spawn("hourly", move |_| {
            begin.set();
            Ok(())
        });
        let thread = thread.unwrap();
        begun.wait().unwrap();
        thread.stop();
        let ended = thread.join();
        assert!(matches!(ended, Err(JoinError::Stopped { .. })), "{ended:?}");
    });
}

#[test]
fn an_error_ends_it_and_is_the_callers() {
    World::with_mock_clock().run(|| {
        let mut calls = 0;
        let failed = Repeat::every(SECOND).missed(Missed::Burst).run(|_| {
            calls += 1;
            Err("no more".into())
        });
        assert_eq!(failed.unwrap_err().to_string(), "no more");
        assert_eq!(calls, 1);
    });
}

#[test]
fn the_first_time_may_be_later_or_over() {
    let world = Arc::new(World::with_mock_clock());
    world.run(|| {
        let now = ticks_first(Repeat::every(SECOND)).0;
        // 2.5 seconds ago: three times are over, the next is in half a second.
        let dues = Queue::new();
        let given = dues.clone();
        world.advance(Duration::from_millis(2500));
        let past = Repeat::every(SECOND).start_at(now);
        let past = past.spawn("past", move |tick| {
            Ok(given.push((tick.due(), tick.missed()))?)
        });
        world.advance(Duration::from_millis(500));
        let (due, missed) = dues.pop().unwrap();
        assert_eq!(due, now + SECOND * 3);
        assert_eq!(missed, 3); // at 0, 1 and 2
        past.unwrap().stop();
        // Burst makes up for what is over.
        let burst = Repeat::every(SECOND).missed(Missed::Burst).start_at(now);
        assert_eq!(ticks_first(burst).0, now);
        // In five seconds.
        let (given, begun) = (dues.clone(), Signal::new());
        let begin = begun.clone();
        let later = thread::spawn("later", move |_| {
            begin.set();
            let later = Repeat::every(SECOND).start_at(now + SECOND * 8);
            later.run(|tick| Ok(given.push((tick.due(), tick.missed()))?))
        });
        begun.wait().unwrap();
        assert!(dues.try_pop().is_err());
        world.advance(SECOND * 5);
        assert_eq!(dues.pop().unwrap(), (now + SECOND * 8, 0));
        later.stop();
    });
}

/// The time of the first tick, and how many were missed before it.
fn ticks_first(repeat: Repeat) -> (Instant, u64) {
    let (end, mut first) = (Signal::new(), None);
    let done = repeat.until(&end).run(|tick| {
        first = Some((tick.due(), tick.missed()));
        end.set();
        Ok(())
    });
    assert_eq!(done.unwrap(), 1);
    first.unwrap()
}

#[test]
fn a_time_that_no_clock_reaches_is_never() {
    World::with_mock_clock().run(|| {
        let seen = ticks(Repeat::every(Duration::MAX), |_| Err("enough".into()));
        assert_eq!(seen, [(0, 0, 0)]);
        let end = Signal::always();
        let never = Repeat::every(SECOND).start_after(Duration::MAX).until(&end);
        assert_eq!(never.run(|_| panic!("never")).unwrap(), 0);
        assert!(!signal::stop().is_set());
    });
}

#[test]
#[should_panic(expected = "needs time")]
fn ticks_need_time_between_them() {
    let _ = Repeat::every(Duration::ZERO);
}
