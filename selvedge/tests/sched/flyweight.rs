//! A value of a flyweight is made once while somebody holds it, whoever asks and whoever lets go.
//!
//! ```text
//!   maker             other               last holder
//!     |  makes          |  waits            |
//!     |  done           |  takes it         |  drops it
//!     |                 |                   |  gone: the next makes another
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use selvedge::shared::isolated;
use selvedge::{Ambient, flyweight};

use crate::{check, pause, spawn};

/// How many live, and how many were made.
static LIVE: [AtomicUsize; 8] = [const { AtomicUsize::new(0) }; 8];
static MADE: [AtomicUsize; 8] = [const { AtomicUsize::new(0) }; 8];

/// Lives once for its key, or says so.
struct Alone(usize);

impl Alone {
    fn new(key: &usize) -> Self {
        assert_eq!(LIVE[*key].fetch_add(1, SeqCst), 0, "two values of one key");
        MADE[*key].fetch_add(1, SeqCst);
        pause();
        Self(*key)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        LIVE[self.0].fetch_sub(1, SeqCst);
    }
}

impl selvedge::shared::Isolate for Alone {
    const INTERIOR: bool = false;
    fn isolate(&self) -> Self {
        unreachable!("nothing changes it")
    }
}

flyweight! {
    static ONCE: usize => Alone = Alone::new;
    static ALONE: usize => Alone = Alone::new;
    static FAILING: usize => usize = |key| {
        pause();
        if MADE[*key].fetch_add(1, SeqCst).is_multiple_of(2) {
            std::panic::resume_unwind(Box::new("every other one fails")); // without a message
        }
        *key
    };
    static CROSSED: usize => usize = |key| {
        pause();
        *CROSSED.get(&(1 - *key))
    };
    static COUNTER: u8 => AtomicUsize = |_| AtomicUsize::new(0);
}

#[test]
fn of_threads_that_ask_at_once_one_makes_the_value() {
    check(|| {
        let before = MADE[0].load(SeqCst);
        let askers = [(); 3].map(|()| spawn(|| ONCE.get(&0)));
        let values = askers.map(|it| it.join().unwrap());
        assert!(values.iter().all(|it| Arc::ptr_eq(it, &values[0])));
        assert_eq!(MADE[0].load(SeqCst), before + 1);
    });
}

/// A value whose last holder lets go may be asked for in that moment.
#[test]
fn a_value_that_is_dropped_and_asked_for_at_once_never_lives_twice() {
    check(|| {
        let holders = [(); 3].map(|()| {
            spawn(|| {
                for _ in 0..2 {
                    let value = ALONE.get(&1);
                    pause();
                    assert_eq!(value.0, 1);
                }
            })
        });
        for holder in holders {
            holder.join().unwrap();
        }
        assert_eq!((LIVE[1].load(SeqCst), ALONE.len()), (0, 0));
    });
}

#[test]
fn a_constructor_that_panics_hands_on_to_who_waits() {
    check(|| {
        let askers =
            [(); 3].map(|()| spawn(|| std::panic::catch_unwind(|| FAILING.get(&2)).is_ok()));
        let made = askers
            .into_iter()
            .filter_map(|it| it.join().ok())
            .filter(|it| *it);
        assert!(made.count() >= 1, "the second attempt succeeds");
    });
}

/// It is told, not waited out for ever.
#[test]
fn keys_that_need_each_other_on_two_threads_fail() {
    check(|| {
        let askers = [0, 1]
            .map(|key| spawn(move || std::panic::catch_unwind(|| CROSSED.get(&key)).is_err()));
        assert_eq!(askers.map(|it| it.join().unwrap()), [true; 2]);
        assert_eq!(CROSSED.len(), 0);
    });
}

#[test]
fn what_a_thread_of_an_isolation_writes_during_the_commit_is_committed_or_kept_apart() {
    check(|| {
        let held = COUNTER.get(&0);
        let before = held.load(SeqCst);
        let (writer, changes) = isolated(|| {
            COUNTER.get(&0).fetch_add(1, SeqCst);
            let ambient = Ambient::capture();
            spawn(move || ambient.run(|| COUNTER.get(&0).fetch_add(1, SeqCst)))
        });
        changes.commit().unwrap();
        let seen = writer.join().unwrap();
        assert_eq!(held.load(SeqCst), before, "the original is as it was");
        // It found what was committed or taken, or, in between, began anew with the original.
        assert!((before..=before + 1).contains(&seen));
        let now = COUNTER.get(&0).load(SeqCst);
        assert!((before + 1..=before + 2).contains(&now));
    });
}

#[test]
fn commits_of_one_value_that_race_conflict_or_both_count() {
    check(|| {
        let _held = COUNTER.get(&1);
        let committers = [(); 2].map(|()| {
            spawn(|| {
                let ((), changes) = isolated(|| {
                    COUNTER.get(&1).fetch_add(1, SeqCst);
                    pause();
                });
                usize::from(changes.commit().is_ok())
            })
        });
        let committed: usize = committers.map(|it| it.join().unwrap()).iter().sum();
        assert!(committed >= 1, "a conflict needs somebody who committed");
        assert_eq!(COUNTER.get(&1).load(SeqCst), committed);
    });
}
