//! Queues: what is pushed is popped once and in its order, and a close ends every wait.

use loom::thread;
use selvedge::Signal;
use selvedge::sync::{PopError, PushError, Queue};

use crate::model;

#[test]
fn close_gives_a_blocked_push_its_element_back() {
    model(|| {
        let queue = Queue::bounded(1);
        queue.push(1).unwrap();
        let closer = thread::spawn({
            let queue = queue.clone();
            move || queue.close()
        });
        match queue.push(2) {
            Err(PushError::Closed(element)) => assert_eq!(element, 2),
            other => panic!("nobody makes room: {other:?}"),
        }
        closer.join().unwrap();
        assert_eq!(queue.pop_all(), [1]);
    });
}

#[test]
fn close_wakes_a_blocked_pop() {
    model(|| {
        let queue = Queue::<u32>::bounded(1);
        let closer = thread::spawn({
            let queue = queue.clone();
            move || queue.close()
        });
        assert!(matches!(queue.pop(), Err(PopError::Closed)));
        closer.join().unwrap();
    });
}

#[test]
fn a_pop_wakes_a_blocked_push_and_the_order_stays() {
    model(|| {
        let queue = Queue::bounded(1);
        queue.push(1).unwrap();
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(2).unwrap()
        });
        assert_eq!(queue.pop().unwrap(), 1);
        assert_eq!(queue.pop().unwrap(), 2);
        producer.join().unwrap();
        assert!(queue.is_empty());
    });
}

#[test]
fn a_push_that_races_close_is_popped_or_comes_back() {
    model(|| {
        let queue = Queue::bounded(1);
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(1).is_ok()
        });
        let closer = thread::spawn({
            let queue = queue.clone();
            move || queue.close()
        });
        let popped = queue.pop().is_ok();
        let pushed = producer.join().unwrap();
        closer.join().unwrap();
        assert_eq!(popped, pushed);
        assert!(queue.is_empty());
    });
}

#[test]
fn a_pop_that_expires_leaves_a_racing_element_for_the_next() {
    model(|| {
        let (queue, late) = (Queue::bounded(1), Signal::new());
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(1).unwrap()
        });
        let expirer = thread::spawn({
            let late = late.clone();
            move || {
                late.set();
            }
        });
        let popped = queue.pop_until(&late).is_ok();
        producer.join().unwrap();
        expirer.join().unwrap();
        assert_eq!(queue.len(), usize::from(!popped));
        assert_eq!(late.links(), 0);
    });
}

#[test]
fn a_ring_hands_each_element_to_one_of_two_consumers() {
    model(|| {
        let queue = Queue::bounded(2);
        let producer = thread::spawn({
            let queue = queue.clone();
            move || {
                queue.try_push(Box::new(1)).unwrap();
                queue.try_push(Box::new(2)).unwrap();
            }
        });
        let consumer = thread::spawn({
            let queue = queue.clone();
            move || queue.try_pop().ok()
        });
        let mine = queue.try_pop().ok();
        producer.join().unwrap();
        let theirs = consumer.join().unwrap();
        let mut all: Vec<_> = mine.into_iter().chain(theirs).collect();
        all.sort_unstable();
        all.extend(queue.pop_all());
        assert_eq!(all, [1, 2].map(Box::new));
    });
}

#[test]
fn elements_keep_their_order_when_a_front_push_leaves_the_ring() {
    model(|| {
        let queue = Queue::bounded(4);
        queue.push(Box::new(1)).unwrap();
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(Box::new(2)).unwrap()
        });
        let urgent = thread::spawn({
            let queue = queue.clone();
            move || queue.push_front(Box::new(0)).unwrap()
        });
        let mut popped: Vec<_> = queue.try_pop().into_iter().collect();
        producer.join().unwrap();
        urgent.join().unwrap();
        popped.extend(queue.pop_all());
        popped.retain(|element| **element != 0);
        assert_eq!(popped, [1, 2].map(Box::new));
    });
}

#[test]
fn a_pop_of_any_wakes_by_the_queue_that_gets_an_element() {
    model(|| {
        let queues = [Queue::bounded(1), Queue::bounded(1)];
        let producer = thread::spawn({
            let second = queues[1].clone();
            move || second.push(7).unwrap()
        });
        assert_eq!(selvedge::sync::pop_any(&queues).unwrap(), (1, 7));
        producer.join().unwrap();
    });
}

#[test]
fn a_ready_signal_is_set_by_a_racing_push() {
    model(|| {
        let queue = Queue::bounded(1);
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(7).unwrap()
        });
        queue.ready().wait().unwrap();
        assert_eq!(queue.try_pop(), Ok(7));
        producer.join().unwrap();
    });
}

#[test]
fn the_last_producer_closes_after_what_the_others_pushed() {
    model(|| {
        let queue = Queue::bounded(2);
        let producers = [queue.producer(), queue.producer()];
        let threads = producers.map(|producer| thread::spawn(move || producer.push(1).unwrap()));
        assert_eq!(queue.pop().unwrap() + queue.pop().unwrap(), 2);
        assert!(matches!(queue.pop(), Err(PopError::Closed)));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_slot_is_written_again_only_after_it_was_read() {
    model(|| {
        let queue = Queue::bounded(1);
        queue.push(Box::new(1)).unwrap();
        let producer = thread::spawn({
            let queue = queue.clone();
            move || queue.try_push(Box::new(2)).is_ok()
        });
        assert_eq!(queue.try_pop(), Ok(Box::new(1)));
        let pushed = producer.join().unwrap();
        assert_eq!(queue.pop_all().len(), usize::from(pushed));
    });
}
