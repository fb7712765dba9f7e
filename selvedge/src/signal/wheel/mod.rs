//! Deadlines in order of time, with insertion and removal at a constant cost: a hierarchical timing wheel.
//!
//! ```text
//!   run, added   level 0          level 1           ..   level 7
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
//! 1. An entry whose tick is the wheel's or earlier is in the run or in `added`; every other one is in the
//!    slot that its tick and the wheel's tick give, and there is later than everything on lower levels.
//! 2. Only `moving` may break that: the slot being emptied, whose digit is the wheel's own. Nothing is
//!    added to it, and nothing else is looked for while it has entries.
//! 3. `least` of a slot with entries is at most the earliest deadline in it. (It is not raised by a removal.)
//! 4. A key's number is given out once, so a key of an entry that has gone finds nothing.
//! 5. Slots are doubly linked lists through `nodes`, in the order of arrival; who is at an end names the
//!    slot there. Unused nodes are a list too.
//! 6. The run is made of the slot that was emptied last, and is in the wheel or with who sorts it. It has
//!    holes: what is removed leaves its key there.

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

/// Less is a node; from here on, the ends of the slots' lists.
const END: u32 = u32::MAX - (SLOTS * LEVELS) as u32 - 2;
/// In place of `before`: the node is in the run, or in `added`.
const IN_RUN: u32 = u32::MAX - 2;
const IN_ADDED: u32 = u32::MAX - 1;
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
    /// What this tick began with, the last first.
    run: Vec<Sorted>,
    /// What was added to this tick since.
    added: BTreeMap<(u64, u64), u32>,
    /// A bit for each slot of a level that has entries.
    occupied: [u64; LEVELS],
    slots: Box<[List; SLOTS * LEVELS]>,
    moving: Option<usize>,
}

/// Finds an entry again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) index: u32,
    pub(super) number: u64,
}

/// An entry that was taken out: its deadline, its number, its value.
pub(super) type Due<T> = (u64, u64, T);

/// The deadline, number and index of an entry.
type Sorted = (u64, u64, u32);

/// What was found, to be sorted while others use the wheel.
pub(super) struct Found<T> {
    /// Taken out.
    pub(super) due: Vec<Due<T>>,
    /// Still in the wheel: the run to be.
    run: Vec<Sorted>,
}

struct Node<T> {
    deadline: u64,
    number: u64,
    value: Option<T>,
    before: u32,
    after: u32,
}

#[derive(Clone, Copy)]
struct List {
    first: u32,
    last: u32,
    least: u64,
}

impl List {
    fn empty(slot: usize) -> Self {
        let end = END + slot as u32;
        Self {
            first: end,
            last: end,
            least: u64::MAX,
        }
    }
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            unused: NIL,
            len: 0,
            next: 0,
            tick: 0,
            run: Vec::new(),
            added: BTreeMap::new(),
            occupied: [0; LEVELS],
            slots: Box::new(core::array::from_fn(List::empty)),
            moving: None,
        }
    }
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self {
            due: Vec::new(),
            run: Vec::new(),
        }
    }
}

impl<T> Found<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty() && self.run.is_empty()
    }

    /// What is due by deadline, and by arrival among equal ones; it mostly is in order already. The run
    /// backwards.
    pub(super) fn sort(&mut self) {
        sort(&mut self.due);
        self.run.sort_unstable_by(|a, b| b.cmp(a));
    }
}

