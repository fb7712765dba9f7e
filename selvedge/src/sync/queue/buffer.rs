//! Elements under a lock: for queues that do more than a ring can.
//!
//! Levels, the first of which is served first, each a deque; and what a unique queue knows.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};

/// Where an element goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) level: usize,
    pub(super) front: bool,
}

impl Place {
    pub(super) const BACK: Self = Self::back(0);
    pub(super) const FRONT: Self = Self {
        level: 0,
        front: true,
    };

    pub(super) const fn back(level: usize) -> Self {
        let front = false;
        Self { level, front }
    }
}

pub(super) struct Buffer<T> {
    levels: Box<[VecDeque<T>]>,
    len: usize,
    /// Boxed, because most have none.
    unique: Option<Box<Unique<T>>>,
}

impl<T> Buffer<T> {
    pub(super) fn new(levels: usize) -> Self {
        Self {
            levels: (0..levels).map(|_| VecDeque::new()).collect(),
            len: 0,
            unique: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an element, or gives it back if it is to be unique and an equal one is there.
    pub(super) fn insert(&mut self, element: T, place: Place) -> Result<(), T> {
        let level = &mut self.levels[place.level];
        if let Some(unique) = &mut self.unique
            && !unique.insert(level, &element, place.front)
        {
            return Err(element);
        }
        if place.front {
            level.push_front(element)
        } else {
            level.push_back(element)
        }
        self.len += 1;
        Ok(())
    }

    /// The first element of the first level that has one.
    pub(super) fn take(&mut self) -> Option<T> {
        let element = self.levels.iter_mut().find_map(VecDeque::pop_front)?;
        self.len -= 1;
        if let Some(unique) = &mut self.unique {
            unique.remove_first();
        }
        Some(element)
    }

    pub(super) fn take_all(&mut self) -> Vec<T> {
        self.len = 0;
        if let Some(unique) = &mut self.unique {
            unique.clear();
        }
        self.levels.iter_mut().flat_map(core::mem::take).collect()
    }

    /// Keeps equal elements out from now on; hands out those that are there already, later ones first.
    pub(super) fn make_unique(&mut self) -> Vec<T>
    where
        T: Hash + Eq,
    {
        let before = self.take_all();
        self.unique = Some(Box::new(Unique::new()));
        before
            .into_iter()
            .filter_map(|element| self.insert(element, Place::BACK).err())
            .collect()
    }
}

/// The elements of a deque by their hashes.
struct Unique<T> {
    hash: fn(&RandomState, &T) -> u64,
    eq: fn(&T, &T) -> bool,
    state: RandomState,
    /// The hash of each element, in their order.
    hashes: VecDeque<u64>,
    /// The numbers of the elements with this hash.
    known: HashMap<u64, Vec<i64>>,
    /// The number of the first element; they are numbered in their order.
    first: i64,
}

impl<T> Unique<T> {
    fn new() -> Self
    where
        T: Hash + Eq,
    {
        Self {
            hash: |state, element| state.hash_one(element),
            eq: |a, b| a == b,
            state: RandomState::new(),
            hashes: VecDeque::new(),
            known: HashMap::new(),
            first: 0,
        }
    }

    /// Notes an element that is about to be added to `elements`; false if an equal one is there.
    fn insert(&mut self, elements: &VecDeque<T>, element: &T, front: bool) -> bool {
        let hash = (self.hash)(&self.state, element);
        let first = self.first;
        let is_equal = |&number: &i64| {
            usize::try_from(number - first)
                .ok()
                .and_then(|at| elements.get(at))
                .is_some_and(|other| (self.eq)(element, other))
        };
        if self
            .known
            .get(&hash)
            .is_some_and(|same| same.iter().any(is_equal))
        {
            return false;
        }
        let number = if front {
            self.first -= 1;
            self.hashes.push_front(hash);
            self.first
        } else {
            self.hashes.push_back(hash);
            self.first + self.hashes.len() as i64 - 1
        };
        self.known.entry(hash).or_default().push(number);
        true
    }

    fn remove_first(&mut self) {
        let hash = self
            .hashes
            .pop_front()
            .expect("there is a hash for each element");
        let number = self.first;
        self.first += 1;
        if let Some(same) = self.known.get_mut(&hash) {
            same.retain(|&other| other != number);
            if same.is_empty() {
                self.known.remove(&hash);
            }
        }
    }

    fn clear(&mut self) {
        self.first += self.hashes.len() as i64;
        self.hashes.clear();
        self.known.clear();
    }
}
