//! The system's clock.

use selvedge::testing::World;
use selvedge::{Signal, Till};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::{HOUR, millis, noon, soon};

// catalogue 185, 188, 191
#[test]
fn a_till_of_the_system_s_clock_is_never_early() {
    for n in [1, 3, 10] {
        let time = SystemTime::now() + millis(n);
        Till::at_system(time).wait_until(&soon()).unwrap();
        assert!(SystemTime::now() >= time);
    }
    assert!(Till::at_system(SystemTime::now() - millis(1)).is_set());
    assert!(Till::at_system(SystemTime::UNIX_EPOCH - HOUR).is_set());
    let far = SystemTime::now().checked_add(HOUR * 24 * 366 * 500);
    assert!(far.is_none_or(|far| !Till::at_system(far).is_set()));
}

// catalogue 192: a jump of the clock did set what counts elapsed time, and only such a till follows it
#[test]
fn a_jump_of_the_system_s_clock_moves_its_own_tills_and_no_others() {
    let world = World::with_mock_clock();
    world.set_system_clock(noon());
    world.run(|| {
        let (by_clock, by_length) = (Till::at_system(noon() + HOUR), Till::after(HOUR));
        world.set_system_clock(noon() + HOUR);
        by_clock.wait_until(&soon()).unwrap();
        assert!(by_clock.reason().unwrap().is_elapsed());
        assert!(!by_length.is_set());
        assert!(Till::at_system(noon()).is_set(), "it is past noon");
    });
}

#[test]
fn a_system_clock_that_is_set_back_delays_its_tills() {
    let world = World::with_mock_clock();
    world.set_system_clock(noon());
    world.run(|| {
        let till = Till::at_system(noon() + HOUR);
        world.set_system_clock(noon() - HOUR);
        let first = Till::after(HOUR);
        world.advance(HOUR);
        first.wait_until(&soon()).unwrap();
        // The timer has looked: an entry that was due by the old clock would be gone before `first`.
        assert!(!till.is_set(), "it is noon");
        world.advance(HOUR);
        till.wait_until(&soon()).unwrap();
    });
}

#[test]
fn tills_of_the_system_s_clock_are_forgotten_dropped_and_shut_down_like_others() {
    let world = World::with_mock_clock();
    world.set_system_clock(noon());
    let (alive, left) = (Arc::new(()), Arc::new(Mutex::new(None)));
    world.run(|| {
        let till = Till::at_system(noon() + HOUR);
        let captured = Arc::clone(&alive);
        let hook = till.on_set(move || drop(captured));
        drop(till);
        world.set_system_clock(noon() + millis(1));
        drop(hook);
        assert_eq!(Arc::strong_count(&alive), 1);
        let ran = Signal::new();
        let seen = ran.clone();
        Till::at_system(noon() + HOUR)
            .on_set(move || _ = seen.set())
            .forever();
        world.set_system_clock(noon() + HOUR);
        ran.wait_until(&soon()).unwrap();
        *left.lock().unwrap() = Some(Till::at_system(noon() + HOUR * 2));
    });
    let left = left.lock().unwrap().take().unwrap();
    assert!(left.reason().unwrap().is_shutdown());
}

#[test]
fn a_tree_with_a_till_of_the_real_system_s_clock_ends() {
    let till = World::new().run(|| Till::at_system(SystemTime::now() + HOUR));
    assert!(till.reason().unwrap().is_shutdown());
}
