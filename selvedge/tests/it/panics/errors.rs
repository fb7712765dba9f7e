//! Error values of the user's: `Display`, `source` and destructors that panic while an error is told.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use selvedge::sync::{BatchQueue, StopError};
use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome, Pool, Restart, Schedule, Thread};
use selvedge::{Signal, Stopped};

use super::{Make, Rude, Way, beside, count, quietly, rude_errors, soon};

fn fail(make: Make, way: Way) -> Outcome<()> {
    Err(make(way).into())
}

#[test]
fn of_a_thread_that_is_joined() {
    for (make, way, text) in rude_errors() {
        let (error, events) = beside(|| {
            let thread = thread::spawn("joined", move |_| fail(make, way));
            thread.join_until(&soon()).unwrap_err()
        });
        assert!(error.to_string().ends_with(text), "{error}");
        assert_eq!(count(&events, "joined failed"), 1, "{events:#?}");
        quietly(|| drop(error));
    }
}

/// The error is whole for who takes it.
#[test]
fn of_a_thread_is_handed_over_whole() {
    for (make, way, _) in rude_errors() {
        let ((), _) = beside(|| {
            let thread = thread::spawn("joined", move |_| fail(make, way));
            match thread.join_until(&soon()) {
                Err(JoinError::Failed(error)) => {
                    let error = error.into_inner().downcast::<Rude>().expect("as it was");
                    std::mem::forget(error);
                }
                other => panic!("{:?}", other.map_err(|error| error.is_failure())),
            }
        });
    }
}

/// Nobody listens in another process; here a listener does that reads the text.
#[test]
fn of_a_thread_that_is_released() {
    for (make, way, text) in rude_errors() {
        let lines = crate::probe::heard("rude-released", || {
            let ((), events) = beside(|| {
                let thread = thread::spawn("rude-released", move |_| fail(make, way));
                thread.stopped().wait_until(&soon()).unwrap();
                quietly(|| drop(thread));
            });
            let nobody = count(&events, "rude-released failed, nobody joins it");
            assert_eq!(nobody, 1, "{events:#?}");
        });
        let told = lines.iter().filter(|line| line.contains(text));
        assert_eq!(told.count(), 2, "{lines:#?}"); // at once, and that nobody joins it
    }
}

#[test]
fn of_children_of_a_parent_that_failed_itself() {
    static LEFT: Mutex<Vec<Thread<()>>> = Mutex::new(Vec::new());
    for (make, way, _) in rude_errors() {
        let (error, events) = beside(|| {
            let parent = thread::spawn("parent", move |_| {
                for _ in 0..2 {
                    let child = thread::spawn("child", move |_| fail(make, way));
                    LEFT.lock().unwrap().push(child);
                }
                fail(make, way)
            });
            parent.join_until(&soon()).unwrap_err()
        });
        assert!(matches!(error, JoinError::Failed(_)));
        let nobody = count(&events, "parent/child failed, nobody joins it");
        assert_eq!(nobody, 2, "{events:#?}");
    }
}

/// That it obeyed the stop stands in its sources: who cannot be asked for them has failed.
#[test]
fn of_a_thread_that_was_asked_to_stop() {
    #[derive(Debug)]
    struct Obeyed(Stopped, Way);
    impl fmt::Display for Obeyed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (self.1)();
            self.0.fmt(f)
        }
    }
    impl std::error::Error for Obeyed {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    for way in super::WAYS {
        beside(|| {
            let asked = thread::spawn("asked", move |_| -> Outcome<()> {
                let stopped = Signal::new().wait().unwrap_err();
                Err(Obeyed(stopped, way).into())
            });
            asked.stop();
            let error = asked.join_until(&soon()).unwrap_err();
            assert!(matches!(error, JoinError::Stopped { .. }), "{error}");
            let rude = thread::spawn("rude", move |_| -> Outcome<()> {
                let _stopped = Signal::new().wait();
                Err(Rude {
                    source: Some(way),
                    ..Rude::default()
                }
                .into())
            });
            rude.stop();
            let error = rude.join_until(&soon()).unwrap_err();
            assert!(matches!(error, JoinError::Failed(_)), "{error}");
        });
    }
}

