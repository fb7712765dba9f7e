//! The wheel against a sorted map.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Remove(usize),
    Advance(u64, usize),
    TakeAll,
}

/// Near, far, equal and huge.
fn distance() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1 << TICK),
        0..1u64 << TICK,
        0..100u64 << TICK,
        0..10_000_000_000u64,
        (0..60u32, 0..3u64).prop_map(|(bits, more)| (1 << bits) - 1 + more),
        any::<u64>(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => distance().prop_map(Step::Insert),
        3 => any::<usize>().prop_map(Step::Remove),
        2 => (distance(), 1..6usize).prop_map(|(by, n)| Step::Advance(by, n)),
        1 => Just(Step::Advance(0, 1)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![40 => step(), 1 => Just(Step::TakeAll)];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn a_wheel_is_a_sorted_map_that_forgets_fast(
        steps in steps(),
        between in proptest::collection::vec(distance(), 0..40),
    ) {
        let mut wheel = Wheel::default();
        let mut model: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        let (mut keys, mut now, mut count) = (Vec::new(), 0u64, 0u64);
        let mut between = between.into_iter();
        let mut removed = 0;
        for step in steps {
            match step {
                Step::Insert(far) => {
                    let deadline = now.saturating_add(far);
                    keys.push((wheel.insert(deadline, count), (deadline, count)));
                    model.insert((deadline, count), count);
                    count += 1;
                }
                Step::Remove(which) if !keys.is_empty() => {
                    let (key, entry) = keys[which % keys.len()]; // perhaps again
                    let gone = wheel.remove(key);
                    removed += u64::from(gone.is_some());
                    prop_assert_eq!(gone, model.remove(&entry));
                }
                Step::Remove(_) => {}
                Step::Advance(by, n) => {
                    now = now.saturating_add(by);
                    let mut found = Found::default();
                    while wheel.take_due(now, n, &mut found) {
                        // Another thread adds one while the lock is free.
                        if let Some(far) = between.next() {
                            let deadline = now.saturating_add(far.max(1));
                            if deadline > now {
                                keys.push((wheel.insert(deadline, count), (deadline, count)));
                                model.insert((deadline, count), count);
                                count += 1;
                            }
                        }
                    }
                    found.sort();
                    // Somebody drops one while the run is not in the wheel.
                    if let Some((_, number, index)) = found.run.first().copied() && by % 2 == 0 {
                        let entry = (wheel.nodes[index as usize].deadline, number);
                        prop_assert_eq!(wheel.remove(Key { index, number }), model.remove(&entry));
                        removed += 1;
                    }
                    wheel.put_run(&mut found);
                    let later = model.split_off(&(now, u64::MAX));
                    let expected: Vec<_> = model.iter().map(|(&(d, n), &v)| (d, n, v)).collect();
                    model = later;
                    prop_assert_eq!(found.due, expected);
                }
                Step::TakeAll => {
                    let expected: Vec<_> = model.iter().map(|(&(d, n), &v)| (d, n, v)).collect();
                    prop_assert_eq!(wheel.take().into_sorted(), expected);
                    model.clear();
                }
            }
            prop_assert_eq!(wheel.len, model.len());
            // Never late; after a removal perhaps too early, once.
            let first = model.first_key_value().map(|(entry, _)| entry.0);
            match (wheel.earliest(), first) {
                (Some(bound), Some(first)) => prop_assert!(bound <= first),
                (bound, first) => prop_assert_eq!(bound.is_some(), first.is_some()),
            }
        }
        // What is asleep costs at most one wake-up for each removed entry.
        let mut wakes = 0;
        let mut found = Found::default();
        while let Some(bound) = wheel.earliest() {
            let before = found.due.len();
            while wheel.take_due(bound, usize::MAX, &mut found) {}
            found.run.sort_unstable_by(|a, b| b.cmp(a));
            wheel.put_run(&mut found);
            wakes += u64::from(found.due.len() == before);
        }
        prop_assert!(wakes <= removed);
    }
}

#[test]
fn without_removals_every_wake_up_finds_something_due() {
    let mut wheel = Wheel::default();
    let mut found = Found::default();
    for n in 0..1000u64 {
        wheel.insert(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (n % 50), n);
    }
    let mut seen = 0;
    while let Some(bound) = wheel.earliest() {
        while wheel.take_due(bound, 7, &mut found) {}
        assert!(found.due.len() > seen, "a wake-up at {bound} for nothing");
        seen = found.due.len();
        found.sort();
        wheel.put_run(&mut found);
    }
    assert_eq!(seen, 1000);
    assert!(found.due.is_sorted_by_key(|entry| (entry.0, entry.1)));
}

#[test]
fn nodes_are_used_again() {
    let mut wheel = Wheel::default();
    for n in 0..10_000u64 {
        let key = wheel.insert(n << 30, n);
        assert_eq!(wheel.remove(key), Some(n));
        assert_eq!(wheel.remove(key), None);
    }
    assert_eq!(wheel.nodes.len(), 1);
}
