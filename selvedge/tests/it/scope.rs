//! Scopes: what borrows ends before the borrow, on every way out; failures come as one group.

use std::cell::RefCell;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use selvedge::probe::{self, Event};
use selvedge::testing::World;
use selvedge::thread::{
    self, Failures, JoinError, Outcome, ScopedThread, SpawnError, StartError, State,
};
use selvedge::{Signal, Stopped, Till, local, signal};

/// A bound for what should take no time at all.
fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

fn until_stopped(_stop: Signal) -> Outcome<()> {
    Ok(Signal::new().wait()?)
}

fn fails(_stop: Signal) -> Outcome<()> {
    Err("no luck".into())
}

fn texts(failures: &Failures) -> Vec<String> {
    failures.all().iter().map(ToString::to_string).collect()
}

/// The `Stopped` in which the sources of `error` end.
fn root_cause<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// Notes when it is dropped, after a while in which others could notice that it is not.
struct Slow<'a>(&'a AtomicBool);

impl Drop for Slow<'_> {
    fn drop(&mut self) {
        for _ in 0..1000 {
            std::thread::yield_now();
        }
        self.0.store(true, SeqCst);
    }
}

// ---- borrowing and joining

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
    // The scope's own value, given up because a thread failed.
    let result = catch_unwind(|| {
        thread::scope("value", |s| {
            s.isolate();
            s.spawn("fails", fails);
            Ok(Torn)
        })
        .map(std::mem::forget)
    });
    assert_eq!(result.unwrap_err().downcast_ref(), Some(&"torn"));
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

// ---- failures

// catalogue 267
#[test]
fn payloads_of_panics_come_whole() {
    let failures = thread::scope("panics", |s| {
        s.isolate();
        s.spawn("number", |_| -> Outcome<()> { panic_any(42_u8) });
        let text = s.spawn("text", |_| -> Outcome<()> { panic!("torn {}", 1) });
        match text.join() {
            Err(JoinError::Panicked(panic)) => assert_eq!(panic.message(), "torn 1"),
            other => panic!("{other:?}"),
        }
        Ok(())
    });
    let mut all = failures.unwrap_err().into_all();
    match all.pop() {
        Some(JoinError::Panicked(panic)) => {
            assert_eq!(panic.thread(), "panics/number");
            assert_eq!(panic.into_payload().downcast_ref(), Some(&42_u8));
        }
        other => panic!("{other:?}"),
    }
    assert!(all.is_empty(), "the other one was received by its joiner");
}

