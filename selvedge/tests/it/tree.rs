//! The tree's less common members: services, prepared threads, given parents, aliens; and who is asked when.

use std::any::Any;
use std::error::Error;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{
    self, JoinAllError, JoinError, Outcome, RegisterError, SpawnError, State, Thread,
};
use selvedge::{Ambient, Signal, Till, signal};

/// A bound for what should take no time at all.
fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

/// Ends the handle without releasing the thread: its result is left to the parent.
fn leave<T: Send + 'static>(thread: Thread<T>) {
    static LEFT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new()); // no leak: it can be reached
    LEFT.lock().unwrap().push(Box::new(thread));
}

/// A body that ends when it is asked to.
fn until_stopped(_stop: Signal) -> Outcome<()> {
    Ok(Signal::new().wait()?)
}

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

// ---- aliens

/// Runs `body` as an alien thread that registers with the calling one.
fn as_alien<T: Send>(
    name: &str,
    body: impl FnOnce(Signal) -> Outcome<T> + Send,
) -> Result<T, RegisterError> {
    let me = thread::current();
    std::thread::scope(|scope| {
        let alien = scope.spawn(|| {
            assert!(!thread::current().is_member());
            let ended = thread::Builder::new(name).parent(&me).register(body);
            assert!(!thread::current().is_member(), "it has left");
            ended
        });
        match alien.join() {
            Ok(ended) => ended,
            Err(payload) => std::panic::resume_unwind(payload),
        }
    })
}

/// 268: an alien thread has a path, a stop and children for as long as its block takes. T7: its name is used.
#[test]
fn an_alien_thread_takes_part_for_a_block() {
    let world = World::new();
    world.run(|| {
        let root = thread::current().path().to_owned();
        let seen = as_alien("camera", |stop| {
            assert!(!stop.is_set());
            let child = thread::spawn("child", |_| Ok(thread::current().path().to_owned()));
            let names: Vec<_> = thread::tree()
                .nodes()
                .iter()
                .map(|n| n.name().to_owned())
                .collect();
            assert_eq!(names[1..], ["camera", "child"]);
            Ok((thread::current().path().to_owned(), child.join()?))
        });
        let camera = format!("{root}/camera");
        let child = format!("{camera}/child");
        assert_eq!(seen.unwrap(), (camera, child));
        assert_eq!(thread::tree().len(), 1, "nothing is left in the registry");
    });
    let ends = ["camera/child ended: finished", "camera ended: finished"];
    assert_eq!(world.events()[2..], ends);
}

/// 269: leaving with children ends them as every parent's end does; the body's own error is not replaced.
/// T7: the entry is left whatever happens.
#[test]
fn an_alien_thread_that_leaves_children_joins_them_and_keeps_its_own_error() {
    let world = World::new();
    world.run(|| {
        let left = as_alien("good", |_| {
            thread::spawn("stopped", until_stopped).release();
            leave(thread::spawn("broken", |_| -> Outcome<()> {
                Err("broken".into())
            }));
            Ok(())
        });
        match left {
            Err(RegisterError::Ended(error @ JoinError::Children(_))) => {
                assert!(
                    error.to_string().contains("/good/broken` failed: broken"),
                    "{error}"
                );
            }
            other => panic!("{other:?}"),
        }
        let own = as_alien("bad", |_| -> Outcome<()> {
            leave(thread::spawn("broken", |_| -> Outcome<()> {
                Err("theirs".into())
            }));
            Err("mine".into())
        });
        match own {
            Err(RegisterError::Ended(JoinError::Failed(error))) => {
                assert_eq!(
                    error.to_string(),
                    format!("thread `{}/bad` failed: mine", thread::current())
                );
            }
            other => panic!("{other:?}"),
        }
        let panics = std::panic::catch_unwind(|| {
            as_alien("worse", |_| -> Outcome<()> {
                thread::spawn("stopped", until_stopped).release();
                std::panic::panic_any(17_u8)
            })
        });
        assert_eq!(*panics.unwrap_err().downcast::<u8>().unwrap(), 17);
        assert_eq!(thread::tree().len(), 1);
        assert_eq!(as_alien("fine", |_| Ok(3)).unwrap(), 3);
    });
    let events = world.events();
    for line in [
        "good failed",
        "bad failed",
        "worse failed",
        "worse/stopped ended: stopped",
    ] {
        let times = events.iter().filter(|event| **event == line).count();
        assert_eq!(times, 1, "`{line}` in {events:#?}");
    }
}

