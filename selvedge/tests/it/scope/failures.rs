//! Failures: one group, each of them once.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Mutex;
use std::time::Duration;

use selvedge::probe::{self, Event};
use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome};
use selvedge::{Signal, Till, signal};

use super::{fails, root_cause, soon, texts, until_stopped};

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
            if let Event::Unreceived {
                thread, failure, ..
            } = event
                && thread.contains("beside-a-panic")
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
