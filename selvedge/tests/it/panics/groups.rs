//! Scopes, pools, repeats, schedules and supervisors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome, Pool, Repeat, Restart, Schedule};
use selvedge::{Signal, Till};

use super::{Bomb, WAYS, beside, count, panics, quietly, soon};

const HOUR: Duration = Duration::from_secs(3600);

// ---- scopes

/// Its threads are asked and joined, then the panic goes on, its payload whole.
#[test]
fn the_closure_of_a_scope() {
    for (i, way) in WAYS.into_iter().enumerate() {
        beside(|| {
            let ended = AtomicBool::new(false);
            let scope = || {
                thread::scope("scope", |s| -> Outcome<()> {
                    s.spawn("waits", |_| {
                        let stopped = Signal::new().wait();
                        ended.store(true, SeqCst);
                        Ok(stopped?)
                    });
                    way();
                    Ok(())
                })
            };
            let payload = catch_unwind(AssertUnwindSafe(scope)).unwrap_err();
            assert!(ended.load(SeqCst));
            assert_eq!(payload.is::<&str>(), i == 0);
            assert_eq!(payload.downcast_ref(), (i == 1).then_some(&42));
            std::mem::forget(payload);
        });
    }
}

#[test]
fn a_thread_of_a_scope() {
    for way in WAYS {
        for isolated in [false, true] {
            let (failures, events) = beside(|| {
                thread::scope("scope", |s| {
                    if isolated {
                        s.isolate();
                    }
                    let enough = Signal::new();
                    let end = enough.clone();
                    s.spawn("waits", move |_| {
                        // Asked by its sibling's failure, or left alone.
                        Ok(end.wait()?)
                    });
                    let panics = s.spawn("panics", move |_| {
                        way();
                        Ok(())
                    });
                    panics.stopped().wait_until(&soon()).ok();
                    drop(panics);
                    if isolated {
                        enough.set();
                    }
                    Ok(())
                })
                .unwrap_err()
            });
            assert_eq!(failures.all().len(), 1, "{failures}");
            assert!(matches!(failures.all()[0], JoinError::Panicked(_)));
            quietly(|| drop(failures));
            let how = if isolated { "finished" } else { "stopped" };
            let line = format!("scope/waits ended: {how}");
            assert_eq!(count(&events, &line), 1, "{events:#?}");
        }
    }
}

#[test]
fn captures_and_results_of_threads_of_a_scope() {
    for way in WAYS {
        beside(|| {
            let failures = thread::scope("captures", |s| {
                let bomb = Bomb(way);
                s.spawn("captures", move |_| {
                    let _kept = &bomb;
                    Ok(())
                });
                Ok(())
            })
            .unwrap_err();
            assert_eq!(failures.all().len(), 1, "{failures}");
            // Dropped by the thread, with the handle, and by who joined.
            thread::scope("results", |s| {
                let go = Signal::new();
                let wait = go.clone();
                drop(s.spawn("early", move |_| Ok(wait.wait().map(|()| Bomb(way))?)));
                go.set();
                let late = s.spawn("late", move |_| Ok(Bomb(way)));
                late.stopped().wait_until(&soon())?;
                panics(|| drop(late));
                let joined = s.spawn("joined", move |_| Ok(Bomb(way)));
                let value = joined.join()?;
                panics(|| drop(value));
                Ok(())
            })
            .unwrap();
        });
    }
}

/// The scope's own value, given up because a thread failed: its destructor's panic took the errors along.
#[test]
fn the_value_of_a_scope_that_failed() {
    for way in WAYS {
        beside(|| {
            let scope = || {
                thread::scope("scope", |s| {
                    s.isolate();
                    s.spawn("fails", |_| -> Outcome<()> { Err("no luck".into()) });
                    Ok(Bomb(way))
                })
            };
            let failures = quietly(scope).unwrap_err();
            assert_eq!(failures.all().len(), 1, "{failures}");
        });
    }
}

#[test]
fn candidates_of_a_race() {
    for way in WAYS {
        beside(|| {
            let first = thread::first_success(
                "race",
                [
                    (
                        "panics",
                        Box::new(move |_| {
                            way();
                            Ok(0_u8)
                        }) as Box<dyn FnOnce(Signal) -> Outcome<u8> + Send>,
                    ),
                    ("wins", Box::new(|_| Ok(1))),
                ],
            );
            assert_eq!(first.unwrap(), 1);
        });
    }
}

// ---- pools

