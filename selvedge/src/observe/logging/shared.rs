//! What all who log share: the queue, and the writer.
//!
//! # Invariants
//!
//! 1. The writer is with the service while that serves, and else in `desk`, or with the one thread that has taken it
//!    out of there to write. Nobody writes under a lock.
//! 2. Who finds the writer gone leaves the lines in `desk`; who brings it back writes them first. So every line is in
//!    the queue, with the service, in `desk`, or written.
//! 3. A line goes to the queue until that is closed, and to `desk` afterwards. A service that serves, or that is awaited,
//!    comes to `desk` when it has written the rest: nobody takes the writer from there before it.
//!
//! # Orderings
//!
//! The counts guard nothing: `Relaxed`.

use core::cell::Cell;
use core::convert::Infallible;
use core::fmt::Display;
use std::error::Error;
use std::io::{self, Write as _};

use crate::observe::logging::line::{Record, line};
use crate::observe::logging::{Builder, Full, Level};
use crate::primitive::atomic::{AtomicU64, Ordering::Relaxed};
use crate::primitive::{Mutex, thread_local_struct, yield_now};
use crate::signal::{Signal, shield};
use crate::sync::{BatchQueue, PushUntilError, TryPushError};

/// Shows the value of a local, if it is bound.
pub(super) type Shown = Box<dyn Fn(&mut dyn FnMut(&dyn Display)) + Send + Sync>;
type Out = Box<dyn io::Write + Send>;
type Line = Vec<u8>;

/// Up to how much memory the queue takes at the first line, beside the lines: enough for a hundred thousand.
const RING: usize = 4 << 20;

thread_local_struct! {
    /// Does the calling thread log right now? What it logs meanwhile must not wait for itself.
    static BUSY: Cell<bool> = Cell::new(false);
}

/// How many lines are written at once.
const BATCH: usize = 512;

pub(super) struct Shared {
    level: Level,
    full: Full,
    locals: Vec<(Box<str>, Shown)>,
    queue: BatchQueue<Line>,
    desk: Mutex<Desk>,
    dropped: AtomicU64,
    /// Those of them of which the log has told.
    told: AtomicU64,
}

struct Desk {
    out: Option<Out>,
    /// A service will come for the writer, or it will be said that [nobody serves](Shared::serve_nobody).
    is_awaited: bool,
    lines: Vec<Line>,
}

impl Desk {
    /// The writer, for who serves.
    fn take(&mut self) -> Option<Out> {
        self.is_awaited = false;
        self.out.take()
    }

    /// Is the writer back, and nobody to come for it?
    fn is_settled(&self) -> bool {
        self.out.is_some() && !self.is_awaited
    }
}

