//! Watched values: the latest is seen, and that there was a change is never missed.

use selvedge::Signal;
use selvedge::sync::{ChangedError, ChangedUntilError, Watch};
use selvedge::testing::World;
use selvedge::thread;

#[test]
fn the_last_value_is_seen_before_closed() {
    let watch = Watch::new(0);
    let mut watcher = watch.subscribe();
    let other = watch.clone();
    drop(watch);
    assert!(matches!(
        watcher.changed_until(&Signal::always()),
        Err(ChangedUntilError::Expired)
    ));
    assert_eq!(*other.set(1), 0);
    drop(other);
    assert_eq!(*watcher.changed().unwrap(), 1);
    assert!(matches!(watcher.changed(), Err(ChangedError::Closed)));
    assert!(watcher.ready().is_set());
}

#[test]
fn a_watcher_sees_values_in_order_up_to_the_last() {
    World::new().run(|| {
        let watch = Watch::new(0);
        let seeing = thread::spawn("seeing", {
            let mut watcher = watch.subscribe();
            move |_| {
                let mut seen = vec![0];
                loop {
                    match watcher.changed() {
                        Ok(value) => seen.push(*value),
                        Err(ChangedError::Closed) => return Ok(seen),
                        Err(ChangedError::Stopped(stopped)) => return Err(stopped.into()),
                    }
                }
            }
        });
        for n in 1..=100 {
            watch.set(n);
        }
        drop(watch);
        let seen = seeing.join().unwrap();
        assert!(seen.is_sorted_by(|a, b| a < b));
        assert_eq!(seen.last(), Some(&100));
    });
}

#[test]
fn concurrent_updates_are_all_there() {
    World::new().run(|| {
        let watch = Watch::new(0);
        let adding = ["a", "b"].map(|name| {
            let watch = watch.clone();
            thread::spawn(name, move |_| {
                for _ in 0..100 {
                    watch.update(|n| n + 1);
                }
                Ok(())
            })
        });
        for thread in adding {
            thread.join().unwrap();
        }
        assert_eq!(*watch.get(), 200);
    });
}

#[test]
fn ready_is_fresh_after_each_change() {
    let watch = Watch::new(0);
    let mut watcher = watch.subscribe();
    let first = watcher.ready();
    assert!(!first.is_set());
    watch.set(1);
    assert!(first.is_set() && watcher.ready().is_set());
    assert_eq!(watcher.try_changed().as_deref(), Some(&1));
    assert!(watcher.try_changed().is_none() && !watcher.ready().is_set());
}
