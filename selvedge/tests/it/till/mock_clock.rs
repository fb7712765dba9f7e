//! A clock that moves when told.

use selvedge::testing::World;
use selvedge::{Signal, Till, signal};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{HOUR, millis, soon};

// catalogue 192
#[test]
fn time_of_a_mock_clock_moves_only_when_told() {
    let world = World::with_mock_clock();
    world.run(|| {
        let minute = Till::after(Duration::from_secs(60));
        world.advance(Duration::from_secs(59));
        Till::after(Duration::ZERO).wait().unwrap();
        assert!(!minute.is_set());
        world.advance(Duration::from_secs(1));
        minute.wait_until(&soon()).unwrap();
        assert!(minute.reason().unwrap().is_elapsed());
        assert!(!Till::after(HOUR).is_set());
    });
}

#[test]
fn an_advance_sets_every_till_whose_time_has_come_and_no_other() {
    let world = World::with_mock_clock();
    world.run(|| {
        let tills: Vec<_> = (1..=100)
            .map(|n| Till::after(Duration::from_secs(n)))
            .collect();
        world.advance(Duration::from_secs(50));
        signal::all(&tills[..50]).wait_until(&soon()).unwrap();
        assert!(tills[50..].iter().all(|till| !till.is_set()));
    });
}

#[test]
fn worlds_do_not_share_their_clocks() {
    let (one, other) = (World::with_mock_clock(), World::with_mock_clock());
    let till = one.run(|| {
        let till = Till::after(millis(5));
        other.run_beside(&till);
        world_advance_reaches(&one, &till);
        till
    });
    assert!(till.reason().unwrap().is_elapsed());
}

fn world_advance_reaches(world: &World, till: &Signal) {
    world.advance(millis(5));
    till.wait_until(&soon()).unwrap();
}

trait Beside {
    fn run_beside(&self, till: &Signal);
}

impl Beside for World {
    /// Moves this world's clock, on a thread of its own, which `till` does not notice.
    fn run_beside(&self, till: &Signal) {
        thread::scope(|scope| {
            scope.spawn(|| {
                self.run(|| {
                    let own = Till::after(HOUR);
                    self.advance(HOUR);
                    own.wait_until(&soon()).unwrap();
                });
            });
        });
        assert!(!till.is_set());
    }
}

#[test]
fn actions_of_tills_run_one_after_the_other_in_order_of_time() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (order, done) = (Arc::new(Mutex::new(Vec::new())), Signal::new());
        for n in [5, 3, 9, 1, 7, 3] {
            let (till, order) = (Till::after(millis(n)), Arc::clone(&order));
            till.on_set(move || order.lock().unwrap().push((n, thread::current().id())))
                .forever();
        }
        let seen = done.clone();
        Till::after(millis(10))
            .on_set(move || _ = seen.set())
            .forever();
        world.advance(millis(10));
        done.wait_until(&soon()).unwrap();
        let order = order.lock().unwrap();
        let times: Vec<_> = order.iter().map(|call| call.0).collect();
        assert_eq!(times, [1, 3, 3, 5, 7, 9]);
        assert!(
            order.iter().all(|call| call.1 == order[0].1),
            "one dispatcher"
        );
        assert_ne!(order[0].1, thread::current().id());
    });
}

#[test]
fn a_slow_action_delays_neither_tills_nor_waiters_only_other_actions() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (started, release) = (Signal::new(), Signal::new());
        let (begun, go_on) = (started.clone(), release.clone());
        Till::after(millis(1))
            .on_set(move || {
                begun.set();
                go_on.wait_until(&soon()).unwrap();
            })
            .forever();
        let (later, behind) = (Till::after(millis(2)), Signal::new());
        let seen = behind.clone();
        later.on_set(move || _ = seen.set()).forever();
        world.advance(millis(1));
        started.wait_until(&soon()).unwrap();
        world.advance(millis(1));
        later.wait_until(&soon()).unwrap();
        assert!(!behind.is_set(), "the dispatcher is busy");
        release.set();
        behind.wait_until(&soon()).unwrap();
    });
}

#[test]
fn an_action_of_a_till_may_panic_and_make_tills() {
    let world = World::with_mock_clock();
    world.run(|| {
        let done = Signal::new();
        let seen = done.clone();
        Till::after(millis(1))
            .on_set(|| panic!("a till's action panics, on purpose"))
            .forever();
        Till::after(millis(1))
            .on_set(move || {
                Till::after(Duration::ZERO)
                    .on_set(move || _ = seen.set())
                    .forever();
            })
            .forever();
        world.advance(millis(1));
        done.wait_until(&soon()).unwrap();
    });
}
