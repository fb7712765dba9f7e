//! Deadlines in order of time, with insertion and removal at a constant cost: a hierarchical timing wheel.
//!
//! ```text
//!   current      level 0          level 1           ..   level 7
//!   [ this tick | 64 slots of    | 64 slots of      ..         ]
//!     sorted      1 tick each      64 ticks each
//! ```
//!
//! A tick is 2^20 ns, about a millisecond. Ticks only sort entries into slots; whether one is due is
//! decided by its own nanoseconds. An entry stands in the level of the highest digit (of 6 bits) in which
//! its tick differs from the wheel's, so it moves down at most once for each level, and only when
//! something in its slot is due: an idle wheel is not touched.
//!
//! Pure data: no clock, no lock, no thread. Time is nanoseconds since a moment that the owner knows.
//!
//! # Invariants
//!
//! 1. An entry whose tick is the wheel's or earlier is in `current`; every other one is in the slot that
//!    its tick and the wheel's tick give, and there is later than everything on lower levels.
//! 2. Only `moving` may break that: the slot being emptied, whose digit is the wheel's own. Nothing is
//!    added to it, and nothing else is looked for while it has entries.
//! 3. `least` of a slot with entries is at most the earliest deadline in it. (It is not raised by a removal.)
//! 4. A key's number is given out once, so a key of an entry that has gone finds nothing.
//! 5. Slots are doubly linked lists through `nodes`, in the order of arrival; unused nodes are a list too.

use std::collections::BTreeMap;

/// A tick in bits of nanoseconds.
const TICK: u32 = 20;
/// The bits of a digit, and the number of slots of a level.
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
/// Enough for the 44 bits of the last tick.
const LEVELS: usize = 8;

/// An empty wheel gives the memory of more nodes than this back.
const KEPT: usize = 1 << 14;

/// No node.
const NIL: u32 = u32::MAX;

/// Values with deadlines.
pub(super) struct Wheel<T> {
    nodes: Vec<Node<T>>,
    unused: u32,
    len: usize,
    next: u64,
    /// The tick by which entries are sorted: that of the last time when something was due.
    tick: u64,
    current: BTreeMap<(u64, u64), u32>,
    levels: Box<[Level; LEVELS]>,
    moving: Option<Slot>,
}

/// Finds an entry again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) index: u32,
    pub(super) number: u64,
}

/// An entry that was taken out: its deadline, its number, its value.
pub(super) type Due<T> = (u64, u64, T);

struct Node<T> {
    deadline: u64,
    number: u64,
    value: Option<T>,
    before: u32,
    after: u32,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    Current,
    Slot(Slot),
}

#[derive(Clone, Copy)]
struct Slot {
    level: u8,
    index: u8,
}

struct Level {
    /// A bit for each slot that has entries.
    occupied: u64,
    slots: [List; SLOTS],
}

#[derive(Clone, Copy)]
struct List {
    first: u32,
    last: u32,
    least: u64,
}

const EMPTY: List = List {
    first: NIL,
    last: NIL,
    least: u64::MAX,
};

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        let level = || Level {
            occupied: 0,
            slots: [EMPTY; SLOTS],
        };
        Self {
            nodes: Vec::new(),
            unused: NIL,
            len: 0,
            next: 0,
            tick: 0,
            current: BTreeMap::new(),
            levels: Box::new(core::array::from_fn(|_| level())),
            moving: None,
        }
    }
}

impl<T> Wheel<T> {
    /// Adds an entry. Among equal deadlines the first added is the first due.
    pub(super) fn insert(&mut self, deadline: u64, value: T) -> Key {
        let number = self.next;
        self.next += 1;
        self.len += 1;
        let node = Node {
            deadline,
            number,
            value: Some(value),
            before: NIL,
            after: NIL,
            place: Place::Current,
        };
        let index = if self.unused == NIL {
            let index = u32::try_from(self.nodes.len()).ok().filter(|i| *i != NIL);
            self.nodes.push(node);
            index.expect("fewer than 2^32 tills")
        } else {
            let index = self.unused;
            self.unused = self.nodes[index as usize].after;
            self.nodes[index as usize] = node;
            index
        };
        self.place(index);
        Key { index, number }
    }

