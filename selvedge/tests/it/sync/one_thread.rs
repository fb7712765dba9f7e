//! One thread.

use proptest::prelude::*;
use selvedge::sync::{
    PopError, PopUntilError, PushError, PushUntilError, Queue, TryPopError, TryPushError,
};
use selvedge::{Signal, Till};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

// catalogue 214
#[test]
fn values_move_through_without_a_copy() {
    struct NotClone(Box<u8>);
    let queue = Queue::new();
    let value = NotClone(Box::new(7));
    let address: *const u8 = &*value.0;
    queue.push(value).unwrap();
    assert!(std::ptr::eq(&*queue.pop().unwrap().0, address));
}

// catalogue 217
#[test]
fn pop_until_gives_what_is_there_also_when_the_signal_is_set() {
    let queue = Queue::new();
    queue.push(1).unwrap();
    let set = Signal::always();
    assert_eq!(queue.pop_until(&set).unwrap(), 1);
    assert!(matches!(queue.pop_until(&set), Err(PopUntilError::Expired)));
    let before = Instant::now();
    let till = Till::after(Duration::from_millis(3));
    assert!(matches!(
        queue.pop_until(&till),
        Err(PopUntilError::Expired)
    ));
    assert!(before.elapsed() >= Duration::from_millis(3));
    assert_eq!(till.links(), 0);
}

// catalogue 218
#[test]
fn nothing_as_an_element_is_an_element() {
    let queue = Queue::new();
    for element in [None, Some(1), None] {
        queue.push(element).unwrap();
    }
    assert_eq!(queue.pop_until(&Signal::always()).unwrap(), None);
    queue.close();
    assert_eq!(queue.iter().collect::<Vec<_>>(), [Some(1), None]);
}

// catalogue 219, 223
#[test]
fn pop_hands_out_what_was_pushed_before_close_and_then_says_closed_for_ever() {
    let queue = Queue::new();
    for i in 0..4 {
        queue.push(i).unwrap();
    }
    queue.close();
    queue.close();
    assert!(queue.is_closed());
    assert_eq!(queue.pop().unwrap(), 0);
    assert_eq!(queue.try_pop().unwrap(), 1);
    assert_eq!(queue.pop_until(&Signal::always()).unwrap(), 2);
    assert_eq!(queue.pop_all(), [3]);
    for _ in 0..3 {
        assert!(matches!(queue.pop(), Err(PopError::Closed)));
        assert!(matches!(queue.try_pop(), Err(TryPopError::Closed)));
        assert!(matches!(
            queue.pop_until(&Signal::always()),
            Err(PopUntilError::Closed)
        ));
        assert!(queue.pop_all().is_empty());
        assert_eq!(queue.iter().next(), None);
    }
}

// catalogue 221
#[test]
fn every_push_on_a_closed_queue_is_refused_with_its_element() {
    for bound in [0, 1, 5] {
        let queue = Queue::bounded(bound);
        queue.close();
        assert!(matches!(queue.push("a"), Err(PushError::Closed("a"))));
        assert!(matches!(queue.push_front("b"), Err(PushError::Closed("b"))));
        assert!(matches!(
            queue.try_push("c"),
            Err(TryPushError::Closed("c"))
        ));
        let refused = queue.push_until("d", &Signal::always());
        assert!(matches!(refused, Err(PushUntilError::Closed("d"))));
        assert!(queue.is_empty());
    }
}

// catalogue 230
#[test]
fn push_front_puts_in_front() {
    let queue = Queue::new();
    queue.push(3).unwrap();
    queue.push_front(2).unwrap();
    queue.push_front(1).unwrap();
    queue.close();
    assert_eq!(queue.iter().collect::<Vec<_>>(), [1, 2, 3]);
}

// catalogue 231
#[test]
fn a_queue_holds_1024_elements_unless_told_otherwise() {
    let queue = Queue::new();
    assert_eq!(queue.bound(), 1024);
    for i in 0..1024 {
        queue.try_push(i).unwrap();
    }
    assert!(matches!(queue.try_push(0), Err(TryPushError::Full(0))));
    assert_eq!(Queue::<u8>::default().bound(), 1024);
    assert_eq!(Queue::<u8>::named("few", 3).bound(), 3);
}

// catalogue 232
#[test]
fn a_push_into_a_full_queue_expires_when_its_time_comes_and_gives_the_element_back() {
    let queue = Queue::bounded(1);
    queue.push("first").unwrap();
    let before = Instant::now();
    let till = Till::after(Duration::from_millis(3));
    let expired = queue.push_until("second", &till);
    assert!(before.elapsed() >= Duration::from_millis(3));
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "not seconds late"
    );
    assert!(matches!(expired, Err(PushUntilError::Expired("second"))));
    assert_eq!(queue.pop_all(), ["first"]);
    assert_eq!(till.links(), 0);
    queue.push_until("third", &till).unwrap(); // there is room: that comes first
}

// catalogue 235
#[test]
fn pop_all_empties_without_waiting_and_len_is_the_number_of_elements() {
    let queue = Queue::new();
    assert!(queue.pop_all().is_empty() && queue.is_empty());
    for i in 0..5 {
        queue.push(i).unwrap();
        assert_eq!(queue.len(), i + 1);
    }
    assert_eq!(queue.pop_all(), [0, 1, 2, 3, 4]);
    assert!(queue.is_empty());
    assert!(matches!(queue.try_pop(), Err(TryPopError::Empty)));
}

