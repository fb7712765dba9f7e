//! A few consecutive statements: what is put on the queue, and what comes back.
//!
//! A statement alone would be too small a job: the queue would cost more than the work. A batch is
//! taken by one worker, which commits its statements one after another. If a statement takes too
//! long, the main thread takes the batch away, condemns the statement, and puts the batch back for
//! another worker.
//!
//! # State
//!
//! | `owner` | `next` | `verdict` | meaning                                                         |
//! |---------|--------|-----------|-----------------------------------------------------------------|
//! | none    | i      | none      | on the queue; the first i statements are done                   |
//! | worker  | i      | none      | the worker is at statement i                                    |
//! | none    | i      | fault     | taken away; statement i fails with this, whoever comes next     |
//! | none    | n      | none      | done, or closed by the main thread                              |
//!
//! # Invariants
//!
//! 1. `next`, `output` and the binding of a statement are changed by the owner only, and ownership
//!    is looked at under the lock. So what an abandoned worker returns late changes nothing.
//! 2. The statements are committed in order; `output` is that of running them in order.
//! 3. `done` is set when all are committed, or when the worker died of a bug of ours; never
//!    otherwise.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use selvedge::Signal;

use crate::evaluate::Running;
use crate::fault::Fault;
use crate::table::Table;
use crate::variables::{Binding, Variables};

selvedge::local! {
    /// The batch that the current thread works on.
    static TURN: Turn;
}

/// The number of a worker: the 3 of `worker-3`.
pub(crate) type WorkerId = usize;

/// A line that says something.
#[derive(Debug)]
pub(crate) struct Statement {
    /// Its number in its file.
    pub(crate) line: u64,
    /// Where its text stands in that of the batch.
    pub(crate) text: Range<usize>,
    /// The variables as of its line. `None` without isolation: it then reads those of the moment.
    pub(crate) before: Option<Arc<Variables>>,
    /// What it binds, if it binds a name and the main thread has declared it.
    pub(crate) binding: Option<Arc<Binding>>,
}

/// Consecutive statements of one file.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The name of the file, as it is shown.
    pub(crate) source: Arc<str>,
    text: Vec<u8>,
    pub(crate) statements: Vec<Statement>,
    /// Set when every statement is committed.
    pub(crate) done: Signal,
    /// Which plugin is at work.
    pub(crate) running: Running,
    /// The time that one statement may take.
    timeout: Option<Duration>,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    owner: Option<WorkerId>,
    next: usize,
    verdict: Option<Fault>,
    clock: Clock,
    output: Output,
}

/// How long the present statement has taken, without its waiting for others.
#[derive(Debug, Clone, Copy)]
enum Clock {
    /// Nobody asks: there is no timeout, or no statement.
    Off,
    /// Since then; earlier, if it has waited in between.
    Running(Instant),
    /// It waits for an earlier line, and had taken so long.
    Paused(Duration),
}

/// What a batch says.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// For standard output.
    pub(crate) text: Vec<u8>,
    /// For standard error, in order.
    pub(crate) remarks: Vec<Remark>,
}

/// Something for standard error.
#[derive(Debug)]
pub(crate) struct Remark {
    /// How much of the text stands before it.
    pub(crate) after: usize,
    pub(crate) line: u64,
    pub(crate) column: usize,
    pub(crate) kind: RemarkKind,
}

#[derive(Debug)]
pub(crate) enum RemarkKind {
    /// The statement failed.
    Fault(String),
    /// A plugin tried to write to these singletons.
    Attempt {
        plugin: &'static str,
        singletons: Vec<&'static str>,
    },
}

