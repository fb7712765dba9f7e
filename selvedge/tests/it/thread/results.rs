//! Results, and what is dropped when.

use std::cell::RefCell;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Outcome};
use selvedge::{Signal, Stopped};

use super::{leave, soon};

/// Counts its drops.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_result_is_dropped_once_whoever_receives_it() {
    let drops = Arc::new(AtomicUsize::new(0));
    World::new().run(|| {
        let make = || {
            let value = Counts(Arc::clone(&drops));
            thread::spawn("maker", move |_| Ok(value))
        };
        let joined = make();
        drop(joined.join().unwrap());
        drop(joined);
        assert_eq!(drops.load(SeqCst), 1);

        let late = make();
        late.stopped().wait_until(&soon()).unwrap();
        late.release();
        assert_eq!(drops.load(SeqCst), 2);

        make().release(); // perhaps before its end
        let parent = {
            let drops = Arc::clone(&drops);
            thread::spawn("parent", move |_| {
                let value = Counts(drops);
                let kept = thread::spawn("child", move |_| Ok(value));
                kept.stopped().wait_until(&soon())?;
                Ok(kept)
            })
        };
        let kept = parent.join_until(&soon()).unwrap();
        assert!(drops.load(SeqCst) <= 3);
        drop(
            kept.join_until(&soon())
                .expect("its parent leaves a value to the handle"),
        );
    });
    assert_eq!(drops.load(SeqCst), 4);
}

/// Panics when dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor panics, on purpose");
    }
}

#[test]
fn a_released_result_whose_destructor_panics_harms_nobody() {
    World::new().run(|| {
        let go = Signal::new();
        let wait = go.clone();
        let thread = thread::spawn("bomb", move |_| Ok(wait.wait().map(|()| Bomb)?));
        let ended = thread.stopped().clone();
        thread.release(); // after its end the destructor would run here
        go.set();
        ended.wait_until(&soon()).unwrap();
        for _ in 0..3 {
            thread::spawn("after", |_| Ok(()))
                .join_until(&soon())
                .unwrap();
        }
    });
}

#[test]
fn a_result_that_is_given_up_for_a_child_s_failure_may_panic_when_dropped() {
    World::new().run(|| {
        let parent = thread::spawn("parent", |_| {
            leave(thread::spawn("child", |_| -> Outcome<()> {
                Err("broken".into())
            }));
            Ok(Bomb)
        });
        match parent.join_until(&soon()) {
            Err(JoinError::Children(_)) => {}
            Err(other) => panic!("{other:?}"),
            Ok(bomb) => std::mem::forget(bomb),
        }
    });
}

#[test]
fn an_error_that_panics_when_dropped_ends_its_thread_all_the_same() {
    #[derive(Debug)]
    struct Explosive(Stopped, DebugBomb);
    struct DebugBomb(Bomb);
    impl std::fmt::Debug for DebugBomb {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let Bomb = &self.0;
            f.write_str("bomb")
        }
    }
    impl std::fmt::Display for Explosive {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("explosive")
        }
    }
    impl Error for Explosive {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    World::new().run(|| {
        let thread = thread::spawn("explosive", |_| -> Outcome<()> {
            let stopped = Signal::new().wait().unwrap_err();
            Err(Explosive(stopped, DebugBomb(Bomb)).into())
        });
        thread.stop();
        assert!(matches!(
            thread.join_until(&soon()),
            Err(JoinError::Stopped { .. })
        ));
    });
}

#[test]
fn thread_locals_of_a_joined_thread_are_gone_when_join_returns() {
    thread_local! {
        static LAST: RefCell<Option<Counts>> = const { RefCell::new(None) };
    }
    World::new().run(|| {
        for i in 1..=100 {
            let drops = Arc::new(AtomicUsize::new(0));
            let counts = Counts(Arc::clone(&drops));
            let thread = thread::spawn("local", move |_| {
                LAST.set(Some(counts));
                Ok(())
            });
            thread.join_until(&soon()).unwrap();
            assert_eq!(drops.load(SeqCst), 1, "round {i}");
        }
    });
}
