//! What a handle and whoever looks after the process share.
//!
//! # Invariants
//!
//! 1. A failure is received by one of: whoever waits or joins, the parent at its end, nobody (released; then it
//!    is reported). All look at `result` under its lock.
//! 2. `exit` is there before `stopped` is set.
//! 3. `settled` is set when the engine has no output left, or has lost it: what there is, is in the queues, or in
//!    `collected`.
//! 4. `is_awaited` is set before `is_stuck` is looked at, and the other way round, both `SeqCst`: who waits for a
//!    process that waits for a reader tells the engine, or the engine sees it.

use core::panic::Location;
use std::borrow::Cow;
use std::error::Error;

use crate::primitive::atomic::{
    AtomicBool,
    Ordering::{Relaxed, SeqCst},
};
use crate::primitive::{Arc, Mutex};
use crate::probe::Ending;
use crate::process::collection::Collection;
use crate::process::command::Parts;
use crate::process::error::{Failed, JoinError};
use crate::process::exit::Exit;
use crate::process::line::{Cutter, Line};
use crate::process::linux::Request;
use crate::signal::{Signal, Stopped, WaitError};
use crate::sync::Queue;
use crate::thread::{self, Member, Unreceived};

pub(super) struct Life {
    pub(super) member: Member,
    requests: Request,
    is_unchecked: bool,
    result: Arc<Mutex<Outcome>>,
    pub(super) is_awaited: AtomicBool,
    pub(super) is_stuck: AtomicBool,
    pub(super) is_killed: AtomicBool,
    /// Standard output, and standard error, for who wants all at once.
    pub(super) collected: [Arc<Collection>; 2],
    pub(super) settled: Signal,
    longest_line: usize,
    /// Has anybody asked for the queue of standard output, of standard error?
    pub(super) is_wanted: [AtomicBool; 2],
}

/// The queues, which the handle alone keeps alive.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    pub(super) stdin: Queue<Vec<u8>>,
    pub(super) stdout: Queue<Line>,
    pub(super) stderr: Queue<Line>,
}

#[derive(Default)]
struct Outcome {
    exit: Option<(Exit, Ending)>,
    /// A failure that nobody has received (invariant 1).
    failure: Option<Failed>,
    is_released: bool,
}

/// The parent's end of it.
struct Parent(Arc<Mutex<Outcome>>);

impl Unreceived for Parent {
    fn take_failure(&self) -> Option<Box<dyn Error + Send + Sync>> {
        let failed = self.0.lock().failure.take()?;
        Some(Box::new(failed))
    }
}

impl Life {
    pub(super) fn new(
        name: &str,
        parts: &Parts,
        requests: Request,
    ) -> Result<Self, thread::SpawnError> {
        let result = Arc::<Mutex<Outcome>>::default();
        let parent = Parent(Arc::clone(&result));
        Ok(Self {
            member: Member::enter(name, Arc::new(parent))?,
            requests,
            is_unchecked: parts.is_unchecked,
            result,
            is_awaited: AtomicBool::new(false),
            is_stuck: AtomicBool::new(false),
            is_killed: AtomicBool::new(false),
            collected: Default::default(),
            settled: Signal::new(),
            longest_line: parts.longest_line,
            is_wanted: [AtomicBool::new(false), AtomicBool::new(false)],
        })
    }

    /// It was never started.
    pub(super) fn give_up(&self) {
        self.member.finish(Ending::NeverRan, None);
        self.member.leave();
    }

    /// It has ended.
    pub(super) fn end(&self, exit: Exit) {
        let is_fine = exit.success() || self.is_unchecked;
        let how = match (is_fine, self.member.was_asked()) {
            (true, _) => Ending::Finished,
            (false, true) => Ending::Stopped,
            (false, false) => Ending::Failed,
        };
        let failed = (how == Ending::Failed).then(|| self.failed(exit.clone()));
        let is_released = {
            let mut result = self.result.lock();
            result.exit = Some((exit, how));
            if !result.is_released {
                result.failure = failed.clone();
            }
            result.is_released
        };
        let cause = failed.as_ref().map(Failed::cause);
        self.member
            .finish(how, cause.as_ref().map(|cause| cause as _));
        if is_released {
            if let Some(failed) = failed {
                self.member.report_unreceived(&failed.cause());
            }
            self.member.leave();
        }
    }

