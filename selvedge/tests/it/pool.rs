//! Pools: what a job gives, who is told of its failure, and that nothing waits for itself.

use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge::probe::{self, Event};
use selvedge::testing::World;
use selvedge::thread::{self, Job, JoinError, Outcome, Pool, RunError, SpawnError};
use selvedge::{Ambient, Signal, Till, signal};

/// A bound for what should take no time at all.
fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

/// A job that has begun and ends when `go` is set, through a stop.
fn stuck(pool: &Pool, go: &Signal) -> Job<()> {
    let (begun, go) = (Signal::new(), go.clone());
    let begin = begun.clone();
    let job = pool.run(move |_stop| {
        begin.set();
        signal::shield(|| go.wait())?;
        Ok(())
    });
    begun.wait_until(&soon()).unwrap();
    job.unwrap()
}

/// Counts how often it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

// ---- results

#[test]
fn jobs_give_their_results_and_run_on_threads_of_the_tree() {
    World::new().run(|| {
        let root = thread::current().path().to_owned();
        let pool = Pool::new("pool", 2);
        assert_eq!(pool.path(), format!("{root}/pool"));
        assert_eq!(pool.workers(), 2);
        let jobs: Vec<_> = (0..200)
            .map(|n| {
                pool.run(move |_stop| Ok((n, thread::current().path().to_owned())))
                    .unwrap()
            })
            .collect();
        for (n, job) in jobs.iter().enumerate() {
            let (m, path) = job.join_until(&soon()).unwrap();
            assert_eq!(m, n);
            let worker = path.strip_prefix(&format!("{root}/pool-")).unwrap();
            assert!(["1", "2"].contains(&worker), "{path}");
        }
        assert_eq!(pool.queued(), 0);
    });
}

#[test]
fn a_result_goes_to_one_joiner() {
    World::new().run(|| {
        let pool = Pool::new("pool", 1);
        let job = pool.run(|_| Ok(String::from("whole"))).unwrap();
        job.done().wait_until(&soon()).unwrap();
        assert!(job.is_done());
        assert_eq!(job.join().unwrap(), "whole");
        for joined in [job.join(), job.join_until(&Signal::always())] {
            assert!(matches!(joined, Err(JoinError::Taken { .. })), "{joined:?}");
        }
    });
}