impl Shared {
    pub(super) fn new(builder: Builder) -> Self {
        let batch = BATCH.min(builder.bound);
        Self {
            level: builder.level,
            full: builder.full,
            locals: builder.locals,
            queue: BatchQueue::bounded("log", batch, builder.period, builder.bound).with_ring(RING),
            desk: Mutex::new(Desk {
                out: Some(builder.writer),
                is_awaited: true,
                lines: Vec::new(),
            }),
            dropped: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Logs a record, if it matters enough.
    pub(super) fn record(&self, record: &Record<'_>) {
        if record.level <= self.level {
            busy(|was_busy| {
                // What the text of a local logs does not show that local.
                let locals = if was_busy { &[][..] } else { &self.locals };
                self.submit(line(record, locals), was_busy);
            });
        }
    }

    /// Logs lines as they are.
    pub(super) fn raw(&self, lines: &[u8]) {
        // Nothing logs while there is room.
        let is_busy = BUSY.try_with(Cell::get).unwrap_or(false);
        self.submit(lines.to_vec(), is_busy);
    }

    fn submit(&self, line: Line, was_busy: bool) {
        let refused = match self.queue.try_push(line) {
            Ok(()) => return,
            Err(TryPushError::Closed(line)) => Err(line),
            Err(TryPushError::Full(line)) if self.full == Full::Wait && !was_busy => {
                // A record must get through while its thread is asked to stop.
                let pushed = busy(|_| shield(|| self.queue.push(line)));
                pushed.map_err(|error| error.into_inner())
            }
            Err(TryPushError::Full(_)) => {
                self.dropped.fetch_add(1, Relaxed);
                return;
            }
        };
        if let Err(line) = refused {
            self.write_at_once(line); // invariant 3
        }
    }

    /// Lines go to `desk` from now on; the service writes the rest, and ends.
    pub(super) fn close(&self) {
        self.queue.close();
    }

    /// Nobody serves, as outside of a tree: what came to the queue goes to `desk` (invariants 2 and 3).
    pub(super) fn serve_nobody(&self) {
        // Who logs meanwhile leaves the lines to this thread, behind the earlier ones.
        let out = self.desk.lock().take();
        self.queue.close();
        let mut rest = Vec::new();
        let _ = self.queue.serve(|lines| {
            rest.append(lines);
            Ok::<_, Infallible>(())
        });
        self.desk.lock().lines.splice(0..0, rest);
        if let Some(out) = out {
            busy(|_| self.bring_back(out));
        }
    }

    fn write_at_once(&self, line: Line) {
        let out = {
            let mut desk = self.desk.lock();
            desk.lines.push(line);
            match desk.is_awaited {
                true => None,
                false => desk.out.take(),
            }
        };
        if let Some(out) = out {
            self.bring_back(out);
        }
    }

    /// Writes what is left on the desk and puts the writer there (invariant 2).
    fn bring_back(&self, out: Out) {
        let mut held = Held {
            shared: self,
            out: Some(out),
        };
        while let Some(mut lines) = held.next() {
            if let Some(out) = &mut held.out
                && let Err(error) = self.write(out, &mut lines)
            {
                // Nobody tries again: standard error is what is left.
                let _ = writeln!(io::stderr(), "selvedge: the log fails: {error}");
                lines
                    .iter()
                    .for_each(|line| _ = io::stderr().write_all(line));
            }
        }
    }

    /// The life of the service.
    pub(super) fn serve(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Some(out) = self.desk.lock().take() else {
            return Ok(()); // nobody else takes what a service is awaited for
        };
        let mut held = Held {
            shared: self,
            out: Some(out),
        };
        busy(|_| {
            let served = self.queue.serve(|lines| match &mut held.out {
                Some(out) => self.write(out, lines),
                None => Ok(()),
            });
            if let Some(out) = held.out.take() {
                self.bring_back(out);
            }
            served.map_err(Into::into)
        })
    }

    /// Writes lines; what cannot be written stays in the vector.
    fn write(&self, out: &mut Out, lines: &mut Vec<Line>) -> io::Result<()> {
        let dropped = self.dropped.load(Relaxed);
        let untold = dropped - self.told.swap(dropped, Relaxed).min(dropped);
        if untold > 0 {
            let text = format!("{untold} records were dropped: there was no room for them");
            let record = Record {
                level: Level::Warn,
                thread: None,
                target: "selvedge",
                text: &text,
                values: &"",
            };
            lines.insert(0, line(&record, &[]));
        }
        let all = lines.concat();
        let mut written = 0;
        let result = write_counted(out, &all, &mut written).and_then(|()| out.flush());
        if result.is_err() {
            remove(lines, written);
        }
        result
    }

    /// Waits until what was logged before is written, or until `signal` is set. False: it is not.
    pub(super) fn flush(&self, signal: &Signal) -> bool {
        let written = Signal::named("the log is written");
        let set = written.clone();
        match shield(|| self.queue.deliver_now(move || _ = set.set(), signal)) {
            // Where nobody serves after all, it is taken out of the queue before it is written.
            Ok(()) => {
                let is_taken = shield(|| written.wait_until(signal)).is_ok();
                is_taken && (!self.queue.is_closed() || self.settle(signal))
            }
            // What is logged now is written at once, the rest by whoever has the writer.
            Err(PushUntilError::Closed(())) => self.settle(signal),
            Err(_) => false,
        }
    }

    /// Waits until the writer is back: somebody writes a few last lines.
    fn settle(&self, signal: &Signal) -> bool {
        while !self.desk.lock().is_settled() {
            if signal.is_set() {
                return false;
            }
            yield_now();
        }
        true
    }
}

/// Who has the writer, and puts it back whatever happens.
struct Held<'s> {
    shared: &'s Shared,
    out: Option<Out>,
}

impl Held<'_> {
    /// What is to be written; with nothing left, the writer goes back under the same lock.
    fn next(&mut self) -> Option<Vec<Line>> {
        let mut desk = self.shared.desk.lock();
        if desk.lines.is_empty() {
            desk.out = self.out.take();
            return None;
        }
        Some(core::mem::take(&mut desk.lines))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // The writer has panicked; it may be better next time.
        if let Some(out) = self.out.take() {
            self.shared.desk.lock().out = Some(out);
        }
    }
}

fn write_counted(out: &mut Out, mut bytes: &[u8], written: &mut usize) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                *written += n;
                bytes = &bytes[n.min(bytes.len())..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes the first bytes, which were written.
fn remove(lines: &mut Vec<Line>, mut written: usize) {
    let mut whole = 0;
    for line in lines.iter_mut() {
        if written < line.len() {
            line.drain(..written);
            break;
        }
        written -= line.len();
        whole += 1;
    }
    lines.drain(..whole);
}

/// Runs `f` with whether the calling thread logs already.
fn busy<R>(f: impl FnOnce(bool) -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = BUSY.try_with(|busy| busy.set(self.0));
        }
    }
    let restore = Restore(BUSY.try_with(|busy| busy.replace(true)).unwrap_or(false));
    f(restore.0)
}