/// 270; T7: the stop of the tree asks the alien thread, and waits for it.
#[test]
fn the_end_of_the_tree_asks_an_alien_thread_and_waits_for_it() {
    let ended = Arc::new(AtomicBool::new(false));
    let alien = World::new().run(|| {
        let (me, begun) = (thread::current(), Signal::new());
        let (begin, end) = (begun.clone(), Arc::clone(&ended));
        let alien = std::thread::Builder::new().spawn(move || {
            thread::Builder::new("alien").parent(&me).register(|_| {
                begin.set();
                let stopped = Signal::new().wait();
                signal::shield(|| Till::after(Duration::from_millis(10)).wait())?;
                end.store(true, SeqCst);
                Ok(stopped?)
            })
        });
        begun.wait_until(&soon()).unwrap();
        alien
    });
    assert!(
        ended.load(SeqCst),
        "the tree has not ended before the alien"
    );
    let stopped = alien.unwrap().join().unwrap();
    assert!(matches!(
        stopped,
        Err(RegisterError::Ended(JoinError::Stopped { .. }))
    ));
}

#[test]
fn who_cannot_be_registered_is_told_why() {
    let gone = World::new().run(|| {
        match thread::register("twice", |_| Ok(())) {
            Err(RegisterError::Refused(error @ SpawnError::AlreadyMember { .. })) => {
                assert!(
                    error.to_string().contains(thread::current().path()),
                    "{error}"
                );
            }
            other => panic!("{other:?}"),
        }
        thread::current()
    });
    let late = thread::Builder::new("late").parent(&gone);
    let late = late.register(|_| -> Outcome<()> { unreachable!("it is too late") });
    assert!(matches!(
        late,
        Err(RegisterError::Refused(SpawnError::Sealed { .. }))
    ));
}

/// 271: asking who an alien thread is does not make it a member.
#[test]
fn current_describes_an_alien_thread_and_adopts_it_never() {
    World::new().run(|| {
        let named = std::thread::Builder::new().name("foreign".into());
        let named = named.spawn(|| {
            let current = thread::current();
            let spawned = thread::Builder::new("child").spawn(|_| Ok(()));
            assert!(matches!(spawned, Err(SpawnError::NoTree { .. })));
            assert!(thread::tree().is_empty() && !thread::current().is_member());
            (current.name().to_owned(), current.path().to_owned())
        });
        let name = "foreign".to_owned();
        assert_eq!(named.unwrap().join().unwrap(), (name.clone(), name));
        let unnamed = std::thread::Builder::new().spawn(|| thread::current().name().to_owned());
        assert!(!unnamed.unwrap().join().unwrap().is_empty());
        assert_eq!(thread::tree().len(), 1);
    });
}

// ---- the system's view

/// 248: the kernel has the first 15 bytes of the name, never half a character, and the number that we tell.
#[cfg(target_os = "linux")]
#[test]
fn the_kernel_knows_the_thread_by_the_number_that_we_tell_and_by_15_bytes_of_its_name() {
    World::new().run(|| {
        for (name, kernel) in [
            ("short", "short"),
            ("exactly-15-byte", "exactly-15-byte"),
            ("a-name-that-is-longer", "a-name-that-is-"),
            // The 15th byte would be the first half of the character.
            ("fourteen-bytesé", "fourteen-bytes"),
        ] {
            let (begun, go) = (Signal::new(), Signal::new());
            let thread = thread::spawn(name, {
                let (begun, go) = (begun.clone(), go.clone());
                move |_| {
                    begun.set();
                    Ok(go.wait()?)
                }
            });
            begun.wait_until(&soon()).unwrap();
            let id = thread.os_id().expect("it runs");
            let comm = std::fs::read(format!("/proc/self/task/{id}/comm")).unwrap();
            assert_eq!(String::from_utf8(comm).unwrap(), format!("{kernel}\n"));
            assert_eq!(thread.name(), name);
            go.set();
            thread.join().unwrap();
        }
    });
}
