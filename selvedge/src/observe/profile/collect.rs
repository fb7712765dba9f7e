//! Who collects what threads do: a collection for the process, a shard for each thread.
//!
//! # Invariants
//!
//! 1. A shard is written by its thread alone. It is in `live` until its thread has ended; then, under the lock of
//!    `state`, what it holds is added to `ended`. So whoever holds that lock finds everything in one place, once.
//! 2. Locks are taken in this order: the hub's, `state`, a shard's. No code of the user runs under them.
//! 3. A span's number is given once by its thread, so that no end is taken for another span's, whatever became of
//!    the collection meanwhile.
//!
//! # Orderings
//!
//! `Hub::number` is a hint, `Relaxed`: who sees that it has changed asks the hub under its lock.

use core::cell::RefCell;
use core::fmt::Display;
use core::num::NonZeroU64;
use core::panic::Location;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::ambient;
use crate::observe::profile::tables::{Begin, Budget, Cost, RowKind, Rules, Tables};
use crate::primitive::atomic::{AtomicU64, Ordering::Relaxed};
use crate::primitive::{Arc, Mutex, global, sys, thread_local_struct, thread_number};
use crate::probe::What;
use crate::signal;

global! {
    /// The collection of the process.
    fn hub() -> Hub {
        Hub {
            number: AtomicU64::new(0),
            state: Mutex::new(Hubs { last: 0, current: None }),
        }
    }
}

pub(crate) struct Hub {
    /// Of the current collection; 0 if there is none.
    number: AtomicU64,
    state: Mutex<Hubs>,
}

struct Hubs {
    last: u64,
    current: Option<Arc<Collection>>,
}

thread_local_struct! {
    /// What the calling thread writes.
    static MINE: RefCell<Mine> = RefCell::new(Mine {
        last: 0,
        collection: None,
        shards: Vec::new(),
    });
}

struct Mine {
    /// The last number that was given to a span.
    last: u64,
    collection: Option<Arc<Collection>>,
    /// Innermost last: the body of a thread has a shard of its own, which ends with the span of this number.
    shards: Vec<(Arc<Shard>, Option<NonZeroU64>)>,
}

/// More threads with different paths than these are one.
const MAX_ENDED: usize = 1_000;
/// What those are called.
const OTHERS: &str = "(others)";

/// What was asked for, and what has come of it.
pub(super) struct Collection {
    number: u64,
    pub(super) began: Instant,
    pub(super) at: &'static Location<'static>,
    cost: Cost,
    every: u32,
    budget: Option<Budget>,
    state: Mutex<State>,
}

struct State {
    is_over: bool,
    live: Vec<Arc<Shard>>,
    ended: HashMap<Arc<str>, Part>,
}

struct Shard {
    thread: Arc<str>,
    os_id: u32,
    /// How long the thread had run when this began.
    cpu: Option<Duration>,
    tables: Mutex<Tables>,
}

/// What the threads of one path have done.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) thread: Arc<str>,
    pub(super) os_id: u32,
    pub(super) cpu: Option<Duration>,
    /// How many threads these were.
    pub(super) threads: u64,
    pub(super) tables: Tables,
}

impl Collection {
    /// Begins to collect, unless somebody does already, who is given back.
    pub(super) fn begin(
        at: &'static Location<'static>,
        every: u32,
        room: Option<usize>,
    ) -> Result<Arc<Self>, Arc<Self>> {
        let cost = calibrate();
        let mut hubs = hub().state.lock();
        if let Some(current) = &hubs.current {
            return Err(Arc::clone(current));
        }
        hubs.last += 1;
        let collection = Arc::new(Self {
            number: hubs.last,
            began: signal::now(),
            at,
            cost,
            every,
            budget: room.map(Budget::new),
            state: Mutex::new(State {
                is_over: false,
                live: Vec::new(),
                ended: HashMap::new(),
            }),
        });
        hubs.current = Some(Arc::clone(&collection));
        hub().number.store(hubs.last, Relaxed);
        Ok(collection)
    }

    /// Collects no more. What there is stays. False if that was so before.
    pub(super) fn end(&self) -> bool {
        let now = Some(signal::now());
        let mut state = self.state.lock();
        if core::mem::replace(&mut state.is_over, true) {
            return false;
        }
        drop(state);
        {
            let mut hubs = hub().state.lock();
            hub().number.store(0, Relaxed);
            hubs.current = None;
        }
        let mut state = self.state.lock();
        for shard in core::mem::take(&mut state.live) {
            self.add(&mut state.ended, &shard, now);
        }
        true
    }