    fn failed(&self, exit: Exit) -> Failed {
        let process = Arc::clone(self.member.path());
        Failed { process, exit }
    }

    /// How it ended, received.
    pub(super) fn receive(&self) -> Option<Exit> {
        let exit = {
            let mut result = self.result.lock();
            let (exit, _) = result.exit.clone()?;
            result.failure = None;
            exit
        };
        self.member.leave();
        Some(exit)
    }

    /// What a join makes of it.
    pub(super) fn judge(&self, exit: Exit) -> Result<Exit, JoinError> {
        let how = self.result.lock().exit.as_ref().map(|(_, how)| *how);
        match (how, self.member.reason()) {
            (Some(Ending::Finished), _) => Ok(exit),
            (Some(Ending::Stopped), Some(reason)) => Err(JoinError::Stopped {
                process: Arc::clone(self.member.path()),
                exit,
                stopped: Stopped::because(reason),
            }),
            _ => Err(JoinError::Failed(self.failed(exit))),
        }
    }

    /// Somebody waits for the end: from here on unread output must not stand in the way.
    pub(super) fn await_end(&self) {
        self.is_awaited.store(true, SeqCst);
        if self.is_stuck.load(SeqCst) {
            self.requests.look_again(); // invariant 4
        }
    }

    /// The calling thread begins to wait, and looks after the process itself, if it can. When that is over, and no
    /// error, it waits for the end.
    pub(super) fn attend(
        &self,
        until: &Signal,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        match self.member.stopped() {
            stopped if stopped.is_set() => Ok(()),
            stopped => self.requests.attend(stopped, until, at),
        }
    }

    /// Has anybody asked for a queue of its output?
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.iter().any(|it| it.load(Relaxed))
    }

    /// From here on output is collected, until that is dropped; the engine is to be told, if it has the process.
    pub(super) fn collect<'a>(&'a self, streams: &'a Streams) -> Collector<'a> {
        for collected in &self.collected {
            collected.begin();
        }
        let life = self;
        Collector { life, streams }
    }

    #[track_caller]
    pub(super) fn kill(&self) {
        self.is_killed.store(true, SeqCst); // before it is asked: the engine is not to ask first
        self.member.ask_because("killed through its handle");
        self.requests.kill();
    }

    #[track_caller]
    pub(super) fn stop_because(&self, why: Cow<'static, str>) {
        self.member.ask_because(why);
    }

    /// Nobody will join it.
    pub(super) fn release(&self) {
        let (failed, has_ended) = {
            let mut result = self.result.lock();
            result.is_released = true;
            (result.failure.take(), result.exit.is_some())
        };
        if let Some(failed) = failed {
            self.member.report_unreceived(&failed.cause());
        }
        if has_ended {
            self.member.leave();
        }
    }

    /// Who holds its queues has changed.
    pub(super) fn look_again(&self) {
        self.requests.look_again();
    }
}

/// Who collects the output. Dropped, it gives back what it has not taken.
pub(super) struct Collector<'a> {
    life: &'a Life,
    streams: &'a Streams,
}

impl Collector<'_> {
    /// All that was written: what is in the queues, and what was collected. When all is settled.
    pub(super) fn take(&self) -> [Vec<u8>; 2] {
        let mut all = <[Vec<u8>; 2]>::default();
        for (i, queue) in self.queues().into_iter().enumerate() {
            while let Ok(line) = queue.try_pop() {
                line.append_to(&mut all[i]);
            }
            let rest = self.life.collected[i].take();
            match all[i].is_empty() {
                true => all[i] = rest,
                false => all[i].extend(rest),
            }
        }
        all
    }

    fn queues(&self) -> [&Queue<Line>; 2] {
        [&self.streams.stdout, &self.streams.stderr]
    }
}

impl Drop for Collector<'_> {
    fn drop(&mut self) {
        for (collected, queue) in self.life.collected.iter().zip(self.queues()) {
            let Some(text) = collected.leave() else {
                continue;
            };
            let mut cutter = Cutter::new(self.life.longest_line);
            // A queue that is closed is so because nobody wants more.
            cutter.feed(&text, |line| drop(queue.force_push(line)));
            drop(cutter.end().map(|line| queue.force_push(line)));
            queue.close();
        }
        if !self.life.settled.is_set() {
            self.life.requests.look_again();
        }
    }
}
