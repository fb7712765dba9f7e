//! The workers: they take batches from the queue, evaluate, and commit.
//!
//! A worker whose plugin does not return cannot be ended. It is asked to stop, replaced by one with
//! the next number, and what it may return one day is not committed (`batch`, invariant 1).

use std::fmt::Write;
use std::sync::Arc;
use std::thread::panicking;

use selvedge::sync::Queue;
use selvedge::thread::{self, Thread, Tree};
use selvedge::{Outcome, Signal};

use crate::batch::{Batch, Remark, RemarkKind, Statement, WorkerId, at_work};
use crate::evaluate::{Evaluator, Interruption, Isolation};
use crate::fault::{Fault, column};
use crate::number::Number;
use crate::scan::{Scan, scan};
use crate::table::Table;
use crate::variables::VARIABLES;

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) table: Table,
    pub(crate) jobs: Queue<Arc<Batch>>,
    pub(crate) isolation: Isolation,
}

/// The workers.
#[derive(Debug)]
pub(crate) struct Crew {
    shared: Arc<Shared>,
    /// Worker 1 is the first; the abandoned ones stay.
    workers: Vec<Thread<()>>,
    fullest: Tree,
}

impl Crew {
    /// Starts `n` workers.
    ///
    /// # Errors
    ///
    /// That of the operating system, if it has no thread left.
    pub(crate) fn start(shared: Arc<Shared>, n: usize) -> Outcome<Self> {
        let mut crew = Self {
            shared,
            workers: Vec::with_capacity(n),
            fullest: thread::tree(),
        };
        for _ in 0..n {
            crew.add()?;
        }
        Ok(crew)
    }

    /// Abandons a worker: asks it to stop, and starts another in its place.
    pub(crate) fn replace(&mut self, worker: WorkerId) -> Outcome<()> {
        self.workers[worker - 1].stop_because("its statement took too long");
        self.add()
    }

    /// How a worker is called in messages.
    pub(crate) fn path(&self, worker: WorkerId) -> String {
        self.workers[worker - 1].path().to_string()
    }

    /// How many workers there have been, the abandoned ones included.
    pub(crate) fn len(&self) -> usize {
        self.workers.len()
    }

    /// The tree of threads as it was when it had the most of them.
    pub(crate) fn fullest(&self) -> &Tree {
        &self.fullest
    }

    fn add(&mut self) -> Outcome<()> {
        let worker = self.workers.len() + 1;
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new(&format!("worker-{worker}")).spawn(move |stop| {
            Worker::new(&shared, worker, stop).work();
            Ok(())
        })?;
        self.workers.push(thread);
        let tree = thread::tree();
        if tree.len() > self.fullest.len() {
            self.fullest = tree;
        }
        Ok(())
    }
}

/// A worker at its work.
struct Worker<'a> {
    shared: &'a Shared,
    id: WorkerId,
    stop: Signal,
    evaluator: Evaluator<'a>,
    /// The line that the present statement prints.
    text: String,
    remarks: Vec<Remark>,
}

/// Why a worker does not go on: it was asked to stop, or its batch was taken away.
struct Leave;

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared, id: WorkerId, stop: Signal) -> Self {
        let evaluator = Evaluator::new(&shared.table, shared.isolation, stop.clone());
        Self {
            shared,
            id,
            stop,
            evaluator,
            text: String::new(),
            remarks: Vec::new(),
        }
    }

    /// Takes batches until the queue is closed or the worker is asked to stop.
    fn work(mut self) {
        while let Ok(batch) = self.shared.jobs.pop() {
            let _wake = WakeOnPanic(&batch);
            if at_work(&batch, self.id, || self.run(&batch)).is_err() {
                return;
            }
        }
    }

    /// Works through what is left of a batch.
    fn run(&mut self, batch: &Batch) -> Result<(), Leave> {
        let (first, mut verdict) = batch.claim(self.id);
        for statement in &batch.statements[first..] {
            let result = match verdict.take() {
                Some(fault) => Err(fault),
                None => self.evaluate(batch, statement)?,
            };
            self.finish(batch, statement, result)?;
        }
        batch.done.set();
        Ok(())
    }

    /// Evaluates a statement against the variables as of its line.
    fn evaluate(
        &mut self,
        batch: &Batch,
        statement: &Statement,
    ) -> Result<Result<Number, Fault>, Leave> {
        if self.stop.is_set() {
            return Err(Leave);
        }
        let line = batch.line(statement);
        let evaluator = &mut self.evaluator;
        let result = match &statement.before {
            Some(before) => VARIABLES.seeded(Arc::clone(before), || {
                evaluator.evaluate(line, before, &batch.running)
            }),
            None => evaluator.evaluate(line, &VARIABLES.get(), &batch.running),
        };
        match result {
            Ok(number) => Ok(Ok(number)),
            // A plugin that was asked to stop in the middle may fail in any way; that says nothing.
            Err(Interruption::Fault(fault)) if !self.stop.is_set() => Ok(Err(fault)),
            Err(_) => Err(Leave),
        }
    }

    /// Commits what came of a statement, and binds its name.
    fn finish(
        &mut self,
        batch: &Batch,
        statement: &Statement,
        result: Result<Number, Fault>,
    ) -> Result<(), Leave> {
        let line = batch.line(statement);
        let name = match scan(line) {
            Scan::Binding { name, .. } => Some(name),
            Scan::Expression | Scan::Nothing => None,
        };
        self.describe(statement.line, line, name, &result);
        let bound = match (&result, name, &statement.before) {
            (Ok(number), ..) => Some(*number),
            // A failed binding leaves the earlier value.
            (Err(_), Some(name), Some(before)) => before.value(name).map_err(|_| Leave)?,
            (Err(_), ..) => None,
        };
        if !batch.commit(self.id, self.text.as_bytes(), &mut self.remarks) {
            return Err(Leave);
        }
        match (&statement.binding, name, result) {
            (Some(binding), ..) => binding.resolve(bound),
            // Not declared, because plugins are not isolated: bound at the moment.
            (None, Some(name), Ok(number)) => {
                VARIABLES.update(|variables| variables.set(name, number))
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes what the statement prints, and what there is to remark on.
    fn describe(
        &mut self,
        number: u64,
        line: &[u8],
        name: Option<&str>,
        result: &Result<Number, Fault>,
    ) {
        self.text.clear();
        self.remarks.clear();
        let mut remark = |at, kind| {
            self.remarks.push(Remark {
                after: 0,
                line: number,
                column: column(line, at),
                kind,
            });
        };
        for attempt in self.evaluator.attempts.drain(..) {
            let (plugin, singletons) = (attempt.plugin, attempt.singletons);
            remark(attempt.at, RemarkKind::Attempt { plugin, singletons });
        }
        // Writing to a `String` cannot fail.
        let _ = match (name, result) {
            (Some(name), Ok(value)) => writeln!(self.text, "{name} = {value}"),
            (None, Ok(value)) => writeln!(self.text, "{value}"),
            (_, Err(fault)) => {
                remark(fault.at, RemarkKind::Fault(fault.message.clone()));
                Ok(())
            }
        };
    }
}

/// Wakes the main thread if the worker dies of a bug of ours, so that it finds an incomplete batch
/// instead of waiting for ever.
struct WakeOnPanic<'a>(&'a Batch);

impl Drop for WakeOnPanic<'_> {
    fn drop(&mut self) {
        if panicking() {
            self.0.done.set();
        }
    }
}
