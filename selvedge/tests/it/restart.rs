//! Supervision: what is started again, how soon, how often, and who is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use selvedge::testing::World;
use selvedge::thread::{self, GaveUp, JoinError, Outcome, Restart};
use selvedge::{Signal, Till};

const SECOND: Duration = Duration::from_secs(1);

/// Waits until `holds`; a test that hangs would tell nothing.
#[track_caller]
fn eventually(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never holds");
        std::thread::yield_now();
    }
}

fn at_once(restart: Restart) -> Restart {
    restart.backoff(Duration::ZERO, Duration::ZERO)
}

/// Does a thread of this name sleep?
fn sleeps(name: &str) -> bool {
    let tree = thread::tree();
    let mut nodes = tree.nodes().iter();
    nodes.any(|node| node.name() == name && node.waits_for().is_some())
}

#[test]
fn errors_and_panics_are_started_again_and_the_value_is_the_last_ones() {
    let world = World::new();
    world.run(|| {
        let attempts = AtomicUsize::new(0);
        let worker =
            thread::supervise(
                "worker",
                at_once(Restart::on_failure()),
                move |_| match attempts.fetch_add(1, SeqCst) {
                    0 => Err("first".into()),
                    1 => panic!("second"),
                    n => Ok(n),
                },
            );
        assert_eq!(worker.thread().join().unwrap(), 2);
        let status = worker.status();
        assert_eq!(status.restarts(), 2);
        assert!(!status.is_waiting());
        assert!(status.last_failure().unwrap().contains("second"));
    });
    let events = world.events();
    let again = "worker starts again in 0ns";
    assert_eq!(events.iter().filter(|event| *event == again).count(), 2);
    assert!(events.contains(&"worker/run-3 ended: finished".to_owned()));
}

#[test]
fn never_is_never_and_a_value_is_no_failure() {
    World::new().run(|| {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let once = thread::supervise("once", Restart::never(), move |_| -> Outcome<()> {
            counted.fetch_add(1, SeqCst);
            Err("no luck".into())
        });
        let error = once.into_thread().join().unwrap_err();
        assert!(
            error.is_failure() && error.to_string().contains("no luck"),
            "{error}"
        );
        let counted = Arc::clone(&calls);
        let fine = thread::supervise("fine", at_once(Restart::on_failure()), move |_| {
            Ok(counted.fetch_add(1, SeqCst))
        });
        assert_eq!(fine.thread().join().unwrap(), 1);
        assert_eq!(calls.load(SeqCst), 2);
    });
}

