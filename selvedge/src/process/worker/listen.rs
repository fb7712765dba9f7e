//! The threads of a server: who reads, who runs.
//!
//! If calls run one after another, the thread that has read a call runs it, so that no second one need be woken. A
//! listener looks now and then whether a call takes long, and then reads, to hear that it is cancelled. If calls run
//! side by side, the listener reads and the others run.
//!
//! # Invariants
//!
//! 1. One thread reads at a time: who has taken `State::intake`.
//! 2. While a call runs and nobody reads, the listener is awake, and reads at the latest after two of its periods.
//! 3. After `ended` is set no call begins.
//! 4. A call is in `State::held` from when it was read until after it is answered; who takes `Held::asked` out, or the
//!    whole entry with it, answers it, but for the end: the other side knows. What is left of it in `calls` is its number.
//! 5. No code of the user runs under the lock: on a call's stop may hang what it has left there, so whoever has run it
//!    has that until the entry is gone.

use core::panic::Location;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde_json::value::RawValue;

use crate::ambient::Ambient;
use crate::primitive::sys::inlet::Inlet;
use crate::primitive::{Arc, Mutex, drop_caught, message_of};
use crate::process::worker::lines::{Line, Lines, shown};
use crate::process::worker::output::Output;
use crate::process::worker::protocol::{self, Failure, FromServer, ToWorker};
use crate::process::worker::serve::{Arguments, Function};
use crate::signal::{self, Reader, Signal, Till, Unread, WaitSite, deadline};
use crate::sync::Queue;
use crate::thread::{self, Failures};

/// How often the listener looks.
const PERIOD: Duration = Duration::from_millis(2);
/// How many bytes there stays room for between two answers.
const ANSWER: usize = 4096;
/// How often it looks in vain before it sleeps.
const ROUNDS: u32 = 10;

/// What the threads of a server share.
pub(super) struct Serving {
    functions: BTreeMap<Box<str>, Function>,
    threads: usize,
    longest: usize,
    output: Arc<Output>,
    calls: Queue<u64>,
    state: Mutex<State>,
    ended: Signal,
    site: WaitSite<'static>,
}

struct State {
    /// `None`: somebody reads.
    intake: Option<Box<Intake>>,
    /// How many calls have begun.
    begun: u64,
    held: BTreeMap<u64, Held>,
    /// Wakes the listener; `None` if it is awake.
    wake: Option<Signal>,
    /// Asks the listener not to read any more, and says that it does not.
    back: Signal,
    free: Signal,
}

/// What who reads has.
struct Intake {
    lines: Lines,
    reader: Reader,
    /// Is something in `Serving::calls`, perhaps?
    queued: bool,
}

/// A call that is not answered yet, or has been just now.
struct Held {
    /// `None`: it has begun.
    asked: Option<Asked>,
    cancelled: Signal,
}

/// What is to be run.
struct Asked {
    /// Or the name that no function has.
    function: Result<Function, Box<str>>,
    args: Option<Box<RawValue>>,
    kwargs: Option<Box<RawValue>>,
    context: Option<BTreeMap<String, String>>,
}

/// A call that runs.
struct Call {
    id: u64,
    asked: Asked,
    cancelled: Signal,
}

impl State {
    /// Begins a call, unless that is answered.
    fn begin(&mut self, id: u64) -> Option<Call> {
        let held = self.held.get_mut(&id)?;
        let (asked, cancelled) = (held.asked.take()?, held.cancelled.clone());
        self.begun += 1;
        Some(Call {
            id,
            asked,
            cancelled,
        })
    }

    /// It is answered. The other side knows that, and may have asked for something else by the same number.
    fn forget(&mut self, call: &Call) {
        let held = self.held.get(&call.id);
        if held.is_some_and(|held| held.cancelled.is_same(&call.cancelled)) {
            self.held.remove(&call.id);
        }
    }
}

