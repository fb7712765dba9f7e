//! The order in which threads are asked and end, and where none can be started.

use std::cell::RefCell;
use std::sync::{Arc, Barrier, Mutex, mpsc};

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome, SpawnError};
use selvedge::{Signal, signal};

use super::{leave, panic_of, places, soon, until_stopped};

// ---- the order of ends

// catalogue 259
#[test]
fn children_end_before_their_parents_and_are_asked_newest_first() {
    let world = World::new();
    world.run(|| {
        let parent = thread::spawn("parent", |_| {
            for name in ["a", "b", "c"] {
                let started = Signal::new();
                let begun = started.clone();
                leave(thread::spawn(name, move |_| {
                    leave(thread::spawn("grandchild", until_stopped));
                    begun.set();
                    until_stopped(Signal::new())
                }));
                started.wait_until(&soon())?;
            }
            Ok(())
        });
        parent.join_until(&soon()).unwrap();
    });
    let asked = [
        "c/grandchild",
        "c",
        "b/grandchild",
        "b",
        "a/grandchild",
        "a",
    ];
    let asked = asked.map(|name| format!("parent/{name} asked to stop"));
    let at = places(&world, asked.each_ref().map(|line| &**line));
    let (c, b, a) = (at[1], at[3], at[5]);
    assert!(
        c < b && b < a,
        "siblings newest first: {:#?}",
        world.events()
    );
    let [end] = places(&world, ["parent ended: finished"]);
    for name in ["a", "b", "c"] {
        let lines = [
            format!("parent/{name}/grandchild ended: stopped"),
            format!("parent/{name} ended: stopped"),
        ];
        let [inner, outer] = places(&world, [&lines[0], &lines[1]]);
        assert!(inner < outer && outer < end);
    }
}

// catalogue 262
#[test]
fn stop_asks_the_children_first_then_the_thread_and_does_not_block() {
    let world = World::new();
    world.run(|| {
        let (release, begun) = (Signal::new(), Signal::new());
        let (go_on, ready) = (release.clone(), begun.clone());
        let parent = thread::spawn("parent", move |_| {
            let stubborn = go_on.clone();
            leave(thread::spawn("old", move |_| {
                signal::shield(|| stubborn.wait())?;
                Ok(())
            }));
            leave(thread::spawn("new", until_stopped));
            ready.set();
            signal::shield(|| go_on.wait())?;
            Ok(())
        });
        begun.wait_until(&soon()).unwrap();
        parent.stop(); // returns though nobody can end yet
        assert!(!parent.stopped().is_set());
        release.set();
        parent.join_until(&soon()).unwrap();
    });
    let [new, old, parent] = places(
        &world,
        [
            "parent/new asked to stop",
            "parent/old asked to stop",
            "parent asked to stop",
        ],
    );
    assert!(new < old && old < parent, "{:#?}", world.events());
}

#[test]
fn a_thread_that_sets_its_own_stop_asks_its_children_too() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |stop| {
            let child = thread::spawn("child", until_stopped);
            stop.set_because("I have had enough");
            let joined = signal::shield(|| child.join_until(&soon()));
            match joined {
                Err(error @ JoinError::Stopped { .. }) => Ok(error.to_string()),
                other => panic!("{other:?}"),
            }
        });
        let text = parent.join_until(&soon()).unwrap();
        assert!(text.contains("I have had enough"), "{text}");
    });
}

// catalogue 254; T1: a thread that nobody joined looked alive for a minute.
#[test]
fn stopped_is_set_when_a_thread_has_ended_joined_or_not() {
    World::new().run(|| {
        let thread = thread::spawn("worker", |_| Ok(()));
        thread.stopped().wait_until(&soon()).unwrap();
        let released = thread::spawn("released", |_| Ok(()));
        let ended = released.stopped().clone();
        released.release();
        ended.wait_until(&soon()).unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn stopped_is_set_after_the_children_have_ended() {
    World::new().run(|| {
        let child_ended = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&child_ended);
        let parent = thread::spawn("parent", move |_| {
            let child = thread::spawn("child", until_stopped);
            *slot.lock().unwrap() = Some(child.stopped().clone());
            Ok(())
        });
        parent.stopped().wait_until(&soon()).unwrap();
        assert!(child_ended.lock().unwrap().as_ref().unwrap().is_set());
    });
}

// catalogue 263
#[test]
fn a_thread_started_after_the_stop_runs_with_its_stop_set() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |stop| {
            stop.set_because("early");
            let late = thread::spawn("late", |stop| {
                assert!(stop.is_set() && signal::stop().is_set());
                Ok(stop.reason().unwrap().to_string())
            });
            Ok(signal::shield(|| late.join_until(&soon()))?)
        });
        let reason = parent.join_until(&soon()).unwrap();
        assert!(reason.contains("early"), "{reason}");
    });
}

