//! The tree of threads: who ends when, who is told, and that nothing is left.

use std::any::Any;
use std::cell::RefCell;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome, SpawnError, State, Thread};
use selvedge::{Signal, Stopped, Till, signal};

/// A bound for what should take no time at all.
fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

/// A body that ends when it is asked to.
fn until_stopped(_stop: Signal) -> Outcome<()> {
    Ok(Signal::new().wait()?)
}

/// Ends the handle without releasing the thread: its result is left to the parent.
fn leave<T: Send + 'static>(thread: Thread<T>) {
    static LEFT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new()); // no leak: it can be reached
    LEFT.lock().unwrap().push(Box::new(thread));
}

/// The message of the panic of `f`.
fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should have panicked");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().expect("a text")).to_owned(),
    }
}

/// The places of `lines` among the events of `world`, which must have each once.
#[track_caller]
fn places<const N: usize>(world: &World, lines: [&str; N]) -> [usize; N] {
    let events = world.events();
    lines.map(|line| {
        let at: Vec<_> = (0..events.len()).filter(|at| events[*at] == line).collect();
        assert_eq!(at.len(), 1, "`{line}` in {events:#?}");
        at[0]
    })
}

// ---- names

// catalogue 248
#[test]
fn a_thread_has_a_name_and_a_path_here_and_there() {
    World::new().run(|| {
        let root = thread::current().path().to_owned();
        let child = thread::spawn("child", |_| {
            let inner = thread::spawn("inner", |_| Ok(thread::current().path().to_owned()));
            Ok((thread::current().name().to_owned(), inner.join()?))
        });
        assert_eq!(child.name(), "child");
        assert_eq!(child.path(), format!("{root}/child"));
        let (name, inner) = child.join().unwrap();
        assert_eq!((&*name, inner), ("child", format!("{root}/child/inner")));
        assert!(thread::current().is_member());
        assert_eq!(thread::current().to_string(), root);
    });
    assert!(!thread::current().is_member());
}

#[test]
fn every_text_is_a_name() {
    World::new().run(|| {
        for name in ["", "nul\0inside", "\0", "grüße/🧵", &"long".repeat(100)] {
            let named = thread::spawn(name, |_| Ok(thread::current().name().to_owned()));
            assert_eq!(named.name(), name);
            assert_eq!(named.join().unwrap(), name);
        }
    });
}

// ---- join

// catalogue 250, 251
#[test]
fn join_gives_the_result_unchanged_to_one_joiner() {
    World::new().run(|| {
        let value = Box::new(vec![1, 2, 3]);
        let address = value.as_ptr() as usize;
        let thread = thread::spawn("worker", move |_| Ok(value));
        let result = thread.join().unwrap();
        assert_eq!(
            (result.as_ptr() as usize, &**result),
            (address, &[1, 2, 3][..])
        );
        match thread.join() {
            Err(error @ JoinError::Taken { .. }) => {
                assert!(error.to_string().contains("worker"), "{error}");
                assert!(!error.is_failure());
            }
            other => panic!("{other:?}"),
        }
        let nothing = thread::spawn("nothing", |_| Ok(None::<u8>));
        assert_eq!(nothing.join().unwrap(), None);
    });
}

#[test]
fn of_many_joiners_one_receives_and_the_others_are_told() {
    World::new().run(|| {
        for _ in 0..50 {
            let go = Signal::new();
            let wait = go.clone();
            let thread = Arc::new(thread::spawn("shared", move |_| {
                Ok(wait.wait().map(|()| 7)?)
            }));
            let joiners: Vec<_> = (0..4)
                .map(|i| {
                    let thread = Arc::clone(&thread);
                    thread::spawn(&format!("joiner-{i}"), move |_| {
                        match thread.join_until(&soon()) {
                            Ok(7) => Ok(1),
                            Err(JoinError::Taken { .. }) => Ok(0),
                            other => panic!("{other:?}"),
                        }
                    })
                })
                .collect();
            go.set();
            let received: u32 = joiners.iter().map(|joiner| joiner.join().unwrap()).sum();
            assert_eq!(received, 1);
        }
    });
}

