//! Who is asked when, services, and given parents.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use selvedge::Signal;
use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome, SpawnError};

use super::{soon, until_stopped};

// ---- who is asked when

/// A parent handed on what its child said, before its own turn to be asked came, and counted as failed.
#[test]
fn a_parent_that_hands_on_its_stopped_child_before_its_own_stop_is_set_has_not_failed() {
    World::new().run(|| {
        let ended = Signal::new();
        let ready = Signal::new();
        let parent = thread::spawn("parent", {
            let (ended, ready) = (ended.clone(), ready.clone());
            move |_| {
                let child = thread::spawn("child", move |stop| {
                    // Holds up the one who asks, between the child's stop and the parent's.
                    let hold = move || _ = ended.wait_until(&soon());
                    stop.on_set(hold).forever();
                    ready.set();
                    until_stopped(stop)
                });
                Ok(child.join()?)
            }
        });
        ready.wait_until(&soon()).unwrap();
        parent.stopped().on_set(move || _ = ended.set()).forever();
        parent.stop();
        assert!(matches!(parent.join(), Err(JoinError::Stopped { .. })));
    });
}

/// 262, services: asked when their siblings have ended, by their parent's end and by its stop.
#[test]
fn a_service_is_asked_after_its_siblings_have_ended() {
    for asked_first in [false, true] {
        let world = World::new();
        world.run(|| {
            let ready = Signal::new();
            let begun = ready.clone();
            let parent = thread::spawn("parent", move |stop| {
                let old = thread::spawn("old", until_stopped);
                let service = thread::Builder::new("service").service();
                let service = service.spawn(until_stopped)?;
                let late = thread::Builder::new("late-service").service();
                let late = late.spawn(until_stopped)?;
                let new = thread::spawn("new", until_stopped);
                begun.set();
                if asked_first {
                    stop.wait_until(&Signal::never()).ok();
                    // Of a parent that was asked and still runs, the services go on.
                    (old.stopped() & new.stopped()).wait_until(&soon()).ok();
                    assert!(old.join().is_err() && new.join().is_err());
                }
                assert!(!service.stopped().is_set() && !late.stopped().is_set());
                Ok(())
            });
            if asked_first {
                ready.wait().unwrap();
                parent.stop();
            }
            parent.join().unwrap();
        });
        let events = world.events();
        let place = |line: &str| {
            let at = events.iter().position(|event| event == line);
            at.unwrap_or_else(|| panic!("`{line}` in {events:#?}"))
        };
        let asked = |name: &str| place(&format!("parent/{name} asked to stop"));
        let ended = |name: &str| place(&format!("parent/{name} ended: stopped"));
        assert!(asked("new") < asked("old"), "{events:#?}");
        for member in ["old", "new"] {
            for service in ["service", "late-service"] {
                assert!(ended(member) < asked(service), "{events:#?}");
            }
        }
        assert!(asked("late-service") < asked("service"), "{events:#?}");
        assert!(ended("service") < place("parent ended: finished"));
    }
}

/// A service's own handle asks it at any time, with all that is below it.
#[test]
fn a_service_can_be_asked_by_its_handle() {
    World::new().run(|| {
        let service = thread::Builder::new("service").service();
        let service = service
            .spawn(|stop| {
                let below = thread::spawn("below", until_stopped);
                stop.wait_until(&soon()).ok();
                Ok(below.stopped().wait_until(&soon()).is_ok())
            })
            .unwrap();
        service.stop();
        assert!(service.join_until(&soon()).is_ok());
    });
}

/// What comes while the services are asked is asked too, before the rest of them is waited for.
#[test]
fn a_member_that_comes_while_the_services_end_is_joined_too() {
    let ran = Arc::new(AtomicBool::new(false));
    World::new().run(|| {
        let parent = thread::spawn("parent", {
            let ran = Arc::clone(&ran);
            move |_| {
                let me = thread::current();
                let service = thread::Builder::new("service").service();
                let service = service.spawn(move |stop| {
                    stop.wait_until(&Signal::never()).ok();
                    let late = thread::Builder::new("late").parent(&me);
                    let late = late.spawn(move |stop| {
                        stop.wait_until(&soon()).ok();
                        ran.store(stop.is_set(), SeqCst);
                        Ok(())
                    })?;
                    late.release();
                    Ok(())
                })?;
                service.release();
                Ok(())
            }
        });
        parent.join().unwrap();
        assert!(ran.load(SeqCst));
    });
}

// ---- a given parent

/// 258: a given parent tracks the thread: it is asked and joined when that parent ends.
#[test]
fn a_given_parent_does_not_end_before_the_child() {
    World::new().run(|| {
        let group = thread::spawn("group", until_stopped);
        let member = thread::Builder::new("member").parent(&group);
        let member = member.spawn(until_stopped).unwrap();
        assert_eq!(member.path(), format!("{}/member", group.path()));
        group.stop_because("enough");
        assert!(matches!(group.join(), Err(JoinError::Stopped { .. })));
        assert!(member.stopped().is_set());
        let ended = member.join().unwrap_err();
        assert_eq!(ended.stop_reason().unwrap().text(), Some("enough"));
        let late = thread::Builder::new("late").parent(&group);
        match late.spawn(until_stopped) {
            Err(SpawnError::Sealed { name, parent }) => {
                assert_eq!((&*name, &*parent), ("late", group.path()));
            }
            other => panic!("{other:?}"),
        }
    });
}

/// 258: the failure of a child that its spawner released fails nobody, that of one it left fails the parent.
#[test]
fn a_given_parent_answers_for_the_child() {
    World::new().run(|| {
        let group = thread::spawn("group", until_stopped);
        let member = thread::Builder::new("member").parent(&group);
        let member = member.spawn(|_| -> Outcome<()> { Err("broken".into()) });
        let member = member.unwrap();
        member.stopped().wait_until(&soon()).unwrap();
        group.stop();
        assert!(matches!(group.join(), Err(JoinError::Children(_))));
        assert!(matches!(member.join(), Err(JoinError::Taken { .. })));
    });
}

#[test]
fn an_alien_thread_can_give_a_parent_and_is_none_itself() {
    World::new().run(|| {
        let me = thread::current();
        std::thread::scope(|scope| {
            let path = scope.spawn(|| {
                let alien = thread::current();
                let orphan = thread::Builder::new("orphan").parent(&alien);
                let refused = orphan.spawn(until_stopped);
                assert!(matches!(refused, Err(SpawnError::NoTree { .. })));
                let child = thread::Builder::new("child").parent(&me);
                let child = child.spawn(|_| Ok(thread::current().path().to_owned()));
                child.unwrap().join().unwrap()
            });
            assert_eq!(path.join().unwrap(), format!("{}/child", me.path()));
        });
    });
    let gone = World::new().run(thread::current);
    let late = thread::Builder::new("late").parent(&gone);
    match late.spawn(until_stopped) {
        Err(SpawnError::Sealed { parent, .. }) => assert_eq!(&*parent, gone.path()),
        other => panic!("{other:?}"),
    }
}
