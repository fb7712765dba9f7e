//! The values of a flyweight, by key: those of the process, or those that an isolating block has asked for.
//!
//! # Invariants
//!
//! 1. A key that is being made has an entry that says by whom. Who finds it waits for that one's end, and
//!    gets the value from it, or tries next if there is none.
//! 2. Nobody waits for somebody who waits for it: before a thread waits, under the lock, it follows who
//!    waits for whom. An entry of `waiting` goes under the lock under which what it waits for ends.
//! 3. Under the lock run `Hash`, `Eq` and `Clone` of a key, by contract, and nothing else of the user's: what
//!    goes is dropped after the lock, constructors, copies and comparisons run without it.
//! 4. A closed table gets no new entry, and its values are those that a commit or a discard has taken.
//! 5. An entry is dead when nobody can have its value any more; dead ones go with the insertion that finds
//!    the map as long as twice what was alive at the last sweep. So insertions are amortised O(1).

use core::any::Any;
use core::borrow::Borrow;
use core::fmt;
use core::hash::Hash;
use core::mem;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

use crate::primitive::{Arc, OnceLock, RwLock, Weak, thread_number};
use crate::shared::overlay::{self, Cell, Locked, Staged, is_same};
use crate::shared::{Conflict, Isolate};
use crate::signal::Signal;

/// The shortest map that is swept.
const SWEEP: usize = 64;

pub(super) struct Table<K, V> {
    entries: RwLock<Entries<K, V>>,
    /// Of a block's table: that of the next block outwards, or the shared one.
    outer: Option<Arc<Self>>,
}

struct Entries<K, V> {
    map: HashMap<K, Entry<V>>,
    sweep_at: usize,
    closed: bool,
    /// Which thread waits for what.
    waiting: Vec<(usize, Arc<Making<V>>)>,
}

enum Entry<V> {
    Making(Arc<Making<V>>),
    Made(Held<V>),
}

/// A value that is being made.
struct Making<V> {
    maker: usize,
    /// For those who wait: they get it even if its maker has dropped it by then.
    value: OnceLock<Arc<V>>,
    done: Signal,
}

/// A value as the table holds it.
struct Held<V> {
    value: Weak<V>,
    origin: Option<Arc<Origin<V>>>,
}

/// Where a value with interior mutability comes from, in a block or by a commit.
struct Origin<V> {
    /// What it is a copy of. Who holds that asks for the copy by its key, so the copy lives as long.
    base: Option<(Weak<V>, Arc<V>)>,
    /// What it was when the block first had it; of the shared table's values nobody asks.
    pristine: Option<Arc<V>>,
}

/// A value that was made just now.
pub(super) struct Made<V> {
    value: Arc<V>,
    origin: Option<Origin<V>>,
}

impl<V: Isolate> Made<V> {
    /// By the constructor.
    pub(super) fn fresh(value: V, in_shared: bool) -> Self {
        let is_tracked = V::INTERIOR && !in_shared;
        let origin = is_tracked.then(|| Origin {
            base: None,
            pristine: Some(Arc::new(value.isolate())),
        });
        Self {
            value: Arc::new(value),
            origin,
        }
    }

    /// For a block, of what lives outside.
    pub(super) fn copy_of(base: Arc<V>) -> Self {
        if !V::INTERIOR {
            return Self {
                value: base,
                origin: None,
            };
        }
        let pristine = V::isolate(&base);
        let value = Arc::new(pristine.isolate());
        Self {
            origin: Some(Origin {
                base: Some((Arc::downgrade(&base), Arc::clone(&value))),
                pristine: Some(Arc::new(pristine)),
            }),
            value,
        }
    }
}

/// What a thread that asks for a value has to do.
enum Turn<V> {
    Take(Arc<V>),
    Make,
    Wait(Arc<Making<V>>),
    /// It is being made by the asker, or by somebody who waits for the asker.
    Cycle,
}

