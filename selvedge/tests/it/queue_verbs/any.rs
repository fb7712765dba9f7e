//! Any of several.

use crate::sync::{soon, until_it_waits};
use selvedge::Signal;
use selvedge::sync::{PopError, PopUntilError, Queue, pop_any, pop_any_until};
use selvedge::testing::World;
use selvedge::thread as tree;

use super::outside;

#[test]
fn pop_any_prefers_earlier_queues_and_ends_when_all_are_closed_and_empty() {
    let queues = [Queue::new(), Queue::new()];
    queues[1].push('b').unwrap();
    queues[0].push('a').unwrap();
    queues[0].close();
    assert_eq!(pop_any(&queues).unwrap(), (0, 'a'));
    assert_eq!(pop_any(&queues).unwrap(), (1, 'b'));
    let expired = pop_any_until(&queues, &Signal::always());
    assert!(matches!(expired, Err(PopUntilError::Expired)));
    queues[1].close();
    assert!(matches!(pop_any(&queues), Err(PopError::Closed)));
    assert!(matches!(pop_any::<char>([]), Err(PopError::Closed)));
}

#[test]
fn pop_any_ends_by_a_stop_with_nothing_taken() {
    let world = World::new();
    world.run(|| {
        let queues = [Queue::<u8>::new(), Queue::bounded(0)];
        let waiting = tree::spawn("waiting", {
            let queues = queues.clone();
            move |_| match pop_any(&queues) {
                Err(PopError::Stopped(_)) => Ok(()),
                other => panic!("{other:?}"),
            }
        });
        until_it_waits("waiting");
        waiting.stop();
        waiting.join_until(&soon()).unwrap();
        queues[0].push(1).unwrap();
        assert_eq!(pop_any(&queues).unwrap(), (0, 1));
    });
}

#[test]
fn a_ready_signal_is_fresh_combines_and_cannot_be_set_for_others() {
    let queue = Queue::new();
    let (mine, yours, other) = (queue.ready(), queue.ready(), Signal::new());
    mine.set();
    assert!(!yours.is_set());
    queue.push(1).unwrap();
    assert!(yours.is_set());
    (queue.ready() | &other).wait().unwrap();
    assert_eq!(queue.pop().unwrap(), 1);
    assert!(!queue.ready().is_set());
    queue.close();
    assert!(queue.ready().is_set());
    let rendezvous = Queue::bounded(0);
    let ready = rendezvous.ready();
    let pusher = outside({
        let rendezvous = rendezvous.clone();
        move || rendezvous.push(7).unwrap()
    });
    ready.wait().unwrap();
    assert_eq!(rendezvous.try_pop(), Ok(7));
    pusher.join().unwrap();
}

/// 10,000 signals that nobody waits for leave nothing on the queue, nor on the stop.
#[test]
fn ready_signals_that_were_dropped_leave_nothing_behind() {
    let (queue, stop) = (Queue::<u8>::new(), Signal::new());
    for _ in 0..10_000 {
        let either = queue.ready() | &stop;
        assert!(!either.is_set());
    }
    assert_eq!(stop.links(), 0);
}
