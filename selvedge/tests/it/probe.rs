//! Events: heard by every subscriber, on the thread where they happen, outside locks.

use std::panic::panic_any;
use std::sync::{Arc, Mutex};

use selvedge::probe::{self, Ending, Event};
use selvedge::testing::World;
use selvedge::thread::{self, Outcome};

/// The lines of events that mention `name`, a text that no other test uses, while `f` runs.
pub(crate) fn heard(name: &'static str, f: impl FnOnce()) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let subscription = probe::subscribe({
        let lines = Arc::clone(&lines);
        move |event| {
            let line = event.to_string();
            if line.contains(name) {
                lines.lock().unwrap().push(line);
            }
        }
    });
    f();
    drop(subscription);
    // It goes with its subscription, as soon as no other thread is about to call it.
    while Arc::strong_count(&lines) > 1 {
        std::thread::yield_now();
    }
    let lines = lines.lock().unwrap();
    lines.clone()
}

#[test]
fn a_life_is_told_in_order_and_readably() {
    let lines = heard("probed-life", || {
        World::new().run(|| {
            let thread = thread::spawn("probed-life", |_| -> Outcome<()> {
                selvedge::Signal::new().wait()?;
                Ok(())
            });
            thread.stop_because("enough");
            assert!(thread.join().is_err());
        });
    });
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].ends_with("/probed-life` started"), "{lines:#?}");
    assert!(
        lines[1].contains("/probed-life` was asked to stop: enough (by `"),
        "{lines:#?}"
    );
    assert!(
        lines[2].ends_with("/probed-life` ended: stopped"),
        "{lines:#?}"
    );
}

#[test]
fn a_failure_without_a_receiver_is_told_as_such() {
    let lines = heard("probed-failure", || {
        World::new().run(|| {
            let thread = thread::spawn("probed-failure", |_| -> Outcome<()> {
                Err("broken".into())
            });
            thread.stopped().wait().unwrap();
            thread.release();
        });
    });
    let told = lines
        .iter()
        .filter(|line| line.contains("nobody joins it"))
        .count();
    assert_eq!(told, 1, "{lines:#?}");
    assert!(
        lines[1].contains("failed: ") && lines[1].contains("broken"),
        "{lines:#?}"
    );
}

#[test]
fn who_failed_is_said_once() {
    let lines = heard("/probed-once", || {
        World::new().run(|| {
            let failed = thread::spawn("probed-once", |_| -> Outcome<()> { Err("broken".into()) });
            failed.join().unwrap_err();
            let panicked = thread::spawn("probed-once", |_| -> Outcome<()> { panic!("torn") });
            panicked.stopped().wait().unwrap();
            panicked.release();
            let parent = thread::spawn("probed-once", |_| {
                let child = thread::spawn("child", |_| -> Outcome<()> { Err("gone".into()) });
                child.stopped().wait()?;
                Ok(child) // neither joined nor released
            });
            assert!(parent.join().is_err());
        });
    });
    let of_failures: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split_once("/probed-once` failed"))
        .map(|(_, why)| why)
        .collect();
    assert_eq!(
        of_failures[..3],
        [
            ": broken",
            ": it panicked: torn",
            " and nobody joins it: it panicked: torn"
        ],
        "{lines:#?}"
    );
    assert!(
        of_failures[3].starts_with(": 1 child failed: thread `")
            && of_failures[3].ends_with("/probed-once/child` failed: gone"),
        "{lines:#?}"
    );
}

#[test]
fn every_subscriber_hears_until_it_is_dropped() {
    let first = Arc::new(Mutex::new(0));
    let count = Arc::clone(&first);
    let outer = probe::subscribe(move |event| {
        if event.to_string().contains("probed-twice") {
            *count.lock().unwrap() += 1;
        }
    });
    let spawn = || World::new().run(|| thread::spawn("probed-twice", |_| Ok(())).join().unwrap());
    assert_eq!(heard("probed-twice", spawn).len(), 2);
    assert_eq!(*first.lock().unwrap(), 2);
    drop(outer);
    spawn();
    assert_eq!(*first.lock().unwrap(), 2);
}

#[test]
fn events_are_heard_on_the_thread_where_they_happen() {
    let ended_by = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&ended_by);
    let _heard = probe::subscribe(move |event| {
        if let Event::Stopped { thread, how, .. } = event
            && thread.ends_with("/probed-place")
        {
            assert_eq!(*how, Ending::Finished);
            *seen.lock().unwrap() = Some(std::thread::current().id());
        }
    });
    let id = World::new().run(|| {
        let thread = thread::spawn("probed-place", |_| Ok(std::thread::current().id()));
        thread.join().unwrap()
    });
    assert_eq!(*ended_by.lock().unwrap(), Some(id));
}

#[test]
fn a_listener_may_subscribe_unsubscribe_and_panic() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Self);
        }
    }
    let lines = heard("probed-wild", || {
        let inner = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&inner);
        let _wild = probe::subscribe(move |event| {
            if event.to_string().contains("probed-wild") {
                let another = probe::subscribe(|_| ());
                drop(slot.lock().unwrap().replace(another));
                if matches!(event, Event::Stopped { .. }) {
                    panic_any(Bomb); // even one that panics again when it is dropped
                }
                panic!("a listener panics, on purpose");
            }
        });
        World::new().run(|| {
            for _ in 0..2 {
                thread::spawn("probed-wild", |_| Ok(())).join().unwrap();
            }
        });
        drop(inner.lock().unwrap().take());
    });
    assert_eq!(lines.len(), 4, "{lines:#?}");
}
