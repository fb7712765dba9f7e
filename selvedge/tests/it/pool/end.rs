//! The end of a pool: dropped, finished, or with its parent; and what becomes of what has not begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Pool, RunError, SpawnError};
use selvedge::{Signal, signal};

use super::{Dropped, soon};

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