#[test]
fn too_often_is_given_up_with_all_failures() {
    World::new().run(|| {
        let attempts = AtomicUsize::new(0);
        let restart = at_once(Restart::on_failure()).at_most(2, SECOND * 60);
        let worker = thread::supervise("worker", restart, move |_| -> Outcome<()> {
            Err(format!("<flaw {}>", attempts.fetch_add(1, SeqCst)).into())
        });
        match worker.thread().join() {
            Err(JoinError::Failed(error)) => {
                let gave_up = error.into_inner().downcast::<GaveUp>().unwrap();
                assert!(gave_up.thread().ends_with("/worker"));
                let failures = gave_up.failures();
                assert_eq!(failures.len(), 3);
                for (i, failure) in failures.iter().enumerate() {
                    assert!(failure.to_string().contains(&format!("<flaw {i}>")));
                }
                assert!(gave_up.to_string().contains("<flaw 1>"), "{gave_up}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(worker.status().restarts(), 2);
    });
}

#[test]
fn a_supervisor_that_gives_up_fails_its_parent() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |_| {
            let restart = at_once(Restart::on_failure()).at_most(0, SECOND);
            let worker = thread::supervise("worker", restart, |_| -> Outcome<()> {
                Err("no luck".into())
            });
            worker.thread().stopped().wait()?;
            std::mem::forget(worker); // nobody joins it, nobody releases it
            Ok(())
        });
        match parent.join() {
            Err(JoinError::Children(failures)) => {
                assert!(failures.to_string().contains("no luck"), "{failures}");
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn failures_long_ago_do_not_count() {
    let world = Arc::new(World::with_mock_clock());
    world.run(|| {
        let (attempts, clock) = (AtomicUsize::new(0), Arc::clone(&world));
        let restart = at_once(Restart::on_failure()).at_most(1, SECOND * 10);
        let worker = thread::supervise("worker", restart, move |_| {
            clock.advance(SECOND * 11);
            match attempts.fetch_add(1, SeqCst) {
                5 => Ok(()),
                n => Err(n.to_string().into()),
            }
        });
        worker.thread().join().unwrap();
        assert_eq!(worker.status().restarts(), 5);
    });
}

#[test]
fn each_pause_is_twice_the_one_before() {
    let world = World::with_mock_clock();
    world.run(|| {
        let attempts = AtomicUsize::new(0);
        let restart = Restart::on_failure().backoff(SECOND, SECOND * 3);
        let worker = thread::supervise("worker", restart, move |_| {
            match attempts.fetch_add(1, SeqCst) {
                3 => Ok(()),
                n => Err(n.to_string().into()),
            }
        });
        for (n, pause) in [1, 2, 3].into_iter().enumerate() {
            let n = n as u64 + 1;
            eventually(|| {
                let status = worker.status();
                status.is_waiting() && status.restarts() == n && sleeps("worker")
            });
            world.advance(SECOND * pause);
        }
        worker.thread().join().unwrap();
    });
    let events = world.events();
    let pauses: Vec<_> = events.iter().filter(|e| e.contains("again")).collect();
    let expected = [1, 2, 3].map(|n| format!("worker starts again in {n}s"));
    assert_eq!(pauses, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_stop_ends_the_pause_and_nothing_starts_again() {
    let world = World::with_mock_clock();
    world.run(|| {
        let restart = Restart::always().backoff(SECOND, SECOND);
        let worker = thread::supervise("worker", restart, |_| Ok(()));
        eventually(|| worker.status().is_waiting());
        worker.thread().stop_because("enough");
        let ended = worker.thread().join().unwrap_err();
        assert_eq!(ended.stop_reason().unwrap().text(), Some("enough"));
    });
    let events = world.events();
    assert!(
        !events.iter().any(|event| event.contains("run-2")),
        "{events:#?}"
    );
}

#[test]
fn always_means_after_a_value_too_until_it_is_stopped() {
    let world = World::new();
    world.run(|| {
        let (third, attempts) = (Signal::new(), AtomicUsize::new(0));
        let set = third.clone();
        let worker = thread::supervise("worker", at_once(Restart::always()), move |stop| {
            if attempts.fetch_add(1, SeqCst) == 2 {
                set.set();
                stop.wait()?;
                return Err("it failed while it was stopped".into());
            }
            Ok(())
        });
        third.wait_until(&Till::after(SECOND * 20)).unwrap();
        worker.thread().stop();
        let error = worker.thread().join().unwrap_err();
        assert!(error.is_failure(), "{error:?}"); // nothing is lost
    });
    assert!(!world.events().contains(&"worker/run-4 started".to_owned()));
}

#[test]
fn what_an_attempt_left_behind_has_ended_before_the_next_begins() {
    World::new().run(|| {
        let (attempts, alive) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let worker = thread::supervise("worker", at_once(Restart::on_failure()), move |_| {
            assert_eq!(alive.swap(1, SeqCst), 0);
            let mine = Arc::clone(&alive);
            let child = thread::spawn("child", move |stop| {
                stop.wait()?;
                mine.store(0, SeqCst);
                Ok(())
            });
            std::mem::forget(child);
            if attempts.fetch_add(1, SeqCst) < 3 {
                return Err("again".into());
            }
            Ok(())
        });
        worker.thread().join().unwrap();
    });
}
