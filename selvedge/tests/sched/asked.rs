//! Who asks a tree to stop races with who hands the stop on, and with who starts what was prepared.
//!
//! ```text
//!   asker              parent              child
//!   mark both
//!   child's stop ────────────────────────> ends as stopped
//!                      child.join()? <──── ended
//!   parent's stop      returns: asked?
//! ```

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, SpawnError};
use selvedge::{Signal, signal};

use crate::{check, pause, random};

#[test]
fn a_parent_that_hands_on_the_stop_of_its_child_has_not_failed() {
    check(|| {
        World::new().run(|| {
            let parent = thread::spawn("parent", |_| {
                let child = thread::spawn("child", |_| Ok(Signal::new().wait()?));
                Ok(child.join()?)
            });
            pause();
            parent.stop();
            assert!(matches!(parent.join(), Err(JoinError::Stopped { .. })));
        });
    });
}

#[test]
fn a_prepared_thread_runs_or_never_ran_and_its_parent_ends() {
    check(|| {
        let world = World::new();
        world.run(|| {
            let parent = thread::spawn("parent", |_| {
                let prepared = thread::Builder::new("prepared").prepare(|_| Ok(()))?;
                let stopped = prepared.stopped().clone();
                let runs = match prepared.start() {
                    Ok(thread) => {
                        thread.release();
                        true
                    }
                    Err(SpawnError::NeverRan { .. }) => false,
                    Err(error) => return Err(error.into()),
                };
                signal::shield(|| stopped.wait())?;
                let never_ran = stopped
                    .reason()
                    .is_some_and(|reason| reason.text() == Some("never ran"));
                assert_ne!(runs, never_ran);
                Ok(())
            });
            parent.stop();
            parent.join().unwrap();
        });
        let events = world.events();
        let ends = events
            .iter()
            .filter(|line| line.starts_with("parent/prepared ended"));
        assert_eq!(ends.count(), 1, "{events:#?}");
    });
}

#[test]
fn services_end_after_their_siblings() {
    check(|| {
        let world = World::new();
        world.run(|| {
            let parent = thread::spawn("parent", |_| {
                let service = thread::Builder::new("service").service();
                service.spawn(|_| Ok(Signal::new().wait()?))?.release();
                thread::spawn("member", |_| Ok(Signal::new().wait()?)).release();
                Ok(())
            });
            parent.stop();
            parent.join().unwrap();
        });
        let events = world.events();
        let place = |line: &str| events.iter().position(|event| event == line).unwrap();
        let (member, service) = (
            "parent/member ended: stopped",
            "parent/service asked to stop",
        );
        assert!(place(member) < place(service), "{events:#?}");
    });
}

#[test]
fn services_of_a_scope_are_asked_when_its_other_threads_have_ended() {
    check(|| {
        let ended = AtomicBool::new(false);
        thread::scope("scope", |s| {
            let service = s.builder("service").service();
            service.spawn(|stop| {
                stop.wait()?;
                assert!(ended.load(SeqCst), "asked while a sibling runs");
                Ok(())
            })?;
            s.spawn("member", |_stop| {
                pause();
                ended.store(true, SeqCst);
                Ok(())
            });
            if random(2) == 0 {
                s.stop();
            }
            Ok(())
        })
        .unwrap();
    });
}