impl Serving {
    pub(super) fn new(
        functions: BTreeMap<Box<str>, Function>,
        threads: usize,
        longest: usize,
        (input, output): (OwnedFd, Arc<Output>),
        lines: Lines,
        at: &'static Location<'static>,
    ) -> Self {
        let reader = Reader::new(Arc::new(Inlet::new(input)));
        let intake = Some(Box::new(Intake {
            lines,
            reader,
            queued: false,
        }));
        Self {
            functions,
            threads,
            longest,
            output,
            // The other side bounds what is in flight.
            calls: Queue::named(&format!("the calls of the worker at {at}"), usize::MAX).quiet(),
            state: Mutex::new(State {
                intake,
                begun: 0,
                held: BTreeMap::new(),
                wake: None,
                back: Signal::new(),
                free: Signal::new(),
            }),
            ended: Signal::named("the worker's end"),
            site: WaitSite::new("read calls from", Some("the other side"), at),
        }
    }

    /// Takes calls until the other side says stop or is gone, or the calling thread is asked to stop.
    pub(super) fn serve(&self) -> Result<(), Failures> {
        thread::scope("serve", |scope| {
            if self.threads == 1 {
                scope.builder("listener").service().spawn(|_stop| {
                    self.look_out();
                    Ok(())
                })?;
                self.take_turns();
            } else {
                for n in 1..=self.threads {
                    scope.spawn(&format!("call-{n}"), |stop| {
                        let mut line = Vec::new();
                        while !stop.is_set()
                            && let Ok(id) = self.calls.pop()
                        {
                            if let Some(call) = self.begin(|state| state.begin(id)) {
                                self.run(&call, &mut line);
                                self.state.lock().forget(&call);
                            }
                        }
                        Ok(())
                    });
                }
                let mut intake = self.intake(None);
                let stop = signal::stop();
                while self.read(&mut intake, [&self.ended, &stop], None) {}
            }
            self.end(signal::stop().is_set());
            Ok(())
        })
    }

    /// Reads and runs, one call after another.
    fn take_turns(&self) {
        let (stop, mut line, mut answered) = (signal::stop(), Vec::new(), None);
        while !self.ended.is_set() {
            let (mut intake, mut next) = (self.intake(answered.take().as_ref()), None);
            if intake.queued {
                if stop.is_set() {
                    return;
                }
                next = self.calls.try_pop().ok();
                intake.queued = next.is_some();
            }
            if next.is_none() {
                self.read(&mut intake, [&self.ended, &stop], Some(&mut next));
            }
            let call = self.begin(|state| {
                state.intake = Some(intake);
                state.begin(next?)
            });
            if let Some(call) = call {
                self.run(&call, &mut line);
                answered = Some(call);
            }
        }
    }

    /// For who reads from now on; from the listener, if that reads. Forgets the call that was answered.
    fn intake(&self, mut answered: Option<&Call>) -> Box<Intake> {
        loop {
            let (back, free) = {
                let mut state = self.state.lock();
                if let Some(call) = answered.take() {
                    state.forget(call);
                }
                if let Some(intake) = state.intake.take() {
                    return intake;
                }
                (state.back.clone(), state.free.clone())
            };
            back.set();
            // The listener hands it over; it never waits for anything else meanwhile.
            signal::shield(|| free.wait()).ok();
        }
    }

    /// The listener's life, if calls run one after another.
    fn look_out(&self) {
        loop {
            let wake = Signal::new();
            {
                let mut state = self.state.lock();
                match state.held.is_empty() {
                    true => state.wake = Some(wake.clone()),
                    false => drop(wake.set()), // a call has begun just now (invariant 2)
                }
            }
            if wake.wait_until(&self.ended).is_err() {
                return;
            }
            let (mut seen, mut rounds) = (None, 0);
            while rounds < ROUNDS {
                if Till::after(PERIOD).wait_until(&self.ended).is_err() {
                    return;
                }
                let intake = {
                    let mut state = self.state.lock();
                    let is_busy = !state.held.is_empty();
                    rounds = if is_busy { 0 } else { rounds + 1 };
                    let is_long = is_busy && seen == Some(state.begun);
                    seen = Some(state.begun);
                    let intake = state.intake.take_if(|_| is_long);
                    if intake.is_some() {
                        (state.back, state.free) = (Signal::new(), Signal::new());
                    }
                    intake.map(|intake| (intake, state.back.clone()))
                };
                if let Some((mut intake, back)) = intake {
                    while self.read(&mut intake, [&back, &signal::stop()], None) {}
                    let mut state = self.state.lock();
                    state.intake = Some(intake);
                    let free = state.free.clone();
                    drop(state);
                    free.set();
                }
            }
        }
    }

