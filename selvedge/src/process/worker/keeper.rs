//! The thread of a worker: it starts the program, looks after it, and starts it again.
//!
//! # Invariants
//!
//! 1. Each life of the program ends with `Connection::finish`, so that no call waits for one that is gone.
//! 2. A life's process has ended, and is reaped, before the next begins and before the thread ends.
//! 3. The first life's beginning is told to `start` once, and nobody else.

use core::panic::Location;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{PipeReader, PipeWriter, pipe};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;

use crate::io;
use crate::primitive::Arc;
use crate::probe::{self, Event};
use crate::process::worker::builder::{Builder, StartError};
use crate::process::worker::connection::{Attended, Connection};
use crate::process::worker::error::{Ended, Why};
use crate::process::worker::lines::{Line, Lines, shown};
use crate::process::worker::protocol::{self, Config, Configuration, FromWorker, VERSION};
use crate::process::worker::worker::{Phase, Shared};
use crate::process::{JoinError, Process, Stdin, Stdio};
use crate::signal::{self, Signal, Till, WaitError, WaitSite, any};
use crate::thread::{self, Outcome};

/// How long a program may live after it has closed its output.
const SILENCE: Duration = Duration::from_secs(1);

/// What the keeper's thread knows.
pub(super) struct Keeper {
    builder: Builder,
    user: Option<Box<RawValue>>,
    shared: Arc<Shared>,
}

/// One life of the program.
struct Life<'k> {
    keeper: &'k Keeper,
    path: &'k Arc<str>,
    process: Process,
}

impl Keeper {
    pub(super) fn new(builder: Builder, user: Option<Box<RawValue>>, shared: Arc<Shared>) -> Self {
        Self {
            builder,
            user,
            shared,
        }
    }

    /// The body of the thread.
    pub(super) fn live(self, stop: &Signal) -> Outcome<()> {
        let path: Arc<str> = thread::current().path().into();
        let (life, connection) = match self.begin(&path) {
            Ok(begun) => begun,
            Err(error) => {
                self.shared.set_start(Err(error)); // invariant 3
                return Ok(());
            }
        };
        let mut now = (life, Arc::new(connection));
        self.shared.set_phase(Phase::Up(Arc::clone(&now.1)));
        self.shared.set_start(Ok(()));
        let mut recent = VecDeque::new();
        let mut restarts = 0;
        loop {
            let why = now.0.attend(&now.1, stop);
            let may_restart = why != Why::Asked && self.builder.restart.applies(true);
            let starting = Signal::named("the worker's start");
            let ended = now.0.ended(why);
            self.shared.set_phase(match may_restart {
                true => Phase::Starting(starting.clone()),
                false => Phase::Over(ended.clone()),
            });
            let told = now.1.finish(&ended, &site());
            if ended.was_asked() {
                return Ok(());
            }
            let mut last = (ended, told);
            // Until it runs again, or is given up.
            now = loop {
                let (ended, told) = &last;
                let after = may_restart.then(|| self.pause(&mut recent)).flatten();
                let Some(after) = after else {
                    return self.give_up(ended, *told, may_restart);
                };
                restarts += 1;
                probe::emit(&Event::Restarted {
                    thread: &path,
                    failure: ended,
                    restarts,
                    after,
                });
                if Till::after(after).wait().is_err() {
                    return self.stopped_between(&path);
                }
                match self.begin(&path) {
                    Ok((life, connection)) => break (life, Arc::new(connection)),
                    Err(StartError::Stopped(_)) => return self.stopped_between(&path),
                    Err(error) => {
                        let why = Why::NotStarted(error.to_string());
                        last = (Ended::new(&path, why, None, String::new()), 0);
                    }
                }
            };
            self.shared.set_phase(Phase::Up(Arc::clone(&now.1)));
        }
    }

    /// It was asked to stop while it did not run.
    fn stopped_between(&self, path: &Arc<str>) -> Outcome<()> {
        let ended = Ended::new(path, Why::Asked, None, String::new());
        self.shared.set_phase(Phase::Over(ended));
        Ok(())
    }

    fn give_up(&self, ended: &Ended, told: usize, was_restarted: bool) -> Outcome<()> {
        if was_restarted {
            self.shared.set_phase(Phase::Over(ended.given_up()));
        }
        // What a call has received is not the parent's failure as well.
        if told > 0 {
            return Ok(());
        }
        Err(match was_restarted {
            true => ended.given_up().into(),
            false => ended.clone().into(),
        })
    }

