//! A till elapses, is dropped, or is there when its tree ends.
//!
//! ```text
//!   timer             owner             end of the tree
//!     |  time comes     |  drop(till)      |  shutdown
//!     └───────────────> ? <────────────────┘  one of them wins; its action runs once or is gone
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime};

use selvedge::testing::World;
use selvedge::{Signal, Till, thread};

use crate::{check, spawn};

const SOON: Duration = Duration::from_micros(300);

/// The time, virtual under shuttle.
fn now() -> Instant {
    let asked = Signal::new();
    asked.set_because("what time is it?");
    asked.reason().and_then(|reason| reason.when()).unwrap()
}

fn counter() -> (Arc<AtomicUsize>, impl FnOnce() + Send + 'static) {
    let count = Arc::new(AtomicUsize::new(0));
    let up = Arc::clone(&count);
    (count, move || {
        up.fetch_add(1, SeqCst);
    })
}

#[test]
fn tills_are_set_in_their_order_and_never_early() {
    check(|| {
        World::new().run(|| {
            let made = now();
            let (soon, late) = (Till::at(made + SOON), Till::at(made + SOON * 2));
            // A till of the past is set when it is made, before the timer has come to the others.
            let born_set = late.is_set();
            let other = thread::spawn("other", {
                let late = late.clone();
                move |_stop| Ok(late.wait()?)
            });
            late.wait().unwrap();
            assert!(soon.is_set() || born_set);
            soon.wait().unwrap();
            for (till, after) in [(&soon, SOON), (&late, SOON * 2)] {
                let reason = till.reason().unwrap();
                assert!(reason.is_elapsed());
                assert!(reason.when().unwrap() >= made + after);
            }
            other.join().unwrap();
        });
    });
}

#[test]
fn the_action_of_a_till_runs_once_also_when_the_tree_ends_first() {
    check(|| {
        let world = World::new();
        let (count, up) = counter();
        let (kept, hooked) = world.run(|| {
            let hooked = Till::after(SOON);
            hooked.on_set(up).forever();
            let kept = Till::after(SOON * 2);
            thread::spawn("other", |_stop| {
                drop(Till::after(SOON));
                Ok(())
            })
            .release();
            (kept, hooked)
        });
        // The tree has ended: pending tills are set, and the dispatcher has run everything.
        for till in [&kept, &hooked] {
            let reason = till
                .reason()
                .expect("a till is set when its tree has ended");
            assert!(reason.is_elapsed() || reason.is_shutdown());
        }
        assert_eq!(count.load(SeqCst), 1);
        assert_eq!((kept.links(), hooked.links()), (0, 0));
    });
}

#[test]
fn an_action_taken_back_while_its_till_elapses_runs_at_most_once() {
    check(|| {
        let world = World::new();
        let (count, up) = counter();
        world.run(|| {
            let till = Till::after(SOON);
            let hook = till.on_set(up);
            let dropper = thread::spawn("dropper", move |_stop| {
                drop(hook);
                Ok(())
            });
            till.wait().unwrap();
            drop(till);
            dropper.join().unwrap();
        });
        assert!(count.load(SeqCst) <= 1);
    });
}

#[test]
fn a_till_that_nobody_holds_still_runs_what_hangs_on_it() {
    check(|| {
        World::new().run(|| {
            let (ran, told) = (Signal::new(), Signal::new());
            let tell = told.clone();
            ran.on_set(move || {
                tell.set();
            })
            .forever();
            Till::after(SOON)
                .on_set(move || {
                    ran.set();
                })
                .forever();
            told.wait().unwrap();
        });
    });
}