    /// Reads what comes, and waits for it until one of `signals` is set: a stop, or one before it that leaves all as it is. Is
    /// there more to come?
    ///
    /// Calls are queued, but the first if the caller runs that.
    fn read(
        &self,
        intake: &mut Intake,
        signals: [&Signal; 2],
        mut first: Option<&mut Option<u64>>,
    ) -> bool {
        let Intake {
            lines,
            reader,
            queued,
        } = intake;
        let received = lines.read(|buffer| {
            reader
                .read_until(buffer, &signals, || self.site.clone())
                .map(Some)
        });
        match received {
            Ok(Some(1..)) if !(reader.is_woken() && signals[1].is_set()) => {}
            Err(Unread::Signal(0)) => return false,
            _ => {
                self.end(true);
                return false;
            }
        }
        while let Some(line) = lines.next() {
            if let Some(id) = self.take(line) {
                match &mut first {
                    Some(first) if first.is_none() => **first = Some(id),
                    _ => {
                        // Closed: the end has come, and the other side knows.
                        let _ = self.calls.push(id);
                        *queued = true;
                    }
                }
            }
        }
        !self.ended.is_set()
    }

    /// Understands one line; the call that it is.
    fn take(&self, line: Line<'_>) -> Option<u64> {
        let line = match line {
            Line::Whole(line) if line.iter().all(u8::is_ascii_whitespace) => return None,
            Line::Whole(line) => line,
            Line::TooLong(head, len) => {
                self.refuse(head, &format!("the line has {len} bytes"));
                return None;
            }
        };
        let read = match protocol::usual_call(line) {
            Some(asked) => Ok(asked),
            None => protocol::read::<ToWorker<'_>>(line),
        };
        match read {
            Err(error) => self.refuse(line, &error.to_string()),
            Ok(ToWorker { stop: Some(_), .. }) => self.end(false),
            Ok(ToWorker {
                cancel: Some(id), ..
            }) => self.cancel(id),
            Ok(asked) => match (asked.id, asked.call) {
                (Some(id), Some(name)) => {
                    let function = self.functions.get(&*name);
                    let asked = Asked {
                        function: function.cloned().ok_or_else(|| name.into()),
                        args: asked.args,
                        kwargs: asked.kwargs,
                        context: asked.context,
                    };
                    let held = Held {
                        asked: Some(asked),
                        cancelled: Signal::new(),
                    };
                    let mut state = self.state.lock();
                    if self.ended.is_set() {
                        return None; // invariant 4; what was put here before is taken out by `end`
                    }
                    state.held.insert(id, held);
                    return Some(id);
                }
                _ => self.refuse(line, "it has neither `call` nor `cancel` nor `stop`"),
            },
        }
        None
    }

    /// Nobody waits for this call any more. One that has not begun is answered at once, whatever runs.
    fn cancel(&self, id: u64) {
        let mut state = self.state.lock();
        match state.held.get(&id) {
            None => {} // answered
            Some(held) if held.asked.is_none() => {
                let running = held.cancelled.clone();
                drop(state);
                running.set_because("the call was cancelled");
            }
            Some(_) => {
                let waiting = state.held.remove(&id); // invariant 4
                drop(state);
                drop(waiting);
                self.fail(Some(id), &cancelled());
            }
        }
    }