// catalogue 253
#[test]
fn an_expired_join_leaves_the_handle_usable() {
    World::new().run(|| {
        let go = Signal::new();
        let wait = go.clone();
        let thread = thread::spawn("slow", move |_| Ok(wait.wait().map(|()| "done")?));
        for till in [Signal::always(), Till::after(Duration::from_millis(2))] {
            match thread.join_until(&till) {
                Err(error @ JoinError::Expired { .. }) => {
                    assert!(error.to_string().contains("slow"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(!thread.stopped().is_set());
        go.set();
        assert_eq!(thread.join_until(&soon()).unwrap(), "done");
        assert!(matches!(
            thread.join_until(&Signal::always()),
            Err(JoinError::Taken { .. })
        ));
    });
}

#[test]
fn a_join_obeys_the_stop_of_the_joiner_and_can_be_repeated() {
    World::new().run(|| {
        let go = Signal::new();
        let wait = go.clone();
        let slow = Arc::new(thread::spawn("slow", move |_| {
            Ok(wait.wait().map(|()| 5)?)
        }));
        let joiner = {
            let slow = Arc::clone(&slow);
            thread::spawn("joiner", move |_| match slow.join() {
                Err(JoinError::Interrupted(stopped)) => {
                    Ok(stopped.reason().text().map(String::from))
                }
                other => panic!("{other:?}"),
            })
        };
        joiner.stop_because("never mind");
        assert_eq!(
            joiner.join_until(&soon()).unwrap().as_deref(),
            Some("never mind")
        );
        assert!(!slow.stopped().is_set());
        go.set();
        assert_eq!(slow.join_until(&soon()).unwrap(), 5);
    });
}

#[test]
fn an_interrupted_join_ends_its_thread_as_stopped() {
    World::new().run(|| {
        let never = Arc::new(thread::spawn("never", until_stopped));
        let joiner = {
            let never = Arc::clone(&never);
            thread::spawn("joiner", move |_| Ok(never.join()?))
        };
        joiner.stop();
        assert!(matches!(
            joiner.join_until(&soon()),
            Err(JoinError::Stopped { .. })
        ));
    });
}

#[test]
fn a_thread_cannot_join_itself() {
    World::new().run(|| {
        let (give, take) = mpsc::channel::<Arc<Thread<()>>>();
        let thread = Arc::new(thread::spawn("itself", move |_| {
            let own = take.recv()?;
            for joined in [own.join(), own.join_until(&Signal::always())] {
                match joined {
                    Err(error @ JoinError::Itself { .. }) => {
                        assert!(error.to_string().contains("itself"), "{error}");
                    }
                    other => panic!("{other:?}"),
                }
            }
            Ok(())
        }));
        give.send(Arc::clone(&thread)).unwrap();
        thread.join_until(&soon()).unwrap();
    });
}

// ---- failures

// catalogue 252
#[test]
fn an_error_reaches_the_joiner_with_the_thread_s_name_and_its_cause() {
    let world = World::new();
    world.run(|| {
        let thread = thread::spawn("parser", |_| Ok("x".parse::<u8>()?));
        match thread.join() {
            Err(JoinError::Failed(error)) => {
                assert_eq!(error.thread(), thread.path());
                assert!(
                    error.to_string().contains("/parser` failed: invalid digit"),
                    "{error}"
                );
                assert!(error.source().unwrap().is::<std::num::ParseIntError>());
                assert!(error.into_inner().is::<std::num::ParseIntError>());
            }
            other => panic!("{other:?}"),
        }
    });
    let expected = ["parser started", "parser failed", "parser ended: failed"];
    assert_eq!(world.events(), expected);
}

// catalogue 267; T5: whatever was no ordinary exception ended as a success.
#[test]
fn a_panic_reaches_the_joiner_with_its_payload_whole() {
    #[derive(Debug, PartialEq)]
    struct Payload(u32);
    World::new().run(|| {
        let typed = thread::spawn("typed", |_| -> Outcome<()> { panic_any(Payload(5)) });
        match typed.join() {
            Err(JoinError::Panicked(panic)) => {
                assert_eq!(panic.thread(), typed.path());
                assert_eq!(panic.message(), "(a payload that is not text)");
                assert_eq!(
                    *panic.into_payload().downcast::<Payload>().unwrap(),
                    Payload(5)
                );
            }
            other => panic!("{other:?}"),
        }
        let text = thread::spawn("text", |_| -> Outcome<()> { panic!("number {}", 6) });
        match text.join() {
            Err(error @ JoinError::Panicked(_)) => {
                assert!(error.is_failure());
                assert!(
                    error.to_string().ends_with("/text` panicked: number 6"),
                    "{error}"
                );
            }
            other => panic!("{other:?}"),
        }
    });
}

// catalogue 255
// T2: it was never logged.
#[test]
fn the_failure_of_a_released_thread_is_reported_once_before_or_after_its_end() {
    let world = World::new();
    world.run(|| {
        let go = Signal::new();
        let wait = go.clone();
        let early = thread::spawn("early", move |_| -> Outcome<()> {
            wait.wait()?;
            Err("broken".into())
        });
        let ended = early.stopped().clone();
        early.release();
        go.set();
        ended.wait_until(&soon()).unwrap();
        let late = thread::spawn("late", |_| -> Outcome<()> { panic!("a panic, on purpose") });
        late.stopped().wait_until(&soon()).unwrap();
        drop(late);
        let joined = thread::spawn("joined", |_| -> Outcome<()> { Err("told".into()) });
        joined.join().unwrap_err();
        let fine = thread::spawn("fine", |_| Ok(()));
        fine.release();
    });
    places(&world, ["early failed", "early failed, nobody joins it"]);
    places(
        &world,
        [
            "late failed",
            "late failed, nobody joins it",
            "joined failed",
        ],
    );
    let unreceived = world
        .events()
        .into_iter()
        .filter(|line| line.ends_with("nobody joins it"));
    assert_eq!(unreceived.count(), 2);
}

// catalogue 255
#[test]
fn a_released_thread_is_still_stopped_and_joined_by_its_parent() {
    let world = World::new();
    world.run(|| {
        let parent = thread::spawn("parent", |_| {
            thread::spawn("released", until_stopped).release();
            Ok(())
        });
        parent.join_until(&soon()).unwrap();
    });
    let [asked, child, parent] = places(
        &world,
        [
            "parent/released asked to stop",
            "parent/released ended: stopped",
            "parent ended: finished",
        ],
    );
    assert!(asked < child && child < parent);
}

// catalogue 256, 261
#[test]
fn a_failure_that_nobody_joined_fails_the_parent_whenever_it_happened() {
    for before in [true, false] {
        World::new().run(|| {
            let parent = thread::spawn("parent", move |_| {
                let child = thread::spawn("child", move |stop| -> Outcome<()> {
                    if !before {
                        stop.wait_until(&soon())?;
                    }
                    Err("broken".into())
                });
                if before {
                    child.stopped().wait_until(&soon())?;
                }
                leave(child);
                Ok("fine")
            });
            match parent.join_until(&soon()) {
                Err(JoinError::Children(failures)) => {
                    assert_eq!(failures.thread(), parent.path());
                    assert_eq!(failures.all().len(), 1);
                    assert!(matches!(&failures.all()[0], JoinError::Failed(error)
                        if error.thread().ends_with("parent/child")));
                    assert!(failures.source().is_some());
                    let text = failures.to_string();
                    assert!(
                        text.contains("1 child of thread") && text.contains("broken"),
                        "{text}"
                    );
                }
                other => panic!("{other:?}"),
            }
        });
    }
}

#[test]
fn several_failures_come_as_one_group() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |_| {
            for i in 0..3 {
                leave(thread::spawn(
                    &format!("child-{i}"),
                    move |_| -> Outcome<()> {
                        if i == 1 {
                            panic!("on purpose {i}")
                        } else {
                            Err(format!("error {i}").into())
                        }
                    },
                ));
            }
            leave(thread::spawn("fine", |_| Ok(())));
            leave(thread::spawn("stopped", until_stopped));
            Ok(())
        });
        match parent.join_until(&soon()) {
            Err(JoinError::Children(failures)) => {
                let text = failures.to_string();
                assert_eq!(failures.all().len(), 3, "{text}");
                for part in ["3 children", "error 0", "on purpose 1", "error 2"] {
                    assert!(text.contains(part), "{text}");
                }
            }
            other => panic!("{other:?}"),
        }
    });
}

// catalogue 260
#[test]
fn a_parent_that_failed_keeps_its_own_error_and_its_children_s_are_reported() {
    let world = World::new();
    world.run(|| {
        let parent = thread::spawn("parent", |_| -> Outcome<()> {
            leave(thread::spawn("child", |stop| -> Outcome<()> {
                stop.wait_until(&soon())?;
                Err("the child's".into())
            }));
            Err("the parent's".into())
        });
        match parent.join_until(&soon()) {
            Err(JoinError::Failed(error)) => {
                assert_eq!(error.into_inner().to_string(), "the parent's");
            }
            other => panic!("{other:?}"),
        }
    });
    places(
        &world,
        [
            "parent failed",
            "parent/child failed",
            "parent/child ended: failed",
        ],
    );
    let events = world.events();
    let told = events
        .iter()
        .filter(|line| line.ends_with("failed, nobody joins it"));
    assert_eq!(told.count(), 1, "{events:#?}");
}

// catalogue 266; T3: the end of a block that failed asked nobody to stop, and hung.
#[test]
fn a_body_that_fails_stops_its_children_and_joins_them() {
    let world = World::new();
    world.run(|| {
        let parent = thread::spawn("parent", |_| -> Outcome<()> {
            let _child = thread::spawn("child", until_stopped);
            panic!("the parent panics, on purpose")
        });
        assert!(matches!(
            parent.join_until(&soon()),
            Err(JoinError::Panicked(_))
        ));
    });
    let [child, parent] = places(
        &world,
        ["parent/child ended: stopped", "parent ended: failed"],
    );
    assert!(child < parent);
}

// ---- stopped is not failed

#[test]
fn a_thread_that_obeys_has_not_failed() {
    #[derive(Debug)]
    struct Wrapped(Stopped);
    impl std::fmt::Display for Wrapped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("wrapped")
        }
    }
    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let world = World::new();
    world.run(|| {
        let plain = thread::spawn("plain", until_stopped);
        let wrapped = thread::spawn("wrapped", |_| -> Outcome<()> {
            Err(Wrapped(Signal::new().wait().unwrap_err()).into())
        });
        for thread in [&plain, &wrapped] {
            thread.stop_because("lunch");
            match thread.join_until(&soon()) {
                Err(error @ JoinError::Stopped { .. }) => {
                    assert!(!error.is_failure());
                    assert_eq!(error.stop_reason().unwrap().text(), Some("lunch"));
                    assert!(error.to_string().contains("lunch"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
        leave(thread::spawn("left", until_stopped)); // its parent is not failed by it
    });
    places(
        &world,
        [
            "plain ended: stopped",
            "wrapped ended: stopped",
            "left ended: stopped",
        ],
    );
    assert!(world.events().iter().all(|line| !line.contains("failed")));
}

#[test]
fn a_stop_of_somebody_else_passed_on_is_a_failure() {
    World::new().run(|| {
        let asked = thread::spawn("asked", until_stopped);
        asked.stop();
        let Err(JoinError::Stopped { stopped, .. }) = asked.join_until(&soon()) else {
            panic!("it was stopped");
        };
        let other = thread::spawn("other", move |_| -> Outcome<()> { Err(stopped.into()) });
        assert!(matches!(
            other.join_until(&soon()),
            Err(JoinError::Failed(_))
        ));
    });
}

#[test]
fn a_thread_that_was_asked_may_still_finish_or_fail() {
    World::new().run(|| {
        let finishes = thread::spawn("finishes", |stop| Ok(stop.wait().map(|()| 3)?));
        let fails = thread::spawn("fails", |stop| -> Outcome<()> {
            stop.wait()?;
            Err("another error".into())
        });
        finishes.stop();
        fails.stop();
        assert_eq!(finishes.join_until(&soon()).unwrap(), 3);
        assert!(matches!(
            fails.join_until(&soon()),
            Err(JoinError::Failed(_))
        ));
    });
}

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

// ---- results

/// Counts its drops.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_result_is_dropped_once_whoever_receives_it() {
    let drops = Arc::new(AtomicUsize::new(0));
    World::new().run(|| {
        let make = || {
            let value = Counts(Arc::clone(&drops));
            thread::spawn("maker", move |_| Ok(value))
        };
        let joined = make();
        drop(joined.join().unwrap());
        drop(joined);
        assert_eq!(drops.load(SeqCst), 1);

        let late = make();
        late.stopped().wait_until(&soon()).unwrap();
        late.release();
        assert_eq!(drops.load(SeqCst), 2);

        make().release(); // perhaps before its end
        let parent = {
            let drops = Arc::clone(&drops);
            thread::spawn("parent", move |_| {
                let value = Counts(drops);
                let kept = thread::spawn("child", move |_| Ok(value));
                kept.stopped().wait_until(&soon())?;
                Ok(kept)
            })
        };
        let kept = parent.join_until(&soon()).unwrap();
        assert!(drops.load(SeqCst) <= 3);
        drop(
            kept.join_until(&soon())
                .expect("its parent leaves a value to the handle"),
        );
    });
    assert_eq!(drops.load(SeqCst), 4);
}

/// Panics when dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor panics, on purpose");
    }
}

#[test]
fn a_released_result_whose_destructor_panics_harms_nobody() {
    World::new().run(|| {
        let go = Signal::new();
        let wait = go.clone();
        let thread = thread::spawn("bomb", move |_| Ok(wait.wait().map(|()| Bomb)?));
        let ended = thread.stopped().clone();
        thread.release(); // after its end the destructor would run here
        go.set();
        ended.wait_until(&soon()).unwrap();
        for _ in 0..3 {
            thread::spawn("after", |_| Ok(()))
                .join_until(&soon())
                .unwrap();
        }
    });
}

#[test]
fn a_result_that_is_given_up_for_a_child_s_failure_may_panic_when_dropped() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |_| {
            leave(thread::spawn("child", |_| -> Outcome<()> {
                Err("broken".into())
            }));
            Ok(Bomb)
        });
        match parent.join_until(&soon()) {
            Err(JoinError::Children(_)) => {}
            Err(other) => panic!("{other:?}"),
            Ok(bomb) => std::mem::forget(bomb),
        }
    });
}

