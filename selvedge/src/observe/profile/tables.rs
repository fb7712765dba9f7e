//! What one thread has done: a row for each label, a node for each place of a label in the tree of calls.
//!
//! # Invariants
//!
//! 1. `stack` has a frame for each span that is running, innermost last; their numbers grow.
//! 2. A node's parent stands before it, and node 0 is the root, which is nobody's call.
//! 3. `active` of a row counts its frames, so a frame that finds it 0 is the outermost of its label.
//!
//! # Orderings
//!
//! The counts of a [`Budget`] guard nothing: `Relaxed`.

use core::hash::{BuildHasherDefault, Hasher};
use core::num::NonZeroU64;
use core::panic::Location;
use std::collections::HashMap;
use std::time::Instant;

use crate::primitive::Arc;
use crate::primitive::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RowKind {
    /// An open function; its name is its path.
    Function,
    /// A block that [`block`](super::block) has named.
    Block,
    /// The body of a thread; its name is the thread's path.
    Thread,
    /// Sleep: until a signal is set, a queue has room, a lock is free; its name is the kind of what is waited for.
    Wait,
}

/// A name and what it is a name of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Label {
    pub(super) kind: RowKind,
    pub(super) name: Arc<str>,
}

/// What is known of a label; times in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) label: Label,
    /// Where it stands in the source.
    pub(super) at: Option<&'static Location<'static>>,
    pub(super) calls: u64,
    /// Those that were not made inside of another one.
    pub(super) primitive: u64,
    pub(super) polls: u64,
    pub(super) own: u64,
    pub(super) total: u64,
    pub(super) max: u64,
    /// How many calls were timed, and what those took by themselves: the rest is estimated.
    timed: u64,
    timed_own: u64,
    active: u32,
}

/// A label called from here.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// In `rows`; of the root it is none.
    pub(super) row: usize,
    pub(super) parent: usize,
    pub(super) calls: u64,
    pub(super) own: u64,
}

/// A span that has ended, for a trace.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) kind: RowKind,
    pub(super) name: Arc<str>,
    pub(super) start: Instant,
    pub(super) nanos: u64,
    /// On which line of time: that of its thread, also among others of the same path.
    pub(super) line: u32,
}

/// What measuring costs, in nanoseconds, which is taken off the times.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// Of a span, inside of its own time.
    pub(super) inside: u64,
    /// Of a span, in the time of the one around it.
    pub(super) outside: u64,
}

/// How a collection measures.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules<'r> {
    pub(super) cost: Cost,
    /// Of a short function one call of so many is timed; 1 is all.
    pub(super) every: u32,
    /// For spans that are kept one by one, if they are.
    pub(super) budget: Option<&'r Budget>,
}

/// How many spans may be kept, by all threads together.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicUsize,
    dropped: AtomicU64,
}

impl Rules<'_> {
    /// The same, for a look that keeps nothing.
    pub(super) fn quiet(self) -> Self {
        Self {
            budget: None,
            ..self
        }
    }
}

impl Budget {
    pub(super) fn new(room: usize) -> Self {
        Self {
            left: AtomicUsize::new(room),
            dropped: AtomicU64::new(0),
        }
    }

    /// How many found no room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    fn take(&self) -> bool {
        let taken = self
            .left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        if taken.is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
        taken.is_ok()
    }
}

#[derive(Clone, Debug)]
struct Frame {
    number: NonZeroU64,
    node: usize,
    start: Option<Instant>,
    /// What spans inside of it took.
    inner: u64,
    /// What measuring them cost.
    lost: u64,
    is_outermost: bool,
    /// What is waited for, for a trace.
    says: Option<Arc<str>>,
    /// It has begun in the profile, so that a trace may have it.
    is_whole: bool,
}

/// What begins.
pub(super) struct Begin<'b> {
    pub(super) kind: RowKind,
    pub(super) name: &'b str,
    pub(super) at: Option<&'static Location<'static>>,
    /// The name is the same text for ever, wherever this pointer is met.
    pub(super) is_static: bool,
    /// A poll that goes on with a call is none, and so is what has begun before.
    pub(super) is_call: bool,
    pub(super) is_poll: bool,
    pub(super) says: Option<Arc<str>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) rows: Vec<Row>,
    pub(super) nodes: Vec<Node>,
    pub(super) events: Vec<Event>,
    /// Where its events stand in a trace.
    line: u32,
    stack: Vec<Frame>,
    /// Where a key leads, for those that are not known by more than their pointer.
    fast: HashMap<Key, usize, BuildHasherDefault<Fast>>,
    by_label: HashMap<Label, usize>,
    by_row: HashMap<(usize, usize), usize>,
    random: u32,
}