    fn refuse(&self, line: &[u8], why: &str) {
        let message = format!("cannot understand the line `{}`: {why}", shown(line));
        let failure = Failure::new("MalformedCall", message);
        self.fail(protocol::id_of(line), &failure);
    }

    /// Runs `begin` under the lock, and wakes the listener if a call has begun.
    fn begin(&self, begin: impl FnOnce(&mut State) -> Option<Call>) -> Option<Call> {
        let (call, wake) = {
            let mut state = self.state.lock();
            let call = begin(&mut state)?;
            (call, state.wake.take())
        };
        if let Some(wake) = wake {
            wake.set(); // invariant 2
        }
        Some(call)
    }

    /// Runs a call and answers it; `line` is empty, to write in.
    fn run(&self, call: &Call, line: &mut Vec<u8>) {
        line.extend_from_slice(b"{\"id\":");
        let _ = serde_json::to_writer(&mut *line, &call.id); // a `Vec` takes everything
        line.extend_from_slice(b",\"out\":");
        let head = line.len();
        let result = self.perform(call, line);
        match result {
            Ok(()) if line.len() - head + 32 > self.longest => {
                let message = format!(
                    "the result has {} bytes as JSON, and a line may have {}",
                    line.len() - head,
                    self.longest
                );
                let failure = Failure::new("TooLong", message);
                self.fail(Some(call.id), &failure);
            }
            Ok(()) => {
                protocol::keep_to_one_line(&mut line[head..]);
                line.extend_from_slice(b"}\n");
                self.output.send(line);
            }
            Err(failure) => self.fail(Some(call.id), &failure),
        }
        line.clear();
        line.shrink_to(ANSWER);
    }

    /// Writes the result of a call, as JSON. Nothing of the user's unwinds from here.
    fn perform(&self, call: &Call, into: &mut Vec<u8>) -> Result<(), Failure> {
        let asked = &call.asked;
        let function = asked.function.as_ref().map_err(|name| {
            let known: Vec<_> = self.functions.keys().map(|name| &**name).collect();
            let message = format!("there is no `{name}`; there are: {}", known.join(", "));
            Failure::new("NoFunction", message)
        })?;
        let arguments = Arguments {
            args: asked.args.as_deref(),
            kwargs: asked.kwargs.as_deref(),
        };
        let ambient = match &asked.context {
            Some(fields) => {
                Ambient::from_headers(fields).unwrap_or_else(|error| error.into_ambient())
            }
            None => Ambient::empty(),
        };
        let body = || ambient.run(|| deadline(&call.cancelled, || function(arguments, into)));
        match catch_unwind(AssertUnwindSafe(body)) {
            Ok(Err(_)) if call.cancelled.is_set() => Err(cancelled()),
            Ok(result) => result,
            Err(payload) => {
                let failure = Failure::new("panic", message_of(&*payload));
                drop_caught(payload);
                Err(failure)
            }
        }
    }

    fn fail(&self, id: Option<u64>, failure: &Failure) {
        let line = serde_json::to_string(&FromServer { id, err: failure });
        // A failure is three texts, which always have a JSON form.
        self.output
            .send((line.unwrap_or_default() + "\n").as_bytes());
    }

    /// No call begins any more; if it is urgent, those that run are cancelled.
    fn end(&self, is_urgent: bool) {
        self.ended.set();
        self.calls.close();
        drop(self.calls.pop_all());
        let (waiting, running): (Vec<_>, Vec<_>) = {
            let mut state = self.state.lock();
            let waiting = state.held.extract_if(.., |_, held| held.asked.is_some());
            let waiting = waiting.collect();
            let running = state.held.values().filter(|_| is_urgent);
            (
                waiting,
                running.map(|held| held.cancelled.clone()).collect(),
            )
        };
        drop(waiting);
        for cancelled in running {
            cancelled.set_because("the other side is gone");
        }
    }
}

fn cancelled() -> Failure {
    Failure::new("Cancelled", "the call was cancelled")
}
