//! Against a model.

use proptest::prelude::*;
use selvedge::Signal;
use selvedge::sync::{PriorityQueue, PushUntilError, Queue, TryPushError, pop_any_until};
use std::collections::VecDeque;

#[derive(Clone, Debug)]
enum Verb {
    Push(u8),
    TryPush(u8),
    PushFront(u8),
    TryPushFront(u8),
    Force(u8),
    Extend(Vec<u8>),
    TryExtend(Vec<u8>),
    ExtendFront(Vec<u8>),
    TryPop,
    PopAny,
    PopAll,
    Ready,
}

fn verbs() -> impl Strategy<Value = Vec<Verb>> {
    let byte = || 0..6_u8;
    let bytes = || prop::collection::vec(0..6_u8, 0..4);
    let verb = prop_oneof![
        4 => byte().prop_map(Verb::Push),
        4 => byte().prop_map(Verb::TryPush),
        1 => byte().prop_map(Verb::PushFront),
        1 => byte().prop_map(Verb::TryPushFront),
        1 => byte().prop_map(Verb::Force),
        2 => bytes().prop_map(Verb::Extend),
        2 => bytes().prop_map(Verb::TryExtend),
        1 => bytes().prop_map(Verb::ExtendFront),
        6 => Just(Verb::TryPop),
        2 => Just(Verb::PopAny),
        1 => Just(Verb::PopAll),
        1 => Just(Verb::Ready),
    ];
    prop::collection::vec(verb, 0..60)
}

/// A `VecDeque` with a bound, and perhaps without equal elements.
struct Model {
    elements: VecDeque<u8>,
    bound: usize,
    unique: bool,
}

impl Model {
    fn is_full(&self) -> bool {
        self.elements.len() >= self.bound
    }

    fn insert(&mut self, element: u8, front: bool) {
        if self.unique && self.elements.contains(&element) {
            return;
        }
        if front {
            self.elements.push_front(element)
        } else {
            self.elements.push_back(element)
        }
    }

    /// Adds what fits; the rest.
    fn extend(&mut self, elements: &[u8], front: bool) -> Vec<u8> {
        for (at, element) in elements.iter().enumerate() {
            if self.is_full() {
                return elements[at..].to_vec();
            }
            self.insert(*element, front);
        }
        Vec::new()
    }
}

fn agrees_with_a_model(
    queue: &Queue<u8>,
    mut model: Model,
    verbs: &[Verb],
) -> Result<(), TestCaseError> {
    let set = Signal::always();
    for verb in verbs {
        match verb {
            Verb::Push(element) => match queue.push_until(*element, &set) {
                Ok(()) if !model.is_full() => model.insert(*element, false),
                Err(PushUntilError::Expired(back)) if model.is_full() => {
                    prop_assert_eq!(back, *element);
                }
                other => prop_assert!(false, "{:?}", other),
            },
            Verb::TryPush(element) => match queue.try_push(*element) {
                Ok(()) if !model.is_full() => model.insert(*element, false),
                Err(TryPushError::Full(back)) if model.is_full() => prop_assert_eq!(back, *element),
                other => prop_assert!(false, "{:?}", other),
            },
            Verb::PushFront(element) => match queue.push_front_until(*element, &set) {
                Ok(()) if !model.is_full() => model.insert(*element, true),
                Err(PushUntilError::Expired(back)) if model.is_full() => {
                    prop_assert_eq!(back, *element);
                }
                other => prop_assert!(false, "{:?}", other),
            },
            Verb::TryPushFront(element) => match queue.try_push_front(*element) {
                Ok(()) if !model.is_full() => model.insert(*element, true),
                Err(TryPushError::Full(back)) if model.is_full() => prop_assert_eq!(back, *element),
                other => prop_assert!(false, "{:?}", other),
            },
            Verb::Force(element) => {
                queue.force_push(*element).unwrap();
                model.insert(*element, false);
            }
            Verb::Extend(elements) => {
                let rest = model.extend(elements, false);
                match queue.extend_until(elements.clone(), &set) {
                    Ok(()) => prop_assert!(rest.is_empty()),
                    Err(PushUntilError::Expired(back)) => prop_assert_eq!(back, rest),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            Verb::TryExtend(elements) => {
                let rest = model.extend(elements, false);
                match queue.try_extend(elements.clone()) {
                    Ok(()) => prop_assert!(rest.is_empty()),
                    Err(TryPushError::Full(back)) => prop_assert_eq!(back, rest),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            Verb::ExtendFront(elements) => {
                if model.elements.len() + elements.len() <= model.bound {
                    queue.extend_front(elements.clone()).unwrap();
                    model.extend(elements, true);
                }
            }
            Verb::TryPop => prop_assert_eq!(queue.try_pop().ok(), model.elements.pop_front()),
            Verb::PopAny => {
                let popped = pop_any_until([&Queue::new(), queue], &set);
                let expected = model.elements.pop_front().map(|element| (1, element));
                prop_assert_eq!(popped.ok(), expected);
            }
            Verb::PopAll => {
                let all: Vec<_> = model.elements.drain(..).collect();
                prop_assert_eq!(queue.pop_all(), all);
            }
            Verb::Ready => prop_assert_eq!(queue.ready().is_set(), !model.elements.is_empty()),
        }
        prop_assert_eq!(queue.len(), model.elements.len());
    }
    prop_assert_eq!(queue.pop_all(), Vec::from(model.elements));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    // catalogue 215, 230, 231, 235
    #[test]
    fn a_queue_of_all_verbs_agrees_with_a_deque(bound in 1usize..=5, verbs in verbs()) {
        let model = Model { elements: VecDeque::new(), bound, unique: false };
        agrees_with_a_model(&Queue::bounded(bound), model, &verbs)?;
    }

    // catalogue 229: pushes at either end, force and extend obey it
    #[test]
    fn a_unique_queue_agrees_with_a_deque_without_equals(bound in 1usize..=5, verbs in verbs()) {
        let model = Model { elements: VecDeque::new(), bound, unique: true };
        agrees_with_a_model(&Queue::bounded(bound).unique(), model, &verbs)?;
    }

    // catalogue 236
    #[test]
    fn a_priority_queue_agrees_with_a_deque_a_level(
        bound in 1usize..=6,
        verbs in prop::collection::vec(prop::option::of((0usize..3, any::<bool>())), 0..60),
    ) {
        let queue = PriorityQueue::bounded(3, bound);
        let mut model: [VecDeque<usize>; 3] = Default::default();
        for (element, verb) in verbs.into_iter().enumerate() {
            let len: usize = model.iter().map(VecDeque::len).sum();
            match verb {
                Some((level, _)) if len == bound => {
                    let refused = queue.try_push(level, element);
                    prop_assert!(matches!(refused, Err(TryPushError::Full(back)) if back == element));
                }
                Some((level, true)) => {
                    queue.push_front(level, element).unwrap();
                    model[level].push_front(element);
                }
                Some((level, false)) => {
                    queue.push(level, element).unwrap();
                    model[level].push_back(element);
                }
                None => {
                    let first = model.iter_mut().find_map(VecDeque::pop_front);
                    prop_assert_eq!(queue.try_pop().ok(), first);
                }
            }
        }
        prop_assert_eq!(queue.pop_all(), model.concat_all());
    }
}

trait ConcatAll {
    fn concat_all(self) -> Vec<usize>;
}

impl ConcatAll for [VecDeque<usize>; 3] {
    fn concat_all(self) -> Vec<usize> {
        self.into_iter().flatten().collect()
    }
}