#[test]
fn jobs_of_a_pool() {
    for way in WAYS {
        let ((), events) = beside(|| {
            let pool = Pool::new("pool", 1);
            let bomb = Bomb(way);
            let body = pool
                .run(move |_| {
                    way();
                    Ok(())
                })
                .unwrap();
            let captures = pool
                .run(move |_| {
                    let _kept = &bomb;
                    Ok(())
                })
                .unwrap();
            let result = pool.run(move |_| Ok(Bomb(way))).unwrap();
            let released = pool.run(move |_| Ok(Bomb(way))).unwrap();
            released.release();
            for failed in [body, captures] {
                let error = failed.join_until(&soon()).unwrap_err();
                assert!(matches!(error, JoinError::Panicked(_)), "{error}");
                quietly(|| drop((error, failed)));
            }
            let value = result.join_until(&soon()).unwrap();
            panics(|| drop(value));
            let mapped = pool.map([1, 2, 3], move |_| -> Outcome<()> {
                way();
                Ok(())
            });
            quietly(|| drop(mapped.unwrap_err()));
            // The worker is the same.
            assert_eq!(pool.run(|_| Ok(7)).unwrap().join_until(&soon()).unwrap(), 7);
            pool.finish().unwrap();
        });
        assert_eq!(count(&events, "pool-1 ended: finished"), 1, "{events:#?}");
    }
}

/// A job that never runs: its captures are dropped by who ends the pool, and its joiner is told.
#[test]
fn the_captures_of_a_job_that_is_given_up() {
    for way in WAYS {
        beside(|| {
            let pool = Pool::new("pool", 1);
            let (begun, bomb) = (Signal::new(), Bomb(way));
            let begin = begun.clone();
            let first = pool.run(move |_| {
                begin.set();
                Ok(Signal::new().wait()?)
            });
            begun.wait_until(&soon()).unwrap();
            let queued = pool.run(move |_| {
                let _kept = &bomb;
                Ok(())
            });
            quietly(|| drop(pool));
            let error = queued.unwrap().join_until(&soon()).unwrap_err();
            assert!(matches!(error, JoinError::NeverRan { .. }), "{error}");
            assert!(first.unwrap().join_until(&soon()).is_err());
        });
    }
}

// ---- again and again

#[test]
fn a_repeat() {
    for way in WAYS {
        beside(|| {
            let repeat = || Repeat::every(Duration::from_nanos(1));
            let spawned = repeat().spawn("repeat", move |tick| {
                if tick.number() == 2 {
                    way();
                }
                Ok(())
            });
            let error = spawned.unwrap().join_until(&soon()).unwrap_err();
            assert!(matches!(error, JoinError::Panicked(_)), "{error}");
            panics(|| {
                repeat().run(|_| {
                    way();
                    Ok(())
                })
            });
        });
    }
}

/// Told as a failed run; the next one comes.
#[test]
fn runs_of_a_schedule() {
    for way in WAYS {
        let world = World::with_mock_clock();
        world.run(|| {
            let end = Signal::new();
            let bomb = Bomb(way);
            let schedule = Schedule::every(HOUR).until(&end);
            let schedule = schedule.spawn("hourly", move |_| {
                let _kept = &bomb;
                way();
                Ok(())
            });
            let schedule = schedule.unwrap();
            while schedule.status().failures() < 3 {
                world.advance(HOUR);
                std::thread::yield_now();
            }
            end.set();
            // Its closure goes with it, and panics as well: the schedule has failed.
            let error = schedule.into_thread().join().unwrap_err();
            assert!(matches!(error, JoinError::Panicked(_)), "{error}");
        });
        let events = world.events();
        assert!(count(&events, "a run of hourly failed") >= 3, "{events:#?}");
        assert_eq!(count(&events, "hourly failed"), 1, "{events:#?}");
    }
}

#[test]
fn attempts_of_a_supervisor() {
    for way in WAYS {
        let ((), events) = beside(|| {
            let at_once = Restart::on_failure()
                .at_most(3, HOUR)
                .backoff(Duration::ZERO, Duration::ZERO);
            let attempts = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&attempts);
            let recovers = thread::supervise("recovers", at_once.clone(), move |_| {
                if counted.fetch_add(1, SeqCst) < 3 {
                    way();
                }
                Ok(7)
            });
            let recovered = recovers.into_thread().join_until(&soon());
            assert_eq!(recovered.unwrap(), 7);
            let gives_up = thread::supervise("gives-up", at_once, move |_| {
                way();
                Ok(())
            });
            let error = gives_up.into_thread().join_until(&soon()).unwrap_err();
            assert!(error.to_string().contains("it ended 4 times"), "{error}");
            quietly(|| drop(error));
        });
        for name in ["recovers", "gives-up"] {
            let again = format!("{name} starts again in 0ns");
            assert_eq!(count(&events, &again), 3, "{events:#?}");
        }
    }
}

/// A deadline and a panic at once: the panic is what is told.
#[test]
fn a_body_whose_time_is_over() {
    for way in WAYS {
        beside(|| {
            let hurried = thread::Builder::new("hurried").deadline(&Till::after(Duration::ZERO));
            let thread = hurried.spawn(move |_| -> Outcome<()> {
                let late = Signal::new().wait();
                way();
                Ok(late?)
            });
            let error = thread.unwrap().join_until(&soon()).unwrap_err();
            assert!(matches!(error, JoinError::Panicked(_)), "{error}");
        });
    }
}
