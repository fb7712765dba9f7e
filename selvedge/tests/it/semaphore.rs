//! Semaphores: no permit is lost, nobody overtakes.

use proptest::prelude::*;
use selvedge::Signal;
use selvedge::sync::{AcquireError, AcquireUntilError, Permit, Semaphore};
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

/// What one thread does with a semaphore.
#[derive(Clone, Debug)]
enum Does {
    Tries(usize),
    Asks(usize),
    AsksUntil(usize),
    Drops(usize),
    Forgets(usize),
    Adds(usize),
}

fn does() -> impl Strategy<Value = Does> {
    prop_oneof![
        (0_usize..5).prop_map(Does::Tries),
        (0_usize..5).prop_map(Does::Asks),
        (0_usize..5).prop_map(Does::AsksUntil),
        (0_usize..8).prop_map(Does::Drops),
        (0_usize..8).prop_map(Does::Forgets),
        (0_usize..3).prop_map(Does::Adds),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Against two counters: those that are free, and those that exist.
    #[test]
    fn it_is_a_counter(permits in 0_usize..4, all in proptest::collection::vec(does(), 0..40)) {
        let semaphore = Semaphore::new(permits);
        let (mut free, mut total, mut held) = (permits, permits, Vec::new());
        for one in all {
            match one {
                Does::Tries(n) => {
                    let permit = semaphore.try_acquire_many(n);
                    prop_assert_eq!(permit.is_some(), n <= free);
                    free -= permit.as_ref().map_or(0, Permit::count);
                    held.extend(permit);
                }
                // It would wait for ever.
                Does::Asks(n) if n > free && n <= total => {}
                Does::Asks(n) => match semaphore.acquire_many(n) {
                    Ok(permit) => {
                        prop_assert!(n <= free);
                        free -= n;
                        held.push(permit);
                    }
                    Err(AcquireError::TooMany { asked, total: of }) => {
                        prop_assert!(n > total);
                        prop_assert_eq!((asked, of), (n, total));
                    }
                    Err(other) => prop_assert!(false, "{}", other),
                },
                Does::AsksUntil(n) => match semaphore.acquire_many_until(n, &Signal::always()) {
                    Ok(permit) => {
                        prop_assert!(n <= free);
                        free -= n;
                        held.push(permit);
                    }
                    Err(AcquireUntilError::Expired) => prop_assert!(n > free && n <= total),
                    Err(AcquireUntilError::TooMany { .. }) => prop_assert!(n > total),
                    Err(other) => prop_assert!(false, "{}", other),
                },
                Does::Drops(at) if at < held.len() => {
                    free += held[at].count();
                    drop(held.swap_remove(at));
                }
                Does::Forgets(at) if at < held.len() => {
                    total -= held[at].count();
                    held.swap_remove(at).forget();
                }
                Does::Drops(_) | Does::Forgets(_) => {}
                Does::Adds(n) => {
                    semaphore.add_permits(n);
                    (free, total) = (free + n, total + n);
                }
            }
            prop_assert_eq!(semaphore.available(), free);
        }
        drop(held);
        prop_assert_eq!(semaphore.available(), total);
    }
}