    /// How long to wait before the next life, if there may be one.
    fn pause(&self, recent: &mut VecDeque<Instant>) -> Option<Duration> {
        let now = signal::now();
        let (most, within) = self.builder.restart.limit();
        recent.push_back(now);
        while recent
            .front()
            .is_some_and(|then| now.saturating_duration_since(*then) > within)
        {
            recent.pop_front();
        }
        if recent.len() > most {
            return None;
        }
        let mut pause = None;
        for _ in 0..recent.len() {
            pause = Some(self.builder.restart.pause(pause));
        }
        pause
    }

    /// Starts the program and waits until it is there.
    fn begin<'k>(&'k self, path: &'k Arc<str>) -> Result<(Life<'k>, Connection), StartError> {
        let (their_calls, our_calls) = pipe().map_err(StartError::Io)?;
        let (our_answers, their_answers) = pipe().map_err(StartError::Io)?;
        let theirs = |end: OwnedFd| Arc::new(File::from(end));
        let command = self.builder.command.clone().named("process");
        let command = command
            .stdin(Stdin::File(theirs(their_calls.into())))
            .stdout(Stdio::File(theirs(their_answers.into())))
            .stderr(Stdio::Lines);
        let process = command.spawn().map_err(StartError::Spawn)?;
        drop(command); // and with it our copies of the worker's ends
        let life = Life {
            keeper: self,
            path,
            process,
        };
        let begun = life.hello(&our_calls, &our_answers).and_then(|lines| {
            Connection::new(Arc::clone(path), (our_calls, our_answers), lines)
                .map_err(StartError::Io)
        });
        match begun {
            Ok(connection) => Ok((life, connection)),
            Err(error) => {
                life.process.stop_because("it did not begin as a worker");
                life.wait_for_end(&Signal::never());
                Err(match error {
                    StartError::Ended(_) => StartError::Ended(life.ended(Why::Itself)),
                    error => error,
                })
            }
        }
    }
}

