//! Limits, and starts with a handshake.

use std::panic::{catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome, SpawnError, StartError};
use selvedge::{Signal, signal};

use super::{Slow, fails, root_cause, soon, texts, until_stopped};

// ---- limits

#[test]
fn no_more_threads_than_the_limit_run_at_once() {
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope("limited", |s| {
        s.limit(3);
        for i in 0..40 {
            let (now, most) = (&now, &most);
            s.spawn(&format!("t{i}"), move |_| {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, SeqCst);
                Ok(())
            });
        }
        Ok(())
    })
    .unwrap();
    assert!((1..=3).contains(&most.into_inner()));
}

#[test]
fn a_spawn_that_waits_for_a_place_obeys_stop_and_then_nothing_ran() {
    let world = World::new();
    world.run(|| {
        let caller = thread::spawn("caller", |_| {
            Ok(thread::scope("s", |s| {
                s.limit(1);
                let go = Signal::new();
                let wait = go.clone();
                // Keeps its place, whoever asks.
                s.spawn("a", move |_| {
                    Ok(signal::shield(|| wait.wait_until(&soon()))?)
                });
                let never = s.spawn("never", |_| -> Outcome<()> { unreachable!() });
                assert!(never.stopped().is_set());
                match never.join() {
                    Err(JoinError::Stopped { thread, stopped }) => {
                        assert!(thread.ends_with("s/never"), "{thread}");
                        assert_eq!(stopped.reason().text(), Some("enough"));
                    }
                    other => panic!("{other:?}"),
                }
                let late = s.spawn_until("late", &Signal::never(), |_| Ok(()));
                assert!(matches!(late, Err(SpawnError::Stopped { .. })), "{late:?}");
                Ok(go.set())
            })?)
        });
        caller.stop_because("enough");
        caller.join().unwrap();
    });
    let events = world.events();
    let started = events.iter().filter(|it| it.ends_with(" started")).count();
    assert_eq!(started, 2, "{events:#?}");
}

#[test]
fn the_other_forms_of_spawn_say_why_nothing_was_started() {
    thread::scope("s", |s| {
        s.limit(1);
        let a = s.try_spawn("a", until_stopped)?;
        let full = s.try_spawn("b", |_| Ok(())).unwrap_err();
        assert!(matches!(full, SpawnError::Full { .. }));
        assert!(full.to_string().contains("`b`"), "{full}");
        let expired = s
            .spawn_until("c", &Signal::always(), |_| Ok(()))
            .unwrap_err();
        assert!(matches!(expired, SpawnError::Expired { .. }));
        assert!(expired.to_string().contains("`c`"), "{expired}");
        a.stop();
        s.spawn_until("d", &soon(), |_| Ok(()))?
            .join_until(&soon())?;
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_limit_is_at_least_one_and_set_once() {
    let zero = catch_unwind(|| {
        thread::scope("s", |s| {
            s.limit(0);
            Ok(())
        })
    });
    assert!(zero.is_err());
    let twice = catch_unwind(|| {
        thread::scope("s", |s| {
            s.limit(1);
            s.limit(2);
            Ok(())
        })
    });
    assert!(twice.is_err());
}

// ---- start

#[test]
fn start_returns_when_the_thread_is_ready_with_its_value() {
    let base = 8000;
    thread::scope("s", |s| {
        let (port, server) = s.start("server", |stop, started| {
            started(&base);
            Ok(stop.wait_until(&soon())?)
        })?;
        assert_eq!(*port, 8000);
        assert!(!server.stopped().is_set());
        server.stop();
        Ok(server.join()?)
    })
    .unwrap();
}

#[test]
fn start_gives_the_error_of_a_thread_that_was_not_ready_and_asks_nobody() {
    thread::scope("s", |s| {
        let other = s.spawn("other", until_stopped);
        for _ in 0..50 {
            let failed = s.start("server", |stop, started: thread::Started<'_, ()>| {
                fails(stop)?;
                started(());
                Ok(())
            });
            match failed {
                Err(error @ StartError::Ended(JoinError::Failed(_))) => {
                    assert_eq!(root_cause(&error).to_string(), "no luck");
                }
                other => panic!("{other:?}"),
            }
        }
        let silent = s.start("silent", |_, started: thread::Started<'_, ()>| {
            drop(started);
            Ok(1)
        });
        assert!(matches!(silent, Err(StartError::Silent { .. })));
        let panics = s.start("panics", |_, _: thread::Started<'_, ()>| -> Outcome<()> {
            panic_any(3_u8)
        });
        assert!(matches!(
            panics,
            Err(StartError::Ended(JoinError::Panicked(_)))
        ));
        assert!(!signal::stop().is_set());
        other.stop();
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_failure_after_started_is_one_of_the_scope() {
    let failures = thread::scope("s", |s| {
        let ((), thread) = s.start("server", |stop, started| {
            started(());
            fails(stop)
        })?;
        drop(thread);
        Ok(Signal::new().wait()?) // is asked
    });
    assert_eq!(
        texts(&failures.unwrap_err()),
        ["thread `s/server` failed: no luck"]
    );
}

#[test]
fn a_start_that_is_given_up_leaves_no_thread() {
    let ended = AtomicBool::new(false);
    thread::scope("s", |s| {
        let late = s.start_until("slow", &Signal::always(), |stop, started| {
            signal::shield(|| stop.wait_until(&soon()))?;
            drop(Slow(&ended));
            drop::<thread::Started<'_, ()>>(started);
            Ok(())
        });
        assert!(matches!(late, Err(StartError::Expired { .. })), "{late:?}");
        assert!(ended.load(SeqCst));
        s.stop();
        let interrupted = s.start("slow", |stop, started: thread::Started<'_, ()>| {
            stop.wait()?;
            started(());
            Ok(())
        });
        assert!(
            matches!(interrupted, Err(StartError::Interrupted(_)) | Ok(_)),
            "{interrupted:?}"
        );
        Ok(())
    })
    .unwrap();
}
