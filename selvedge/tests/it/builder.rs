//! What can be chosen of a thread before it starts, in the tree and in a scope; and a system that refuses it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome, SpawnError, StartError, State};
use selvedge::{Ambient, Signal, Till, local, signal};

/// No system has so much.
const TOO_MUCH: usize = usize::MAX / 4;

local! { static USER: &'static str; }

/// A bound for what should take no time at all.
fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

/// Waits, stopped or not.
fn through(signal: &Signal) {
    signal::shield(|| signal.wait_until(&soon())).unwrap();
}

fn until_stopped(_stop: Signal) -> Outcome<()> {
    Ok(Signal::new().wait()?)
}

/// Its destructor unwinds, without the panic hook, which would print it.
struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        resume_unwind(Box::new("a bad destructor"));
    }
}

// ---- a system that refuses

/// A thread that the system refused stayed in the tree if the destructor of what its body had captured
/// panicked, and its parent waited for it for ever.
#[test]
fn a_thread_that_the_system_refuses_leaves_the_tree_even_if_its_body_cannot_be_dropped() {
    let world = World::new();
    world.run(|| {
        let huge = || thread::Builder::new("huge").stack_size(TOO_MUCH);
        let refused = huge().spawn(|_stop| Ok(())).unwrap_err();
        assert!(matches!(refused, SpawnError::Os { .. }), "{refused}");
        assert!(refused.to_string().contains("`huge`"), "{refused}");

        let bad = Bad;
        let unwound = catch_unwind(AssertUnwindSafe(|| huge().spawn(move |_stop| Ok(bad))));
        let payload = unwound.expect_err("the destructor panics");
        assert_eq!(payload.downcast_ref(), Some(&"a bad destructor"));

        let bad = Bad;
        let prepared = huge().prepare(move |_stop| Ok(bad)).unwrap();
        let stopped = prepared.stopped().clone();
        assert!(catch_unwind(AssertUnwindSafe(|| prepared.start())).is_err());
        assert!(stopped.is_set());
        assert_eq!(thread::tree().len(), 1, "{}", thread::tree());
    });
    let never_ran = "huge ended: never ran";
    let times = world.events().iter().filter(|it| *it == never_ran).count();
    assert_eq!(times, 3, "{:#?}", world.events());
}

#[test]
fn a_scope_ends_though_the_system_refused_threads_of_it() {
    World::new().run(|| {
        let told = thread::scope("s", |s| {
            s.limit(1);
            let huge = || s.builder("huge").stack_size(TOO_MUCH);
            // With one place, each of them must give it back.
            let refused = [
                huge().spawn(|_stop| Ok(())).unwrap_err(),
                huge().try_spawn(|_stop| Ok(())).unwrap_err(),
                huge().spawn_until(&soon(), |_stop| Ok(())).unwrap_err(),
            ];
            for error in &refused {
                assert!(matches!(error, SpawnError::Os { .. }), "{error}");
            }
            let bad = Bad;
            let body = move |_stop| Ok(bad);
            assert!(catch_unwind(AssertUnwindSafe(|| huge().spawn(body))).is_err());
            let small = s.builder("small").stack_size(256 << 10);
            Ok(small.try_spawn(|_stop| Ok(7))?.join()?)
        });
        assert_eq!(told.unwrap(), 7);
        assert_eq!(thread::tree().len(), 1, "{}", thread::tree());
    });
}

#[test]
fn a_start_that_the_system_refuses_says_so() {
    thread::scope("s", |s| {
        let started = s
            .builder("huge")
            .stack_size(TOO_MUCH)
            .start(|_stop, started| {
                started(1);
                Ok(())
            });
        let refused = started.unwrap_err();
        assert!(
            matches!(refused, StartError::Spawn(SpawnError::Os { .. })),
            "{refused}"
        );
        Ok(())
    })
    .unwrap();
}

// ---- what it runs in

#[test]
fn inherit_means_where_it_is_called_and_not_where_spawn_is() {
    World::new().run(|| {
        let builder = USER.bind("Ada", || thread::Builder::new("t").inherit());
        let seen = USER.bind("Grace", || builder.spawn(|_stop| Ok(*USER.get()?)));
        assert_eq!(seen.unwrap().join().unwrap(), "Ada");

        thread::scope("s", |s| {
            let (ada, grace) = USER.bind("Ada", || {
                (
                    s.builder("ada").inherit(),
                    s.builder("grace").ambient(Ambient::capture()),
                )
            });
            let seen = USER.bind("Grace", || {
                s.inherit(); // of those that choose nothing
                let plain = s.spawn("plain", |_stop| Ok(*USER.get()?));
                let prepared = [ada, grace].map(|it| it.spawn(|_stop| Ok(*USER.get()?)));
                Ok::<_, SpawnError>((plain, prepared))
            })?;
            assert_eq!(seen.0.join()?, "Grace");
            for thread in seen.1 {
                assert_eq!(thread?.join()?, "Ada");
            }
            Ok(())
        })
        .unwrap();
    });
}

