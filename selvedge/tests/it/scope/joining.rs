//! Borrowing and joining.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use selvedge::Signal;
use selvedge::testing::World;
use selvedge::thread::{self, JoinError};

use super::{Slow, fails, texts};

#[test]
fn threads_borrow_from_the_caller_and_results_may_too() {
    let mut words = vec!["warp".to_owned(), "weft".to_owned()];
    let seen = Mutex::new(Vec::new());
    let longest = thread::scope("words", |s| {
        let parts: Vec<_> = words
            .iter()
            .map(|word| {
                let seen = &seen;
                s.spawn(word, move |_stop| {
                    seen.lock().unwrap().push(word.len());
                    Ok(word.as_str())
                })
            })
            .collect();
        let mut all = Vec::new();
        for part in parts {
            all.push(part.join()?);
        }
        Ok(all.concat())
    });
    assert_eq!(longest.unwrap(), "warpweft");
    words.push("free again".to_owned());
    assert_eq!(seen.into_inner().unwrap(), [4, 4]);
}

// catalogue 266
#[test]
fn every_way_out_joins_everything_and_a_failed_closure_asks_first() {
    #[derive(Clone, Copy, PartialEq)]
    enum Way {
        Return,
        Error,
        Panic,
    }
    for way in [Way::Return, Way::Error, Way::Panic] {
        let (ended, kept) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let go = Signal::new();
        let result = catch_unwind(AssertUnwindSafe(|| {
            thread::scope("work", |s| {
                for name in ["a", "b"] {
                    s.spawn(name, |stop| {
                        if way == Way::Return {
                            go.wait()?;
                            kept.fetch_add(usize::from(!stop.is_set()), SeqCst);
                        } else {
                            stop.wait()?;
                        }
                        ended.fetch_add(1, SeqCst);
                        Ok(())
                    });
                }
                match way {
                    Way::Return => Ok(go.set()),
                    Way::Error => Err("closure".into()),
                    Way::Panic => panic_any(7_i32),
                }
            })
        }));
        assert_eq!(ended.load(SeqCst), 2);
        match (way, result) {
            (Way::Return, Ok(Ok(true))) => assert_eq!(kept.load(SeqCst), 2, "they were asked"),
            (Way::Error, Ok(Err(failures))) => {
                assert_eq!(texts(&failures), ["thread `work` failed: closure"]);
            }
            (Way::Panic, Err(payload)) => assert_eq!(payload.downcast_ref(), Some(&7_i32)),
            (_, other) => panic!("{other:?}"),
        }
    }
}

thread_local! {
    static AT_EXIT: RefCell<Option<Slow<'static>>> = const { RefCell::new(None) };
}

/// rust#116237: with std's scope they may run when it has returned.
#[test]
fn destructors_of_thread_locals_outlive_no_scope() {
    static RAN: [AtomicBool; 4] = [const { AtomicBool::new(false) }; 4];
    let leave = |i: usize| {
        AT_EXIT.set(Some(Slow(&RAN[i])));
        Ok(())
    };
    thread::scope("scope", |s| {
        s.spawn("dropped", move |_| leave(0));
        std::mem::forget(s.spawn("forgotten", move |_| leave(1)));
        s.spawn("grandparent", move |_| {
            s.spawn("grandchild", move |_| leave(2));
            Ok(())
        });
        let joined = s.spawn("joined", move |_| leave(3));
        joined.join()?;
        assert!(RAN[3].load(SeqCst), "join waits for the OS thread");
        Ok(())
    })
    .unwrap();
    assert!(RAN.iter().all(|ran| ran.load(SeqCst)));
}

#[test]
fn results_that_borrow_are_dropped_before_the_scope_returns() {
    let (dropped, joined, kept) = (
        AtomicBool::new(false),
        AtomicBool::new(false),
        AtomicBool::new(false),
    );
    thread::scope("results", |s| {
        s.spawn("dropped", |_| Ok(Slow(&dropped)));
        drop(s.spawn("joined", |_| Ok(Slow(&joined))).join()?);
        let kept = s.spawn("kept", |_| Ok(Slow(&kept)));
        kept.stopped().wait()?;
        Ok(())
    })
    .unwrap();
    for flag in [dropped, joined, kept] {
        assert!(flag.into_inner());
    }
}

