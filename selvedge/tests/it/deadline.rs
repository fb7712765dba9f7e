//! Deadlines: what they end, what hides them, where they travel.

use std::time::Duration;

use selvedge::testing::World;
use selvedge::{Ambient, Signal, Till, signal, sync::Queue, thread};

/// Starts a thread outside every tree.
fn outside<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<T> {
    std::thread::Builder::new().spawn(body).unwrap()
}

#[test]
fn a_deadline_ends_every_wait_of_its_block_and_says_so() {
    let (never, over) = (Signal::new(), Signal::new());
    over.set();
    let queue = Queue::<u32>::new();
    let (line, stopped, popped) = signal::deadline(&over, || {
        let stopped = never.wait().unwrap_err();
        (line!() - 1, stopped, queue.pop().unwrap_err())
    });
    assert!(stopped.is_deadline() && stopped.reason().is_deadline());
    assert_eq!(stopped.reason().location().line(), line - 1);
    assert!(
        stopped
            .to_string()
            .starts_with("out of time: the deadline made at ")
    );
    assert!(stopped.to_string().ends_with(" has passed"));
    assert!(popped.to_string().contains("out of time"), "{popped}");
    assert!(!signal::stop().is_set(), "the block is left");
}

#[test]
fn the_stop_that_is_seen_in_a_block_is_called_by_where_the_block_was_entered() {
    let called = |entered: u32, name: &str| {
        let place = format!("a signal combined by any at {}:{entered}:", file!());
        assert!(name.starts_with(&place), "{name} at {place}");
    };
    World::new().run(|| {
        let (late, later) = (Signal::new(), Signal::new());
        let (entered, name) = (
            line!() + 1,
            signal::deadline(&late, || signal::stop().to_string()),
        );
        called(entered, &name);
        signal::deadline(&late, || {
            let (entered, name) = (
                line!() + 1,
                signal::deadline(&later, || signal::stop().to_string()),
            );
            called(entered, &name);
        });
        let (entered, name) = (
            line!() + 1,
            thread::scope("scope", |_| Ok(signal::stop().to_string())).unwrap(),
        );
        called(entered, &name);
        // A thread that the deadline was handed on to, whose own stop is another one.
        let (entered, name) = (
            line!() + 1,
            signal::deadline(&late, || {
                let worker = thread::Builder::new("worker").inherit();
                let seen = worker.spawn(|_| Ok(signal::stop().to_string())).unwrap();
                seen.join().unwrap()
            }),
        );
        called(entered, &name);
    });
}

#[test]
fn what_is_ready_counts_before_the_deadline() {
    let (over, done) = (Signal::always(), Signal::always());
    signal::deadline(&over, || done.wait()).unwrap();
}

#[test]
fn a_sleeper_is_woken_by_its_deadline() {
    let never = Signal::new();
    let soon = Till::after(Duration::from_millis(5));
    let stopped = signal::deadline(&soon, || never.wait()).unwrap_err();
    assert!(stopped.is_deadline() && soon.is_set());
    assert_eq!((never.links(), soon.links()), (0, 0));
}

#[test]
fn of_nested_deadlines_the_earliest_counts_and_is_named() {
    let (outer, inner, never) = (Signal::new(), Signal::new(), Signal::new());
    signal::deadline(&outer, || {
        signal::deadline(&inner, || {
            assert!(!signal::stop().is_set());
            outer.set();
            let stopped = never.wait().unwrap_err();
            let first = stopped.reason().location();
            inner.set();
            // Both are set: it is the outer one that ends more.
            assert_eq!(never.wait().unwrap_err().reason().location(), first);
        });
        assert!(signal::stop().is_set());
    });

    let (outer, inner) = (Signal::new(), Signal::new());
    signal::deadline(&outer, || {
        inner.set();
        signal::deadline(&inner, || assert!(never.wait().is_err()));
        assert!(!signal::stop().is_set(), "only the inner one is over");
    });
}

#[test]
fn a_shield_hides_outer_deadlines_and_not_those_in_it() {
    let (over, done, never) = (Signal::always(), Signal::always(), Signal::new());
    signal::deadline(&over, || {
        signal::shield(|| {
            assert!(!signal::stop().is_set());
            done.wait().unwrap();
            let inside = Ambient::capture();
            std::thread::scope(|scope| {
                scope.spawn(|| inside.run(|| assert!(!signal::stop().is_set())));
            });
            assert!(
                signal::deadline(&over, || never.wait())
                    .unwrap_err()
                    .is_deadline()
            );
            assert!(!signal::stop().is_set());
        });
        assert!(signal::stop().is_set());
    });
}

#[test]
fn a_deadline_travels_with_a_capture_and_with_nothing_else() {
    let (over, never) = (Signal::new(), Signal::new());
    let inside = signal::deadline(&over, Ambient::capture);
    over.set();
    outside(move || {
        assert!(!signal::stop().is_set());
        inside.run(|| assert!(never.wait().unwrap_err().is_deadline()));
        assert!(!signal::stop().is_set());
    })
    .join()
    .unwrap();
    signal::deadline(&over, || {
        let seen = outside(|| signal::stop().is_set());
        assert!(!seen.join().unwrap());
    });
}

#[test]
fn a_stop_counts_before_a_deadline_whichever_came_first() {
    World::new().run(|| {
        let (over, inside) = (Signal::new(), Signal::new());
        let reader = thread::spawn("reader", {
            let (over, inside) = (over.clone(), inside.clone());
            move |stop| {
                let kinds = signal::deadline(&over, || {
                    let never = Signal::new();
                    inside.set();
                    over.wait_until(&Signal::never()).ok();
                    let before = never.wait().unwrap_err().is_deadline();
                    signal::shield(|| stop.wait()).unwrap();
                    (before, never.wait().unwrap_err().is_deadline())
                });
                Ok(kinds)
            }
        });
        inside.wait().unwrap();
        over.set();
        // The stop may come before the first look: then it counts there too.
        reader.stop();
        let (_, after) = reader.join().unwrap();
        assert!(!after);
    });
}

#[test]
fn a_thread_that_ends_by_its_own_deadline_unasked_has_failed() {
    World::new().run(|| {
        let late = thread::spawn("late", |_| {
            signal::deadline(&Signal::always(), || Signal::new().wait())?;
            Ok(())
        });
        let error = late.join().unwrap_err();
        assert!(
            matches!(error, thread::JoinError::Failed { .. }),
            "{error:?}"
        );
    });
}

#[test]
fn a_deadline_is_left_by_a_panic_too() {
    let left = std::panic::catch_unwind(|| {
        signal::deadline(&Signal::always(), || {
            std::panic::resume_unwind(Box::new("out"))
        })
    });
    assert!(left.is_err() && !signal::stop().is_set());
}

#[test]
fn a_block_leaves_nothing_on_its_deadline_nor_on_the_stop() {
    World::new().run(|| {
        let over = Signal::new();
        let before = signal::stop().links();
        for _ in 0..1_000 {
            signal::deadline(&over, || {
                let done = Signal::new();
                let _ = done.wait_until(&Till::after(Duration::ZERO));
                let till = Till::after(Duration::from_micros(1));
                let _ = done.wait_until(&till);
            });
        }
        assert_eq!((over.links(), signal::stop().links()), (0, before));
    });
}
