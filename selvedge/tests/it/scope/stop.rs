//! Who is asked to stop by whom.

use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{self, JoinError};
use selvedge::{Signal, Stopped, Till, signal};

use super::{root_cause, soon, until_stopped};

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
                s.spawn("a", |stop| {
                    asleep.set();
                    let error = until_stopped(Signal::never());
                    assert!(stop.reason().unwrap().is_deadline()); // the thread is told why, too
                    error
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
