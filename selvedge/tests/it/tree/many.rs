//! Results of many, and the tree as a picture.

use std::error::Error;

use selvedge::testing::World;
use selvedge::thread::{self, JoinAllError, JoinError, Outcome, Thread};
use selvedge::{Signal, signal};

use super::{leave, soon, until_stopped};

// ---- many at once

/// 277: results in the order of the handles, whoever ends first.
#[test]
fn results_of_many_come_in_order() {
    World::new().run(|| {
        let go = Signal::new();
        let wait = go.clone();
        let first = thread::spawn("first", move |_| Ok(wait.wait().map(|()| 1)?));
        let second = thread::spawn("second", move |_| {
            go.set();
            Ok(2)
        });
        assert_eq!(thread::join_all([&first, &second]).unwrap(), [1, 2]);
        let none: [Thread<()>; 0] = [];
        assert_eq!(thread::join_all(&none).unwrap(), []);
    });
}

/// 277: all are joined even if some fail, and the errors come together, with their sources.
#[test]
fn all_are_joined_and_the_errors_come_together() {
    World::new().run(|| {
        let kinds: [fn() -> Outcome<u8>; 4] = [
            || Ok(1),
            || Err("no number".parse::<u8>().unwrap_err().into()),
            || panic!("on purpose"),
            || Ok(Signal::never().wait().map(|()| 4)?),
        ];
        let threads: Vec<_> = kinds
            .into_iter()
            .enumerate()
            .map(|(i, kind)| thread::spawn(&format!("t{i}"), move |_| kind()))
            .collect();
        threads[3].stop();
        let error = thread::join_all(&threads).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("3 joined threads"), "{text}");
        for part in [
            "t1` failed: invalid digit",
            "t2` panicked: on purpose",
            "t3` was",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let JoinAllError::Failed(failures) = &error else {
            panic!("{error:?}");
        };
        let kinds = failures.all();
        assert!(matches!(
            kinds,
            [
                JoinError::Failed(_),
                JoinError::Panicked(_),
                JoinError::Stopped { .. }
            ]
        ));
        let mut last: &dyn Error = &kinds[0];
        while let Some(source) = last.source() {
            last = source;
        }
        assert!(last.is::<std::num::ParseIntError>());
        for thread in &threads {
            assert!(matches!(thread.join(), Err(JoinError::Taken { .. })));
        }
    });
}

/// A group in which one was only stopped and another failed was taken for an obeyed stop.
#[test]
fn a_failure_beside_a_stop_is_not_taken_for_a_stop() {
    World::new().run(|| {
        let both = thread::spawn("both", |stop| {
            let stopped = thread::spawn("stopped", until_stopped);
            let failing = thread::spawn("failing", |stop| -> Outcome<()> {
                stop.wait_until(&Signal::never()).ok();
                Err("broken".into())
            });
            stop.wait_until(&Signal::never()).ok();
            let all = signal::shield(|| thread::join_all([&stopped, &failing]));
            Ok(all.map(drop)?)
        });
        both.stop();
        assert!(matches!(both.join(), Err(JoinError::Failed(_))));
    });
}

#[test]
fn a_join_of_many_that_is_interrupted_or_expires_has_joined_nobody() {
    World::new().run(|| {
        let done = thread::spawn("done", |_| Ok(1));
        let goes_on = thread::spawn("goes-on", |stop| {
            stop.wait_until(&Signal::never()).ok();
            Ok(2)
        });
        done.stopped().wait_until(&soon()).unwrap();
        let both = [&done, &goes_on];
        let expired = thread::join_all_until(both, &Signal::always());
        assert!(matches!(expired, Err(JoinAllError::Expired)));
        let interrupted = signal::deadline(&Signal::always(), || thread::join_all(both));
        assert!(matches!(interrupted, Err(JoinAllError::Interrupted(_))));
        goes_on.stop();
        assert_eq!(thread::join_all(both).unwrap(), [1, 2]);
    });
}

// ---- the picture

/// The tree may be looked at wherever the library calls somebody: in listeners, callbacks and destructors.
#[test]
fn the_tree_can_be_looked_at_from_everywhere() {
    struct Looks;
    impl Drop for Looks {
        fn drop(&mut self) {
            assert!(!thread::tree().to_string().is_empty());
        }
    }
    let heard = selvedge::probe::subscribe(|_| _ = thread::tree().to_string());
    World::new().run(|| {
        let waiter = thread::spawn("waiter", |stop| {
            let seen = Looks;
            stop.on_set(move || drop(seen)).forever();
            leave(thread::spawn("left", |_| Ok(Looks)));
            thread::spawn("released", |_| Ok(Looks)).release();
            stop.wait_until(&Signal::never()).ok();
            Ok(Looks)
        });
        let never = thread::Builder::new("never").prepare({
            let held = Looks;
            move |_| {
                drop(held);
                Ok(())
            }
        });
        drop(never);
        waiter.stop();
        drop(waiter.join_until(&soon()).unwrap());
    });
    drop(heard);
}

/// The picture says since when a thread is there and how long ago it was asked.
#[test]
fn the_tree_tells_ages() {
    World::new().run(|| {
        let me = thread::current();
        let go = Signal::new();
        let (wait, ends) = (go.clone(), go.clone());
        let worker = thread::spawn("worker", move |_| Ok(signal::shield(|| ends.wait())?));
        let before = thread::tree();
        assert!(before.nodes()[1].asked_ago().is_none());
        let child = thread::Builder::new("child").parent(&worker);
        let child = child
            .spawn(move |_| Ok(signal::shield(|| wait.wait())?))
            .unwrap();
        child.stop_because("tea");
        let tree = thread::tree();
        let [root, worker, child] = tree.nodes() else {
            panic!("{tree}");
        };
        assert!(root.age() >= worker.age() && worker.age() >= child.age());
        assert!(child.asked_ago().is_some_and(|ago| ago <= child.age()));
        let text = tree.to_string();
        assert!(text.starts_with(&format!("{me}  ")), "{text}");
        let line = text.lines().last().unwrap();
        assert!(line.starts_with("   └─ child"), "{text}");
        assert!(
            line.contains("running for ") && line.contains(" ago: tea (by `"),
            "{text}"
        );
        go.set();
    });
}