// T4: it was missed.
#[test]
fn a_child_that_comes_while_its_parent_ends_is_asked_and_joined_too() {
    let world = World::new();
    world.run(|| {
        let parent = thread::spawn("parent", |_| {
            leave(thread::spawn("child", |stop| {
                stop.wait()?; // the parent's body has ended
                leave(thread::spawn("late", until_stopped));
                Ok(())
            }));
            Ok(())
        });
        parent.join_until(&soon()).unwrap();
    });
    let [late, child, parent] = places(
        &world,
        [
            "parent/child/late ended: stopped",
            "parent/child ended: finished",
            "parent ended: finished",
        ],
    );
    assert!(late < child && child < parent);
}

#[test]
fn a_thread_has_started_before_it_ends_in_the_list_of_events() {
    let world = World::new();
    world.run(|| {
        for i in 0..300 {
            thread::spawn(&format!("quick-{i}"), |_| Ok(())).release();
        }
    });
    for i in 0..300 {
        let lines = [
            format!("quick-{i} started"),
            format!("quick-{i} ended: finished"),
        ];
        let [started, ended] = places(&world, [&lines[0], &lines[1]]);
        assert!(started < ended, "quick-{i}");
    }
}

#[test]
fn spawning_and_stopping_at_once_leaves_no_child_unasked() {
    for _ in 0..100 {
        World::new().run(|| {
            let start = Arc::new(Barrier::new(2));
            let meet = Arc::clone(&start);
            let parent = thread::spawn("parent", move |_| {
                meet.wait();
                for i in 0..5 {
                    leave(thread::spawn(&format!("child-{i}"), until_stopped));
                }
                until_stopped(Signal::new())
            });
            start.wait();
            parent.stop();
            assert!(matches!(
                parent.join_until(&soon()),
                Err(JoinError::Stopped { .. })
            ));
        });
    }
}

// ---- where a thread cannot be

#[test]
fn outside_a_tree_nothing_can_be_spawned_and_the_text_says_what_to_do() {
    let refused = thread::Builder::new("lost").spawn(|_| Ok(()));
    let error = refused.unwrap_err();
    assert!(matches!(error, SpawnError::NoTree { .. }));
    let text = error.to_string();
    for part in ["`lost`", "selvedge::run", "World"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(panic_of(|| drop(thread::spawn("lost", |_| Ok(())))), text);
}

/// What spawning said, in the destructor of a value.
struct SpawnsWhenDropped(mpsc::Sender<String>);

impl Drop for SpawnsWhenDropped {
    fn drop(&mut self) {
        let spawned = thread::Builder::new("too-late").spawn(|_| Ok(()));
        let _ = self.0.send(match spawned {
            Ok(thread) => format!("{:?}", thread.join()),
            Err(error) => error.to_string(),
        });
    }
}

#[test]
fn a_thread_that_has_ended_can_have_no_children_not_even_from_its_thread_locals() {
    thread_local! {
        static LAST: RefCell<Option<SpawnsWhenDropped>> = const { RefCell::new(None) };
    }
    World::new().run(|| {
        let (said, heard) = mpsc::channel();
        let ending = thread::spawn("ending", move |_| {
            LAST.set(Some(SpawnsWhenDropped(said)));
            Ok(())
        });
        ending.join_until(&soon()).unwrap();
        let text = heard.recv().unwrap();
        assert!(text.contains("`too-late`"), "{text}");
    });
}

#[test]
fn a_sealed_thread_refuses_children_by_name() {
    World::new().run(|| {
        let (said, heard) = mpsc::channel();
        let parent = thread::spawn("parent", move |_| {
            leave(thread::spawn("child", |_| -> Outcome<()> {
                Err("broken".into())
            }));
            Ok(SpawnsWhenDropped(said)) // given up for the failure of the child, after the joins
        });
        assert!(matches!(
            parent.join_until(&soon()),
            Err(JoinError::Children(_))
        ));
        let text = heard.recv().unwrap();
        assert!(text.contains("`too-late` comes too late"), "{text}");
        assert!(text.contains("/parent` has ended"), "{text}");
    });
}