/// A place in the tree of calls, by its parent and by where the name stands in memory, which nobody reads.
type Key = (usize, RowKind, usize, usize);

/// Deeper calls are nodes of the same parent, so that a deep recursion is no deep tree.
const DEEPEST: usize = 256;
/// So many calls are timed before a function may be called short.
const FIRST: u64 = 64;
/// A function is short that takes less by itself, in nanoseconds.
const SHORT: u64 = 2_000;

impl Tables {
    /// Those of a thread.
    pub(super) fn of_line(line: u32) -> Self {
        Self {
            line,
            ..Self::default()
        }
    }

    /// Begins a span; its time begins when this is over.
    pub(super) fn begin(
        &mut self,
        number: NonZeroU64,
        begin: Begin<'_>,
        rules: Rules<'_>,
        now: impl FnOnce() -> Instant,
    ) {
        let node = self.node(&begin);
        let row = &mut self.rows[self.nodes[node].row];
        let is_outermost = row.active == 0;
        row.active += 1;
        row.polls += u64::from(begin.is_poll);
        if begin.is_call {
            row.calls += 1;
            row.primitive += u64::from(is_outermost);
            self.nodes[node].calls += 1;
        }
        let is_timed = rules.every <= 1
            || row.timed < FIRST
            || row.timed_own / row.timed >= SHORT
            || matches!(begin.kind, RowKind::Thread | RowKind::Wait)
            || self.draw().is_multiple_of(rules.every);
        self.stack.push(Frame {
            number,
            node,
            start: None,
            inner: 0,
            lost: 0,
            is_outermost,
            says: begin.says,
            is_whole: begin.is_call || begin.is_poll,
        });
        if is_timed && let Some(frame) = self.stack.last_mut() {
            frame.start = Some(now());
        }
    }

    /// Ends the span with this number, and those that were begun in it and not ended.
    pub(super) fn end(
        &mut self,
        number: NonZeroU64,
        rules: Rules<'_>,
        now: impl FnOnce() -> Instant,
    ) {
        match self.stack.last() {
            Some(frame) if frame.number == number => {
                let now = frame.start.map(|_| now());
                self.close(now, rules);
            }
            _ if self.stack.iter().any(|frame| frame.number == number) => {
                let (now, mut is_over) = (Some(now()), false);
                while !is_over {
                    is_over = self.close(now, rules) == Some(number);
                }
            }
            _ => {} // another collection's, or ended with one around it
        }
    }

    /// What all rows took by themselves.
    pub(super) fn own_time(&self) -> u64 {
        self.rows.iter().map(|row| row.own).sum()
    }

    /// Ends all that is running; without a clock as if it had not been timed.
    pub(super) fn end_all(&mut self, now: Option<Instant>, rules: Rules<'_>) {
        while self.close(now, rules).is_some() {}
    }

    /// Ends the innermost span; its number.
    fn close(&mut self, now: Option<Instant>, rules: Rules<'_>) -> Option<NonZeroU64> {
        let frame = self.stack.pop()?;
        let node = &mut self.nodes[frame.node];
        let row = &mut self.rows[node.row];
        let elapsed = frame.start.zip(now).map(|(start, now)| nanos(now, start));
        let (own, lost) = match elapsed {
            Some(elapsed) => {
                let lost = frame.lost + rules.cost.inside;
                let own = elapsed.saturating_sub(lost + frame.inner);
                row.timed += 1;
                row.timed_own += own;
                (own, lost + rules.cost.outside)
            }
            // Estimated by those that were timed.
            None => (
                row.timed_own.checked_div(row.timed).unwrap_or(0),
                frame.lost,
            ),
        };
        let total = own + frame.inner;
        node.own += own;
        row.own += own;
        row.active -= 1;
        if frame.is_outermost {
            row.total += total;
            row.max = row.max.max(total);
        }
        if let Some(outer) = self.stack.last_mut() {
            outer.inner += total;
            outer.lost += lost;
        }
        if let (Some(budget), Some((start, nanos))) = (rules.budget, frame.start.zip(elapsed))
            && frame.is_whole
            && budget.take()
        {
            let kind = row.label.kind;
            let name = frame.says.unwrap_or_else(|| Arc::clone(&row.label.name));
            self.events.push(Event {
                kind,
                name,
                start,
                nanos,
                line: self.line,
            });
        }
        Some(frame.number)
    }