#[test]
fn an_error_that_panics_when_dropped_ends_its_thread_all_the_same() {
    #[derive(Debug)]
    struct Explosive(Stopped, DebugBomb);
    struct DebugBomb(Bomb);
    impl std::fmt::Debug for DebugBomb {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let Bomb = &self.0;
            f.write_str("bomb")
        }
    }
    impl std::fmt::Display for Explosive {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("explosive")
        }
    }
    impl Error for Explosive {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    World::new().run(|| {
        let thread = thread::spawn("explosive", |_| -> Outcome<()> {
            let stopped = Signal::new().wait().unwrap_err();
            Err(Explosive(stopped, DebugBomb(Bomb)).into())
        });
        thread.stop();
        assert!(matches!(
            thread.join_until(&soon()),
            Err(JoinError::Stopped { .. })
        ));
    });
}

#[test]
fn thread_locals_of_a_joined_thread_are_gone_when_join_returns() {
    thread_local! {
        static LAST: RefCell<Option<Counts>> = const { RefCell::new(None) };
    }
    World::new().run(|| {
        for i in 1..=100 {
            let drops = Arc::new(AtomicUsize::new(0));
            let counts = Counts(Arc::clone(&drops));
            let thread = thread::spawn("local", move |_| {
                LAST.set(Some(counts));
                Ok(())
            });
            thread.join_until(&soon()).unwrap();
            assert_eq!(drops.load(SeqCst), 1, "round {i}");
        }
    });
}

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
        assert!(node.waits_for().unwrap().contains("thread.rs:"), "{node:?}");
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
