//! Breakpoints of a log that hand control to a groutine or a scenario.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use selvedge::call::{Groutines, Log, Record, Scenario, ScenarioError};
use selvedge::testing::World;
use selvedge::{Signal, open};

use super::is_quiet;
use super::open_async::{finish, pause};

#[open]
fn step_on(n: u32) -> u32 {
    assert_ne!(n, 13, "unlucky");
    n * 2
}

#[open]
async fn later(n: u32) -> u32 {
    pause().await;
    step_on(n)
}

fn log() -> Log {
    Log::record("**::breakpoints::*").unwrap()
}

fn is_at(n: &'static str) -> impl Fn(&Record) -> bool {
    move |call| call.arg("n") == Some(n)
}

/// By index and by predicate; the call stands still before it runs, and after it has ended.
#[test]
fn a_scenario_stands_still_at_the_breakpoints_of_a_log() {
    World::new().run(|| {
        let (log, steps) = (log(), Arc::new(AtomicU32::new(0)));
        let (recorded, counting) = (log.clone(), Arc::clone(&steps));
        let mut scenario = Scenario::start("steps", move || {
            recorded.run(|| {
                let steps = (0..6).map(|n| {
                    counting.fetch_add(1, SeqCst);
                    step_on(n)
                });
                steps.sum::<u32>()
            })
        });
        let call = scenario.pause_when(log.breakpoint_at(1)).unwrap();
        assert_eq!((call.arg("n"), steps.load(SeqCst)), (Some("1"), 2));
        let call = scenario.pause_when(log.breakpoint(is_at("3"))).unwrap();
        assert!(call.is_running());
        assert_eq!((log.calls().len(), steps.load(SeqCst)), (4, 4));
        // The end of the same call: it has not gone on to the next.
        let call = scenario.pause_when(log.breakpoint(is_at("3"))).unwrap();
        assert_eq!((call.returned(), steps.load(SeqCst)), (Some("6"), 4));
        let mut paused = scenario.pause_at(step_on::called()).unwrap();
        assert_eq!(paused.with(|call| call.args.n).unwrap(), 4);
        paused.ret(100).unwrap();
        assert_eq!(scenario.finish().unwrap(), 12 + 100 + 10);
    });
}

#[test]
fn a_scenario_stands_still_where_a_call_panics() {
    World::new().run(|| {
        let log = log();
        let recorded = log.clone();
        let mut scenario = Scenario::start("unlucky", move || {
            recorded.run(|| catch_unwind(|| step_on(13)).is_err())
        });
        let panicked = log.breakpoint(|call| call.panicked().is_some());
        let call = scenario.pause_when(panicked).unwrap();
        assert!(call.panicked().unwrap().contains("unlucky"));
        assert!(scenario.finish().unwrap());
    });
}

#[test]
fn a_breakpoint_that_is_not_reached_ends_with_the_program_or_expires() {
    World::new().run(|| {
        let (log, late) = (log(), Signal::new());
        late.set();
        let recorded = log.clone();
        let mut scenario = Scenario::start("short", move || recorded.run(|| step_on(1)));
        let never = scenario.pause_when_until(log.breakpoint(|_| false), &late);
        assert!(matches!(
            never,
            Err(ScenarioError::Expired | ScenarioError::Ended)
        ));
        let never = scenario.pause_when(log.breakpoint(|_| false));
        assert!(matches!(never, Err(ScenarioError::Ended)));
    });
}

/// The log keeps no record of the calls that run around the last ones: their ends were missed.
#[test]
fn a_breakpoint_sees_the_end_of_a_call_whose_record_had_to_go() {
    #[open]
    fn down(n: u32) -> u32 {
        if n == 0 { 0 } else { down(n - 1) + 1 }
    }
    for capacity in [0, 1, 2] {
        let log = Log::record("**::breakpoints::**::down").unwrap();
        let ends = Arc::new(Mutex::new(Vec::new()));
        let log = log
            .capacity(capacity)
            .break_when(|call| !call.is_running(), {
                let ends = Arc::clone(&ends);
                move |call| {
                    ends.lock()
                        .unwrap()
                        .push(call.returned().unwrap().to_owned())
                }
            });
        log.run(|| down(4));
        assert_eq!(*ends.lock().unwrap(), ["0", "1", "2", "3", "4"]);
        assert_eq!(
            (log.calls().len(), log.dropped()),
            (capacity, 5 - capacity as u64)
        );
        ends.lock().unwrap().clear();
        // One that did not run when the room became less: it has ended, once.
        let log = log.capacity(0);
        log.run(|| down(0));
        assert_eq!(*ends.lock().unwrap(), ["0"]);
    }
    World::new().run(|| {
        let log = Log::record("**::breakpoints::**::down")
            .unwrap()
            .capacity(1);
        let recorded = log.clone();
        let mut scenario = Scenario::start("down", move || recorded.run(|| down(3)));
        scenario
            .pause_when(log.breakpoint(|call| call.arg("n") == Some("0")))
            .unwrap();
        let call = scenario.pause_when(log.breakpoint(|call| call.returned() == Some("3")));
        assert_eq!(call.unwrap().arg("n"), Some("3"));
        assert_eq!(scenario.finish().unwrap(), 3);
    });
}