fn sort<T>(due: &mut [Due<T>]) {
    due.sort_by_key(|(deadline, number, _)| (*deadline, *number));
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
        };
        let index = if self.unused == NIL {
            let index = u32::try_from(self.nodes.len()).ok().filter(|i| *i < END);
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
        if !self.has(key.index, key.number) {
            return None;
        }
        let node = &self.nodes[key.index as usize];
        match node.before {
            IN_RUN => {} // invariant 6
            IN_ADDED => _ = self.added.remove(&(node.deadline, node.number)),
            _ => self.unlink(key.index),
        }
        Some(self.release(key.index).2)
    }

    /// Is it still there (invariant 4)?
    fn has(&self, index: u32, number: u64) -> bool {
        let node = self.nodes.get(index as usize);
        node.is_some_and(|node| node.number == number && node.value.is_some())
    }

    /// A time before which nothing is due: that of the first entry, or of one that was removed.
    pub(super) fn earliest(&self) -> Option<u64> {
        if self.len == 0 {
            return None; // the run may have holes
        }
        let run = self.run.last().map(|entry| entry.0);
        let added = self.added.first_key_value().map(|(entry, _)| entry.0);
        match (run, added) {
            // All others are later (invariant 1).
            (Some(run), Some(added)) => Some(run.min(added)),
            (Some(only), None) | (None, Some(only)) => Some(only),
            (None, None) => self.first_slot().map(|slot| self.slots[slot].least),
        }
    }

    /// Moves at most `n` entries, to what is due if they are at `now`; true if there is more to do.
    /// Repeated with the same `now` until there is not, it has taken out all that is due, in no order.
    /// Then sort what was found, and give the run back.
    pub(super) fn take_due(&mut self, now: u64, mut n: usize, found: &mut Found<T>) -> bool {
        loop {
            while let Some(slot) = self.moving {
                let index = self.slots[slot].first;
                if index >= END {
                    self.moving = None;
                } else if n == 0 {
                    return true;
                } else {
                    n -= 1;
                    self.unlink(index);
                    let node = &mut self.nodes[index as usize];
                    if node.deadline <= now {
                        found.due.push(self.release(index));
                    } else if node.deadline >> TICK <= self.tick {
                        node.before = IN_RUN;
                        found.run.push((node.deadline, node.number, index));
                    } else {
                        self.place(index);
                    }
                }
            }
            while self.run.last().is_some_and(|entry| entry.0 <= now) {
                if n == 0 {
                    return true;
                }
                n -= 1;
                if let Some((_, number, index)) = self.run.pop()
                    && self.has(index, number)
                {
                    found.due.push(self.release(index));
                }
            }
            while let Some(first) = self.added.first_entry() {
                if first.key().0 > now {
                    break;
                }
                if n == 0 {
                    return true;
                }
                n -= 1;
                let index = first.remove();
                found.due.push(self.release(index));
            }
            if !(self.run.is_empty() && found.run.is_empty() && self.added.is_empty()) {
                return false; // the slots are later
            }
            match self.first_slot() {
                Some(slot) if self.slots[slot].least <= now => self.enter(slot, now),
                _ => return false,
            }
        }
    }

    /// Takes back the run that was sorted.
    pub(super) fn put_run(&mut self, found: &mut Found<T>) {
        if !found.run.is_empty() {
            // It was found because there was no other (invariant 6).
            core::mem::swap(&mut self.run, &mut found.run);
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
    fn enter(&mut self, slot: usize, now: u64) {
        let shift = DIGIT * (slot / SLOTS) as u32;
        let above = shift + DIGIT;
        let start = (self.tick >> above << above) | (((slot % SLOTS) as u64) << shift);
        let end = start + ((1 << shift) - 1);
        // No entry stands between the old tick and the new one, so all others keep their slots
        // (invariant 1): lower levels are empty, and on this one and above later digits are later.
        self.tick = (now >> TICK).clamp(start, end);
        self.moving = Some(slot);
    }

    /// Puts a node that is nowhere where it belongs (invariant 1).
    fn place(&mut self, index: u32) {
        let node = &mut self.nodes[index as usize];
        let tick = node.deadline >> TICK;
        if tick <= self.tick {
            node.before = IN_ADDED;
            self.added.insert((node.deadline, node.number), index);
            return;
        }
        let level = (tick ^ self.tick).ilog2() / DIGIT;
        let digit = (tick >> (level * DIGIT)) as usize % SLOTS;
        let slot = level as usize * SLOTS + digit;
        self.occupied[level as usize] |= 1 << digit;
        let list = &mut self.slots[slot];
        list.least = list.least.min(node.deadline);
        node.before = list.last;
        node.after = END + slot as u32;
        let last = core::mem::replace(&mut list.last, index);
        if last >= END {
            list.first = index;
        } else {
            self.nodes[last as usize].after = index;
        }
    }

    /// Takes a node off the list of its slot.
    fn unlink(&mut self, index: u32) {
        let Node { before, after, .. } = self.nodes[index as usize];
        match before.checked_sub(END) {
            Some(slot) => self.slots[slot as usize].first = after,
            None => self.nodes[before as usize].after = after,
        }
        match after.checked_sub(END) {
            Some(slot) => self.slots[slot as usize].last = before,
            None => self.nodes[after as usize].before = before,
        }
        if before >= END && before == after {
            let slot = (before - END) as usize; // it was the only one
            self.slots[slot].least = u64::MAX;
            self.occupied[slot / SLOTS] &= !(1 << (slot % SLOTS));
        }
    }

    /// Takes the value of a node that is nowhere, and keeps the node for another.
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
    fn first_slot(&self) -> Option<usize> {
        let level = self.occupied.iter().position(|digits| *digits != 0)?;
        Some(level * SLOTS + self.occupied[level].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests;
