//! A wait that expires, or is stopped, just when its element comes: nobody loses it.
//!
//! ```text
//!   producer          consumer 1 (until late)      consumer 2
//!     |                 |  waits                     |  waits
//!   push() ───────────> |  notified                  |
//!     |     late ─────> |  and expired: takes it, or leaves it
//!     |                 └──────────────────────────> |  never sleeps beside an element
//! ```

use selvedge::sync::{PopError, PopUntilError, PushUntilError, Queue};
use selvedge::testing::World;
use selvedge::{Signal, thread};

use crate::{check, spawn};

#[test]
fn an_element_that_comes_when_one_pop_expires_reaches_the_other() {
    check(|| {
        let (queue, late) = (Queue::bounded(1), Signal::new());
        let expires = spawn({
            let (queue, late) = (queue.clone(), late.clone());
            move || match queue.pop_until(&late) {
                Ok(element) => Some(element),
                Err(PopUntilError::Expired) => None,
                Err(other) => panic!("{other}"),
            }
        });
        let stays = spawn({
            let queue = queue.clone();
            move || queue.pop().ok()
        });
        let expirer = spawn({
            let late = late.clone();
            move || assert!(late.set())
        });
        queue.push(1).unwrap();
        // Whoever of the two got the first one: now there is one for the one who stays.
        let first = expires.join().unwrap();
        if first.is_some() {
            queue.push(2).unwrap();
        }
        let second = stays.join().unwrap();
        expirer.join().unwrap();
        assert_eq!(second, Some(if first.is_some() { 2 } else { 1 }));
        assert!(queue.is_empty());
        assert_eq!(late.links(), 0);
    });
}

#[test]
fn a_push_that_expires_was_taken_or_gives_its_element_back() {
    for bound in [0, 1] {
        check(move || {
            let (queue, late) = (Queue::bounded(bound), Signal::new());
            for element in 0..bound {
                queue.push(element).unwrap();
            }
            let producer = spawn({
                let (queue, late) = (queue.clone(), late.clone());
                move || match queue.push_until(7, &late) {
                    Ok(()) => true,
                    Err(PushUntilError::Expired(7)) => false,
                    Err(other) => panic!("{other}"),
                }
            });
            let expirer = spawn(move || assert!(late.set()));
            let mut popped = Vec::new();
            popped.extend(queue.try_pop().ok());
            let was_pushed = producer.join().unwrap();
            popped.extend(queue.pop_all());
            expirer.join().unwrap();
            assert_eq!(popped.contains(&7), was_pushed);
            assert_eq!(popped.len(), bound + usize::from(was_pushed));
        });
    }
}

#[test]
fn an_element_that_comes_when_its_consumer_is_stopped_is_handed_out_or_stays() {
    check(|| {
        let world = World::new();
        let queue = Queue::bounded(1);
        let popped = world.run(|| {
            let consumer = thread::spawn("consumer", {
                let queue = queue.clone();
                move |_stop| match queue.pop() {
                    Ok(element) => Ok(Some(element)),
                    Err(PopError::Stopped(_)) => Ok(None),
                    Err(PopError::Closed) => Err("nobody closes it".into()),
                }
            });
            let producer = thread::spawn("producer", {
                let queue = queue.clone();
                move |_stop| Ok(queue.push(1)?)
            });
            consumer.stop();
            producer.join().unwrap();
            consumer.join().unwrap()
        });
        assert_eq!(queue.len(), usize::from(popped.is_none()));
        assert!(popped.is_none_or(|element| element == 1));
    });
}