#[test]
fn a_result_that_panics_when_dropped_skips_no_join() {
    struct Torn;
    impl Drop for Torn {
        fn drop(&mut self) {
            panic!("torn");
        }
    }
    let ended = AtomicBool::new(false);
    // In the thread, whose handle is gone: told by the panic hook, and no failure of the thread.
    thread::scope("quiet", |s| {
        let go = Signal::new();
        let wait = go.clone();
        drop(s.spawn("torn", move |_| Ok(wait.wait().map(|()| Torn)?)));
        go.set();
        Ok(())
    })
    .unwrap();
    // In the closure, which it unwinds.
    let result = catch_unwind(AssertUnwindSafe(|| {
        thread::scope("loud", |s| {
            s.spawn("other", |stop| {
                let _ = stop.wait();
                drop(Slow(&ended));
                Ok(())
            });
            let torn = s.spawn("torn", |_| Ok(Torn));
            torn.stopped().wait()?;
            drop(torn);
            Ok(())
        })
    }));
    assert_eq!(result.unwrap_err().downcast_ref(), Some(&"torn"));
    assert!(ended.into_inner());
    // The scope's own value, given up because a thread failed: as in the thread, so that the errors come.
    let failures = thread::scope("value", |s| {
        s.isolate();
        s.spawn("fails", fails);
        Ok(Torn)
    })
    .map(std::mem::forget)
    .unwrap_err();
    assert_eq!(failures.all().len(), 1, "{failures}");
}

#[test]
fn the_destructor_of_a_result_may_use_the_scope() {
    struct Last<'scope, 'env>(&'scope thread::Scope<'scope, 'env>, &'scope AtomicBool);
    impl Drop for Last<'_, '_> {
        fn drop(&mut self) {
            let ran = self.1;
            self.0.spawn("last", move |_| {
                drop(Slow(ran));
                Ok(())
            });
        }
    }
    for _ in 0..5 {
        let ran = AtomicBool::new(false);
        thread::scope("s", |s| {
            let ran = &ran;
            s.spawn("a", move |_| Ok(Last(s, ran)));
            Ok(())
        })
        .unwrap();
        assert!(ran.into_inner());
    }
}

#[test]
fn a_forgotten_handle_loses_no_failure() {
    let failed = thread::scope("forgetful", |s| {
        std::mem::forget(s.spawn("a", fails));
        Ok(())
    });
    assert_eq!(
        texts(&failed.unwrap_err()),
        ["thread `forgetful/a` failed: no luck"]
    );
}

#[test]
fn threads_that_ended_do_not_pile_up() {
    World::new().run(|| {
        thread::scope("many", |s| {
            for i in 0..200 {
                let thread = s.spawn("short", |_| Ok(()));
                let stopped = thread.stopped().clone();
                if i % 2 == 0 {
                    drop(thread);
                    stopped.wait()?;
                } else {
                    stopped.wait()?;
                    drop(thread);
                }
            }
            // The last of them may still be leaving.
            let left = || thread::tree().len();
            while left() > 3 {
                std::thread::yield_now();
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(thread::tree().len(), 1);
    });
}

#[test]
fn threads_of_a_scope_start_others_in_it() {
    let count = AtomicUsize::new(0);
    thread::scope("family", |s| {
        s.spawn("child", |_| {
            for _ in 0..3 {
                s.spawn("grandchild", |_| {
                    s.spawn("great-grandchild", |_| Ok(count.fetch_add(1, SeqCst)));
                    Ok(())
                });
            }
            Ok(())
        });
        Ok(())
    })
    .unwrap();
    assert_eq!(count.into_inner(), 3);
}

#[test]
fn scopes_nest_and_an_inner_group_stands_in_the_outer_one() {
    let failed = thread::scope("outer", |s| {
        s.spawn("mid", |_| {
            Ok(thread::scope("inner", |s| {
                s.spawn("leaf", fails);
                Ok(())
            })?)
        })
        .stopped()
        .wait()?;
        Ok(())
    })
    .unwrap_err();
    let text = failed.to_string();
    assert!(
        text.contains("scope `outer` ended with 1 error: "),
        "{text}"
    );
    assert!(
        text.contains("`outer/mid/inner/leaf` failed: no luck"),
        "{text}"
    );
    let failed = thread::scope("outer", |_| {
        Ok(thread::scope("inner", |s| {
            s.spawn("leaf", fails);
            Ok(())
        })?)
    })
    .unwrap_err();
    match failed.all() {
        [JoinError::Children(inner)] => assert_eq!(inner.thread(), "inner"),
        other => panic!("{other:?}"),
    }
}
