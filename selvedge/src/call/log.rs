//! A log of calls, with breakpoints.
//!
//! # Invariants
//!
//! 1. `Debug` of arguments and results, and breakpoints, run outside the lock.
//! 2. A record is added when its call begins, and completed when it ends, if it is still there. Of a call that runs on
//!    when its record has to go, the beginning is in `pushed_out` until it ends, for breakpoints.

use core::fmt;
use core::panic::Location;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::ambient::{self, Enter, verbs};
use crate::call::breakpoint::Breakpoint;
use crate::call::glob::BadPattern;
use crate::call::observed::{Event, Moment};
use crate::call::record::{Begun, Record, RecordEnd};
use crate::call::watch::{Watch, Watching, watch};
use crate::primitive::{Arc, Mutex};
use crate::signal;

/// How many records a log keeps.
const CAPACITY: usize = 10_000;

/// A log of the calls of all open functions whose path matches a pattern, for the blocks that it is run around.
///
/// It is a [`watch`](crate::call::watch) that keeps what it sees, as text. The oldest records go when there are too
/// many, 10,000 unless [`capacity`](Self::capacity) says otherwise.
///
/// # Examples
///
/// ```
/// use selvedge::{call, open};
///
/// #[open]
/// fn half(n: u32) -> Option<u32> { (n % 2 == 0).then_some(n / 2) }
///
/// let log = call::Log::record("**::half")?;
/// log.run(|| half(6).and_then(half));
///
/// let calls = log.calls();
/// assert_eq!(calls.len(), 2);
/// assert_eq!(calls[0].arg("n"), Some("6"));
/// assert_eq!(calls[1].returned(), Some("None"));
/// assert!(calls[1].to_string().ends_with("::half(n: 3) -> None"), "{}", calls[1]);
/// # Ok::<(), call::BadPattern>(())
/// ```
#[derive(Clone)]
#[must_use = "a log records nothing until it is run around a block, or installed"]
pub struct Log {
    watch: Watch,
    book: Arc<Book>,
}

/// What a log and its watch share.
pub(super) struct Book {
    pages: Mutex<Pages>,
    actions: Mutex<Vec<Arc<Action>>>,
}

struct Pages {
    records: VecDeque<Record>,
    /// See invariant 2.
    pushed_out: BTreeMap<u64, Arc<Begun>>,
    capacity: usize,
    dropped: u64,
}

/// What is to happen at a breakpoint.
pub(super) struct Action {
    holds: Box<Holds>,
    then: Box<Then>,
}

/// Says it of a record, and of its index if the call begins.
pub(super) type Holds = dyn Fn(Option<u64>, &Record) -> bool + Send + Sync;
type Then = dyn Fn(&Record) + Send + Sync;

impl Log {
    /// A log of the calls of functions whose path matches `pattern`, as [`watch`](crate::call::watch) says.
    ///
    /// # Errors
    ///
    /// If no path can match the pattern.
    pub fn record(pattern: &str) -> Result<Self, BadPattern> {
        let book = Arc::new(Book {
            pages: Mutex::new(Pages {
                records: VecDeque::new(),
                pushed_out: BTreeMap::new(),
                capacity: CAPACITY,
                dropped: 0,
            }),
            actions: Mutex::new(Vec::new()),
        });
        let watch = watch(pattern, {
            let book = Arc::clone(&book);
            move |event| book.write(event)
        })?;
        Ok(Self { watch, book })
    }

    /// Keeps the last `n` records.
    ///
    /// Breakpoints see the others too: what has begun and has not ended is kept for them, however small `n` is.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{call, open};
    ///
    /// #[open]
    /// fn show(n: u32) {}
    ///
    /// let log = call::Log::record("**::show")?.capacity(2);
    /// log.run(|| (0..5).for_each(show));
    /// assert_eq!(log.calls()[0].arg("n"), Some("3"));
    /// assert_eq!((log.calls().len(), log.dropped()), (2, 3));
    /// # Ok::<(), call::BadPattern>(())
    /// ```
    pub fn capacity(self, n: usize) -> Self {
        let excess = {
            let mut pages = self.book.pages.lock();
            pages.capacity = n;
            pages.make_room()
        };
        drop(excess);
        self
    }