impl Batch {
    pub(crate) fn new(
        source: Arc<str>,
        text: Vec<u8>,
        statements: Vec<Statement>,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            source,
            text,
            statements,
            done: Signal::new(),
            running: Running::default(),
            timeout,
            progress: Mutex::new(Progress {
                owner: None,
                next: 0,
                verdict: None,
                clock: Clock::Off,
                output: Output::default(),
            }),
        }
    }

    /// The text of a statement.
    pub(crate) fn line(&self, statement: &Statement) -> &[u8] {
        &self.text[statement.text.clone()]
    }

    /// How many bytes the lines have.
    pub(crate) fn size(&self) -> usize {
        self.text.len()
    }

    /// Makes `worker` the owner; returns the place of the next statement, and its fault if it is
    /// condemned.
    pub(crate) fn claim(&self, worker: WorkerId) -> (usize, Option<Fault>) {
        let mut progress = self.lock();
        progress.owner = Some(worker);
        progress.clock = self.clock();
        (progress.next, progress.verdict.take())
    }

    /// Commits the next statement, if `worker` is still the owner; says whether it was.
    ///
    /// `remarks` get their place in the text here.
    pub(crate) fn commit(&self, worker: WorkerId, text: &[u8], remarks: &mut Vec<Remark>) -> bool {
        let mut progress = self.lock();
        if progress.owner != Some(worker) {
            return false;
        }
        let output = &mut progress.output;
        for remark in remarks.iter_mut() {
            remark.after = output.text.len();
        }
        output.remarks.append(remarks);
        output.text.extend_from_slice(text);
        progress.next += 1;
        if progress.next == self.statements.len() {
            progress.owner = None;
            progress.clock = Clock::Off;
        } else {
            progress.clock = self.clock();
        }
        true
    }

    /// Takes the batch from its owner if the present statement has taken `timeout`, and condemns
    /// the statement. Returns the owner.
    ///
    /// `name` says how a worker is called.
    pub(crate) fn condemn(
        &self,
        now: Instant,
        table: &Table,
        name: impl Fn(WorkerId) -> String,
    ) -> Option<WorkerId> {
        let mut progress = self.lock();
        let worker = progress.owner?;
        let (Clock::Running(since), Some(timeout)) = (progress.clock, self.timeout) else {
            return None;
        };
        if now < since + timeout {
            return None;
        }
        let (at, culprit) = match self.running.now() {
            Some((plugin, at)) => (
                at,
                format!(": the plugin `{}` has not returned", table.name(plugin)),
            ),
            None => (0, String::new()),
        };
        let worker_name = name(worker);
        let message =
            format_args!("given up after {timeout:?}{culprit}; `{worker_name}` was abandoned")
                .to_string();
        progress.verdict = Some(Fault::new(at, message));
        progress.owner = None;
        progress.clock = Clock::Off;
        Some(worker)
    }

    /// When the present statement will have taken too long, if it goes on.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match (self.lock().clock, self.timeout) {
            (Clock::Running(since), Some(timeout)) => since.checked_add(timeout),
            _ => None,
        }
    }

    /// Takes what the batch has said, and says whether that was all. Nothing is committed after it.
    pub(crate) fn close(&self) -> (Output, bool) {
        let mut progress = self.lock();
        progress.owner = None;
        let is_complete = progress.next == self.statements.len();
        (std::mem::take(&mut progress.output), is_complete)
    }

    /// The clock of a statement that begins now.
    fn clock(&self) -> Clock {
        match self.timeout {
            Some(_) => Clock::Running(Instant::now()),
            None => Clock::Off,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // Nothing under this lock panics, and no plugin runs under it.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch in the hands of a worker.
#[derive(Debug)]
struct Turn {
    batch: Arc<Batch>,
    worker: WorkerId,
}

impl Turn {
    /// Changes the clock, if this worker still has the batch.
    fn set_clock(&self, change: impl FnOnce(Clock) -> Clock) {
        let mut progress = self.batch.lock();
        if progress.owner == Some(self.worker) {
            progress.clock = change(progress.clock);
        }
    }
}

/// Runs `f` with the calling thread as the one that works on `batch`.
pub(crate) fn at_work<R>(batch: &Arc<Batch>, worker: WorkerId, f: impl FnOnce() -> R) -> R {
    TURN.bind(
        Turn {
            batch: Arc::clone(batch),
            worker,
        },
        f,
    )
}

/// Runs `f`, which waits for an earlier line: that line's time is not this one's.
pub(crate) fn not_on_the_clock<R>(f: impl FnOnce() -> R) -> R {
    let set_clock = |change: fn(Clock) -> Clock| {
        // Unbound outside a worker, where there is no clock.
        let _ = TURN.with(|turn| turn.set_clock(change));
    };
    set_clock(|clock| match clock {
        Clock::Running(since) => Clock::Paused(since.elapsed()),
        other => other,
    });
    let result = f();
    set_clock(|clock| match clock {
        Clock::Paused(spent) => {
            let now = Instant::now();
            Clock::Running(now.checked_sub(spent).unwrap_or(now))
        }
        other => other,
    });
    result
}
