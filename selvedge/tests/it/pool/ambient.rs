//! The ambient of a job: what it carries, and nothing of whoever runs it.

use std::sync::Arc;

use selvedge::testing::World;
use selvedge::thread::Pool;
use selvedge::{Ambient, Carry, Signal, signal};

use super::soon;

selvedge::local! { static USER: String; }

#[test]
fn a_job_has_the_ambient_that_it_carries_and_no_other() {
    World::with_mock_clock().run(|| {
        let pool = Pool::new("pool", 1);
        let late = Signal::new();
        let carried = USER.bind("Ada".to_owned(), || {
            signal::deadline(&late, || {
                let ambient = Ambient::capture();
                pool.run(move |_stop| {
                    ambient.run(|| {
                        let user = USER.with(String::clone)?;
                        let stopped = Signal::never().wait().unwrap_err();
                        Ok((user, stopped.is_deadline()))
                    })
                })
            })
        });
        late.set();
        let carried = carried.unwrap().join_until(&soon()).unwrap();
        assert_eq!(carried, ("Ada".to_owned(), true));
        let bare = USER.bind("Bob".to_owned(), || {
            pool.run(|_| Ok(USER.with(String::clone).is_err()))
        });
        assert!(bare.unwrap().join_until(&soon()).unwrap());
    });
}

/// A worker that waits for a job, or finds no room for one, runs it itself: inside another job, in nothing of its
/// ambient.
#[test]
fn a_job_that_runs_inside_another_one_sees_nothing_of_its_ambient() {
    World::new().run(|| {
        let pool = Arc::new(Pool::builder("pool", 1).queue(1).start().unwrap());
        let shared = Arc::clone(&pool);
        let outer = move |_stop: Signal| {
            let look = |_stop: Signal| {
                let late = signal::stop().is_set(); // a deadline is of the ambient as well
                Ok((USER.get().map_err(|unbound| unbound.to_string()), late))
            };
            signal::deadline(&Signal::always(), || {
                let waited_for = shared.run(look)?; // the one worker is busy here
                let no_room = shared.run(look)?;
                assert!(no_room.is_done() && !waited_for.is_done());
                let carried = shared.run(look.inherit())?;
                Ok([no_room.join()?, waited_for.join()?, carried.join()?])
            })
        };
        let job = USER.bind("Ada".to_owned(), || pool.run(outer.inherit()));
        let [no_room, waited_for, carried] = job.unwrap().join_until(&soon()).unwrap();
        for (seen, late) in [no_room, waited_for] {
            let message = seen.unwrap_err();
            assert!(message.contains("tests/it/pool/ambient.rs"), "{message}");
            assert!(!late);
        }
        assert_eq!(carried, (Ok(Arc::new("Ada".to_owned())), true));
        assert!(!USER.is_bound());
    });
}