/// A deadline that a thread was given is its own: it has failed, and the siblings are asked.
#[test]
fn a_deadline_of_a_thread_of_a_scope_is_its_own() {
    let failures = thread::scope("s", |s| {
        s.spawn("sibling", until_stopped);
        let late = s.builder("late").deadline(&Signal::always());
        late.spawn(|_stop| {
            assert!(signal::stop().is_set());
            until_stopped(signal::stop())
        })?;
        Ok(())
    });
    let failures = failures.unwrap_err();
    assert_eq!(failures.all().len(), 1, "{failures}");
    assert!(failures.to_string().contains("s/late"), "{failures}");
}

/// The other way round: what the scope was asked to comes through a deadline that came along.
#[test]
fn a_stop_of_the_scope_is_seen_through_what_a_thread_inherits() {
    let failures = thread::scope("s", |s| {
        let asked = s.builder("t").inherit().spawn(until_stopped)?;
        s.stop_because("enough");
        let error = signal::shield(|| asked.join().unwrap_err());
        assert_eq!(error.stop_reason().unwrap().text(), Some("enough"));
        Ok(())
    });
    failures.unwrap();
}

// ---- services of a scope

#[test]
fn a_service_of_a_scope_is_asked_when_its_siblings_and_the_closure_have_ended() {
    for way in ["well", "a sibling fails", "the closure fails", "stopped"] {
        let world = World::new();
        let ended = world.run(|| {
            thread::scope("s", |s| {
                let seen = Signal::new();
                let service = s.builder("service").service().spawn(until_stopped)?;
                let late = s.builder("late-service").service().spawn({
                    let seen = seen.clone();
                    move |stop| {
                        let member = s.spawn("member-of-the-service", |_stop| Ok(()));
                        through(member.stopped());
                        seen.set();
                        until_stopped(stop)
                    }
                })?;
                let member = s.spawn("member", move |_stop| match way {
                    "a sibling fails" => Err("no luck".into()),
                    "well" => Ok(seen.wait()?),
                    _ => until_stopped(Signal::new()),
                });
                match way {
                    "well" => {}
                    "a sibling fails" => through(member.stopped()),
                    "the closure fails" => return Err("no luck".into()),
                    _ => s.stop(),
                }
                assert!(!service.stopped().is_set() && !late.stopped().is_set());
                assert_eq!(state_of("s/service"), State::Running);
                Ok(())
            })
        });
        assert_eq!(ended.is_err(), way.ends_with("fails"), "{ended:?}");
        let events = world.events();
        let place = |line: &str| {
            let at = events.iter().position(|event| event == line);
            at.unwrap_or_else(|| panic!("`{line}` in {events:#?}"))
        };
        let member = match way {
            "well" => "s/member ended: finished",
            "a sibling fails" => "s/member ended: failed",
            _ => "s/member ended: stopped",
        };
        for service in ["service", "late-service"] {
            let asked = place(&format!("s/{service} asked to stop"));
            assert!(place(member) < asked, "{way}: {events:#?}");
            place(&format!("s/{service} ended: stopped"));
        }
    }
}

fn state_of(path: &str) -> State {
    let tree = thread::tree();
    let node = tree.nodes().iter().find(|node| node.path().ends_with(path));
    node.unwrap_or_else(|| panic!("{path} in {tree}")).state()
}

#[test]
fn a_service_of_a_scope_can_be_asked_by_its_handle_and_its_failure_counts() {
    let failures = thread::scope("s", |s| {
        let service = s.builder("service").service().spawn(until_stopped)?;
        service.stop();
        let ended = service.join_until(&soon()).unwrap_err();
        assert!(matches!(ended, JoinError::Stopped { .. }), "{ended}");
        let bad = s.builder("bad").service();
        bad.spawn(|_stop| Err::<(), _>("no luck".into()))?;
        s.spawn("sibling", until_stopped); // is asked, as by any failure
        Ok(())
    });
    let failures = failures.unwrap_err();
    assert_eq!(failures.all().len(), 1, "{failures}");
    assert!(failures.to_string().contains("s/bad"), "{failures}");
}

// ---- the rest

/// 248: as of other threads.
#[cfg(target_os = "linux")]
#[test]
fn the_kernel_knows_a_thread_of_a_scope_as_we_tell() {
    thread::scope("s", |s| {
        let (begun, go) = (Signal::new(), Signal::new());
        let thread = s.spawn("fourteen-bytesé", {
            let (begun, go) = (begun.clone(), go.clone());
            move |_stop| {
                begun.set();
                Ok(go.wait()?)
            }
        });
        begun.wait_until(&soon())?;
        let id = thread.os_id().expect("it runs");
        let comm = std::fs::read(format!("/proc/self/task/{id}/comm"))?;
        assert_eq!(String::from_utf8(comm)?, "fourteen-bytes\n");
        go.set();
        Ok(thread.join()?)
    })
    .unwrap();
}