#[test]
fn an_expired_or_interrupted_join_leaves_the_handle_usable() {
    World::new().run(|| {
        let pool = Pool::new("pool", 1);
        let go = Signal::new();
        let job = Arc::new(stuck(&pool, &go));
        match job.join_until(&Signal::always()) {
            Err(error @ JoinError::Expired { .. }) => {
                assert!(error.to_string().contains("/pool"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        let joiner = {
            let job = Arc::clone(&job);
            thread::spawn("joiner", move |_| match job.join() {
                Err(JoinError::Interrupted(_)) => Ok(()),
                other => panic!("{other:?}"),
            })
        };
        joiner.stop();
        joiner.join_until(&soon()).unwrap();
        assert!(!job.is_done());
        go.set();
        job.join_until(&soon()).unwrap();
    });
}

#[test]
fn map_keeps_the_order() {
    World::new().run(|| {
        let pool = Pool::new("pool", 3);
        for n in [0_usize, 1, 2, 11, 12, 13, 1000] {
            let squares = pool.map(0..n, |i| Ok(i * i)).unwrap();
            assert_eq!(squares, (0..n).map(|i| i * i).collect::<Vec<_>>());
        }
    });
}

// ---- failures

#[test]
fn a_failing_job_does_not_end_its_worker() {
    World::new().run(|| {
        let pool = Pool::new("pool", 1);
        let failed: Job<()> = pool.run(|_| Err("no luck".into())).unwrap();
        match failed.join_until(&soon()) {
            Err(JoinError::Failed(error)) => {
                assert!(error.thread().ends_with("/pool-1"), "{error}");
                assert_eq!(error.into_inner().to_string(), "no luck");
            }
            other => panic!("{other:?}"),
        }
        let panicked: Job<()> = pool.run(|_| panic_any(7_u8)).unwrap();
        match panicked.join_until(&soon()) {
            Err(JoinError::Panicked(panic)) => {
                assert_eq!(*panic.into_payload().downcast::<u8>().unwrap(), 7);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(pool.run(|_| Ok(1)).unwrap().join_until(&soon()).unwrap(), 1);
    });
}

#[test]
fn a_failure_that_nobody_joins_is_reported_once() {
    let reported = Arc::new(Mutex::new(Vec::new()));
    let heard = probe::subscribe({
        let reported = Arc::clone(&reported);
        move |event| {
            if let Event::Unreceived { failure, .. } = event
                && failure.to_string().contains("<pool flaw>")
            {
                reported.lock().unwrap().push(failure.to_string());
            }
        }
    });
    World::new().run(|| {
        let pool = Pool::new("pool", 1);
        let go = Signal::new();
        let first = stuck(&pool, &go);
        let body = |_stop: Signal| -> Outcome<()> { Err("<pool flaw>".into()) };
        pool.run(body).unwrap().release(); // before it has begun
        let late = pool.run(body).unwrap(); // when it has failed
        let joined = pool.run(body).unwrap(); // not at all
        go.set();
        first.join_until(&soon()).unwrap();
        assert!(joined.join_until(&soon()).unwrap_err().is_failure());
        assert_eq!(reported.lock().unwrap().len(), 1);
        late.release();
    });
    assert_eq!(reported.lock().unwrap().len(), 2);
    drop(heard);
}

#[test]
fn a_panic_of_a_destructor_does_not_end_the_worker() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    World::new().run(|| {
        let pool = Pool::new("pool", 1);
        let go = Signal::new();
        let first = stuck(&pool, &go);
        pool.run(|_| Ok(Bomb)).unwrap().release(); // the result
        go.set();
        first.join_until(&soon()).unwrap();
        assert_eq!(pool.run(|_| Ok(1)).unwrap().join_until(&soon()).unwrap(), 1);
    });
}

#[test]
fn map_gives_all_failures_as_one_and_begins_no_further_call() {
    World::new().run(|| {
        let pool = Pool::new("pool", 1);
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let failed = pool.map(0..100, move |n| {
            counted.fetch_add(1, SeqCst);
            if n == 3 { Err("three".into()) } else { Ok(n) }
        });
        match failed {
            Err(JoinError::Children(failures)) => {
                assert_eq!(failures.all().len(), 1);
                assert!(failures.to_string().contains("three"), "{failures}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(calls.load(SeqCst), 4);
        let panicked = pool.map([1], |_| -> Outcome<()> { panic!("no map") });
        assert!(panicked.unwrap_err().to_string().contains("no map"));
    });
}

// ---- jobs of jobs

#[test]
fn a_job_may_join_what_it_gives_to_its_own_pool() {
    fn fib(pool: &Arc<Pool>, n: u64) -> Outcome<u64> {
        if n < 2 {
            return Ok(n);
        }
        let shared = Arc::clone(pool);
        let left = pool.run(move |_| fib(&shared, n - 1))?;
        let right = fib(pool, n - 2)?;
        Ok(left.join()? + right)
    }
    World::new().run(|| {
        for workers in [1, 2] {
            let pool = Arc::new(Pool::new("pool", workers));
            let shared = Arc::clone(&pool);
            let job = pool.run(move |_| fib(&shared, 12)).unwrap();
            assert_eq!(job.join_until(&soon()).unwrap(), 144);
            let shared = Arc::clone(&pool);
            let nested = pool.map(0..10, move |n| Ok(shared.map(0..n, Ok)?.len()));
            assert_eq!(nested.unwrap(), (0..10).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_worker_runs_itself_what_the_queue_has_no_room_for() {
    World::new().run(|| {
        let pool = Arc::new(Pool::builder("pool", 1).queue(1).start().unwrap());
        let shared = Arc::clone(&pool);
        let job = pool.run(move |_| {
            let jobs: Vec<_> = (0..20)
                .map(|n| shared.run(move |_| Ok(n)))
                .collect::<Result<_, _>>()?;
            let mut sum = 0;
            for job in jobs {
                sum += job.join()?;
            }
            Ok(sum)
        });
        assert_eq!(job.unwrap().join_until(&soon()).unwrap(), 190);
    });
}

#[test]
fn a_job_that_waits_for_itself_is_told() {
    World::new().run(|| {
        let pool = Pool::new("pool", 1);
        let own: Arc<Mutex<Option<Job<()>>>> = Arc::default();
        let (handed, mine) = (Signal::new(), Arc::clone(&own));
        let is_handed = handed.clone();
        let job = pool.run(move |_| {
            is_handed.wait()?;
            let own = mine.lock().unwrap().take().unwrap();
            match own.join() {
                Err(JoinError::Itself { thread }) => assert!(thread.ends_with("/pool-1")),
                other => panic!("{other:?}"),
            }
            own.release();
            Ok(())
        });
        let done = job.as_ref().unwrap().done();
        *own.lock().unwrap() = Some(job.unwrap());
        handed.set();
        done.wait_until(&soon()).unwrap();
    });
}

// ---- a full queue

#[test]
fn the_three_forms_of_run_when_there_is_no_room() {
    World::new().run(|| {
        let pool = Arc::new(Pool::builder("pool", 1).queue(1).start().unwrap());
        let go = Signal::new();
        let first = stuck(&pool, &go);
        let queued = pool.run(|_| Ok(1)).unwrap();
        assert_eq!(pool.queued(), 1);
        let drops = Arc::new(AtomicUsize::new(0));
        let body = || {
            let dropped = Dropped(Arc::clone(&drops));
            move |_stop: Signal| {
                let _held = &dropped;
                Ok(2)
            }
        };
        assert!(matches!(pool.try_run(body()), Err(RunError::Full)));
        let expired = pool.run_until(body(), &Signal::always());
        assert!(matches!(expired, Err(RunError::Expired)));
        let (shared, blocked) = (Arc::clone(&pool), body());
        let giver = thread::spawn("giver", move |_| match shared.run(blocked) {
            Err(RunError::Stopped(_)) => Ok(()),
            other => panic!("{other:?}"),
        });
        giver.stop();
        giver.join_until(&soon()).unwrap();
        assert_eq!(drops.load(SeqCst), 3); // they did not happen, and are gone
        let (shared, waits) = (Arc::clone(&pool), body());
        let giver = thread::spawn("giver", move |_| Ok(shared.run(waits)?.join()?));
        go.set();
        assert_eq!(giver.join_until(&soon()).unwrap(), 2);
        first.join_until(&soon()).unwrap();
        assert_eq!(queued.join_until(&soon()).unwrap(), 1);
    });
}

#[test]
fn a_pool_without_a_queue_hands_jobs_over() {
    World::new().run(|| {
        let pool = Pool::builder("pool", 2).queue(0).start().unwrap();
        let jobs: Vec<_> = (0..50).map(|n| pool.run(move |_| Ok(n)).unwrap()).collect();
        let sum: i32 = jobs.iter().map(|j| j.join_until(&soon()).unwrap()).sum();
        assert_eq!(sum, 1225);
    });
}

// ---- the end

#[test]
fn what_has_not_begun_when_the_pool_is_dropped_never_runs() {
    World::new().run(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let pool = Pool::new("pool", 1);
        let running = {
            let begun = Signal::new();
            let begin = begun.clone();
            let job = pool.run(move |_stop| {
                begin.set();
                Ok(Signal::never().wait()?)
            });
            begun.wait_until(&soon()).unwrap();
            job.unwrap()
        };
        let queued: Vec<_> = (0..3)
            .map(|_| {
                let dropped = Dropped(Arc::clone(&drops));
                pool.run(move |_| {
                    drop(dropped);
                    Ok(())
                })
                .unwrap()
            })
            .collect();
        drop(pool);
        match running.join() {
            Err(error @ JoinError::Stopped { .. }) => {
                let reason = error.stop_reason().unwrap();
                assert_eq!(reason.text(), Some("its pool was dropped"));
            }
            other => panic!("{other:?}"),
        }
        for job in queued {
            match job.join() {
                Err(error @ JoinError::NeverRan { .. }) => {
                    assert!(error.to_string().contains("/pool"), "{error}");
                    assert!(!error.is_failure());
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(drops.load(SeqCst), 3);
    });
}

#[test]
fn the_end_of_the_parent_ends_the_pool() {
    let world = World::new();
    world.run(|| {
        let (give, take) = std::sync::mpsc::channel();
        let parent = thread::spawn("parent", move |_| {
            let pool = Pool::new("pool", 1);
            let begun = Signal::new();
            let begin = begun.clone();
            let running = pool.run(move |_| {
                begin.set();
                Ok(Signal::never().wait()?)
            })?;
            begun.wait()?;
            let queued = pool.run(|_| Ok(()))?;
            give.send((running, queued, pool))?; // the pool outlives its parent
            Ok(())
        });
        let (running, queued, pool) = take.recv().unwrap();
        parent.join_until(&soon()).unwrap();
        let running = running.join_until(&soon());
        assert!(
            matches!(running, Err(JoinError::Stopped { .. })),
            "{running:?}"
        );
        let queued = queued.join_until(&soon());
        assert!(
            matches!(queued, Err(JoinError::NeverRan { .. })),
            "{queued:?}"
        );
        match pool.run(|_| Ok(())) {
            Err(error @ RunError::Ended { .. }) => {
                assert!(error.to_string().contains("parent/pool"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(pool.map([1], Ok), Err(JoinError::NeverRan { .. })));
    });
    assert!(
        world
            .events()
            .contains(&"parent/pool-1 ended: stopped".to_owned())
    );
}

#[test]
fn finish_runs_what_was_given() {
    World::new().run(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let pool = Pool::new("pool", 2);
        for _ in 0..100 {
            let ran = Arc::clone(&ran);
            let job = pool.run(move |_| {
                ran.fetch_add(1, SeqCst);
                Ok(())
            });
            job.unwrap().release();
        }
        pool.finish().unwrap();
        assert_eq!(ran.load(SeqCst), 100);
    });
}

#[test]
fn the_last_handle_of_a_pool_may_go_in_a_job_of_its_own() {
    World::new().run(|| {
        let pool = Arc::new(Pool::new("pool", 2));
        let (mine, go) = (Arc::clone(&pool), Signal::new());
        let wait = go.clone();
        let job = pool.run(move |_| {
            wait.wait()?;
            drop(mine);
            Ok(())
        });
        drop(pool);
        go.set();
        job.unwrap().join_until(&soon()).unwrap();
    });
}

#[test]
fn without_a_tree_there_is_no_pool() {
    let refused = Pool::builder("homeless", 1).start();
    assert!(matches!(refused, Err(SpawnError::NoTree { .. })));
}

// ---- the ambient

selvedge::local! { static USER: String; }

#[test]
fn a_job_has_the_ambient_that_it_carries_and_no_other() {
    World::with_mock_clock().run(|| {
        let pool = Pool::new("pool", 1);
        let late = Signal::new();
        let carried = USER.bind("Ada".to_owned(), || {
            signal::deadline(&late, || {
                let ambient = Ambient::capture();
                pool.run(move |_stop| {
                    ambient.run(|| {
                        let user = USER.with(String::clone)?;
                        let stopped = Signal::never().wait().unwrap_err();
                        Ok((user, stopped.is_deadline()))
                    })
                })
            })
        });
        late.set();
        let carried = carried.unwrap().join_until(&soon()).unwrap();
        assert_eq!(carried, ("Ada".to_owned(), true));
        let bare = USER.bind("Bob".to_owned(), || {
            pool.run(|_| Ok(USER.with(String::clone).is_err()))
        });
        assert!(bare.unwrap().join_until(&soon()).unwrap());
    });
}

/// Who passed on that its pool had ended, being asked to stop as well, counted as failed: its workers are asked
/// before it.
#[test]
fn who_passes_on_that_its_pool_has_ended_has_not_failed() {
    World::new().run(|| {
        for way in ["run", "join", "map", "prepare"] {
            let ready = Signal::new();
            let begun = ready.clone();
            let owner = thread::spawn("owner", move |_stop| {
                let pool = Pool::new("pool", 1);
                let prepared = thread::Builder::new("later").prepare(|_stop| Ok(0))?;
                let busy = pool.run(move |stop| {
                    begun.set();
                    Ok(stop.wait()?)
                })?;
                let queued = pool.run(|_stop| Ok(0))?;
                signal::shield(|| {
                    _ = busy.join(); // the worker was asked, and has ended or is about to
                    _ = queued.done().wait();
                });
                match way {
                    "run" => drop(pool.run(|_stop| Ok(0))?),
                    "join" => drop(queued.join()?),
                    "map" => drop(pool.map([1], Ok)?),
                    _ => drop(prepared.start()?),
                }
                Ok(())
            });
            ready.wait_until(&soon()).unwrap();
            owner.stop_because("enough");
            let ended = owner.join_until(&soon()).unwrap_err();
            assert!(matches!(ended, JoinError::Stopped { .. }), "{way}: {ended}");
            assert_eq!(ended.stop_reason().unwrap().text(), Some("enough"));
        }
    });
}