#[test]
fn of_a_scope() {
    for (make, way, text) in rude_errors() {
        for in_closure in [false, true] {
            let (failures, _) = beside(|| {
                thread::scope("scope", |s| {
                    s.isolate();
                    s.spawn("one", move |_| fail(make, way));
                    s.spawn("two", move |_| fail(make, way));
                    if in_closure {
                        return fail(make, way);
                    }
                    Ok(())
                })
                .unwrap_err()
            });
            assert_eq!(failures.all().len(), 2 + usize::from(in_closure));
            for failure in failures.all() {
                assert!(failure.to_string().ends_with(text), "{failure}");
            }
            quietly(|| drop(failures));
        }
    }
}

/// Errors beside a panic of the scope's closure: reported, and dropped while it unwinds.
#[test]
fn of_a_scope_whose_closure_panics() {
    for (make, way, _) in rude_errors() {
        let ((), events) = beside(|| {
            super::panics(|| {
                thread::scope("scope", |s| -> Outcome<()> {
                    let one = s.spawn("one", move |_| fail(make, way));
                    one.stopped().wait()?;
                    panic!("the closure panics, on purpose")
                })
            });
        });
        let nobody = count(&events, "scope/one failed, nobody joins it");
        assert_eq!(nobody, 1, "{events:#?}");
    }
}

#[test]
fn of_a_job_of_a_pool() {
    for (make, way, text) in rude_errors() {
        beside(|| {
            let pool = Pool::new("pool", 1);
            let joined = pool.run(move |_| fail(make, way)).unwrap();
            let error = joined.join_until(&soon()).unwrap_err();
            assert!(error.to_string().ends_with(text), "{error}");
            quietly(|| drop(error));
            let late = pool.run(move |_| fail(make, way)).unwrap();
            late.done().wait_until(&soon()).unwrap();
            quietly(|| late.release());
            pool.run(move |_| fail(make, way)).unwrap().release();
            assert_eq!(pool.run(|_| Ok(7)).unwrap().join_until(&soon()).unwrap(), 7);
        });
    }
}

#[test]
fn of_what_is_supervised() {
    for (make, way, text) in rude_errors() {
        let (error, events) = beside(|| {
            let restart = Restart::on_failure()
                .at_most(1, Duration::from_secs(3600))
                .backoff(Duration::ZERO, Duration::ZERO);
            let thread = thread::supervise("worker", restart, move |_| fail(make, way));
            thread.into_thread().join_until(&soon()).unwrap_err()
        });
        assert!(error.to_string().contains("it ended 2 times"), "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(
            count(&events, "worker starts again in 0ns"),
            1,
            "{events:#?}"
        );
        quietly(|| drop(error));
    }
}

#[test]
fn of_a_run_of_a_schedule() {
    for (make, way, text) in rude_errors() {
        let world = World::with_mock_clock();
        world.run(|| {
            let end = Signal::new();
            let hour = Duration::from_secs(3600);
            let hourly = Schedule::every(hour).until(&end);
            let hourly = hourly.spawn("hourly", move |_| fail(make, way)).unwrap();
            while hourly.status().failures() < 3 {
                world.advance(hour);
                std::thread::yield_now();
            }
            let status = hourly.status();
            assert!(status.last_error().unwrap().ends_with(text), "{status:?}");
            end.set();
            hourly.into_thread().join().unwrap();
        });
        assert!(count(&world.events(), "a run of hourly failed") >= 3);
    }
}

#[test]
fn of_the_sink_of_a_batch_queue() {
    for (make, way, text) in rude_errors() {
        if text.ends_with("rest") {
            continue; // what it drops, and its sources, are asked for by nobody
        }
        let lines = crate::probe::heard("rude-sink", || {
            let batches = BatchQueue::named("rude-sink", 2, Duration::from_millis(1));
            batches.extend(0..3).unwrap();
            batches.close();
            let served = quietly(|| batches.serve(|_| Err(make(way))));
            assert!(served.is_err());
            let Err(StopError::Undelivered(lost)) = batches.stop() else {
                panic!("it was delivered");
            };
            assert_eq!(lost.take_items(), [0, 1, 2]);
        });
        assert!(lines.iter().any(|line| line.contains(text)), "{lines:#?}");
    }
}