impl<K, V> Table<K, V> {
    pub(super) fn new(outer: Option<Arc<Self>>) -> Self {
        let entries = RwLock::new(Entries {
            map: HashMap::new(),
            sweep_at: SWEEP,
            closed: false,
            waiting: Vec::new(),
        });
        Self { entries, outer }
    }

    pub(super) fn is_shared(&self) -> bool {
        self.outer.is_none()
    }

    /// How many of its values are held.
    pub(super) fn len(&self) -> usize {
        let entries = self.read();
        let made = entries.map.values().filter_map(Entry::made);
        made.filter(|held| !held.is_dead()).count()
    }

    /// Invariant 4.
    pub(super) fn close(&self) {
        self.write().closed = true;
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries<K, V>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries<K, V>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    /// The value, if it stands in this table.
    pub(super) fn hit<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        self.read().map.get(key)?.made()?.value.upgrade()
    }

    /// The value that the next blocks outwards see, if it is there.
    pub(super) fn live_outside(&self, key: &K) -> Option<Arc<V>> {
        let outwards = core::iter::successors(self.outer.as_deref(), |it| it.outer.as_deref());
        outwards.into_iter().find_map(|table| table.hit(key))
    }

    /// The value, made by `make` if nobody has or is making it. `None` if the table is closed.
    pub(super) fn get_or_make(
        &self,
        name: &str,
        key: K,
        make: impl FnOnce(&K) -> Made<V>,
    ) -> Option<Arc<V>>
    where
        K: Clone + fmt::Debug,
    {
        let making = Arc::new(Making {
            maker: thread_number(),
            value: OnceLock::new(),
            done: Signal::named(name),
        });
        loop {
            match self.turn(&key, &making)? {
                Turn::Take(value) => return Some(value),
                Turn::Make => break,
                Turn::Cycle => panic!("`{name}`: the value of {key:?} needs itself to be made"),
                Turn::Wait(other) => {
                    other.done.wait_through();
                    if let Some(value) = other.value.get() {
                        return Some(Arc::clone(value));
                    }
                }
            }
        }
        // Caught, because others are told whatever becomes of it, and not by a destructor.
        let made = catch_unwind(AssertUnwindSafe(|| make(&key)));
        match made {
            Ok(made) => self.end(&key, &making, Some(made)),
            Err(payload) => {
                self.end(&key, &making, None);
                resume_unwind(payload)
            }
        }
    }

    /// Ends the making of a value: its entry ends with it (invariant 1). `None` if the table was closed
    /// meanwhile, too.
    fn end(&self, key: &K, making: &Arc<Making<V>>, made: Option<Made<V>>) -> Option<Arc<V>> {
        let (value, mut held) = match made {
            Some(Made { value, origin }) => {
                let held = Held {
                    value: Arc::downgrade(&value),
                    origin: origin.map(Arc::new),
                };
                (Some(value), Some(Entry::Made(held)))
            }
            None => (None, None),
        };
        let (_old, _unmade); // dropped after the lock, as `held` is if it is not used
        let mut entries = self.write();
        let is_kept = held.is_some() && !entries.closed;
        // They have it as well.
        entries.waiting.retain(|(_, it)| !Arc::ptr_eq(it, making));
        if is_kept {
            let place = entries.map.get_mut(key).zip(held.take());
            _old = place.map(|(place, held)| mem::replace(place, held));
        } else {
            _unmade = entries.map.remove_entry(key);
        }
        drop(entries);
        let value = value.filter(|_| is_kept);
        if let Some(value) = &value {
            let _ = making.value.set(Arc::clone(value));
        }
        making.done.set(); // without a value: who waits asks again
        value
    }