    /// All that was done until now, by path; what is running counts with the time it has taken so far.
    pub(super) fn parts(&self) -> Vec<Part> {
        let now = signal::now();
        let state = self.state.lock();
        let mut ended = state.ended.clone();
        for shard in &state.live {
            let mut part = shard.part(shard.tables.lock().clone());
            part.tables.end_all(Some(now), self.rules().quiet());
            add_part(&mut ended, part);
        }
        drop(state);
        let mut parts: Vec<_> = ended.into_values().collect();
        parts.sort_by(|a, b| a.thread.cmp(&b.thread));
        parts
    }

    /// How many spans found no room.
    pub(super) fn dropped(&self) -> u64 {
        self.budget.as_ref().map_or(0, Budget::dropped)
    }

    pub(super) fn is_recording(&self) -> bool {
        self.budget.is_some()
    }

    fn rules(&self) -> Rules<'_> {
        Rules {
            cost: self.cost,
            every: self.every,
            budget: self.budget.as_ref(),
        }
    }

    /// A shard for the calling thread.
    fn join(&self) -> Option<Arc<Shard>> {
        let mut state = self.state.lock();
        if state.is_over {
            return None;
        }
        let os_id = sys::thread_id();
        let line = match os_id {
            0 => u32::try_from(thread_number()).unwrap_or(u32::MAX),
            os_id => os_id,
        };
        let shard = Arc::new(Shard {
            thread: ambient::thread_path(),
            os_id,
            cpu: sys::thread_cpu(),
            tables: Mutex::new(Tables::of_line(line)),
        });
        state.live.push(Arc::clone(&shard));
        Some(shard)
    }

    /// The shard's thread, which is the calling one, has ended. It has no clock while its thread-locals are destroyed;
    /// then only spans that were leaked are left.
    fn leave(&self, shard: &Arc<Shard>, now: Option<Instant>) {
        let mut state = self.state.lock();
        let at = state
            .live
            .iter()
            .position(|other| Arc::ptr_eq(other, shard));
        if let Some(at) = at {
            state.live.swap_remove(at);
            self.add(&mut state.ended, shard, now);
        }
    }

    fn add(&self, ended: &mut HashMap<Arc<str>, Part>, shard: &Shard, now: Option<Instant>) {
        let mut part = shard.part(core::mem::take(&mut *shard.tables.lock()));
        part.tables.end_all(now, self.rules());
        add_part(ended, part);
    }
}

impl Shard {
    fn part(&self, tables: Tables) -> Part {
        let cpu = match self.os_id == sys::thread_id() {
            true => sys::thread_cpu(),
            false => sys::cpu_of(self.os_id),
        };
        Part {
            thread: Arc::clone(&self.thread),
            os_id: self.os_id,
            cpu: cpu
                .zip(self.cpu)
                .map(|(now, then)| now.saturating_sub(then)),
            threads: 1,
            tables,
        }
    }
}

fn add_part(ended: &mut HashMap<Arc<str>, Part>, mut part: Part) {
    if ended.len() >= MAX_ENDED && !ended.contains_key(&part.thread) {
        part.thread = Arc::from(OTHERS);
    }
    match ended.get_mut(&part.thread) {
        Some(known) => {
            known.tables.add(&part.tables);
            known.threads += part.threads;
            known.cpu = known.cpu.zip(part.cpu).map(|(a, b)| a + b);
        }
        None => _ = ended.insert(Arc::clone(&part.thread), part),
    }
}

/// A span begins on the calling thread; its number, if somebody collects.
pub(super) fn begin(what: What<'_>) -> Option<NonZeroU64> {
    // Neither a thread that has lost its thread-locals nor an allocator that is measured is followed.
    MINE.try_with(|mine| mine.try_borrow_mut().ok()?.begin(what))
        .ok()?
}

/// The span with this number ends.
pub(super) fn end(number: NonZeroU64) {
    let _ = MINE.try_with(|mine| {
        if let Ok(mut mine) = mine.try_borrow_mut() {
            mine.end(number);
        }
    });
}

/// The innermost body of the calling thread ends; its number, if there was a collection when it began.
pub(super) fn end_body(number: Option<NonZeroU64>) {
    let _ = MINE.try_with(|mine| {
        if let Ok(mut mine) = mine.try_borrow_mut() {
            mine.end_body(number);
        }
    });
}