#[test]
fn tills_dropped_by_several_threads_while_others_elapse_disturb_nobody() {
    check(|| {
        let world = World::new();
        world.run(|| {
            let threads = [1, 2].map(|n| {
                thread::spawn("dropper", move |_stop| {
                    let kept = Till::after(SOON * n);
                    drop(Till::after(SOON));
                    let either = &Till::after(SOON) | &Till::after(SOON * 2);
                    drop(either.on_set(|| ()));
                    drop(either);
                    Ok(kept.wait()?)
                })
            });
            for thread in threads {
                thread.join().unwrap();
            }
        });
    });
}

#[test]
fn a_mock_clock_moved_while_tills_are_made_leaves_none_behind() {
    check(|| {
        let world = Arc::new(World::with_mock_clock());
        let mover = spawn({
            let world = Arc::clone(&world);
            move || {
                world.advance(Duration::from_secs(5));
                world.advance(Duration::from_secs(5));
            }
        });
        world.run(|| {
            let till = Till::after(Duration::from_secs(1));
            let sleeper = thread::spawn("sleeper", {
                let till = till.clone();
                move |_stop| Ok(till.wait()?)
            });
            mover.join().unwrap();
            world.advance(Duration::from_secs(1)); // for one that was made after the mover
            sleeper.join().unwrap();
            assert!(till.reason().unwrap().is_elapsed());
        });
    });
}

/// Its time is over by the end of the move, whenever it was made. It was late by the move, if that came between the two
/// looks at the clocks.
#[test]
fn a_till_of_a_system_clock_that_is_moved_while_it_is_made_is_not_late() {
    check(|| {
        let world = Arc::new(World::with_mock_clock());
        let day = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
        world.set_system_clock(day);
        let mover = spawn({
            let world = Arc::clone(&world);
            move || world.advance(Duration::from_secs(5))
        });
        world.run(|| {
            let till = Till::at_system(day + Duration::from_secs(1));
            till.wait().unwrap();
            assert!(till.reason().unwrap().is_elapsed());
        });
        mover.join().unwrap();
    });
}

/// B5: one made between the look at the service's state and its end was never set.
#[test]
fn a_till_made_while_the_service_ends_is_set() {
    check(|| {
        let world = World::new();
        let made = Arc::new(std::sync::Mutex::new(None));
        world.run(|| {
            let made = Arc::clone(&made);
            Till::after(SOON)
                .on_set(move || {
                    let till = Till::after(SOON * 1000); // on the dispatcher, for the world's service
                    *made.lock().unwrap() = Some(till);
                })
                .forever();
        });
        let till = made.lock().unwrap().take().expect("the action has run");
        assert!(till.is_set(), "nobody is left who would set it");
    });
}

#[test]
fn a_till_dropped_while_it_elapses_or_is_shut_down_leaves_the_others_in_place() {
    check(|| {
        let world = World::new();
        let kept = world.run(|| {
            let dropped = Till::after(SOON);
            let other = thread::spawn("other", move |_stop| {
                drop(dropped);
                // Stands where the dropped one stood.
                let till = Till::after(SOON);
                till.wait()?;
                Ok(till)
            });
            let kept = Till::after(SOON);
            kept.wait().unwrap();
            other.join().unwrap();
            Till::after(SOON * 1000)
        });
        assert!(kept.reason().is_some());
    });
}

#[test]
fn a_system_clock_set_while_tills_are_made_and_elapse_leaves_none_behind() {
    check(|| {
        let world = Arc::new(World::with_mock_clock());
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_800);
        world.set_system_clock(noon);
        let setter = spawn({
            let world = Arc::clone(&world);
            move || {
                world.set_system_clock(noon + Duration::from_secs(1));
                world.set_system_clock(noon);
                world.advance(Duration::from_secs(1));
                world.set_system_clock(noon + Duration::from_secs(2));
            }
        });
        world.run(|| {
            let till = Till::at_system(noon + Duration::from_secs(2));
            let sooner = Till::at_system(noon + Duration::from_secs(1));
            till.wait().unwrap();
            sooner.wait().unwrap();
            assert!(till.reason().unwrap().is_elapsed());
            setter.join().unwrap();
        });
    });
}
