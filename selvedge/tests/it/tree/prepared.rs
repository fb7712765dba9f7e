//! What a body runs in, and threads that start later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, SpawnError, State};
use selvedge::{Ambient, Signal, signal};

use super::{soon, until_stopped};

// ---- what a body runs in

selvedge::local! { static USER: String; }

#[test]
fn a_body_runs_in_the_ambient_and_with_the_deadline_that_it_was_given() {
    World::new().run(|| {
        let ambient = USER.bind("Ada".to_owned(), Ambient::capture);
        let seen = thread::spawn("bare", |_| Ok(USER.with(String::clone).is_err()));
        assert!(seen.join().unwrap(), "nothing is carried by itself");
        let now = Signal::always();
        let line = line!() + 1;
        let both = thread::Builder::new("both").deadline(&now);
        let both = both.ambient(ambient).spawn(|stop| {
            let stopped = Signal::new().wait().unwrap_err();
            assert!(stopped.is_deadline() && !stop.is_set());
            let at = stopped.reason().location();
            Ok((USER.with(String::clone)?, at.file(), at.line()))
        });
        let seen = both.unwrap().join().unwrap();
        assert_eq!(seen, ("Ada".to_owned(), file!(), line));
        // Who ends by its deadline has failed: nobody asked it.
        let late = thread::Builder::new("late").deadline(&Signal::always());
        let late = late.spawn(until_stopped).unwrap();
        assert!(matches!(late.join(), Err(JoinError::Failed(_))));
    });
}

// ---- prepared

/// 248: a thread is started in two steps, and is a member of the tree from the first.
#[test]
fn a_prepared_thread_is_shown_and_runs_when_it_is_started() {
    let world = World::new();
    world.run(|| {
        let prepared = thread::Builder::new("later").prepare(|_| Ok(7)).unwrap();
        assert_eq!(prepared.name(), "later");
        assert!(!prepared.stopped().is_set());
        let tree = thread::tree();
        let shown = &tree.nodes()[1];
        assert_eq!((shown.name(), shown.state()), ("later", State::Prepared));
        assert_eq!(shown.path(), prepared.path());
        let stopped = prepared.stopped().clone();
        let thread = prepared.start().unwrap();
        assert_eq!(thread.join().unwrap(), 7);
        assert!(stopped.is_set());
    });
    assert_eq!(world.events(), ["later started", "later ended: finished"]);
}

/// 264: never started, it has ended when it is dropped, with a reason that says so.
#[test]
fn a_prepared_thread_that_is_dropped_never_ran() {
    let world = World::new();
    world.run(|| {
        let body = Arc::new(());
        let held = Arc::clone(&body);
        let prepared = thread::Builder::new("never").prepare(move |_| {
            drop(held);
            Ok(())
        });
        let prepared = prepared.unwrap();
        let stopped = prepared.stopped().clone();
        drop(prepared);
        assert_eq!(stopped.reason().unwrap().text(), Some("never ran"));
        assert_eq!(Arc::strong_count(&body), 1, "what it held is dropped");
        assert_eq!(thread::tree().len(), 1);
    });
    assert_eq!(world.events(), ["never ended: never ran"]);
}

/// 264; T9: a stop of a thread that was made and not started started it.
#[test]
fn a_stop_of_a_prepared_thread_does_not_start_it() {
    World::new().run(|| {
        let ran = Arc::new(AtomicBool::new(false));
        let run = Arc::clone(&ran);
        let prepared = thread::Builder::new("never");
        let prepared = prepared.prepare(move |_| {
            run.store(true, SeqCst);
            Ok(())
        });
        let prepared = prepared.unwrap();
        prepared.stop();
        assert_eq!(
            prepared.stopped().reason().unwrap().text(),
            Some("never ran")
        );
        match prepared.start() {
            Err(error @ SpawnError::NeverRan { .. }) => {
                assert!(error.to_string().contains("never`"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert!(!ran.load(SeqCst));
    });
}

/// 264: a parent does not wait for a thread that nobody has started, whoever holds it.
#[test]
fn a_parent_ends_though_a_thread_of_it_was_never_started() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |_| {
            let one = thread::Builder::new("one").prepare(until_stopped)?;
            let two = thread::Builder::new("two").service();
            Ok((one, two.prepare(until_stopped)?))
        });
        let (one, two) = parent.join_until(&soon()).unwrap();
        for prepared in [one, two] {
            assert!(prepared.stopped().is_set());
            assert!(matches!(prepared.start(), Err(SpawnError::NeverRan { .. })));
        }
    });
}

/// 263, for threads that are started in two steps: one whose parent was asked before can be prepared no more
/// than said to have ended.
#[test]
fn a_thread_prepared_after_the_stop_has_ended() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |stop| {
            stop.wait_until(&soon()).ok();
            let late = thread::Builder::new("late").prepare(until_stopped)?;
            Ok(late.stopped().is_set())
        });
        parent.stop();
        assert!(parent.join().unwrap());
    });
}

/// 265: there is nothing to start twice; of a start and a stop at once, one wins.
#[test]
fn a_prepared_thread_that_is_started_and_stopped_at_once_ends_once() {
    let world = World::new();
    world.run(|| {
        for _ in 0..200 {
            let group = thread::spawn("group", |_| {
                let prepared = thread::Builder::new("both").prepare(|_| Ok(()))?;
                let stopped = prepared.stopped().clone();
                let ran = match prepared.start() {
                    Ok(thread) => {
                        thread.release();
                        true
                    }
                    Err(SpawnError::NeverRan { .. }) => false,
                    Err(error) => return Err(error.into()),
                };
                signal::shield(|| stopped.wait_until(&soon()))?;
                let never_ran = stopped.reason().unwrap().text() == Some("never ran");
                assert_ne!(ran, never_ran);
                Ok(())
            });
            group.stop();
            group.join().unwrap();
        }
    });
    let ends = |line: &&String| line.starts_with("group/both ended");
    assert_eq!(world.events().iter().filter(ends).count(), 200);
}