    fn turn(&self, key: &K, making: &Arc<Making<V>>) -> Option<Turn<V>>
    where
        K: Clone,
    {
        let spare = key.clone();
        let mut gone = Vec::new(); // dropped after the lock, as `spare` is if it is not used
        let mut entries = self.write();
        if entries.closed {
            return None;
        }
        let entries = &mut *entries;
        match entries.map.get_mut(key) {
            Some(Entry::Making(other)) => {
                if is_cycle(&entries.waiting, other, making.maker) {
                    return Some(Turn::Cycle);
                }
                entries.waiting.push((making.maker, Arc::clone(other)));
                return Some(Turn::Wait(Arc::clone(other)));
            }
            Some(entry) => {
                if let Some(value) = entry.made().and_then(|held| held.value.upgrade()) {
                    return Some(Turn::Take(value));
                }
                let dead = mem::replace(entry, Entry::Making(Arc::clone(making)));
                gone.push((None, dead));
            }
            None => {
                if entries.map.len() >= entries.sweep_at {
                    entries.sweep(&mut gone);
                }
                let entry = Entry::Making(Arc::clone(making));
                entries.map.insert(spare, entry);
            }
        }
        Some(Turn::Make)
    }
}

/// Would `me`, waiting for `on`, wait for itself (invariant 2)?
fn is_cycle<V>(waiting: &[(usize, Arc<Making<V>>)], on: &Arc<Making<V>>, me: usize) -> bool {
    let next = |making: &&Arc<Making<V>>| {
        let found = waiting.iter().find(|(thread, _)| *thread == making.maker);
        found.map(|(_, making)| making)
    };
    core::iter::successors(Some(on), next).any(|making| making.maker == me)
}

impl<K: Eq + Hash, V> Entries<K, V> {
    /// Moves what is dead to `gone` (invariant 5).
    fn sweep(&mut self, gone: &mut Vec<(Option<K>, Entry<V>)>) {
        let dead = |_: &K, entry: &mut Entry<V>| entry.made().is_some_and(Held::is_dead);
        let dead = self.map.extract_if(dead);
        gone.extend(dead.map(|(key, entry)| (Some(key), entry)));
        self.sweep_at = SWEEP.max(self.map.len() * 2);
        if self.map.capacity() > self.sweep_at * 4 {
            self.map.shrink_to(self.sweep_at);
        }
    }
}

impl<V> Entry<V> {
    fn made(&self) -> Option<&Held<V>> {
        match self {
            Self::Made(held) => Some(held),
            Self::Making(_) => None,
        }
    }
}

impl<V> Held<V> {
    fn is_dead(&self) -> bool {
        let base = self.origin.as_ref().and_then(|it| it.base.as_ref());
        match base {
            // The count of the entry itself.
            Some((base, kept)) => base.strong_count() == 0 && Arc::strong_count(kept) == 1,
            None => self.value.strong_count() == 0,
        }
    }
}

/// A value that somebody can still have, with its key.
type Found<K, V> = (K, Arc<V>, Option<Arc<Origin<V>>>);

/// What a commit puts into another table.
struct Put<K, V> {
    key: Option<K>,
    value: Arc<V>,
    origin: Option<Arc<Origin<V>>>,
    /// What stood there when it was compared.
    found: Option<Arc<V>>,
    is_written: bool,
}

/// A commit of one table, checked against what it found.
pub(super) struct Step<K, V> {
    puts: Vec<Put<K, V>>,
}

/// The same, with the lock.
struct Taken<'c, K, V> {
    entries: RwLockWriteGuard<'c, Entries<K, V>>,
    puts: Vec<&'c mut Put<K, V>>,
    is_shared: bool,
}

impl<K: Clone + Eq + Hash, V: Isolate> Table<K, V> {
    /// Was a value written that somebody can still have?
    pub(super) fn is_written(&self) -> bool {
        self.made()
            .iter()
            .any(|(_, value, origin)| is_changed(value, origin))
    }

    /// The values that are there, out of the lock.
    fn made(&self) -> Vec<Found<K, V>> {
        let entries = self.read();
        let made = entries.map.iter().filter_map(|(key, entry)| {
            let held = entry.made()?;
            Some((key.clone(), held.value.upgrade()?, held.origin.clone()))
        });
        made.collect()
    }

