//! Many threads, the picture of them, shields, and worlds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome, State};
use selvedge::{Signal, Till, signal};

use super::{leave, panic_of, soon, until_stopped};

// ---- many, and the picture of them

#[test]
fn a_thousand_threads_start_and_stop() {
    let world = World::new();
    let running = Arc::new(AtomicUsize::new(0));
    world.run(|| {
        let all = Signal::new();
        for i in 0..1000 {
            let (running, all) = (Arc::clone(&running), all.clone());
            let builder = thread::Builder::new(&format!("t{i}")).stack_size(128 << 10);
            let thread = builder.spawn(move |_| {
                if running.fetch_add(1, SeqCst) + 1 == 1000 {
                    all.set();
                }
                until_stopped(Signal::new())
            });
            leave(thread.unwrap());
        }
        all.wait_until(&soon()).unwrap();
        assert_eq!(thread::tree().len(), 1001);
    });
    let ended = world
        .events()
        .iter()
        .filter(|line| line.ends_with("ended: stopped"))
        .count();
    assert_eq!(ended, 1000);
}

#[test]
fn the_tree_shows_who_runs_who_waits_and_who_was_asked() {
    assert!(thread::tree().is_empty());
    World::new().run(|| {
        let (go, begun) = (Signal::named("go"), Signal::new());
        let (wait, ready) = (go.clone(), begun.clone());
        let parent = thread::spawn("parent", move |_| {
            let inner = wait.clone();
            leave(thread::spawn("child", move |_| {
                Ok(signal::shield(|| inner.wait())?)
            }));
            ready.set();
            Ok(signal::shield(|| wait.wait())?)
        });
        begun.wait_until(&soon()).unwrap();
        parent.stop_because("tea");
        let tree = loop {
            let tree = thread::tree();
            if tree.nodes()[1..]
                .iter()
                .all(|node| node.waits_for().is_some())
            {
                break tree;
            }
            std::thread::yield_now();
        };
        let names: Vec<_> = tree
            .nodes()
            .iter()
            .map(|n| (n.name(), n.depth(), n.state()))
            .collect();
        let running = State::Running;
        assert_eq!(names[1..], [("parent", 1, running), ("child", 2, running)]);
        assert!(tree.nodes()[2].path().ends_with("/parent/child"));
        let node = &tree.nodes()[1];
        assert!(
            node.waits_for().unwrap().contains("signal `go` at "),
            "{node:?}"
        );
        assert!(
            node.waits_for().unwrap().contains("picture.rs:"),
            "{node:?}"
        );
        assert!(node.stop().unwrap().contains("tea"), "{node:?}");
        assert!(tree.nodes()[0].stop().is_none());
        let text = tree.to_string();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(
            text.contains("└─ parent") && text.contains("   └─ child"),
            "{text}"
        );
        go.set();
        parent.join_until(&soon()).unwrap();
        assert_eq!(thread::tree().len(), 1, "a joined thread has left");
    });
}

// T2: released threads stayed with their parent until it ended.
#[test]
fn a_parent_that_lives_long_does_not_collect_its_dead() {
    World::new().run(|| {
        for _ in 0..50 {
            let released = thread::spawn("released", |_| Ok(()));
            let ended = released.stopped().clone();
            released.release();
            ended.wait_until(&soon()).unwrap();
            thread::spawn("joined", |_| Ok(())).join().unwrap();
        }
        let end = soon();
        while thread::tree().len() > 1 {
            assert!(!end.is_set(), "{}", thread::tree());
            std::thread::yield_now();
        }
    });
}

// ---- shield

#[test]
fn a_shield_hides_the_stop_nests_and_ends_with_a_panic() {
    World::new().run(|| {
        let thread = thread::spawn("shielded", |stop| {
            stop.set_because("outside");
            assert!(signal::stop().is_set());
            signal::shield(|| {
                assert!(!signal::stop().is_set() && stop.is_set());
                signal::shield(|| assert!(!signal::stop().is_set()));
                assert!(
                    !signal::stop().is_set(),
                    "the inner one's end is not the outer one's"
                );
                Till::after(Duration::from_millis(1)).wait()
            })?;
            let text = panic_of(|| signal::shield(|| panic!("{}", "inside a shield, on purpose")));
            assert_eq!(text, "inside a shield, on purpose");
            let stopped = Signal::new().wait().unwrap_err();
            assert_eq!(stopped.reason().text(), Some("outside"));
            assert!(
                stopped.to_string().starts_with("asked to stop: outside"),
                "{stopped}"
            );
            Ok(())
        });
        thread.join_until(&soon()).unwrap();
    });
}

#[test]
fn a_stop_tells_the_place_of_its_caller() {
    World::new().run(|| {
        for because in [true, false] {
            let thread = thread::spawn("asked", until_stopped);
            let line = line!();
            if because {
                thread.stop_because("x")
            } else {
                thread.stop()
            };
            match thread.join_until(&soon()) {
                Err(JoinError::Stopped { stopped, .. }) => {
                    assert_eq!(stopped.reason().location().file(), file!());
                    let said = stopped.reason().location().line();
                    assert!((line..line + 7).contains(&said), "line {said}");
                    assert!(stopped.reason().when().is_some());
                    assert_eq!(stopped.reason().thread(), thread::current().path());
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

// ---- World itself

#[test]
fn a_world_hands_out_the_result_and_resumes_a_panic() {
    let world = World::new();
    assert_eq!(world.run(|| "result"), "result");
    let text = panic_of(|| world.run(|| panic!("{}", "in a world, on purpose")));
    assert_eq!(text, "in a world, on purpose");
    assert_eq!(world.run(|| 2), 2, "it can be used again");
}

#[test]
fn a_world_fails_with_a_child_whom_nobody_joined() {
    let text = panic_of(|| {
        World::new().run(|| {
            leave(thread::spawn("child", |_| -> Outcome<()> {
                Err("broken".into())
            }));
        });
    });
    assert!(
        text.contains("1 child") && text.contains("broken"),
        "{text}"
    );
}

#[test]
fn worlds_at_once_keep_their_threads_and_events_apart() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let world = World::new();
                world.run(|| {
                    for _ in 0..20 {
                        thread::spawn("worker", |_| Ok(())).join().unwrap();
                        assert_eq!(thread::tree().len(), 1);
                    }
                });
                assert_eq!(world.events().len(), 40, "{:#?}", world.events());
            });
        }
    });
}
