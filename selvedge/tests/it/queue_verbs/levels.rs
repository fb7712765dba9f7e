//! Levels.

use crate::sync::{soon, until_it_waits};
use selvedge::sync::{
    PopUntilError, PriorityQueue, PushError, PushUntilError, TryPopError, TryPushError,
};
use selvedge::testing::World;
use selvedge::thread as tree;
use selvedge::{Signal, Till};
use std::thread;
use std::time::Duration;

/// 236: was: priority 0 is treated as none, and never popped.
#[test]
fn level_0_is_delivered_first() {
    let jobs = PriorityQueue::named("jobs", 3, 8);
    for level in [2, 0, 1, 0] {
        jobs.push(level, level).unwrap();
    }
    assert_eq!(jobs.iter().take(4).collect::<Vec<_>>(), [0, 0, 1, 2]);
    let wrong = std::panic::catch_unwind(|| jobs.push(3, 3)).unwrap_err();
    let message = wrong.downcast_ref::<String>().unwrap();
    assert_eq!(message, "queue `jobs` has levels 0 to 2, and no level 3");
    jobs.close();
    assert!(matches!(jobs.push(0, 9), Err(PushError::Closed(9))));
    assert!(matches!(jobs.try_pop(), Err(TryPopError::Closed)));
}

/// The verbs of a queue, with a level; what does not fit comes back.
#[test]
fn every_verb_of_a_level_adds_where_it_says_and_gives_back_what_does_not_fit() {
    let (jobs, set) = (PriorityQueue::bounded(2, 4), Signal::always());
    jobs.extend(1, [10]).unwrap();
    jobs.extend_front(1, [9, 8]).unwrap();
    jobs.try_push_front(0, 1).unwrap();
    assert!(matches!(
        jobs.try_push_front(0, 0),
        Err(TryPushError::Full(0))
    ));
    let late = jobs.push_front_until(0, 0, &set);
    assert!(matches!(late, Err(PushUntilError::Expired(0))));
    assert_eq!(jobs.pop().unwrap(), 1);
    assert!(matches!(jobs.try_extend(0, [2, 3]), Err(TryPushError::Full(rest)) if rest == [3]));
    let late = jobs.extend_until(0, [4, 5], &set);
    assert!(matches!(late, Err(PushUntilError::Expired(rest)) if rest == [4, 5]));
    assert_eq!(jobs.pop_all(), [2, 8, 9, 10]);
    jobs.close();
    assert!(matches!(jobs.extend_front(0, [6]), Err(PushError::Closed(rest)) if rest == [6]));
}

#[test]
fn a_blocked_push_of_any_level_gets_in_when_there_is_room_and_comes_back_at_a_stop() {
    let world = World::new();
    world.run(|| {
        let jobs = PriorityQueue::bounded(2, 1);
        jobs.push(1, "later").unwrap();
        let blocked = tree::spawn("blocked", {
            let jobs = jobs.clone();
            move |_| {
                jobs.push(0, "now")?;
                match jobs.push(1, "too much") {
                    Err(PushError::Stopped("too much", _)) => Ok(()),
                    other => panic!("{other:?}"),
                }
            }
        });
        until_it_waits("blocked");
        assert_eq!(jobs.pop().unwrap(), "later");
        while jobs.is_empty() {
            thread::yield_now();
        }
        until_it_waits("blocked");
        blocked.stop();
        blocked.join_until(&soon()).unwrap();
        assert_eq!(jobs.pop_all(), ["now"]);
        let popped = jobs.pop_until(&Till::after(Duration::from_millis(1)));
        assert!(matches!(popped, Err(PopUntilError::Expired)));
    });
}
