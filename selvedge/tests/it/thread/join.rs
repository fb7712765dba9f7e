//! Joining: who receives a result, and what ends the wait.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use selvedge::testing::World;
use selvedge::thread::{self, JoinError, Thread};
use selvedge::{Signal, Till};

use super::{soon, until_stopped};

// catalogue 250, 251
#[test]
fn join_gives_the_result_unchanged_to_one_joiner() {
    World::new().run(|| {
        let value = Box::new(vec![1, 2, 3]);
        let address = value.as_ptr() as usize;
        let thread = thread::spawn("worker", move |_| Ok(value));
        let result = thread.join().unwrap();
        assert_eq!(
            (result.as_ptr() as usize, &**result),
            (address, &[1, 2, 3][..])
        );
        match thread.join() {
            Err(error @ JoinError::Taken { .. }) => {
                assert!(error.to_string().contains("worker"), "{error}");
                assert!(!error.is_failure());
            }
            other => panic!("{other:?}"),
        }
        let nothing = thread::spawn("nothing", |_| Ok(None::<u8>));
        assert_eq!(nothing.join().unwrap(), None);
    });
}

#[test]
fn of_many_joiners_one_receives_and_the_others_are_told() {
    World::new().run(|| {
        for _ in 0..50 {
            let go = Signal::new();
            let wait = go.clone();
            let thread = Arc::new(thread::spawn("shared", move |_| {
                Ok(wait.wait().map(|()| 7)?)
            }));
            let joiners: Vec<_> = (0..4)
                .map(|i| {
                    let thread = Arc::clone(&thread);
                    thread::spawn(&format!("joiner-{i}"), move |_| {
                        match thread.join_until(&soon()) {
                            Ok(7) => Ok(1),
                            Err(JoinError::Taken { .. }) => Ok(0),
                            other => panic!("{other:?}"),
                        }
                    })
                })
                .collect();
            go.set();
            let received: u32 = joiners.iter().map(|joiner| joiner.join().unwrap()).sum();
            assert_eq!(received, 1);
        }
    });
}

// catalogue 253
#[test]
fn an_expired_join_leaves_the_handle_usable() {
    World::new().run(|| {
        let go = Signal::new();
        let wait = go.clone();
        let thread = thread::spawn("slow", move |_| Ok(wait.wait().map(|()| "done")?));
        for till in [Signal::always(), Till::after(Duration::from_millis(2))] {
            match thread.join_until(&till) {
                Err(error @ JoinError::Expired { .. }) => {
                    assert!(error.to_string().contains("slow"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(!thread.stopped().is_set());
        go.set();
        assert_eq!(thread.join_until(&soon()).unwrap(), "done");
        assert!(matches!(
            thread.join_until(&Signal::always()),
            Err(JoinError::Taken { .. })
        ));
    });
}

#[test]
fn a_join_obeys_the_stop_of_the_joiner_and_can_be_repeated() {
    World::new().run(|| {
        let go = Signal::new();
        let wait = go.clone();
        let slow = Arc::new(thread::spawn("slow", move |_| {
            Ok(wait.wait().map(|()| 5)?)
        }));
        let joiner = {
            let slow = Arc::clone(&slow);
            thread::spawn("joiner", move |_| match slow.join() {
                Err(JoinError::Interrupted(stopped)) => {
                    Ok(stopped.reason().text().map(String::from))
                }
                other => panic!("{other:?}"),
            })
        };
        joiner.stop_because("never mind");
        assert_eq!(
            joiner.join_until(&soon()).unwrap().as_deref(),
            Some("never mind")
        );
        assert!(!slow.stopped().is_set());
        go.set();
        assert_eq!(slow.join_until(&soon()).unwrap(), 5);
    });
}

#[test]
fn an_interrupted_join_ends_its_thread_as_stopped() {
    World::new().run(|| {
        let never = Arc::new(thread::spawn("never", until_stopped));
        let joiner = {
            let never = Arc::clone(&never);
            thread::spawn("joiner", move |_| Ok(never.join()?))
        };
        joiner.stop();
        assert!(matches!(
            joiner.join_until(&soon()),
            Err(JoinError::Stopped { .. })
        ));
    });
}

#[test]
fn a_thread_cannot_join_itself() {
    World::new().run(|| {
        let (give, take) = mpsc::channel::<Arc<Thread<()>>>();
        let thread = Arc::new(thread::spawn("itself", move |_| {
            let own = take.recv()?;
            for joined in [own.join(), own.join_until(&Signal::always())] {
                match joined {
                    Err(error @ JoinError::Itself { .. }) => {
                        assert!(error.to_string().contains("itself"), "{error}");
                    }
                    other => panic!("{other:?}"),
                }
            }
            Ok(())
        }));
        give.send(Arc::clone(&thread)).unwrap();
        thread.join_until(&soon()).unwrap();
    });
}
