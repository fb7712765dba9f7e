//! The first success, and many threads at random.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use selvedge::thread::{self, JoinError, ScopedThread};
use selvedge::{Signal, signal};

use super::{fails, soon, until_stopped};

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