impl Life<'_> {
    /// Configures the program and hears its answer.
    fn hello(&self, calls: &PipeWriter, answers: &PipeReader) -> Result<Lines, StartError> {
        let builder = &self.keeper.builder;
        let late = Till::after(builder.hello);
        let over = any([&late, self.process.stopped()]);
        let config = Config {
            version: VERSION,
            name: builder.name.to_string(),
            max_line: builder.longest,
            threads: builder.threads,
            log_level: builder.log_level,
            user: self.keeper.user.clone(),
        };
        let config =
            serde_json::to_string(&Configuration { config }).map_err(StartError::Config)?;
        let text = format!("{}{config}\n", builder.preamble);
        // It waits for us, if it has printed much.
        let has_spoken = |error: &std::io::Error| {
            let expired = matches!(io::interruption(error), Some(WaitError::Expired));
            expired && !over.is_set()
        };
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let spoken = self.say_what_it_says();
            match io::write_until(calls, rest, &any([&over, &spoken])) {
                Ok(n) => rest = &rest[n..],
                Err(error) if has_spoken(&error) => {}
                Err(error) => match self.no_hello(&error, &late) {
                    StartError::Stopped(stopped) => return Err(StartError::Stopped(stopped)),
                    _ => break, // it may have said why it does not read
                },
            }
        }
        let mut lines = Lines::new(builder.longest);
        let mut buffer = [0; 4096];
        loop {
            let spoken = self.say_what_it_says();
            if let Some(line) = lines.next() {
                self.greeted(&line)?;
                return Ok(lines);
            }
            match io::read_until(answers, &mut buffer, &any([&over, &spoken])) {
                Ok(0) => return Err(self.ended_early()),
                Ok(n) => lines.add(&buffer[..n]),
                Err(error) if has_spoken(&error) => {}
                Err(error) => return Err(self.no_hello(&error, &late)),
            }
        }
    }

    fn greeted(&self, line: &Line<'_>) -> Result<(), StartError> {
        let (Line::Whole(text) | Line::TooLong(text, _)) = line;
        let bad = |said| {
            let worker = Arc::clone(self.path);
            Err(StartError::NoWorker { worker, said })
        };
        match protocol::read::<FromWorker<'_>>(text) {
            Ok(FromWorker {
                out: Some(_),
                version: Some(VERSION),
                ..
            }) => Ok(()),
            Ok(FromWorker {
                err: Some(failure), ..
            }) => bad(failure.message),
            _ => bad(shown(text)),
        }
    }

    fn no_hello(&self, error: &std::io::Error, late: &Signal) -> StartError {
        match io::interruption(error) {
            Some(WaitError::Stopped(stopped)) => StartError::Stopped(stopped.clone()),
            _ if self.process.stopped().is_set() || !late.is_set() => self.ended_early(),
            _ => StartError::Silent {
                worker: Arc::clone(self.path),
                waited: self.keeper.builder.hello,
            },
        }
    }

    /// It has ended, or closed its output: how, is known when it is reaped.
    fn ended_early(&self) -> StartError {
        let nothing = String::new();
        StartError::Ended(Ended::new(self.path, Why::Itself, None, nothing))
    }

    /// Looks after the program until it has ended; why it has.
    fn attend(&self, connection: &Connection, stop: &Signal) -> Why {
        let site = site();
        let mut patience = Signal::never();
        loop {
            let spoken = self.say_what_it_says();
            let signals = [self.process.stopped(), stop, &patience, &spoken];
            match connection.attend(&signals, &site) {
                Attended::Signal(0) => return self.why(stop),
                Attended::Signal(1) => {
                    signal::shield(|| self.end(connection));
                    return Why::Asked;
                }
                Attended::AtEnd => {
                    // Nearly always the end of the process, which is told a little later.
                    if self.wait_for_end(&Till::after(SILENCE)) {
                        return self.why(stop);
                    }
                    self.process.stop_because("it closed its output");
                    self.wait_for_end(&Signal::never());
                    return Why::Silent;
                }
                Attended::Signal(2) => {
                    let limit = self.keeper.builder.cancel;
                    if let Some((since, call)) = connection.unanswered()
                        && signal::now().saturating_duration_since(since) >= limit
                    {
                        self.process
                            .stop_because(format!("the cancelled call `{call}` does not end"));
                        self.wait_for_end(&Signal::never());
                        return Why::Stuck(call.to_string());
                    }
                    patience = self.patience(connection);
                }
                Attended::Cancelled => patience = self.patience(connection),
                Attended::Signal(_) => {}
            }
        }
    }

    /// Why it has ended, if nobody here has made it: with the tree, the process is asked when the thread is.
    fn why(&self, stop: &Signal) -> Why {
        let ended = self.process.try_join();
        match stop.is_set() || matches!(ended, Some(Err(JoinError::Stopped { .. }))) {
            true => Why::Asked,
            false => Why::Itself,
        }
    }

    /// Set when a cancelled call has held up the worker for too long.
    fn patience(&self, connection: &Connection) -> Signal {
        match connection.unanswered() {
            Some((since, _)) => Till::at(since + self.keeper.builder.cancel),
            None => Signal::never(),
        }
    }

    /// Asks the program to end, more and more urgently.
    fn end(&self, connection: &Connection) {
        let half = self.keeper.builder.grace / 2;
        connection.write(protocol::STOP.as_bytes());
        for step in 0..2 {
            let till = Till::after(half);
            while !till.is_set() {
                let spoken = self.say_what_it_says();
                let signals = [self.process.stopped(), &till, &spoken];
                match connection.attend(&signals, &site()) {
                    Attended::Signal(0) => return,
                    Attended::AtEnd => {
                        self.wait_for_end(&till);
                        break;
                    }
                    Attended::Signal(_) | Attended::Cancelled => {}
                }
            }
            if self.process.stopped().is_set() {
                return;
            }
            if step == 0 {
                connection.end_input();
            }
        }
        self.process
            .stop_because("the worker was asked to stop, and has not ended within its grace");
        self.wait_for_end(&Signal::never());
    }

    /// Waits for the end of the process, whoever asks to stop; has it ended?
    fn wait_for_end(&self, till: &Signal) -> bool {
        signal::shield(|| {
            while !self.process.stopped().is_set() {
                let spoken = self.say_what_it_says();
                let next = any([self.process.stopped(), &spoken]);
                if next.wait_until(till).is_err() && !self.process.stopped().is_set() {
                    return false;
                }
            }
            true
        })
    }

    /// Tells what came on standard error. The signal is set when there is more.
    fn say_what_it_says(&self) -> Signal {
        let stderr = self.process.stderr();
        while let Ok(line) = stderr.try_pop() {
            probe::emit(&Event::WorkerPrinted {
                worker: self.path,
                line: &line.to_string_lossy(),
            });
        }
        match stderr.is_closed() && stderr.is_empty() {
            true => Signal::never(),
            false => stderr.ready(),
        }
    }

    /// What its calls are told; the process has ended.
    fn ended(&self, why: Why) -> Ended {
        self.say_what_it_says();
        let exit = self.process.try_wait(); // and its failure is received
        let status = exit.as_ref().map(ToString::to_string);
        let tail = exit.as_ref().map(|exit| exit.stderr_tail().to_vec());
        let tail = String::from_utf8_lossy(&tail.unwrap_or_default()).into_owned();
        Ended::new(self.path, why, status, tail)
    }
}

/// What the keeper's thread is shown to wait for.
fn site() -> WaitSite<'static> {
    WaitSite::new(
        "look after",
        Some("the worker's process"),
        Location::caller(),
    )
}
