//! Promises: one value, everybody gets it.

use selvedge::Signal;
use selvedge::signal::WaitError;
use selvedge::sync::Promise;
use selvedge::testing::World;
use selvedge::thread;

/// 278: early and late; a second assignment is refused.
#[test]
fn everybody_who_waits_gets_the_one_value() {
    World::new().run(|| {
        let promise = Promise::new();
        let waiters = ["a", "b"].map(|name| {
            let promise = promise.clone();
            thread::spawn(name, move |_| Ok(*promise.wait()?))
        });
        promise.assign(7).unwrap();
        assert_eq!(promise.assign(8).unwrap_err().into_inner(), 8);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), 7);
        }
        assert_eq!(promise.get(), Some(&7));
        assert_eq!(promise.into_inner(), Some(7));
    });
}

#[test]
fn a_stop_ends_the_wait_unless_there_is_a_value() {
    World::new().run(|| {
        let promise = Promise::<u8>::new();
        let waiter = thread::spawn("waiter", {
            let promise = promise.clone();
            move |_| {
                assert!(promise.wait().is_err());
                promise.assign(1).unwrap();
                Ok(*promise.wait()?) // stopped, and ready
            }
        });
        waiter.stop();
        assert_eq!(waiter.join().unwrap(), 1);
    });
}

#[test]
fn an_assigner_that_fails_is_noticed_by_waiting_for_its_end() {
    World::new().run(|| {
        let promise = Promise::<u8>::new();
        let worker = thread::spawn("worker", |_| -> thread::Outcome<()> {
            Err("broken".into())
        });
        let waited = promise.wait_until(worker.stopped());
        assert!(matches!(waited, Err(WaitError::Expired)));
        assert!(worker.join().is_err());
        promise.assigned().set(); // a signal of its own: it fools nobody
        assert!(promise.wait_until(&Signal::always()).is_err() && !promise.is_assigned());
    });
}
