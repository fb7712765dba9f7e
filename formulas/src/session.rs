//! The main thread's work: lines in, batches out, results in order.
//!
//! It looks at the beginning of a line (`scan`), declares the name that the line binds, gathers
//! lines into a batch and puts the batch on the queue. At most [`Session::window`] batches are in
//! flight; when there are so many, it waits for the oldest and prints it. While it waits it is also
//! the one who looks for workers that do not come back.
//!
//! # Invariants
//!
//! 1. `in_flight` holds the batches in the order of the input; they are printed from its front.
//! 2. The queue has room for the window, so putting a batch on it never waits, and neither does
//!    putting back one that was taken from a stuck worker.
//! 3. What is kept is the window and the names. Nothing grows with the input.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use selvedge::signal::WaitError;
use selvedge::sync::Queue;
use selvedge::{Outcome, Signal, Till};

use crate::batch::{Batch, Output, Remark, RemarkKind, Statement};
use crate::crew::{Crew, Shared};
use crate::evaluate::Isolation;
use crate::printer::{Halt, Printer};
use crate::scan::{Scan, scan};
use crate::table::Table;
use crate::variables::VARIABLES;

/// The most statements of a batch.
const MOST_STATEMENTS: usize = 64;
/// A batch with so much text is full, however few its statements.
const MOST_TEXT: usize = 16 * 1024;
/// With so much text in flight, the window is full, however few its batches.
const MOST_TEXT_IN_FLIGHT: usize = 4 * 1024 * 1024;

/// What a session is asked to do.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) workers: usize,
    pub(crate) isolation: Isolation,
    pub(crate) timeout: Option<Duration>,
    pub(crate) strict: bool,
}

/// One run over all input.
#[derive(Debug)]
pub(crate) struct Session {
    options: Options,
    shared: Arc<Shared>,
    pub(crate) crew: Crew,
    pub(crate) printer: Printer,
    stop: Signal,
    /// The batch that is being gathered, and the file that it is from.
    text: Vec<u8>,
    statements: Vec<Statement>,
    source: Arc<str>,
    in_flight: VecDeque<Arc<Batch>>,
    text_in_flight: usize,
    /// When the statements at work are looked at again.
    look: Option<Signal>,
    /// Batches handed out since everything in flight was last done.
    n_since_idle: usize,
    pub(crate) n_statements: u64,
    pub(crate) n_batches: u64,
}

impl Session {
    /// Starts the workers.
    ///
    /// # Errors
    ///
    /// That of the operating system, if it has no thread left.
    pub(crate) fn start(options: Options, table: Table, stop: Signal) -> Outcome<Self> {
        let jobs = Queue::named("jobs", Self::window_of(&options));
        let shared = Arc::new(Shared {
            table,
            jobs,
            isolation: options.isolation,
        });
        Ok(Self {
            crew: Crew::start(Arc::clone(&shared), options.workers)?,
            printer: Printer::new(options.strict),
            options,
            shared,
            stop,
            text: Vec::new(),
            statements: Vec::new(),
            source: Arc::from(""),
            in_flight: VecDeque::new(),
            text_in_flight: 0,
            look: None,
            n_since_idle: 0,
            n_statements: 0,
            n_batches: 0,
        })
    }