#[test]
fn the_first_failure_asks_the_siblings_and_says_who() {
    let failures = thread::scope("fetch", |s| {
        let sibling = s.spawn("b", until_stopped);
        s.spawn("a", fails);
        // The closure is asked as well, but the end of the sibling counts first.
        sibling.stopped().wait_until(&soon()).unwrap_or(());
        while !sibling.stopped().is_set() {
            std::thread::yield_now();
        }
        match sibling.join() {
            Err(error @ JoinError::Stopped { .. }) => {
                let text = error.stop_reason().and_then(|reason| reason.text());
                assert_eq!(text, Some("its sibling `fetch/a` failed"));
                assert_eq!(error.stop_reason().unwrap().thread(), "fetch/a");
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    })
    .unwrap_err();
    assert_eq!(texts(&failures), ["thread `fetch/a` failed: no luck"]);
    assert_eq!(failures.thread(), "fetch");
    assert_eq!(failures.source().unwrap().to_string(), texts(&failures)[0]);
    assert_eq!(root_cause(&failures).to_string(), "no luck");
}

#[test]
fn a_failure_ends_what_the_closure_waits_for_and_is_what_comes_back() {
    for shielded in [false, true] {
        let failures = thread::scope("fetch", |s| {
            let never = Signal::new();
            s.spawn("a", fails);
            if shielded {
                // A shield is a shield: only its own limits count.
                let till = Till::after(Duration::from_millis(5));
                assert!(matches!(
                    signal::shield(|| never.wait_until(&till)),
                    Err(signal::WaitError::Expired)
                ));
            }
            let stopped = never.wait().unwrap_err();
            assert!(!stopped.is_deadline());
            assert!(stopped.to_string().contains("`fetch/a`"), "{stopped}");
            Err::<(), _>(stopped.into())
        })
        .unwrap_err();
        assert_eq!(texts(&failures), ["thread `fetch/a` failed: no luck"]);
    }
    assert!(!signal::stop().is_set());
}

#[test]
fn the_joiner_of_a_failed_thread_hears_of_its_failure_not_of_the_stop() {
    for _ in 0..200 {
        thread::scope("race", |s| match s.spawn("a", fails).join() {
            Err(JoinError::Failed(_)) => Ok(()),
            other => panic!("{other:?}"),
        })
        .unwrap();
    }
}

#[test]
fn isolated_threads_are_left_alone_and_failures_come_in_their_order() {
    let failures = thread::scope("shards", |s| {
        s.isolate();
        let mut before: Option<Signal> = None;
        let mut threads = Vec::new();
        for name in ["c", "a", "b"] {
            let first = before.take();
            let thread = s.spawn(name, move |stop| {
                first.map_or(Ok(()), |first| first.wait())?;
                assert!(!stop.is_set());
                fails(stop)
            });
            before = Some(thread.stopped().clone());
            threads.insert(0, thread); // dropped in another order
        }
        Ok(())
    })
    .unwrap_err();
    assert_eq!(
        texts(&failures),
        ["c", "a", "b"].map(|name| format!("thread `shards/{name}` failed: no luck"))
    );
    assert_eq!(
        failures.to_string(),
        format!(
            "scope `shards` ended with 3 errors: {}",
            texts(&failures).join("; ")
        )
    );
}

#[test]
fn each_failure_is_told_once_and_those_beside_a_panic_are_reported() {
    let world = World::new();
    let reported = std::sync::Arc::new(Mutex::new(Vec::new()));
    let heard = probe::subscribe({
        let reported = std::sync::Arc::clone(&reported);
        move |event| {
            if let Event::Unreceived { failure, .. } = event
                && failure.to_string().contains("beside-a-panic")
            {
                reported.lock().unwrap().push(failure.to_string());
            }
        }
    });
    world.run(|| {
        let result = catch_unwind(AssertUnwindSafe(|| {
            thread::scope("s", |s| -> Outcome<()> {
                let stopped = s.spawn("beside-a-panic", fails).stopped().clone();
                while !stopped.is_set() {
                    std::thread::yield_now();
                }
                panic_any("closure")
            })
        }));
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&"closure"));
    });
    drop(heard);
    assert_eq!(reported.lock().unwrap().len(), 1);
    let failed = world
        .events()
        .iter()
        .filter(|it| it.ends_with("panic failed"))
        .count();
    assert_eq!(failed, 1, "{:#?}", world.events());
}

#[test]
fn failures_that_were_joined_come_back_once() {
    let failures = thread::scope("s", |s| {
        s.isolate();
        let a = s.spawn("a", fails);
        assert!(matches!(a.join(), Err(JoinError::Failed(_))));
        assert!(matches!(a.join(), Err(JoinError::Taken { .. })));
        s.spawn("b", fails).join()?; // passed on
        Ok(())
    });
    assert_eq!(
        texts(&failures.unwrap_err()),
        ["thread `s/b` failed: no luck"]
    );
}

#[test]
fn nothing_but_the_value_is_dropped_with_the_handle() {
    thread::scope("s", |s| {
        drop(s.spawn("a", fails));
        Ok(())
    })
    .expect_err("the failure comes back");
}

// ---- stop

#[test]
fn what_asks_the_caller_asks_the_scope_and_passed_on_it_ends_the_caller_as_stopped() {
    let world = World::new();
    world.run(|| {
        let caller = thread::spawn("caller", |_| {
            Ok(thread::scope("s", |s| {
                let a = s.spawn("a", until_stopped);
                Ok(a.join()?)
            })?)
        });
        caller.stop_because("enough");
        let error = caller.join().unwrap_err();
        assert_eq!(error.stop_reason().unwrap().text(), Some("enough"));
    });
    let events = world.events();
    for line in [
        "caller/s/a asked to stop",
        "caller/s/a ended: stopped",
        "caller ended: stopped",
    ] {
        assert!(
            events.iter().any(|it| it == line),
            "`{line}` in {events:#?}"
        );
    }
    assert!(
        !events.iter().any(|it| it.starts_with("caller/s ")),
        "{events:#?}"
    );
}

#[test]
fn threads_of_a_shielded_scope_do_not_see_outer_stops() {
    World::new().run(|| {
        let caller = thread::spawn("caller", |stop| {
            signal::shield(|| {
                thread::scope("clean-up", |s| {
                    let part = s.spawn("part", |own| {
                        stop.wait_until(&soon())?; // the caller's, which is set
                        assert!(!own.is_set());
                        let deeper = thread::spawn("deeper", |own| Ok(own.is_set()));
                        Ok(deeper.join()?)
                    });
                    Ok(part.join()?)
                })
            })
            .map_err(Into::into)
        });
        caller.stop();
        assert!(!caller.join().unwrap());
    });
}

