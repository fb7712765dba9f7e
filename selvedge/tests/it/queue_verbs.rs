//! The verbs that a plain ring does not have: front, force, unique, many at once, any of several queues.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use selvedge::sync::{
    PopError, PopUntilError, PriorityQueue, PushError, PushUntilError, Queue, TryPopError,
    TryPushError, pop_any, pop_any_until,
};
use selvedge::testing::World;
use selvedge::thread as tree;
use selvedge::{Signal, Till, probe, signal};

use crate::sync::{soon, until_it_waits};

/// Starts a thread outside every tree.
fn outside(body: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::Builder::new().spawn(body).unwrap()
}

// ---- against a model

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

// ---- unique, many, force

/// 229: once popped, it may come again; and `unique` counts elements that are there already.
#[test]
fn a_unique_queue_lets_a_popped_element_come_again() {
    let queue = Queue::bounded(9);
    queue.extend([1, 2, 1]).unwrap();
    let queue = queue.unique();
    assert_eq!(queue.len(), 2);
    queue.push(2).unwrap();
    assert_eq!((queue.pop().unwrap(), queue.len()), (1, 1));
    queue.push(1).unwrap();
    assert_eq!(queue.pop_all(), [2, 1]);
    queue.push_front(2).unwrap();
    assert_eq!(queue.len(), 1);
}

/// An `Eq` that panics leaves the queue usable, and nobody registered who is not there.
#[test]
fn an_eq_that_panics_leaves_a_unique_queue_as_it_was() {
    #[derive(Debug)]
    struct Bad(u8);
    impl PartialEq for Bad {
        fn eq(&self, other: &Self) -> bool {
            assert!(self.0 != 2 && other.0 != 2, "bad");
            self.0 == other.0
        }
    }
    impl Eq for Bad {}
    impl std::hash::Hash for Bad {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            0_u8.hash(state);
        }
    }
    let queue = Queue::bounded(4).unique();
    queue.push(Bad(1)).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queue.push(Bad(2))));
    assert!(panicked.is_err());
    queue.push(Bad(3)).unwrap();
    let all: Vec<_> = queue.pop_all().iter().map(|bad| bad.0).collect();
    assert_eq!(all, [1, 3]);
}

/// 222: was: returns normally, and the elements are gone.
#[test]
fn a_blocked_extend_gives_back_what_it_did_not_add_when_the_queue_closes() {
    let world = World::new();
    world.run(|| {
        let queue = Queue::bounded(2);
        let extender = tree::spawn("extender", {
            let queue = queue.clone();
            move |_| match queue.extend(0..5) {
                Err(PushError::Closed(rest)) => Ok(rest),
                other => panic!("{other:?}"),
            }
        });
        until_it_waits("extender");
        queue.close();
        assert_eq!(extender.join_until(&soon()).unwrap(), [2, 3, 4]);
        assert_eq!(queue.pop_all(), [0, 1]);
    });
}

/// 221, 231: was: waits for the first room, then exceeds the bound.
#[test]
fn an_interrupted_extend_gives_back_the_rest_and_never_exceeded_the_bound() {
    let world = World::new();
    world.run(|| {
        let queue = Queue::bounded(2);
        let extender = tree::spawn("extender", {
            let queue = queue.clone();
            move |_| match queue.extend(0..6) {
                Err(PushError::Stopped(rest, _)) => Ok(rest),
                other => panic!("{other:?}"),
            }
        });
        let until_it_is_full = || {
            while queue.len() < 2 {
                thread::yield_now();
            }
            until_it_waits("extender");
            assert_eq!(queue.len(), 2);
        };
        for expected in 0..2 {
            until_it_is_full();
            assert_eq!(queue.pop().unwrap(), expected);
        }
        until_it_is_full();
        extender.stop();
        let rest = extender.join_until(&soon()).unwrap();
        let all: Vec<_> = queue.pop_all().into_iter().chain(rest).collect();
        assert_eq!(all, [2, 3, 4, 5]);
    });
}

/// 231: force ignores the bound, and a blocked push still waits until there is room.
#[test]
fn a_forced_push_ignores_the_bound_and_others_still_wait_for_room() {
    let world = World::new();
    world.run(|| {
        let queue = Queue::bounded(1);
        queue.push(0).unwrap();
        queue.force_push(1).unwrap();
        let blocked = tree::spawn("blocked", {
            let queue = queue.clone();
            move |_| Ok(queue.push(2)?)
        });
        until_it_waits("blocked");
        assert_eq!(queue.pop().unwrap(), 0);
        until_it_waits("blocked"); // one is still one too many
        assert_eq!(queue.pop().unwrap(), 1);
        blocked.join_until(&soon()).unwrap();
        assert_eq!(queue.pop().unwrap(), 2);
        queue.close();
        assert_eq!(queue.force_push(3).unwrap_err().into_inner(), 3);
    });
}

// ---- producers

#[test]
fn the_queue_closes_when_the_last_producer_goes_also_by_a_panic() {
    let queue = Queue::new();
    let (calm, panicking) = (queue.producer(), queue.producer().clone());
    let failed = outside(move || {
        panicking.push(1).unwrap();
        panic!("on purpose");
    });
    assert!(failed.join().is_err());
    assert!(!queue.is_closed());
    calm.push(2).unwrap();
    drop(calm);
    assert!(queue.is_closed());
    assert_eq!(queue.iter().collect::<Vec<_>>(), [1, 2]);
    let late = queue.producer();
    assert!(matches!(late.push(3), Err(PushError::Closed(3))));
}

