//! Failures: who is told, once; and that who was stopped has not failed.

use std::error::Error;
use std::panic::panic_any;

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome};
use selvedge::{Signal, Stopped};

use super::{leave, places, soon, until_stopped};

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