#[test]
fn threads_stop_with_the_deadline_of_the_caller() {
    let world = World::with_mock_clock();
    world.run(|| {
        let hour = Duration::from_secs(3600);
        let late = Till::after(hour);
        let asleep = Signal::new();
        let result = signal::deadline(&late, || {
            thread::scope("s", |s| {
                s.spawn("a", |_| {
                    asleep.set();
                    until_stopped(Signal::never())
                });
                asleep.wait()?;
                world.advance(hour);
                Ok(Signal::new().wait()?)
            })
        });
        let error = result.unwrap_err();
        match error.all() {
            [JoinError::Stopped { thread, stopped }] => {
                assert!(thread.ends_with("/s"), "{thread}");
                assert!(stopped.is_deadline());
            }
            other => panic!("{other:?}"),
        }
        assert!(root_cause(&error).is::<Stopped>());
    });
    assert!(world.events().contains(&"s/a ended: stopped".to_owned()));
}

#[test]
fn a_deadline_of_the_closure_is_its_own_error() {
    let failures = thread::scope("s", |s| {
        s.spawn("a", until_stopped);
        Ok(signal::deadline(&Signal::always(), || {
            Signal::new().wait()
        })?)
    })
    .unwrap_err();
    assert!(
        matches!(failures.all(), [JoinError::Failed(_)]),
        "{failures:?}"
    );
}

