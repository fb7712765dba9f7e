//! The end of the tree.

use selvedge::testing::World;
use selvedge::thread as tree;
use selvedge::{Signal, Till, signal};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{HOUR, millis, noon, soon};

// catalogue 195: a stop ends every wait of a tree thread, so tills need not be set early for it
#[test]
fn a_stop_ends_the_wait_for_a_till_which_is_set_when_the_tree_has_been_joined() {
    let world = World::with_mock_clock();
    let till = world.run(|| {
        let till = Till::after(HOUR);
        let (cleaned, asked) = (Signal::new(), till.clone());
        let (clean, early) = (cleaned.clone(), till.clone());
        let sleeper = tree::spawn("sleeper", move |_| {
            let stopped = asked.wait();
            // Clean-up keeps its time.
            assert!(!early.is_set(), "the tree still runs");
            clean.set();
            Ok(stopped?)
        });
        sleeper.stop();
        cleaned.wait_until(&soon()).unwrap();
        assert!(!till.is_set());
        assert!(matches!(
            sleeper.join(),
            Err(tree::JoinError::Stopped { .. })
        ));
        till
    });
    assert!(till.is_set());
    let reason = till.reason().unwrap();
    assert!(reason.is_shutdown() && !reason.is_elapsed(), "{reason}");
}

#[test]
fn an_alien_thread_that_waits_for_a_till_of_a_tree_does_not_outlive_it() {
    let world = World::with_mock_clock();
    let (given, take) = std::sync::mpsc::channel::<Signal>();
    thread::scope(|scope| {
        let alien = scope.spawn(move || {
            let till = take.recv().unwrap();
            till.wait_until(&Till::after(Duration::from_secs(10)))
                .unwrap();
            till.reason().unwrap().is_shutdown()
        });
        world.run(|| {
            let till = Till::after(HOUR);
            given.send(till.clone()).unwrap();
            while till.links() == 0 {
                thread::yield_now();
            }
        });
        assert!(alien.join().unwrap());
    });
}

#[test]
fn actions_of_pending_tills_run_before_the_world_s_run_returns() {
    let world = World::with_mock_clock();
    let ran = Arc::new(AtomicUsize::new(0));
    world.run(|| {
        for _ in 0..10 {
            let count = Arc::clone(&ran);
            Till::after(HOUR)
                .on_set(move || _ = count.fetch_add(1, SeqCst))
                .forever();
        }
    });
    assert_eq!(ran.load(SeqCst), 10);
    assert_eq!(Arc::strong_count(&ran), 1);
}

// That one made in between is born set: `alone_shutdown`, for the program's own tree.
#[test]
fn a_later_run_of_a_world_has_working_tills() {
    let world = World::with_mock_clock();
    let first = world.run(|| Till::after(HOUR));
    assert!(first.reason().unwrap().is_shutdown());
    world.run(|| {
        let again = Till::after(millis(1));
        assert!(!again.is_set());
        world.advance(millis(1));
        again.wait_until(&soon()).unwrap();
        assert!(again.reason().unwrap().is_elapsed());
    });
}

// Equal deadlines, in the order in which they were made.
#[test]
fn tills_of_one_instant_are_set_in_the_order_of_their_making() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (order, done) = (Arc::new(Mutex::new(Vec::new())), Signal::new());
        let instant = Instant::now() + HOUR; // the mock clock stands before it
        for n in 0..2000 {
            let order = Arc::clone(&order);
            Till::at(instant)
                .on_set(move || order.lock().unwrap().push(n))
                .forever();
        }
        let seen = done.clone();
        Till::at(instant).on_set(move || _ = seen.set()).forever();
        world.advance(HOUR * 2);
        done.wait_until(&soon()).unwrap();
        assert!(order.lock().unwrap().iter().copied().eq(0..2000));
    });
}

// A till made by an action counted by the real clock.
#[test]
fn a_till_made_by_an_action_of_a_world_has_the_world_s_clock() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (made, take) = std::sync::mpsc::channel();
        Till::after(millis(1))
            .on_set(move || made.send(Till::after(HOUR)).unwrap())
            .forever();
        world.advance(millis(1));
        let till = take.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(!till.is_set());
        world.advance(HOUR);
        till.wait_until(&soon()).unwrap();
        assert!(till.reason().unwrap().is_elapsed());
    });
}

// Catalogue 195, 196: one after another, while a clock that is set moves them all.
#[test]
fn thousands_of_tills_of_the_system_s_clock_follow_it_and_are_set_at_the_end() {
    let world = World::with_mock_clock();
    world.set_system_clock(noon());
    let pending = world.run(|| {
        let hours = |from: u32| (from..from + 2000).map(|n| Till::at_system(noon() + HOUR * n));
        let (first, rest): (Vec<_>, Vec<_>) = (hours(1).collect(), hours(2001).collect());
        world.set_system_clock(noon() + HOUR * 2000);
        signal::all(&first).wait_until(&soon()).unwrap();
        assert!(rest.iter().all(|till| !till.is_set()));
        rest
    });
    for till in &pending {
        assert!(till.reason().unwrap().is_shutdown());
    }
}

/// Thirty seconds for a million, which a slow machine sets in one.
#[test]
fn a_million_pending_tills_are_set_at_the_end_in_bounded_time() {
    let world = World::with_mock_clock();
    let (tills, before) = world.run(|| {
        let tills = (0..1_000_000u32).map(|n| Till::after(millis(1) * (n % 7919 + 1)));
        (tills.collect::<Vec<_>>(), Instant::now())
    });
    let took = before.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert!(tills.iter().all(Signal::is_set));
    assert!(tills[999_999].reason().unwrap().is_shutdown());
}

// Catalogue 195, 196, with many.
#[test]
fn a_hundred_thousand_pending_tills_are_set_at_the_end() {
    let world = World::with_mock_clock();
    let tills = world.run(|| {
        let tills = (0..100_000u32).map(|n| Till::after(millis(1) * (n % 7919 + 1)));
        tills.collect::<Vec<_>>()
    });
    for till in &tills {
        assert!(till.reason().unwrap().is_shutdown());
    }
}
