//! The end of a timer service against what is going on in it. Three threads: the one that ends it, the
//! timer, the dispatcher. Time is a mock's, because nothing times out in loom.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge::Till;
use selvedge::testing::World;

use crate::{Count, model};

const SECOND: Duration = Duration::from_secs(1);

/// B5: made after the look at the service's state and before its end, it was never set.
#[test]
fn a_till_made_by_an_action_while_the_service_ends_is_set() {
    model(|| {
        let world = World::with_mock_clock();
        let made = Arc::new(Mutex::new(None));
        world.run(|| {
            let made = Arc::clone(&made);
            Till::after(SECOND)
                .on_set(move || *made.lock().unwrap() = Some(Till::after(SECOND)))
                .forever();
            world.advance(SECOND);
        });
        let till = made.lock().unwrap().take().expect("the action has run");
        assert!(till.is_set());
    });
}

#[test]
fn a_till_dropped_while_it_elapses_is_gone_and_runs_its_action_at_most_once() {
    model(|| {
        let world = World::with_mock_clock();
        let count = Count::default();
        world.run(|| {
            let (till, up) = (Till::after(SECOND), count.clone());
            let hook = till.on_set(move || up.up());
            world.advance(SECOND);
            drop(hook);
            drop(till);
        });
        assert!(count.get() <= 1);
    });
}