    /// The names of the functions, in no order.
    pub(crate) fn functions(&self) -> Vec<&'static str> {
        self.shared.table.functions()
    }

    /// Begins another file, of which `source` is the name that is shown.
    ///
    /// # Errors
    ///
    /// Any reason to end.
    pub(crate) fn begin(&mut self, source: &str) -> Result<(), Halt> {
        self.hand_out()?;
        self.source = Arc::from(source);
        Ok(())
    }

    /// Takes the next line of the file.
    ///
    /// # Errors
    ///
    /// Any reason to end; the program's stop among them.
    pub(crate) fn line(&mut self, number: u64, line: &[u8]) -> Result<(), Halt> {
        let scanned = scan(line);
        if scanned == Scan::Nothing {
            return Ok(());
        }
        let isolated = self.options.isolation == Isolation::On;
        // The picture is taken before the name is bound: `x = x + 1` reads the earlier x.
        let before = isolated.then(|| VARIABLES.get());
        let binding = match scanned {
            Scan::Binding { name, .. } if isolated => {
                Some(VARIABLES.update(|variables| variables.declare(name)))
            }
            _ => None,
        };
        let start = self.text.len();
        self.text.extend_from_slice(line);
        let text = start..self.text.len();
        self.statements.push(Statement {
            line: number,
            text,
            before,
            binding,
        });
        self.n_statements += 1;
        if self.statements.len() >= self.batch_size() || self.text.len() >= MOST_TEXT {
            return self.hand_out();
        }
        Ok(())
    }

    /// Takes a line that is not worth looking at, in its place; it binds nothing.
    ///
    /// # Errors
    ///
    /// Any reason to end.
    pub(crate) fn refuse(&mut self, number: u64, message: String) -> Result<(), Halt> {
        self.drain()?;
        self.n_statements += 1;
        let kind = RemarkKind::Fault(message);
        let remarks = vec![Remark {
            after: 0,
            line: number,
            column: 1,
            kind,
        }];
        self.printer.print(
            &self.source,
            &Output {
                text: Vec::new(),
                remarks,
            },
        )
    }

    /// Hands out what there is, waits until all of it is done, and prints it.
    ///
    /// # Errors
    ///
    /// Any reason to end.
    pub(crate) fn drain(&mut self) -> Result<(), Halt> {
        self.hand_out()?;
        while !self.in_flight.is_empty() {
            self.settle_oldest()?;
        }
        self.n_since_idle = 0;
        self.printer.flush()
    }

    /// Prints what was computed in order, and nothing after the first gap: the program was asked to
    /// stop.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub(crate) fn print_what_is_done(&mut self) -> Result<(), Halt> {
        for batch in std::mem::take(&mut self.in_flight) {
            let (output, is_complete) = batch.close();
            self.printer.print(&batch.source, &output)?;
            if !is_complete {
                break;
            }
        }
        self.printer.flush()
    }

    /// Tells the workers that nothing more will come.
    pub(crate) fn close(&self) {
        self.shared.jobs.close();
    }

    /// How many statements a batch gets: one while there are idle workers, more as the input goes
    /// on.
    ///
    /// A few slow statements then go to as many workers; a long file goes in large batches.
    fn batch_size(&self) -> usize {
        let rounds = self.n_since_idle / self.options.workers;
        let size = u32::try_from(rounds)
            .ok()
            .and_then(|rounds| 1_usize.checked_shl(rounds));
        size.map_or(MOST_STATEMENTS, |size| size.clamp(1, MOST_STATEMENTS))
    }

    /// How many batches may be in flight.
    fn window(&self) -> usize {
        Self::window_of(&self.options)
    }

    fn window_of(options: &Options) -> usize {
        options.workers * 2 + 2
    }

    /// Puts the gathered batch on the queue, when the window has room for it.
    fn hand_out(&mut self) -> Result<(), Halt> {
        if self.stop.is_set() {
            return Err(Halt::Stopped);
        }
        if self.statements.is_empty() {
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        let statements = std::mem::take(&mut self.statements);
        let batch = Arc::new(Batch::new(
            Arc::clone(&self.source),
            text,
            statements,
            self.options.timeout,
        ));
        while !self.has_room(batch.size()) {
            self.settle_oldest()?;
        }
        self.shared
            .jobs
            .push(Arc::clone(&batch))
            .map_err(|_| Halt::Stopped)?;
        self.text_in_flight += batch.size();
        self.in_flight.push_back(batch);
        self.n_since_idle += 1;
        self.n_batches += 1;
        Ok(())
    }

    fn has_room(&self, text: usize) -> bool {
        let fits = self.in_flight.len() < self.window()
            && self.text_in_flight + text <= MOST_TEXT_IN_FLIGHT;
        self.in_flight.is_empty() || fits
    }

    /// Waits for the oldest batch in flight and prints it.
    fn settle_oldest(&mut self) -> Result<(), Halt> {
        let Some(oldest) = self.in_flight.front().map(Arc::clone) else {
            return Ok(());
        };
        if !oldest.done.is_set() {
            // Whoever reads us should have what is done before we wait for more.
            self.printer.flush()?;
            self.wait_for(&oldest)?;
        }
        self.in_flight.pop_front();
        self.text_in_flight -= oldest.size();
        let (output, is_complete) = oldest.close();
        self.printer.print(&oldest.source, &output)?;
        if is_complete {
            Ok(())
        } else {
            Err(Halt::Broken)
        }
    }

    /// Waits for a batch; in the meantime replaces the workers that do not come back.
    fn wait_for(&mut self, batch: &Batch) -> Result<(), Halt> {
        let Some(timeout) = self.options.timeout else {
            return batch.done.wait().map_err(|_| Halt::Stopped);
        };
        loop {
            let look = self.look.get_or_insert_with(|| Till::after(timeout));
            match batch.done.wait_until(look) {
                Ok(()) => return Ok(()),
                Err(WaitError::Expired) => self.replace_the_stuck(timeout)?,
                Err(_) => return Err(Halt::Stopped),
            }
        }
    }

    /// Takes batches from workers whose statement has taken too long, and decides when to look
    /// again.
    fn replace_the_stuck(&mut self, timeout: Duration) -> Result<(), Halt> {
        let now = Instant::now();
        for batch in &self.in_flight {
            let condemned = batch.condemn(now, &self.shared.table, |worker| self.crew.path(worker));
            let Some(worker) = condemned else { continue };
            // Put back before there is a replacement: a new worker that came first would take a
            // later batch, wait for this one like the others, and nobody would be left to take it.
            self.shared
                .jobs
                .push_front(Arc::clone(batch))
                .map_err(|_| Halt::Stopped)?;
            if let Err(error) = self.crew.replace(worker) {
                return Err(Halt::Failed(std::io::Error::other(error)));
            }
        }
        // A statement that begins after this has all its time when we look next.
        let next = self
            .in_flight
            .iter()
            .filter_map(|batch| batch.deadline())
            .min();
        self.look = Some(match next {
            Some(deadline) => Till::at(deadline),
            None => Till::after(timeout),
        });
        Ok(())
    }
}