    /// Takes an entry out, if it is still there.
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let node = self.nodes.get(key.index as usize)?;
        if node.number != key.number || node.value.is_none() {
            return None; // invariant 4
        }
        match node.place {
            Place::Current => _ = self.current.remove(&(node.deadline, node.number)),
            Place::Slot(slot) => self.unlink(slot, key.index),
        }
        Some(self.release(key.index).2)
    }

    /// A time before which nothing is due: that of the first entry, or of one that was removed.
    pub(super) fn earliest(&self) -> Option<u64> {
        if let Some((&(deadline, _), _)) = self.current.first_key_value() {
            return Some(deadline); // all others are later (invariant 1)
        }
        let slot = self.first_slot()?;
        Some(self.list(slot).least)
    }

    /// Moves at most `n` entries, to `due` if they are at `now`; true if there is more to do. Repeated
    /// with the same `now` until there is not, it has taken out all that is due, in no order.
    pub(super) fn take_due(&mut self, now: u64, mut n: usize, due: &mut Vec<Due<T>>) -> bool {
        loop {
            while let Some(slot) = self.moving {
                let index = self.list(slot).first;
                if index == NIL {
                    self.moving = None;
                } else if n == 0 {
                    return true;
                } else {
                    n -= 1;
                    self.unlink(slot, index);
                    if self.nodes[index as usize].deadline <= now {
                        due.push(self.release(index));
                    } else {
                        self.place(index);
                    }
                }
            }
            while let Some(first) = self.current.first_entry() {
                if first.key().0 > now {
                    return false; // and the slots are later
                }
                if n == 0 {
                    return true;
                }
                n -= 1;
                let index = first.remove();
                due.push(self.release(index));
            }
            match self.first_slot() {
                Some(slot) if self.list(slot).least <= now => self.enter(slot, now),
                _ => return false,
            }
        }
    }

    /// Leaves an empty wheel, in which the keys of what was in it find nothing.
    pub(super) fn take(&mut self) -> Self {
        let empty = Self {
            next: self.next, // invariant 4
            ..Self::default()
        };
        core::mem::replace(self, empty)
    }

    /// All that is in the wheel, in order.
    pub(super) fn into_sorted(self) -> Vec<Due<T>> {
        let nodes = self.nodes.into_iter();
        let mut all: Vec<_> = nodes
            .filter_map(|node| Some((node.deadline, node.number, node.value?)))
            .collect();
        sort(&mut all);
        all
    }

    /// Moves the wheel's tick into the first slot that has entries, up to `now`, and begins to empty it.
    fn enter(&mut self, slot: Slot, now: u64) {
        let shift = DIGIT * u32::from(slot.level);
        let above = shift + DIGIT;
        let start = (self.tick >> above << above) | (u64::from(slot.index) << shift);
        let end = start + ((1 << shift) - 1);
        // No entry stands between the old tick and the new one, so all others keep their slots
        // (invariant 1): lower levels are empty, and on this one and above later digits are later.
        self.tick = (now >> TICK).clamp(start, end);
        self.moving = Some(slot);
    }

    /// Puts a node that is in no list where it belongs (invariant 1).
    fn place(&mut self, index: u32) {
        let node = &mut self.nodes[index as usize];
        let tick = node.deadline >> TICK;
        if tick <= self.tick {
            node.place = Place::Current;
            self.current.insert((node.deadline, node.number), index);
            return;
        }
        let level = (tick ^ self.tick).ilog2() / DIGIT;
        let slot = Slot {
            level: level as u8,
            index: (tick >> (level * DIGIT)) as u8 & (SLOTS as u8 - 1),
        };
        node.place = Place::Slot(slot);
        let level = &mut self.levels[slot.level as usize];
        level.occupied |= 1 << slot.index;
        let list = &mut level.slots[slot.index as usize];
        list.least = list.least.min(node.deadline);
        node.before = list.last;
        node.after = NIL;
        let last = core::mem::replace(&mut list.last, index);
        if last == NIL {
            list.first = index;
        } else {
            self.nodes[last as usize].after = index;
        }
    }

    fn unlink(&mut self, slot: Slot, index: u32) {
        let Node { before, after, .. } = self.nodes[index as usize];
        let level = &mut self.levels[slot.level as usize];
        let list = &mut level.slots[slot.index as usize];
        if before == NIL {
            list.first = after;
        } else {
            self.nodes[before as usize].after = after;
        }
        if after == NIL {
            list.last = before;
        } else {
            self.nodes[after as usize].before = before;
        }
        if list.first == NIL {
            *list = EMPTY;
            level.occupied &= !(1 << slot.index);
        }
    }

    /// Takes the value of a node that is in no list, and keeps the node for another.
    fn release(&mut self, index: u32) -> Due<T> {
        let node = &mut self.nodes[index as usize];
        let value = node.value.take().expect("a node in use has a value");
        let due = (node.deadline, node.number, value);
        node.after = self.unused;
        self.unused = index;
        self.len -= 1;
        if self.len == 0 && self.nodes.len() > KEPT {
            self.nodes = Vec::new();
            self.unused = NIL;
        }
        due
    }

    /// The slot that is earlier than all others.
    fn first_slot(&self) -> Option<Slot> {
        let level = self.levels.iter().position(|level| level.occupied != 0)?;
        let index = self.levels[level].occupied.trailing_zeros();
        Some(Slot {
            level: level as u8,
            index: index as u8,
        })
    }

    fn list(&self, slot: Slot) -> &List {
        &self.levels[slot.level as usize].slots[slot.index as usize]
    }
}

/// By deadline, and by arrival among equal ones. What comes from one slot mostly is in order already.
pub(super) fn sort<T>(due: &mut [Due<T>]) {
    due.sort_by_key(|(deadline, number, _)| (*deadline, *number));
}

#[cfg(test)]
mod tests {
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
                        let mut due = Vec::new();
                        while wheel.take_due(now, n, &mut due) {
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
                        sort(&mut due);
                        let later = model.split_off(&(now, u64::MAX));
                        let expected: Vec<_> = model.iter().map(|(&(d, n), &v)| (d, n, v)).collect();
                        model = later;
                        prop_assert_eq!(due, expected);
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
            let mut due = Vec::new();
            while let Some(bound) = wheel.earliest() {
                let before = due.len();
                while wheel.take_due(bound, usize::MAX, &mut due) {}
                wakes += u64::from(due.len() == before);
            }
            prop_assert!(wakes <= removed);
        }
    }

    #[test]
    fn without_removals_every_wake_up_finds_something_due() {
        let mut wheel = Wheel::default();
        let mut due = Vec::new();
        for n in 0..1000u64 {
            wheel.insert(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (n % 50), n);
        }
        let mut seen = 0;
        while let Some(bound) = wheel.earliest() {
            while wheel.take_due(bound, 7, &mut due) {}
            assert!(due.len() > seen, "a wake-up at {bound} for nothing");
            seen = due.len();
        }
        assert_eq!(seen, 1000);
        assert!(due.is_sorted_by_key(|entry| (entry.0, entry.1)));
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
}