    /// Before the call number `index` (from 0, of all that this log sees) runs, `then` does, on the same thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{call, open};
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// static STEPS: AtomicU32 = AtomicU32::new(0);
    ///
    /// #[open]
    /// fn step() { STEPS.fetch_add(1, Relaxed); }
    ///
    /// let log = call::Log::record("**::step")?
    ///     .break_at(2, |record| println!("{record}: {} so far", STEPS.load(Relaxed)));
    /// log.run(|| (0..4).for_each(|_| step()));
    /// # assert_eq!(log.calls().len(), 4);
    /// # Ok::<(), call::BadPattern>(())
    /// ```
    pub fn break_at(self, index: u64, then: impl Fn(&Record) + Send + Sync + 'static) -> Self {
        let holds = move |at, _: &Record| at == Some(index);
        self.book.add(Box::new(holds), Box::new(then));
        self
    }

    /// Whenever `holds` says so of a call, `then` runs, on the same thread: before the call runs, and again after it
    /// has ended, also if its record had to go meanwhile. The call does not go on while `then` runs, which may wait for something, or look around.
    ///
    /// As with any watch, a panic of either is an event of [`probe`](crate::probe) and touches no call.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, call, open, thread};
    ///
    /// #[open]
    /// fn withdraw(amount: u32) -> u32 { amount }
    ///
    /// let (reached, go_on) = (Signal::named("reached"), Signal::named("go on"));
    /// let log = call::Log::record("**::withdraw")?.break_when(
    ///     |record| record.is_running() && record.arg("amount") == Some("3"),
    ///     {
    ///         let (reached, go_on) = (reached.clone(), go_on.clone());
    ///         move |_| { reached.set(); let _ = go_on.wait(); }
    ///     },
    /// );
    /// let status = selvedge::run("bank", |_stop| {
    ///     let installed = log.install();
    ///     let clerk = thread::spawn("clerk", |_stop| Ok((1..5).map(withdraw).sum::<u32>()));
    ///     reached.wait()?; // the clerk is about to make the third call, and stands still
    ///     assert_eq!(log.calls().len(), 3);
    ///     go_on.set();
    ///     assert_eq!(clerk.join()?, 10);
    ///     drop(installed);
    ///     Ok(())
    /// });
    /// assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// # Ok::<(), call::BadPattern>(())
    /// ```
    pub fn break_when(
        self,
        holds: impl Fn(&Record) -> bool + Send + Sync + 'static,
        then: impl Fn(&Record) + Send + Sync + 'static,
    ) -> Self {
        let holds = move |_, record: &Record| holds(record);
        self.book.add(Box::new(holds), Box::new(then));
        self
    }

    /// A future that is ready when `holds` says so of a call, before it runs or after it has ended: a breakpoint that
    /// hands control to a groutine, or to a [`Scenario`](crate::call::Scenario).
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{call::{Log, Scenario}, open, testing::World};
    ///
    /// #[open]
    /// fn withdraw(amount: u32) -> u32 { amount }
    ///
    /// World::new().run(|| -> Result<(), Box<dyn std::error::Error>> {
    ///     let log = Log::record("**::withdraw")?;
    ///     let recorded = log.clone();
    ///     let clerk = move || recorded.run(|| (1..5).map(withdraw).sum::<u32>());
    ///     let mut scenario = Scenario::start("clerk", clerk);
    ///     let call = scenario.pause_when(log.breakpoint(|call| call.arg("amount") == Some("3")))?;
    ///     assert!(call.is_running()); // the clerk is about to make the third call, and stands still
    ///     assert_eq!(log.calls().len(), 3);
    ///     assert_eq!(scenario.finish()?, 10);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn breakpoint(
        &self,
        holds: impl Fn(&Record) -> bool + Send + Sync + 'static,
    ) -> Breakpoint {
        let holds = move |_, record: &Record| holds(record);
        Breakpoint::new(Arc::clone(&self.book), Arc::new(holds))
    }

    /// The same, before the call number `index` (from 0, of all that this log sees) runs.
    pub fn breakpoint_at(&self, index: u64) -> Breakpoint {
        let holds = move |at, _: &Record| at == Some(index);
        Breakpoint::new(Arc::clone(&self.book), Arc::new(holds))
    }

    /// What there is, in the order in which the calls began: a copy, which later calls do not change.
    #[must_use]
    pub fn calls(&self) -> Vec<Record> {
        self.book.pages.lock().records.iter().cloned().collect()
    }

    /// How many records had to make room for later ones.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.book.pages.lock().dropped
    }

    /// Runs `f` with its calls recorded.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        self.enter(Location::caller(), f)
    }

    /// Records the calls of the whole process, until the guard is dropped.
    pub fn install(&self) -> Watching {
        self.watch.install()
    }
}

