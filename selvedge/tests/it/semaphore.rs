//! Semaphores: no permit is lost, nobody overtakes.

use selvedge::Signal;
use selvedge::sync::{AcquireError, AcquireUntilError, Semaphore};
use selvedge::testing::World;
use selvedge::thread;

fn until_it_waits(name: &str) {
    while !thread::tree()
        .nodes()
        .iter()
        .any(|node| node.name() == name && node.waits_for().is_some())
    {
        std::thread::yield_now();
    }
}

#[test]
fn a_large_request_is_not_overtaken_and_what_gives_up_lets_others_pass() {
    World::new().run(|| {
        let (semaphore, late) = (Semaphore::new(2), Signal::new());
        let held = semaphore.acquire().unwrap();
        let large = thread::spawn("large", {
            let (semaphore, late) = (semaphore.clone(), late.clone());
            move |_| Ok(semaphore.acquire_many_until(2, &late).err())
        });
        until_it_waits("large");
        assert!(semaphore.try_acquire().is_none(), "it overtakes");
        let small = thread::spawn("small", {
            let semaphore = semaphore.clone();
            move |_| Ok(semaphore.acquire()?)
        });
        until_it_waits("small");
        late.set();
        assert!(matches!(
            large.join().unwrap(),
            Some(AcquireUntilError::Expired)
        ));
        drop(small.join().unwrap());
        drop(held);
        assert_eq!(semaphore.available(), 2);
        assert_eq!(late.links(), 0);
    });
}

#[test]
fn a_stopped_request_takes_nothing_and_a_free_permit_comes_before_the_stop() {
    World::new().run(|| {
        let semaphore = Semaphore::new(1);
        let held = semaphore.acquire().unwrap();
        let waits = thread::spawn("waits", {
            let semaphore = semaphore.clone();
            move |stop| {
                let waited = semaphore.acquire();
                assert!(stop.is_set() && matches!(waited, Err(AcquireError::Stopped(_))));
                assert!(semaphore.try_acquire().is_none());
                Ok(waited.is_err())
            }
        });
        until_it_waits("waits");
        waits.stop();
        assert!(waits.join().unwrap());
        drop(held);
        assert_eq!(semaphore.available(), 1);
        assert!(semaphore.acquire_until(&Signal::always()).is_ok());
    });
}

#[test]
fn a_panic_gives_the_permit_back() {
    let semaphore = Semaphore::new(1);
    let panicked = std::panic::catch_unwind(|| {
        let _held = semaphore.acquire().unwrap();
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn what_becomes_impossible_is_refused_and_what_is_added_is_granted() {
    World::new().run(|| {
        let semaphore = Semaphore::new(2);
        let held = semaphore.acquire().unwrap();
        let both = thread::spawn("both", {
            let semaphore = semaphore.clone();
            move |_| Ok(semaphore.acquire_many(2).map(|permit| permit.count()))
        });
        until_it_waits("both");
        held.forget();
        assert!(matches!(
            both.join().unwrap(),
            Err(AcquireError::TooMany { asked: 2, total: 1 })
        ));
        semaphore.add_permits(1);
        assert_eq!(semaphore.acquire_many(2).unwrap().count(), 2);
        assert_eq!(semaphore.available(), 2);
    });
}