#[test]
fn a_stop_of_another_that_the_closure_was_not_asked_to_is_its_error() {
    let failures = thread::scope("s", |s| {
        let a = s.spawn("a", until_stopped);
        a.stop();
        Ok(a.join()?)
    })
    .unwrap_err();
    match failures.all() {
        [JoinError::Failed(error)] => assert_eq!(error.thread(), "s"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_scope_whose_stop_is_set_already_still_runs() {
    World::new().run(|| {
        let caller = thread::spawn("caller", |stop| {
            signal::shield(|| stop.wait())?;
            Ok(thread::scope("s", |s| {
                let a = s.spawn("a", |stop| Ok(stop.is_set()));
                signal::shield(|| Ok(a.join()?))
            })?)
        });
        caller.stop();
        assert!(caller.join().unwrap());
    });
}

#[test]
fn stop_asks_the_scope_and_leaves_the_caller_alone() {
    thread::scope("s", |s| {
        let a = s.spawn("a", until_stopped);
        s.stop_because("done");
        let stopped = Signal::new().wait().unwrap_err();
        assert_eq!(stopped.reason().text(), Some("done"));
        drop(a);
        Ok(())
    })
    .unwrap();
    assert!(!signal::stop().is_set());
}

// ---- the tree

#[test]
fn a_scope_is_a_place_in_the_tree() {
    World::new().run(|| {
        let root = thread::current().path().to_owned();
        thread::scope("fetch", |s| {
            let a = s.spawn("a", |_| {
                let plain = thread::spawn("plain", |_| Ok(thread::current().path().to_owned()));
                Ok((thread::current().path().to_owned(), plain.join()?))
            });
            assert_eq!((a.name(), a.path()), ("a", &*format!("{root}/fetch/a")));
            assert_eq!(s.path(), format!("{root}/fetch"));
            let b = s.spawn("b", until_stopped);
            let (path, plain) = a.join()?;
            assert_eq!(path, a.path());
            assert_eq!(plain, format!("{path}/plain"));
            let tree = thread::tree();
            let nodes: Vec<_> = tree
                .nodes()
                .iter()
                .map(|n| (n.name(), n.depth(), n.is_scope(), n.state()))
                .collect();
            let running = State::Running;
            assert_eq!(
                nodes,
                [
                    (&*root, 0, false, running),
                    ("fetch", 1, true, running),
                    ("b", 2, false, running)
                ]
            );
            assert!(tree.to_string().contains("└─ fetch"), "{tree}");
            assert!(tree.to_string().contains("scope, running"), "{tree}");
            b.stop();
            Ok(())
        })
        .unwrap();
        assert_eq!(thread::tree().len(), 1);
    });
}

#[test]
fn outside_a_tree_a_scope_is_a_root_of_its_own() {
    assert!(thread::tree().is_empty());
    thread::scope("alone", |s| {
        let a = s.spawn("a", |_| {
            let inner = thread::spawn("inner", |_| Ok(thread::current().path().to_owned()));
            assert_eq!(thread::tree().nodes()[0].name(), "alone");
            Ok(inner.join()?)
        });
        assert_eq!(a.join()?, "alone/a/inner");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_scope_in_the_end_of_its_thread_works_as_well() {
    struct AtTheEnd;
    static RAN: AtomicBool = AtomicBool::new(false);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            // The thread's children are sealed, or it is no member any more.
            thread::scope("late", |s| {
                s.spawn("a", |_| {
                    RAN.store(true, SeqCst);
                    Ok(())
                });
                Ok(())
            })
            .unwrap();
        }
    }
    World::new().run(|| {
        let thread = thread::spawn("ends", |_| {
            thread::spawn("fails", fails).stopped().wait()?;
            std::mem::forget(thread::spawn("fails", fails));
            Ok(AtTheEnd)
        });
        assert!(thread.join().is_err());
    });
    assert!(RAN.load(SeqCst));
}

// ---- ambient

#[test]
fn the_ambient_is_inherited_on_request_from_where_spawn_is_called() {
    local! { static USER: &'static str; }
    let read = |_: Signal| Ok(USER.get().ok().map(|user| *user));
    USER.bind("Ada", || {
        thread::scope("s", |s| {
            assert_eq!(s.spawn("bare", read).join()?, None);
            s.inherit();
            assert_eq!(s.spawn("carried", read).join()?, Some("Ada"));
            let inner = USER.bind("Eve", || s.spawn("inner", read));
            assert_eq!(inner.join()?, Some("Eve"));
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn inherited_deadlines_end_threads_as_stopped() {
    for _ in 0..50 {
        let world = World::with_mock_clock();
        world.run(|| {
            let late = Till::after(Duration::from_secs(1));
            let _ = signal::deadline(&late, || {
                thread::scope("s", |s| {
                    s.inherit();
                    s.spawn("a", until_stopped);
                    world.advance(Duration::from_secs(1));
                    Ok(())
                })
            });
        });
        assert!(world.events().contains(&"s/a ended: stopped".to_owned()));
    }
}

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

// ---- the first success

#[test]
fn the_first_success_wins_and_the_others_are_stopped_and_joined() {
    let ended = AtomicUsize::new(0);
    let name = "borrowed".to_owned();
    let won = thread::first_success(
        "race",
        ["bad", "good", "slow"].map(|who| {
            let (ended, name) = (&ended, &name);
            (who, move |stop: Signal| {
                let result = match who {
                    "bad" => Err("bad".into()),
                    "good" => Ok(name.as_str()),
                    _ => stop
                        .wait_until(&soon())
                        .map(|()| "slow")
                        .map_err(Into::into),
                };
                ended.fetch_add(1, SeqCst);
                result
            })
        }),
    );
    assert!(["borrowed", "slow"].contains(&won.unwrap()));
    assert!(ended.into_inner() >= 2);
}

#[test]
fn without_a_success_all_failures_come_as_a_group() {
    let failed = thread::first_success("race", ["a", "b"].map(|who| (who, fails))).unwrap_err();
    assert_eq!(failed.all().len(), 2);
    let none = [("a", fails)].into_iter().take(0);
    let empty = thread::first_success("race", none).unwrap_err();
    assert!(empty.all().is_empty() && empty.source().is_none());
    assert_eq!(empty.to_string(), "scope `race` ended with 0 errors");
    let stopped = signal::deadline(&Signal::always(), || {
        thread::first_success("race", [("a", until_stopped)])
    });
    match stopped.unwrap_err().all() {
        [JoinError::Stopped { stopped, .. }] => assert!(stopped.is_deadline()),
        other => panic!("{other:?}"),
    }
}

// ---- many at once

#[test]
fn many_threads_started_joined_dropped_and_failing_at_random_are_all_accounted_for() {
    let (ran, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut received = 0;
    let result = thread::scope("many", |s| {
        s.isolate();
        let mut threads: Vec<ScopedThread<'_, usize>> = Vec::new();
        for i in 0..300_usize {
            let (ran, failed) = (&ran, &failed);
            let thread = s.spawn(&format!("t{i}"), move |_| {
                ran.fetch_add(1, SeqCst);
                if i % 7 == 0 {
                    failed.fetch_add(1, SeqCst);
                    return Err("seventh".into());
                }
                Ok(i)
            });
            match i % 4 {
                0 => drop(thread),
                1 => std::mem::forget(thread),
                2 => received += usize::from(thread.join().is_err()),
                _ => threads.push(thread),
            }
        }
        for thread in threads {
            received += usize::from(thread.join().is_err());
        }
        Ok(())
    });
    assert_eq!(ran.into_inner(), 300);
    let all = result.unwrap_err().into_all();
    assert_eq!(all.len() + received, failed.into_inner());
}