verbs!(joining [] Log);

impl Enter for Log {
    const PLAIN: bool = true;

    fn enter<R>(&self, block: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        self.watch.enter(block, f)
    }
}

impl Book {
    fn write(&self, event: &Event<'_>) {
        let end = match event.moment() {
            Moment::Called => {
                let (index, record) = self.begin(event);
                return self.act(Some(index), &record);
            }
            Moment::Returned(result) => {
                match catch_unwind(AssertUnwindSafe(|| format!("{result:?}"))) {
                    Ok(text) => RecordEnd::Returned(text),
                    Err(panic) => {
                        // It has ended all the same.
                        let text = "(its `Debug` panicked)".to_owned();
                        drop(self.end(event.number(), RecordEnd::Returned(text)));
                        resume_unwind(panic)
                    }
                }
            }
            Moment::Panicked(message) => RecordEnd::Panicked(message.to_owned()),
            Moment::Dropped => RecordEnd::Dropped,
        };
        if let Some(record) = self.end(event.number(), end) {
            self.act(None, &record);
        }
    }

    /// Runs what is to happen at a record.
    fn act(&self, index: Option<u64>, record: &Record) {
        let actions = self.actions.lock().clone();
        for action in actions {
            if (action.holds)(index, record) {
                (action.then)(record);
            }
        }
    }

    pub(super) fn add(&self, holds: Box<Holds>, then: Box<Then>) -> Arc<Action> {
        let action = Arc::new(Action { holds, then });
        self.actions.lock().push(Arc::clone(&action));
        action
    }

    /// Whoever has the action drops it.
    pub(super) fn remove(&self, action: &Arc<Action>) {
        self.actions
            .lock()
            .retain(|other| !Arc::ptr_eq(other, action));
    }

    fn begin(&self, event: &Event<'_>) -> (u64, Record) {
        let mut args = Vec::new();
        event
            .args()
            .each(|name, value| args.push((name, format!("{value:?}"))));
        let record = Record {
            call: Arc::new(Begun {
                function: event.function(),
                number: event.number(),
                depth: event.depth(),
                thread: ambient::thread_path(),
                args,
                at: signal::now(),
            }),
            end: None,
        };
        let mut pages = self.pages.lock();
        pages.records.push_back(record.clone());
        let index = pages.dropped + pages.records.len() as u64 - 1;
        let excess = pages.make_room();
        drop(pages);
        drop(excess);
        (index, record)
    }

    /// Completes a record (invariant 2).
    fn end(&self, number: u64, end: RecordEnd) -> Option<Record> {
        let now = signal::now();
        let mut pages = self.pages.lock();
        let took = |call: &Begun| now.saturating_duration_since(call.at);
        if let Some(call) = pages.pushed_out.remove(&number) {
            let end = Some(Arc::new((end, took(&call))));
            return Some(Record { call, end });
        }
        let mut latest_first = pages.records.iter_mut().rev();
        let record = latest_first.find(|record| record.call.number == number)?;
        record.end = Some(Arc::new((end, took(&record.call))));
        Some(record.clone())
    }
}

impl Pages {
    /// Takes the oldest out that are too many.
    fn make_room(&mut self) -> Vec<Record> {
        let excess = self.records.len().saturating_sub(self.capacity);
        self.dropped += excess as u64;
        let excess: Vec<_> = self.records.drain(..excess).collect();
        let running = excess.iter().filter(|record| record.end.is_none());
        let running = running.map(|record| (record.call.number, Arc::clone(&record.call)));
        self.pushed_out.extend(running);
        excess
    }
}

/// All records that there are.
impl IntoIterator for &Log {
    type Item = Record;
    type IntoIter = std::vec::IntoIter<Record>;
    fn into_iter(self) -> Self::IntoIter {
        self.calls().into_iter()
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("pattern", &self.watch.pattern())
            .field("records", &self.book.pages.lock().records.len())
            .finish()
    }
}