// ---- the report of a full queue

/// 232, 233: was: a push with a timeout of 0.3 s ends after 5 s.
#[test]
fn a_queue_that_is_full_for_5_seconds_reports_itself_and_a_quiet_one_does_not() {
    for quiet in [false, true] {
        let world = World::with_mock_clock();
        let (reported, reports) = mpsc::channel();
        let listener = probe::subscribe(move |event| {
            if let probe::Event::QueueFull { len, waited, .. } = event
                && event.to_string().contains("report-me")
            {
                reported.send((*len, *waited)).unwrap();
            }
        });
        world.run(|| {
            let queue = Queue::named("report-me", 1);
            let queue = if quiet { queue.quiet() } else { queue };
            queue.push(0).unwrap();
            let late = Signal::new();
            let blocked = tree::spawn("blocked", {
                let (queue, late) = (queue.clone(), late.clone());
                move |_| match queue.push_until(1, &late) {
                    Err(PushUntilError::Expired(1)) => Ok(()),
                    other => panic!("{other:?}"),
                }
            });
            until_it_waits("blocked");
            for round in 1..=3 {
                world.advance(Duration::from_secs(5));
                if !quiet {
                    let expected = (1, Duration::from_secs(5 * round));
                    assert_eq!(reports.recv().unwrap(), expected);
                    until_it_waits("blocked");
                }
            }
            late.set();
            blocked.join_until(&late_bound()).unwrap();
        });
        assert!(reports.try_recv().is_err(), "quiet, or nothing more to say");
        drop(listener);
    }
}

/// Of a world whose clock stands still: never.
fn late_bound() -> Signal {
    Signal::new()
}

// ---- any of several

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

// ---- levels

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

// ---- what Go's tests of channels ask, as far as it applies

/// Senders and receivers that arrive in any order; each element is received once.
#[test]
fn a_sieve_of_queues_finds_the_primes() {
    let world = World::new();
    let primes = world.run(|| {
        let mut source = Queue::bounded(0);
        let generator = tree::spawn("generator", {
            let source = source.clone();
            move |_| {
                for i in 2.. {
                    source.push(i)?;
                }
                Ok(())
            }
        });
        let mut filters = vec![generator];
        let mut primes = Vec::new();
        for n in 0..10 {
            let prime = source.pop().unwrap();
            primes.push(prime);
            let filtered = Queue::bounded(n % 2);
            filters.push(tree::spawn(&format!("filter-{prime}"), {
                let filtered = filtered.clone();
                move |_| {
                    for i in source.iter().filter(|i| i % prime != 0) {
                        filtered.push(i)?;
                    }
                    signal::stop().wait()?;
                    Ok(())
                }
            }));
            source = filtered;
        }
        for filter in &filters {
            filter.stop();
        }
        for filter in filters {
            match filter.join_until(&soon()) {
                Err(tree::JoinError::Stopped { .. }) | Ok(()) => {}
                Err(error) => panic!("{error}"),
            }
        }
        primes
    });
    assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
}

/// A select that has one way only to go on takes it, whatever the other queue is: empty, or closed.
#[test]
fn a_choice_between_a_closed_and_an_open_queue_waits_for_the_open_one() {
    let world = World::new();
    world.run(|| {
        let queues = [Queue::new(), Queue::bounded(0)];
        queues[0].close();
        let waiting = tree::spawn("waiting", {
            let queues = queues.clone();
            move |_| Ok(pop_any(&queues)?)
        });
        until_it_waits("waiting");
        queues[1].push(5).unwrap();
        assert_eq!(waiting.join_until(&soon()).unwrap(), (1, 5));
    });
}

/// A full queue of pointers keeps nothing alive after it was emptied, and drops what is left in it.
#[test]
fn elements_are_dropped_once_in_a_ring_that_wrapped_and_in_one_that_was_left() {
    use std::sync::Arc;
    let token = Arc::new(());
    for leave in [false, true] {
        let queue = Queue::bounded(3);
        for _ in 0..2 {
            queue.extend([token.clone(), token.clone()]).unwrap();
            drop(queue.pop().unwrap());
        }
        assert_eq!(Arc::strong_count(&token), 3);
        if leave {
            queue.push_front(token.clone()).unwrap();
            assert_eq!(Arc::strong_count(&token), 4);
        }
        drop(queue);
        assert_eq!(Arc::strong_count(&token), 1);
    }
}

/// Elements of no size, and so many that a ring of them would be too large.
#[test]
fn queues_of_units_and_huge_bounds_work() {
    let units = Queue::bounded(5);
    units.extend([(); 5]).unwrap();
    assert!(matches!(units.try_push(()), Err(TryPushError::Full(()))));
    assert_eq!(units.pop_all().len(), 5);
    let huge = Queue::bounded(usize::MAX);
    huge.extend(0..3000).unwrap();
    assert!(huge.iter().take(3000).eq(0..3000));
}
