//! A queue that is full, or that there is none of.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use selvedge::Signal;
use selvedge::testing::World;
use selvedge::thread::{self, Pool, RunError};

use super::{Dropped, soon, stuck};

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