/// A groutine has control while it runs: the call has not begun.
#[test]
fn a_breakpoint_hands_control_to_a_groutine_before_the_call_runs() {
    let (log, seen) = (log(), Arc::new(Mutex::new(Vec::new())));
    let groutine = {
        let (log, seen) = (log.clone(), Arc::clone(&seen));
        move || {
            let mut third = log.breakpoint(|call| call.arg("n").is_some_and(|n| n.ends_with('3')));
            let seen = Arc::clone(&seen);
            async move {
                loop {
                    let call = (&mut third).await;
                    seen.lock()
                        .unwrap()
                        .push(call.to_string().rsplit("::").next().unwrap().to_owned());
                }
            }
        }
    };
    let answers = step_on::before(|call| {
        if call.args.n == 23 {
            call.ret(1);
        }
    });
    log.run(|| {
        Groutines::new().with(groutine).run(|| {
            let sum: u32 = (0..15)
                .chain([23])
                .filter(|n| *n != 13)
                .map(|n| answers.run(|| step_on(n)))
                .sum();
            assert_eq!(sum, (91 + 14 - 13) * 2 + 1);
            assert_eq!(finish(later(33)), 66);
        });
    });
    let lines = [
        "step_on(n: 3)",
        "step_on(n: 3) -> 6",
        "step_on(n: 23)",
        "step_on(n: 23) -> 1",
        "later(n: 33)",
        "step_on(n: 33)",
        "step_on(n: 33) -> 66",
        "later(n: 33) -> 66",
    ];
    assert_eq!(*seen.lock().unwrap(), lines);
}

/// It listens while it is awaited, and leaves nothing behind; any executor may await it.
#[test]
fn a_breakpoint_is_a_future_for_everybody_and_listens_while_it_is_awaited() {
    #[open]
    fn own(n: u32) {
        let _ = n;
    }
    let log = Log::record("**::own").unwrap();
    let asked = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&asked);
    let mut point = log.breakpoint(move |_| {
        counting.fetch_add(1, SeqCst);
        true
    });
    log.run(|| own(1));
    assert_eq!(asked.load(SeqCst), 0);
    let reached = smol::block_on(async {
        smol::future::or(async { Some((&mut point).await) }, async {
            smol::future::yield_now().await;
            log.run(|| own(2));
            std::future::pending().await
        })
        .await
    });
    assert_eq!(reached.unwrap().arg("n"), Some("2"));
    let asked_until_then = asked.load(SeqCst);
    log.run(|| own(3));
    assert_eq!(asked.load(SeqCst), asked_until_then);
    drop(log);
    drop(point);
    assert!(is_quiet(own::__site()));
}

/// The index is of all calls, and the breakpoint is before the call alone.
#[test]
fn a_breakpoint_by_index_counts_the_calls_that_had_to_make_room() {
    #[open]
    fn kept(n: u32) {
        if n == 0 {
            kept(10); // so the record of this call has gone when it ends
        }
    }
    for capacity in 0..4 {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut log = Log::record("**::kept").unwrap().capacity(capacity);
        for index in 0..7 {
            let seen = Arc::clone(&seen);
            log = log.break_at(index, move |record| {
                let n = record.arg("n").unwrap().to_owned();
                seen.lock().unwrap().push((index, n, record.is_running()));
            });
        }
        log.run(|| (0..4).for_each(kept));
        let calls = [(0, "0"), (1, "10"), (2, "1"), (3, "2"), (4, "3")];
        let calls = calls.map(|(index, n)| (index, n.to_owned(), true));
        assert_eq!(*seen.lock().unwrap(), calls);
        assert_eq!(
            (log.calls().len(), log.dropped()),
            (capacity, 5 - capacity as u64)
        );
    }
}

/// A predicate that panics is an event, as of any watch: no call is touched, and the breakpoint is not reached.
#[test]
fn a_breakpoint_whose_predicate_panics_touches_no_call() {
    let log = log();
    let failing = log.breakpoint(|_| panic!("in a predicate"));
    let waits = Arc::new(Mutex::new(Some(failing)));
    let groutine = move || {
        let failing = waits.lock().unwrap().take().unwrap();
        async move {
            failing.await;
            unreachable!();
        }
    };
    let block = AssertUnwindSafe(|| log.run(|| Groutines::new().with(groutine).run(|| step_on(2))));
    assert_eq!(catch_unwind(block).unwrap(), 4);
}
