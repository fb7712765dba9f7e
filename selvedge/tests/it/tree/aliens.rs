//! Threads of somebody else, and what the system sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome, RegisterError, SpawnError};
use selvedge::{Signal, Till, signal};

use super::{leave, soon, until_stopped};

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
