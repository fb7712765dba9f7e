//! Groups: nobody escapes a stop, who waits for all waits for all, and a context that was activated is seen.
//!
//! ```text
//!   spawner              asker                    joiner
//!     |  admitted          |                        |
//!     |                    |  stop: lists members   |
//!     |  (asked, or finds the group stopped)        |
//!     |  child ends: `stopped`, then dismissed      |  finds nobody: all have ended
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use selvedge::call::Condition;
use selvedge::testing::World;
use selvedge::thread::{self, Builder};
use selvedge::{Group, Signal, context, open, signal};

use crate::{check, either_order, pause, spawn};

#[test]
fn nobody_who_comes_while_a_group_is_asked_to_stop_escapes() {
    check(|| {
        World::new().run(|| {
            let group = Group::new("g");
            let parent = thread::spawn("parent", {
                let group = group.clone();
                move |_| {
                    let builders = ["a", "b"].map(|name| Builder::new(name).group(&group));
                    let children = builders.map(|builder| {
                        pause();
                        builder.spawn(|stop| Ok(stop.wait()?)).unwrap()
                    });
                    // Not by the parent's end, which asks them anyway: this would hang.
                    signal::shield(|| {
                        for child in &children {
                            let ended = child.join();
                            assert!(ended.is_ok());
                        }
                    });
                    Ok(())
                }
            });
            pause();
            group.stop();
            parent.join().unwrap();
            assert!(group.try_join_all());
        });
    });
}

#[test]
fn who_waits_for_a_group_finds_all_ended_and_is_woken_by_the_last() {
    check(|| {
        World::new().run(|| {
            let group = Group::new("g");
            let running = Arc::new(AtomicU32::new(0));
            let member = |name: &str| {
                let running = Arc::clone(&running);
                running.fetch_add(1, SeqCst);
                let builder = Builder::new(name).group(&group);
                let body = move |_: Signal| {
                    pause();
                    running.fetch_sub(1, SeqCst);
                    Ok(())
                };
                builder.spawn(body).unwrap()
            };
            let threads = [member("a"), member("b")];
            pause();
            group.join_all().unwrap();
            assert_eq!(running.load(SeqCst), 0);
            for thread in &threads {
                assert!(
                    thread.stopped().is_set(),
                    "found to have ended before it has"
                );
            }
            assert!(group.threads().is_empty());
        });
    });
}

#[test]
fn a_stop_and_the_end_of_the_members_do_not_meet_badly() {
    check(|| {
        World::new().run(|| {
            let group = Group::new("g");
            let thread = Builder::new("short").group(&group).spawn(|_| Ok(()));
            let asker = spawn({
                let group = group.clone();
                move || group.stop()
            });
            either_order(
                || assert!(thread.unwrap().join().is_ok()),
                || group.join_all().unwrap(),
            );
            asker.join().unwrap();
            assert!(group.try_join_all());
        });
    });
}

#[test]
fn a_context_is_seen_by_the_group_exactly_while_a_guard_is_there() {
    check(|| {
        context! { static ON = "on"; }
        #[open]
        fn which() -> u32 {
            0
        }
        which::bind(&[Condition::Group(&ON)], |_, _| 1);
        World::new().run(|| {
            let group = Group::new("g");
            let (begun, over) = (
                Arc::new(AtomicBool::new(false)),
                Arc::new(AtomicBool::new(false)),
            );
            let first = group.activate(&ON);
            let caller = Builder::new("caller").group(&group).spawn({
                let (begun, over) = (Arc::clone(&begun), Arc::clone(&over));
                move |_| {
                    begun.store(true, SeqCst);
                    for _ in 0..3 {
                        let ended = over.load(SeqCst);
                        let seen = which();
                        // Before the last guard began to go it is on, after it is gone off.
                        assert!(!ended || seen == 0);
                        pause();
                    }
                    Ok(())
                }
            });
            // Overlapping guards: it never goes off between them.
            let second = spawn({
                let group = group.clone();
                move || {
                    let on = group.activate(&ON);
                    pause();
                    drop(on);
                }
            });
            let inside = Builder::new("inside").group(&group).spawn(|_| Ok(which()));
            assert_eq!(inside.unwrap().join().unwrap(), 1);
            drop(first);
            second.join().unwrap();
            over.store(true, SeqCst);
            caller.unwrap().join().unwrap();
            assert_eq!(which(), 0);
        });
    });
}

#[test]
fn a_first_call_that_races_the_first_entry_of_a_strict_context_is_refused_inside() {
    check(|| {
        context! { static STRICT = "strict" strict; }
        #[open]
        fn plain() -> u32 {
            0
        }
        let callers = [(); 2].map(|()| {
            spawn(|| {
                assert_eq!(plain(), 0);
                let inside = STRICT.run(|| std::panic::catch_unwind(plain));
                assert!(inside.is_err(), "not refused");
                assert_eq!(plain(), 0);
            })
        });
        for caller in callers {
            caller.join().unwrap();
        }
    });
}