#[test]
fn elements_left_in_a_queue_are_dropped_with_its_last_handle() {
    let alive = Arc::new(());
    let queue = Queue::new();
    let other = queue.clone();
    queue.push(Arc::clone(&alive)).unwrap();
    drop(queue);
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(other);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn texts_name_the_queue_and_errors_need_no_debug_of_the_element() {
    struct Opaque;
    let named: Queue<Opaque> = Queue::named("jobs", 1);
    assert!(format!("{named:?}").contains("jobs"), "{named:?}");
    let unnamed: Queue<Opaque> = Queue::new();
    assert!(
        format!("{unnamed:?}").contains("sync/one_thread.rs:"),
        "{unnamed:?}"
    );
    named.push(Opaque).unwrap();
    let full = named.try_push(Opaque).unwrap_err();
    assert_eq!(format!("{full} {full:?}"), "the queue is full Full(..)");
    let Opaque = full.into_inner();
    named.close();
    assert_eq!(
        named.push(Opaque).unwrap_err().to_string(),
        "the queue is closed"
    );
}

#[derive(Clone, Debug)]
enum Verb {
    Push,
    PushFront,
    TryPush,
    PushUntil,
    Pop,
    TryPop,
    PopUntil,
    PopAll,
    Iterate,
    Close,
}

fn verbs() -> impl Strategy<Value = Vec<Verb>> {
    use Verb::*;
    let verb = prop_oneof![
        4 => Just(Push),
        3 => Just(PushFront),
        4 => Just(TryPush),
        3 => Just(PushUntil),
        4 => Just(Pop),
        4 => Just(TryPop),
        3 => Just(PopUntil),
        1 => Just(PopAll),
        1 => Just(Iterate),
        1 => Just(Close),
    ];
    prop::collection::vec(verb, 0..60)
}

/// Does to a queue and to a `VecDeque` the same; what would wait for ever is left out.
fn agrees_with_a_deque(bound: usize, verbs: &[Verb]) -> Result<(), TestCaseError> {
    let queue = Queue::bounded(bound);
    let (mut model, mut closed) = (VecDeque::new(), false);
    let set = Signal::always();
    for (element, verb) in verbs.iter().enumerate() {
        let full = model.len() >= bound;
        match verb {
            Verb::Push | Verb::PushFront => {
                if full && !closed {
                    continue; // it would wait
                }
                let front = matches!(verb, Verb::PushFront);
                let pushed = if front {
                    queue.push_front(element)
                } else {
                    queue.push(element)
                };
                match (pushed, closed, front) {
                    (Err(PushError::Closed(back)), true, _) => prop_assert_eq!(back, element),
                    (Ok(()), false, true) => model.push_front(element),
                    (Ok(()), false, false) => model.push_back(element),
                    (other, ..) => prop_assert!(false, "{:?}", other),
                }
            }
            Verb::TryPush => match queue.try_push(element) {
                Ok(()) if !closed && !full => model.push_back(element),
                Err(TryPushError::Closed(back)) if closed => prop_assert_eq!(back, element),
                Err(TryPushError::Full(back)) if full => prop_assert_eq!(back, element),
                other => prop_assert!(false, "{:?}", other),
            },
            Verb::PushUntil => match queue.push_until(element, &set) {
                Ok(()) if !closed && !full => model.push_back(element),
                Err(PushUntilError::Closed(back)) if closed => prop_assert_eq!(back, element),
                Err(PushUntilError::Expired(back)) if full => prop_assert_eq!(back, element),
                other => prop_assert!(false, "{:?}", other),
            },
            Verb::Pop => {
                if model.is_empty() && !closed {
                    continue; // it would wait
                }
                match queue.pop() {
                    Ok(element) => prop_assert_eq!(Some(element), model.pop_front()),
                    Err(PopError::Closed) => prop_assert!(closed && model.is_empty()),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            Verb::TryPop => match queue.try_pop() {
                Ok(element) => prop_assert_eq!(Some(element), model.pop_front()),
                Err(TryPopError::Closed) => prop_assert!(closed && model.is_empty()),
                Err(TryPopError::Empty) => prop_assert!(!closed && model.is_empty()),
            },
            Verb::PopUntil => match queue.pop_until(&set) {
                Ok(element) => prop_assert_eq!(Some(element), model.pop_front()),
                Err(PopUntilError::Closed) => prop_assert!(closed && model.is_empty()),
                Err(PopUntilError::Expired) => prop_assert!(!closed && model.is_empty()),
                other => prop_assert!(false, "{:?}", other),
            },
            Verb::PopAll => {
                let all: Vec<_> = model.drain(..).collect();
                prop_assert_eq!(queue.pop_all(), all);
            }
            Verb::Iterate => {
                let n = if closed { usize::MAX } else { model.len() };
                let taken: Vec<_> = queue.iter().take(n).collect();
                prop_assert_eq!(taken, model.drain(..).collect::<Vec<_>>());
            }
            Verb::Close => {
                queue.close();
                closed = true;
            }
        }
        prop_assert_eq!(queue.len(), model.len());
        prop_assert_eq!(queue.is_empty(), model.is_empty());
        prop_assert_eq!(queue.is_closed(), closed);
    }
    queue.close();
    prop_assert_eq!(queue.iter().collect::<Vec<_>>(), Vec::from(model));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    // catalogue 215, 219, 221, 230, 235
    #[test]
    fn a_queue_agrees_with_a_deque(bound in 0usize..=4, verbs in verbs()) {
        agrees_with_a_deque(bound, &verbs)?;
    }
}