    fn node(&mut self, begin: &Begin<'_>) -> usize {
        let parent = self.parent();
        let key = key_of(parent, begin);
        if begin.is_static
            && let Some(node) = self.fast.get(&key)
        {
            return *node;
        }
        let name = Arc::from(begin.name);
        let label = Label {
            kind: begin.kind,
            name,
        };
        let row = self.row(label, begin.at);
        let node = self.child(parent, row);
        if begin.is_static {
            self.fast.insert(key, node);
        }
        node
    }

    /// The node under which a span that begins now stands.
    fn parent(&self) -> usize {
        let at = self.stack.len().min(DEEPEST);
        at.checked_sub(1)
            .and_then(|at| self.stack.get(at))
            .map_or(0, |frame| frame.node)
    }

    fn row(&mut self, label: Label, at: Option<&'static Location<'static>>) -> usize {
        if let Some(row) = self.by_label.get(&label) {
            return *row;
        }
        let row = self.rows.len();
        self.by_label.insert(label.clone(), row);
        self.rows.push(Row {
            label,
            at,
            calls: 0,
            primitive: 0,
            polls: 0,
            own: 0,
            total: 0,
            max: 0,
            timed: 0,
            timed_own: 0,
            active: 0,
        });
        row
    }

    fn child(&mut self, parent: usize, row: usize) -> usize {
        if self.nodes.is_empty() {
            self.nodes.push(Node {
                row: usize::MAX,
                parent: 0,
                calls: 0,
                own: 0,
            });
        }
        if let Some(node) = self.by_row.get(&(parent, row)) {
            return *node;
        }
        let node = self.nodes.len();
        self.by_row.insert((parent, row), node);
        self.nodes.push(Node {
            row,
            parent,
            calls: 0,
            own: 0,
        });
        node
    }

    /// Adds what another thread has done; nothing is running there.
    pub(super) fn add(&mut self, other: &Self) {
        let mut rows = Vec::with_capacity(other.rows.len());
        for theirs in &other.rows {
            let at = self.row(theirs.label.clone(), theirs.at);
            let ours = &mut self.rows[at];
            ours.calls += theirs.calls;
            ours.primitive += theirs.primitive;
            ours.polls += theirs.polls;
            ours.own += theirs.own;
            ours.total += theirs.total;
            ours.max = ours.max.max(theirs.max);
            ours.timed += theirs.timed;
            ours.timed_own += theirs.timed_own;
            rows.push(at);
        }
        let mut nodes = vec![0];
        for theirs in other.nodes.iter().skip(1) {
            let at = self.child(nodes[theirs.parent], rows[theirs.row]); // invariant 2
            let ours = &mut self.nodes[at];
            ours.calls += theirs.calls;
            ours.own += theirs.own;
            nodes.push(at);
        }
        self.events.extend_from_slice(&other.events);
    }

    /// A number that follows no pattern that a program could have.
    fn draw(&mut self) -> u32 {
        let mut x = if self.random == 0 {
            0x9e37_79b9
        } else {
            self.random
        };
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.random = x;
        x >> 3
    }
}

fn key_of(parent: usize, begin: &Begin<'_>) -> Key {
    (
        parent,
        begin.kind,
        begin.name.as_ptr().addr(),
        begin.name.len(),
    )
}

fn nanos(end: Instant, start: Instant) -> u64 {
    let elapsed = end.saturating_duration_since(start);
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// A hash of a few numbers that are no secret.
#[derive(Clone, Default)]
struct Fast(u64);

impl Hasher for Fast {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.write_usize((*byte).into()));
    }

    fn write_isize(&mut self, n: isize) {
        self.write_usize(n.unsigned_abs());
    }

    fn write_usize(&mut self, n: usize) {
        self.0 = (self.0.rotate_left(5) ^ n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