    /// What a commit into `into` will do: put there what it has not, and what was written.
    ///
    /// If both made a value that nobody wrote, theirs stays.
    pub(super) fn stage(
        &self,
        name: &'static str,
        into: &Self,
    ) -> Result<Option<Step<K, V>>, Conflict> {
        let mut puts = Vec::new();
        for (key, value, origin) in self.made() {
            let is_written = is_changed(&value, &origin);
            let found = into.hit(&key);
            let seen = found.clone().or_else(|| into.live_outside(&key));
            if let Some(seen) = seen {
                if !is_written || Arc::ptr_eq(&seen, &value) {
                    continue;
                }
                let origin = origin.as_deref();
                let pristine = origin.filter(|it| it.base.is_some());
                let Some(pristine) = pristine.and_then(|it| it.pristine.as_deref()) else {
                    return Err(Conflict::new(name, true)); // both made one
                };
                if !is_same(&*seen, pristine) {
                    return Err(overlay::conflict(name, pristine));
                }
            }
            puts.push(Put {
                key: Some(key),
                value,
                origin,
                found,
                is_written,
            });
        }
        Ok((!puts.is_empty()).then_some(Step { puts }))
    }
}

fn is_changed<V: Isolate>(value: &Arc<V>, origin: &Option<Arc<Origin<V>>>) -> bool {
    let pristine = origin
        .as_ref()
        .and_then(|origin| origin.pristine.as_deref());
    pristine.is_some_and(|pristine| !is_same(&**value, pristine))
}

impl<K, V> Staged for Step<K, V>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn lock<'c>(&'c mut self, into: &'c Cell) -> Option<Box<dyn Locked + 'c>> {
        let table: &Table<K, V> = into
            .downcast_ref()
            .expect("a flyweight's cell has its type");
        let entries = table.write();
        let mut puts = Vec::new();
        for put in &mut self.puts {
            let key = put.key.as_ref().expect("not applied yet");
            let is_as_found = match (entries.map.get(key), &put.found) {
                (Some(Entry::Made(held)), Some(found)) => held.value.as_ptr() == Arc::as_ptr(found),
                (Some(Entry::Made(held)), None) => held.is_dead(),
                (None, None) => true,
                _ => false,
            };
            match is_as_found && !entries.closed {
                true => puts.push(put),
                false if put.is_written => return None,
                false => {} // theirs is as good
            }
        }
        Some(Box::new(Taken {
            entries,
            puts,
            is_shared: table.is_shared(),
        }))
    }
}

impl<K, V> Locked for Taken<'_, K, V>
where
    K: Eq + Hash + 'static,
    V: Send + Sync + 'static,
{
    fn apply(mut self: Box<Self>) -> Box<dyn Any> {
        let mut old = Vec::new();
        for put in mem::take(&mut self.puts) {
            let key = put.key.take().expect("applied once");
            let theirs = match self.entries.map.get(&key) {
                Some(Entry::Made(held)) => held.origin.clone(),
                _ => None,
            };
            let entry = Entry::Made(put.held(theirs, self.is_shared));
            match self.entries.map.get_mut(&key) {
                Some(place) => old.push((Some(key), mem::replace(place, entry))),
                None => drop(self.entries.map.insert(key, entry)), // there is none
            }
        }
        Box::new(old)
    }
}

impl<K, V> Put<K, V> {
    /// As the other table holds it: with the origin that it has there.
    fn held(&self, theirs: Option<Arc<Origin<V>>>, is_shared: bool) -> Held<V> {
        let ours = self.origin.as_ref();
        let base = [theirs.as_ref(), ours].into_iter().flatten();
        let base = base.filter_map(|it| it.base.as_ref()).next();
        let pristine = theirs.as_ref().or(ours);
        let pristine = pristine.and_then(|it| it.pristine.as_ref());
        let origin = Origin {
            base: base.map(|(base, _)| (Weak::clone(base), Arc::clone(&self.value))),
            pristine: pristine.filter(|_| !is_shared).map(Arc::clone),
        };
        Held {
            value: Arc::downgrade(&self.value),
            origin: Some(Arc::new(origin)),
        }
    }
}
