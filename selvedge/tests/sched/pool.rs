//! A pool that ends while jobs are given to it: each job runs or is told that it never ran, once.
//!
//! ```text
//!   giver              worker            owner
//!   run(job) ───────>  |  pops, runs      |
//!   run(job)           |                  |  drops the pool
//!     |  <──────────── never ran ───────> |  waits for the worker
//!   join
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Pool};
use selvedge::{Signal, signal};

use crate::{check, pause, random};

#[test]
fn every_job_runs_or_never_ran_when_the_pool_ends() {
    check(|| {
        World::new().run(|| {
            let (ran, jobs) = (Arc::new(AtomicUsize::new(0)), 3);
            let pool = Pool::builder("pool", 2).queue(1).start().unwrap();
            let pool = Arc::new(pool);
            let giver = {
                let (pool, ran) = (Arc::clone(&pool), Arc::clone(&ran));
                thread::spawn("giver", move |_stop| {
                    let given: Vec<_> = (0..jobs)
                        .map_while(|_| {
                            let ran = Arc::clone(&ran);
                            let job = pool.run(move |_stop| Ok(ran.fetch_add(1, SeqCst)));
                            job.ok()
                        })
                        .collect();
                    drop(pool); // perhaps the last handle
                    let mut values = 0;
                    for job in &given {
                        match job.join() {
                            Ok(_) => values += 1,
                            Err(JoinError::NeverRan { .. }) => {}
                            other => panic!("{other:?}"),
                        }
                    }
                    Ok(values)
                })
            };
            if random(2) == 0 {
                pause();
            }
            drop(pool);
            assert_eq!(giver.join().unwrap(), ran.load(SeqCst));
        });
    });
}

#[test]
fn the_end_of_a_pools_parent_tells_every_joiner() {
    check(|| {
        World::new().run(|| {
            let (ran, given) = (Arc::new(AtomicUsize::new(0)), selvedge::sync::Queue::new());
            let give = given.clone();
            let parent = thread::spawn("parent", move |_stop| {
                give.push(Arc::new(Pool::new("pool", 1)))?;
                Ok(())
            });
            // The pool is still there while its workers go.
            let pool = given.pop().unwrap();
            let jobs: Vec<_> = (0..3)
                .map_while(|_| {
                    let ran = Arc::clone(&ran);
                    let job = pool.run(move |_stop| Ok(ran.fetch_add(1, SeqCst)));
                    job.ok()
                })
                .collect();
            parent.join().unwrap();
            let mut values = 0;
            for job in &jobs {
                match job.join() {
                    Ok(_) => values += 1,
                    Err(JoinError::NeverRan { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(values, ran.load(SeqCst));
        });
    });
}

/// The job that runs goes on until somebody has heard that the one behind it will not run.
#[test]
fn who_joins_a_job_that_will_never_run_is_told_while_another_still_runs() {
    check(|| {
        World::new().run(|| {
            let (begun, told) = (Signal::new(), Signal::new());
            let pool = Pool::new("pool", 1);
            let first = pool.run({
                let (begun, told) = (begun.clone(), told.clone());
                move |_stop| {
                    begun.set();
                    Ok(signal::shield(|| told.wait())?)
                }
            });
            begun.wait().unwrap();
            let second = pool.run(|_stop| Ok(())).unwrap();
            let joiner = thread::spawn("joiner", move |_stop| {
                let joined = second.join();
                told.set();
                assert!(matches!(joined, Err(JoinError::NeverRan { .. })));
                Ok(())
            });
            drop(pool);
            joiner.join().unwrap();
            first.unwrap().join().unwrap();
        });
    });
}

#[test]
fn jobs_that_join_jobs_of_their_own_pool_do_not_wait_for_ever() {
    check(|| {
        World::new().run(|| {
            let pool = Arc::new(Pool::builder("pool", 1).queue(1).start().unwrap());
            let jobs: Vec<_> = (0..2)
                .map(|n| {
                    let shared = Arc::clone(&pool);
                    let job = pool.run(move |_stop| {
                        let inner = shared.run(move |_stop| Ok(n))?;
                        let other = shared.run(|_stop| Ok(10))?;
                        Ok(inner.join()? + other.join()?)
                    });
                    job.unwrap()
                })
                .collect();
            let sum: i32 = jobs.iter().map(|job| job.join().unwrap()).sum();
            assert_eq!(sum, 21);
        });
    });
}

#[test]
fn a_failure_released_while_it_happens_is_reported_once() {
    use selvedge::probe::{self, Event};
    check(|| {
        let told = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&told);
        let heard = probe::subscribe(move |event| {
            if let Event::Unreceived { failure, .. } = event
                && failure.to_string().contains("<job flaw>")
            {
                counted.fetch_add(1, SeqCst);
            }
        });
        World::new().run(|| {
            let pool = Pool::new("pool", 1);
            let job = pool.run(|_stop| -> selvedge::Outcome<()> { Err("<job flaw>".into()) });
            let job = job.unwrap();
            if random(2) == 0 {
                pause();
            }
            job.release();
            pool.finish().unwrap();
        });
        assert_eq!(told.load(SeqCst), 1);
        drop(heard);
    });
}

/// A child is asked before its parent: what the parent learns from it must not look like a failure, or like
/// a reason to start it again.
#[test]
fn a_parent_whose_child_obeyed_first_has_not_failed_and_starts_nothing_again() {
    use selvedge::thread::Restart;
    check(|| {
        World::new().run(|| {
            let parent = thread::spawn("parent", |_stop| {
                let child = thread::spawn("child", |stop| {
                    stop.wait()?;
                    Ok(Signal::never().wait()?)
                });
                Ok(child.join()?)
            });
            let restart = Restart::always().backoff(Default::default(), Default::default());
            let worker = thread::supervise("worker", restart, |stop| {
                stop.wait()?;
                Ok(Signal::never().wait()?)
            });
            parent.stop();
            worker.thread().stop();
            let ended = [parent.join(), worker.thread().join()];
            for ended in ended {
                assert!(matches!(ended, Err(JoinError::Stopped { .. })), "{ended:?}");
            }
            assert_eq!(worker.status().restarts(), 0);
        });
    });
}
