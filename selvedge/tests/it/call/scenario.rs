//! Programs in lock step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use selvedge::call::{Scenario, ScenarioError};
use selvedge::testing::World;
use selvedge::{Signal, Till, open};

use super::groutines::panic_of;

#[open]
fn price(of: &str) -> u32 {
    of.len().try_into().unwrap()
}

#[open]
fn pay(sum: u32) -> bool {
    sum < 100
}

fn shop() -> (u32, bool) {
    let sum = price("bread") + price("butter");
    (sum, pay(sum))
}

/// Adds one when it is dropped.
struct Counts(Arc<AtomicU32>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_program_stands_still_where_it_is_wanted() {
    World::new().run(|| {
        let steps = Arc::new(AtomicU32::new(0));
        let counting = Arc::clone(&steps);
        let mut scenario = Scenario::start("shop", move || {
            counting.fetch_add(1, SeqCst);
            shop()
        });
        let butter = price::called().when(|call| call.args.of == "butter");
        let mut call = scenario.pause_at(butter).unwrap();
        assert_eq!(steps.load(SeqCst), 1);
        assert!(call.function().path().ends_with("::price"));
        assert_eq!(call.with(|call| call.args.of.to_owned()).unwrap(), "butter");
        call.with(|call| call.args.of = "b").unwrap();
        let end = price::returned().same(call.live());
        let mut call = scenario.pause_at(end).unwrap();
        assert_eq!(call.with(|returned| *returned.result).unwrap(), 1);
        call.ret(500).unwrap();
        let call = scenario.pause_at(pay::called()).unwrap();
        call.ret(true).unwrap();
        assert_eq!(scenario.finish().unwrap(), (505, true));
    });
}

#[test]
fn it_stands_still_at_its_beginning_and_is_not_started_when_it_is_dropped() {
    World::new().run(|| {
        let dropped = Arc::new(AtomicU32::new(0));
        let counts = Counts(Arc::clone(&dropped));
        let started = Signal::new();
        let starting = started.clone();
        let scenario = Scenario::start("never", move || {
            let _counts = counts;
            price("x");
            starting.set();
        });
        drop(scenario);
        assert!(!started.is_set());
        assert_eq!(dropped.load(SeqCst), 1);
    });
}

/// Dropped half-way: the program is unwound in the call where it stands, its destructors run, its thread ends.
#[test]
fn a_scenario_that_is_dropped_unwinds_its_program() {
    let world = World::new();
    world.run(|| {
        let dropped = Arc::new(AtomicU32::new(0));
        let counts = Counts(Arc::clone(&dropped));
        let mut scenario = Scenario::start("half", move || {
            let _counts = counts;
            price("bread");
            unreachable!("unwound");
        });
        drop(scenario.pause_at(price::called()).unwrap());
        drop(scenario);
        assert_eq!(dropped.load(SeqCst), 1);
    });
    assert!(
        !world.events().iter().any(|event| event.contains("failed")),
        "{:?}",
        world.events()
    );
}

/// Dropped where it runs: its stop is set, so that what blocks ends.
#[test]
fn a_scenario_that_is_dropped_stops_a_program_that_waits() {
    World::new().run(|| {
        let scenario = Scenario::start("waits", || {
            assert!(Signal::new().wait().is_err());
            price("x")
        });
        let late = Till::after(Duration::from_millis(5));
        let error = scenario.finish_until(&late).unwrap_err();
        assert!(matches!(error, ScenarioError::Expired), "{error}");
    });
}

/// Panics of the program reach whoever waits; those of a look do not touch the program.
#[test]
fn panics_reach_the_test() {
    World::new().run(|| {
        let mut scenario = Scenario::start("panics", || {
            price("x");
            panic!("of the program")
        });
        let mut call = scenario.pause_at(price::called()).unwrap();
        assert_eq!(
            panic_of(|| call.with(|_| panic!("of the look"))),
            "of the look"
        );
        assert_eq!(call.with(|call| call.args.of.len()).unwrap(), 1);
        assert_eq!(
            panic_of(|| scenario.pause_at(pay::called()).map(drop)),
            "of the program"
        );
        assert_eq!(
            panic_of(|| Scenario::start("p", || panic!("p")).finish()),
            "p"
        );
    });
}

#[test]
fn a_program_that_ends_before_says_so_and_keeps_its_result() {
    World::new().run(|| {
        let mut scenario = Scenario::start("short", shop);
        let call = scenario.pause_at(price::called().when(|call| call.args.of == "wine"));
        assert!(matches!(call.unwrap_err(), ScenarioError::Ended));
        assert_eq!(scenario.finish().unwrap(), (11, true));
    });
}

/// Timeouts are signals; where it was to pause the program goes on, when it is asked for something else.
#[test]
fn a_pause_that_expires_does_not_hold_the_program() {
    World::new().run(|| {
        let go = Signal::new();
        let gate = go.clone();
        let mut scenario = Scenario::start("slow", move || {
            gate.wait().unwrap();
            shop()
        });
        let late = Till::after(Duration::from_millis(2));
        let paused = scenario.pause_at_until(price::called(), &late);
        assert!(matches!(paused.unwrap_err(), ScenarioError::Expired));
        go.set();
        let mut paid = scenario.pause_at(pay::called()).unwrap();
        assert_eq!(paid.with(|call| call.args.sum).unwrap(), 11);
        drop(paid);
        assert_eq!(scenario.finish().unwrap(), (11, true));
    });
}

/// The thread belongs to the tree, and has the ambient of whoever started it.
#[test]
fn it_is_a_thread_of_the_tree_with_the_ambient_of_its_starter() {
    World::new().run(|| {
        let cheap = price::before(|call| call.ret(0));
        let scenario = cheap.run(|| {
            Scenario::start("child", || {
                (
                    price("bread"),
                    selvedge::thread::current().path().to_owned(),
                )
            })
        });
        let (price, path) = scenario.finish().unwrap();
        assert_eq!(price, 0);
        assert!(path.ends_with("/child"), "{path}");
    });
}
