//! Threads: the body, what it captured, what it returned, what it was given.

use std::sync::Mutex;

use selvedge::thread::{self, JoinError, Outcome, Thread};
use selvedge::{Ambient, Signal, local};

use super::{Bomb, WAYS, Way, beside, count, panics, quietly, soon};

/// The ways in which a thread that panics is received, each with the number of reports that nobody joins it.
fn received(name: &'static str, start: impl Fn() -> Thread<()>, of_nobody: usize) {
    let (error, events) = beside(|| start().join_until(&soon()).unwrap_err());
    assert!(matches!(error, JoinError::Panicked(_)), "{error}");
    quietly(|| drop(error));
    assert_eq!(count(&events, &format!("{name} failed")), 1, "{events:#?}");

    let nobody = format!("{name} failed, nobody joins it");
    for waits in [false, true] {
        let ((), events) = beside(|| {
            let thread = start();
            let ended = thread.stopped().clone();
            if waits {
                ended.wait_until(&soon()).unwrap();
            }
            quietly(|| thread.release());
            ended.wait_until(&soon()).unwrap();
            while thread::tree().len() > 2 {
                std::thread::yield_now(); // it leaves when it has reported
            }
        });
        assert_eq!(count(&events, &nobody), of_nobody, "{events:#?}");
    }
}

#[test]
fn a_body() {
    for way in WAYS {
        received("body", || spawn("body", way), 1);
    }
}

fn spawn(name: &str, way: Way) -> Thread<()> {
    thread::spawn(name, move |_| {
        way();
        Ok(())
    })
}

#[test]
fn what_a_body_captured() {
    for way in WAYS {
        let start = || {
            let bomb = Bomb(way);
            thread::spawn("captures", move |_| {
                let _kept = &bomb; // dropped with the closure, after its value was made
                Ok(())
            })
        };
        received("captures", start, 1);
    }
}

/// A failure that is left to the parent, which has failed itself in one round: it reports it, and drops it.
#[test]
fn a_body_whose_failure_is_left_to_the_parent() {
    static LEFT: Mutex<Vec<Thread<()>>> = Mutex::new(Vec::new()); // handles that outlive their tree
    for way in WAYS {
        for parent_fails in [false, true] {
            let (error, events) = beside(|| {
                let parent = thread::spawn("parent", move |_| -> Outcome<()> {
                    LEFT.lock().unwrap().push(spawn("child", way));
                    if parent_fails {
                        way();
                    }
                    Ok(())
                });
                parent.join_until(&soon()).unwrap_err()
            });
            assert_eq!(
                matches!(error, JoinError::Panicked(_)),
                parent_fails,
                "{error}"
            );
            quietly(|| drop(error));
            let nobody = count(&events, "parent/child failed, nobody joins it");
            assert_eq!(nobody, usize::from(parent_fails), "{events:#?}");
            assert_eq!(count(&events, "parent/child failed"), 1, "{events:#?}");
        }
    }
}

#[test]
fn a_result() {
    for way in WAYS {
        let start = |go: &Signal| {
            let go = go.clone();
            thread::spawn("result", move |_| Ok(go.wait().map(|()| Bomb(way))?))
        };
        // Released before its end: dropped by the thread.
        let ((), events) = beside(|| {
            let go = Signal::new();
            let thread = start(&go);
            let ended = thread.stopped().clone();
            thread.release();
            go.set();
            ended.wait_until(&soon()).unwrap();
            while thread::tree().len() > 2 {
                std::thread::yield_now();
            }
        });
        assert_eq!(count(&events, "result ended: finished"), 1, "{events:#?}");
        // Released after its end, and joined: dropped by who has it, whose panic it is.
        beside(|| {
            let late = start(&Signal::always());
            late.stopped().wait_until(&soon()).unwrap();
            panics(|| late.release());
            let joined = start(&Signal::always());
            let value = joined.join_until(&soon()).unwrap();
            quietly(|| drop(joined));
            panics(|| drop(value));
        });
    }
}

#[test]
fn a_result_that_is_given_up_for_a_child_s_failure() {
    static LEFT: Mutex<Vec<Thread<()>>> = Mutex::new(Vec::new());
    for way in WAYS {
        beside(|| {
            let parent = thread::spawn("parent", move |_| {
                LEFT.lock().unwrap().push(spawn("child", way));
                Ok(Bomb(way))
            });
            match parent.join_until(&soon()) {
                Err(JoinError::Children(failures)) => assert_eq!(failures.all().len(), 1),
                other => panic!("{other:?}"),
            }
        });
    }
}

local! { static CARRIED: Bomb; }

/// The thread has the last copy of what was bound: it is dropped in the thread, which fails by it.
#[test]
fn an_ambient_value() {
    for way in WAYS {
        beside(|| {
            let go = Signal::new();
            let wait = go.clone();
            let ambient = CARRIED.bind(Bomb(way), Ambient::capture);
            let builder = thread::Builder::new("carries").ambient(ambient);
            let thread = builder.spawn(move |_| Ok(wait.wait()?)).unwrap();
            go.set();
            let error = thread.join_until(&soon()).unwrap_err();
            assert!(matches!(error, JoinError::Panicked(_)), "{error}");
            // Nobody carries it: it is dropped at the end of the block, outside of it.
            panics(|| CARRIED.bind(Bomb(way), || assert!(CARRIED.is_bound())));
            assert!(!CARRIED.is_bound());
        });
    }
}

/// What a body that never runs had captured: the thread stayed a child for ever.
#[test]
fn the_captures_of_a_body_that_the_system_refuses_to_run() {
    const TOO_MUCH: usize = 1 << 50;
    for way in WAYS {
        let ((), events) = beside(|| {
            let bomb = Bomb(way);
            panics(|| {
                let builder = thread::Builder::new("refused").stack_size(TOO_MUCH);
                builder.spawn(move |_| {
                    let _kept = &bomb;
                    Ok(())
                })
            });
        });
        assert_eq!(count(&events, "refused ended: never ran"), 1, "{events:#?}");
    }
}

#[test]
fn the_captures_of_a_body_that_is_prepared_and_never_started() {
    for way in WAYS {
        let ((), events) = beside(|| {
            let bomb = Bomb(way);
            let prepared = thread::Builder::new("prepared").prepare(move |_| {
                let _kept = &bomb;
                Ok(())
            });
            let prepared = prepared.unwrap();
            quietly(|| drop(prepared));
        });
        assert_eq!(
            count(&events, "prepared ended: never ran"),
            1,
            "{events:#?}"
        );
    }
}