impl Mine {
    fn begin(&mut self, what: What<'_>) -> Option<NonZeroU64> {
        let current = hub().number.load(Relaxed);
        if self.collection.as_ref().map_or(0, |it| it.number) != current {
            self.leave(Some(signal::now()));
            self.collection.clone_from(&hub().state.lock().current);
        }
        let collection = self.collection.as_ref()?;
        let rules = collection.rules();
        let is_body = matches!(what, What::Thread);
        if !is_body && self.shards.is_empty() {
            let shard = collection.join()?;
            if ambient::identity(|identity| identity.is_some()) {
                // Its body had begun before: its time counts from here on.
                let begin = Begin {
                    is_call: false,
                    ..described(What::Thread, &shard.thread, false)
                };
                let number = next(&mut self.last)?;
                shard.tables.lock().begin(number, begin, rules, signal::now);
            }
            self.shards.push((shard, None));
        }
        let number = next(&mut self.last)?;
        if is_body {
            self.shards.push((collection.join()?, Some(number)));
        }
        let (shard, _) = self.shards.last()?;
        let begin = described(what, &shard.thread, collection.is_recording());
        shard.tables.lock().begin(number, begin, rules, signal::now);
        Some(number)
    }

    fn end_body(&mut self, number: Option<NonZeroU64>) {
        if let (Some(collection), Some((shard, own))) = (&self.collection, self.shards.last())
            && (own.is_none() || *own == number)
        {
            collection.leave(shard, Some(signal::now()));
            self.shards.pop();
        }
    }

    fn end(&mut self, number: NonZeroU64) {
        if let (Some(collection), Some((shard, _))) = (&self.collection, self.shards.last()) {
            let rules = collection.rules();
            shard.tables.lock().end(number, rules, signal::now);
        }
    }

    fn leave(&mut self, now: Option<Instant>) {
        if let Some(collection) = &self.collection {
            for (shard, _) in self.shards.drain(..).rev() {
                collection.leave(&shard, now);
            }
        }
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.leave(None);
    }
}

fn next(last: &mut u64) -> Option<NonZeroU64> {
    *last += 1;
    NonZeroU64::new(*last)
}

fn described<'b>(what: What<'b>, thread: &'b str, is_recording: bool) -> Begin<'b> {
    let begin = |kind, name, at| Begin {
        kind,
        name,
        at,
        is_static: true,
        is_call: true,
        is_poll: false,
        says: None,
    };
    match what {
        What::Call(path, at) => begin(RowKind::Function, path, Some(at)),
        What::Poll(path, at, is_first) => Begin {
            is_call: is_first,
            is_poll: true,
            ..begin(RowKind::Function, path, Some(at))
        },
        What::Block(name, at) => begin(RowKind::Block, name, Some(at)),
        What::Thread => Begin {
            is_static: false,
            ..begin(RowKind::Thread, thread, None)
        },
        What::Wait(kind, site) => Begin {
            says: is_recording.then(|| said(site)),
            ..begin(RowKind::Wait, kind, None)
        },
    }
}

fn said(site: &dyn Display) -> Arc<str> {
    Arc::from(site.to_string())
}

/// What a span costs here and now: nothing by a clock that stands still.
fn calibrate() -> Cost {
    const SPANS: u32 = 64;
    const TRIES: u32 = 16;
    if cfg!(any(selvedge_loom, selvedge_shuttle)) {
        return Cost::default(); // time is virtual, and every look at it a step of the schedule
    }
    let shard = Mutex::new(Tables::default());
    let rules = Rules::default();
    let place = Location::caller();
    let what = || described(What::Call("", place), "", false);
    let Some(number) = NonZeroU64::new(1) else {
        return Cost::default();
    };
    let mut cost = Cost {
        inside: u64::MAX,
        outside: u64::MAX,
    };
    for _ in 0..TRIES {
        let before = shard.lock().own_time();
        let start = signal::now();
        for _ in 0..SPANS {
            shard.lock().begin(number, what(), rules, signal::now);
            shard.lock().end(number, rules, signal::now);
        }
        let all = signal::now().saturating_duration_since(start).as_nanos();
        let all = u64::try_from(all).unwrap_or(u64::MAX) / u64::from(SPANS);
        let inside = (shard.lock().own_time() - before) / u64::from(SPANS);
        cost.inside = cost.inside.min(inside);
        cost.outside = cost.outside.min(all.saturating_sub(inside));
    }
    cost
}
