//! Jobs that fail or panic: who is told, and that their worker goes on.

use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use selvedge::Signal;
use selvedge::probe::{self, Event};
use selvedge::testing::World;
use selvedge::thread::{Job, JoinError, Outcome, Pool};

use super::{soon, stuck};

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
