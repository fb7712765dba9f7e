//! What jobs give: to one joiner, in order, and to jobs of the same pool.

use std::sync::{Arc, Mutex};

use selvedge::Signal;
use selvedge::testing::World;
use selvedge::thread::{self, Job, JoinError, Outcome, Pool};

use super::{soon, stuck};

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
