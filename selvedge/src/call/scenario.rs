//! A program that runs on a thread of its own, in lock step with somebody who looks at its calls.
//!
//! # Invariants
//!
//! 1. The program runs while its groutine waits for a call, and stands still while the groutine waits for a command.
//! 2. Each command has a number and is answered by it, unless the program ends; answers of commands that nobody waits
//!    for any more are passed over.
//! 3. A panic of the program reaches whoever waits for it, or else whoever drops the scenario.

use core::any::Any;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::ambient::Ambient;
use crate::call::groutine::{Answers, Groutines, Live, Moment, Sees, Wait};
use crate::call::site::Function;
use crate::primitive::{Arc, Mutex, drop_caught, panicking};
use crate::signal::{Signal, Stopped};
use crate::sync::{PopError, PopUntilError, Queue};
use crate::thread::{self, Thread};

/// A program that runs on a thread of its own until one of its calls is reached, and then stands still: a debugger
/// made of tests.
///
/// It begins standing still. [`pause_at`](Self::pause_at) lets it go on until a call that one waits for; the
/// [`Paused`] call can be looked at, changed and answered. [`pause_when`](Self::pause_when) lets it go on to the
/// [breakpoint](crate::call::Log::breakpoint) of a log. [`finish`](Self::finish) lets it go on to its end.
///
/// The thread belongs to the tree, and carries the ambient of whoever started it. A panic of the program goes on in
/// the thread that waits for it. A scenario that is dropped half-way unwinds the program in the call where it stands,
/// and asks it to stop where it runs; then it waits for its end.
///
/// # Examples
///
/// ```
/// use selvedge::{call::Scenario, open, testing::World};
///
/// #[open]
/// fn price(of: &str) -> u32 { 10 }
///
/// fn total() -> u32 {
///     price("bread") + price("butter")
/// }
///
/// World::new().run(|| -> Result<(), Box<dyn std::error::Error>> {
///     let mut scenario = Scenario::start("total", total);
///     let mut call = scenario.pause_at(price::called())?;
///     assert_eq!(call.with(|call| call.args.of.to_owned())?, "bread");
///     call.ret(100)?;
///     assert_eq!(scenario.finish()?, 110);
///     Ok(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the program stands still until it is told to go on"]
pub struct Scenario<T: Send + 'static> {
    commands: Queue<Command>,
    answers: Queue<Answer<T>>,
    /// The number of the last command.
    last: u64,
    ended: Option<Result<T, Panic>>,
    thread: Option<Thread<()>>,
}

type Panic = Box<dyn Any + Send>;
type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the program's groutine is to do.
enum Command {
    /// Let it go on until this is ready.
    Pause(u64, Waiting),
    /// Look at the call where it stands.
    Look(u64, Box<dyn FnOnce() + Send>),
    /// Let it go on to its end.
    GoOn,
}

enum Answer<T> {
    Done(u64),
    Ended(Result<T, Panic>),
}

/// What unwinds a program whose scenario is gone.
struct Abandoned;

/// Why a [`Scenario`] did not get where it was to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The program ended before that; [`finish`](Scenario::finish) gives its result.
    Ended,
    /// The other signal was set first. The program still runs.
    Expired,
    /// The calling thread was asked to stop.
    Stopped(Stopped),
    /// The program's thread was asked to stop by somebody else while the program stood still.
    Abandoned,
}

impl<T: Send + 'static> Scenario<T> {
    /// Starts a thread for the program, which stands still at its beginning.
    ///
    /// # Panics
    ///
    /// Where [`thread::spawn`](crate::thread::spawn) does.
    #[track_caller]
    pub fn start(name: &str, program: impl FnOnce() -> T + Send + 'static) -> Self {
        let (commands, answers) = (Queue::new(), Queue::new());
        let (obeyed, answering) = (commands.clone(), answers.clone());
        let body = move |_| {
            let agent = {
                let answering = answering.clone();
                move || obey(obeyed.clone(), answering.clone())
            };
            let agent = Groutines::new().named("of a scenario", agent);
            let ended = catch_unwind(AssertUnwindSafe(|| agent.run(program)));
            answering.force_push(Answer::Ended(ended)).ok();
            Ok(())
        };
        let thread = thread::Builder::new(name)
            .ambient(Ambient::capture())
            .spawn(body)
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            commands,
            answers,
            last: 0,
            ended: None,
            thread: Some(thread),
        }
    }

    /// Lets the program go on until `wait` is ready, which is in a call.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop, it returns [`ScenarioError::Stopped`], and the program goes on.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`], see there.
    ///
    /// # Panics
    ///
    /// If the program does.
    pub fn pause_at<M: 'static, P: Moment>(
        &mut self,
        wait: Wait<M, P>,
    ) -> Result<Paused<'_, M, P, T>, ScenarioError> {
        self.pause(wait, None)
    }

    /// The same, or until `signal` is set.
    ///
    /// # Stopping
    ///
    /// As [`pause_at`](Self::pause_at).
    ///
    /// # Errors
    ///
    /// [`ScenarioError`], see there. After [`Expired`](ScenarioError::Expired) the program goes on until it is paused
    /// again; where it was to pause it stops only for a moment.
    ///
    /// # Panics
    ///
    /// If the program does.
    pub fn pause_at_until<M: 'static, P: Moment>(
        &mut self,
        wait: Wait<M, P>,
        signal: &Signal,
    ) -> Result<Paused<'_, M, P, T>, ScenarioError> {
        self.pause(wait, Some(signal))
    }

    /// Lets the program go on until `future` is ready: a [breakpoint](crate::call::Log::breakpoint) of a log, or
    /// whatever else a groutine may await; gives its output.
    ///
    /// The program stands still where its flow sees that the future is ready: in the call that has come to the
    /// breakpoint, and else in its next call of an open function, or before its next operation that has to wait.
    ///
    /// # Stopping
    ///
    /// As [`pause_at`](Self::pause_at).
    ///
    /// # Errors
    ///
    /// [`ScenarioError`], see there.
    ///
    /// # Panics
    ///
    /// If the program does.
    pub fn pause_when<F>(&mut self, future: F) -> Result<F::Output, ScenarioError>
    where
        F: IntoFuture<IntoFuture: Send, Output: Send> + Send + 'static,
    {
        self.reach(future, None)
    }

    /// The same, or until `signal` is set, as in [`pause_at_until`](Self::pause_at_until).
    ///
    /// # Stopping
    ///
    /// As [`pause_at`](Self::pause_at).
    ///
    /// # Errors
    ///
    /// [`ScenarioError`], see there.
    ///
    /// # Panics
    ///
    /// If the program does.
    pub fn pause_when_until<F>(
        &mut self,
        future: F,
        signal: &Signal,
    ) -> Result<F::Output, ScenarioError>
    where
        F: IntoFuture<IntoFuture: Send, Output: Send> + Send + 'static,
    {
        self.reach(future, Some(signal))
    }

    fn pause<M: 'static, P: Moment>(
        &mut self,
        wait: Wait<M, P>,
        until: Option<&Signal>,
    ) -> Result<Paused<'_, M, P, T>, ScenarioError> {
        let live = self.reach(wait, until)?;
        Ok(Paused {
            scenario: self,
            live,
        })
    }

    fn reach<F>(&mut self, future: F, until: Option<&Signal>) -> Result<F::Output, ScenarioError>
    where
        F: IntoFuture<IntoFuture: Send, Output: Send> + Send + 'static,
    {
        let place = Arc::new(Mutex::new(None));
        let reached = Arc::clone(&place);
        let waiting = Box::pin(async move {
            let output = future.await;
            *reached.lock() = Some(output);
        });
        self.command(|number| Command::Pause(number, waiting), until)?;
        let output = place.lock().take();
        Ok(output.expect("answered, so it was reached (invariant 2)"))
    }

    /// Lets the program go on to its end, and gives its result.
    ///
    /// # Stopping
    ///
    /// If the calling thread is asked to stop, it returns [`ScenarioError::Stopped`]. The scenario is dropped then.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`], see there; never [`Ended`](ScenarioError::Ended).
    ///
    /// # Panics
    ///
    /// If the program does.
    pub fn finish(self) -> Result<T, ScenarioError> {
        self.end(None)
    }

    /// The same, or until `signal` is set; then the scenario is dropped.
    ///
    /// # Stopping
    ///
    /// As [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish), and [`Expired`](ScenarioError::Expired).
    ///
    /// # Panics
    ///
    /// If the program does.
    pub fn finish_until(self, signal: &Signal) -> Result<T, ScenarioError> {
        self.end(Some(signal))
    }

    fn end(mut self, until: Option<&Signal>) -> Result<T, ScenarioError> {
        match self.command(|_| Command::GoOn, until) {
            Err(ScenarioError::Ended) => {}
            Err(error) => return Err(error),
            Ok(()) => unreachable!("nobody answers it but by the end"),
        }
        match self.ended.take() {
            Some(Ok(value)) => Ok(value),
            _ => Err(ScenarioError::Ended),
        }
    }

    /// Gives a command, and waits until it was obeyed.
    fn command(
        &mut self,
        command: impl FnOnce(u64) -> Command,
        until: Option<&Signal>,
    ) -> Result<(), ScenarioError> {
        if self.ended.is_some() {
            return Err(ScenarioError::Ended);
        }
        self.last += 1;
        let ignored = self.commands.force_push(command(self.last));
        drop(ignored); // closed only by `drop`
        loop {
            let answer = match until {
                None => self.answers.pop().map_err(|error| match error {
                    PopError::Stopped(stopped) => ScenarioError::Stopped(stopped),
                    PopError::Closed => ScenarioError::Abandoned,
                }),
                Some(signal) => self.answers.pop_until(signal).map_err(|error| match error {
                    PopUntilError::Stopped(stopped) => ScenarioError::Stopped(stopped),
                    PopUntilError::Expired => ScenarioError::Expired,
                    PopUntilError::Closed => ScenarioError::Abandoned,
                }),
            };
            match answer? {
                Answer::Done(number) if number == self.last => return Ok(()),
                Answer::Done(_) => {} // invariant 2
                Answer::Ended(Err(panic)) if panic.is::<Abandoned>() => {
                    return Err(ScenarioError::Abandoned);
                }
                Answer::Ended(Err(panic)) => resume_unwind(panic),
                Answer::Ended(ended) => {
                    self.ended = Some(ended);
                    return Err(ScenarioError::Ended);
                }
            }
        }
    }
}

/// The program's groutine (invariant 1).
async fn obey<T>(commands: Queue<Command>, answers: Queue<Answer<T>>) {
    loop {
        let done = match commands.pop() {
            Ok(Command::Pause(number, waiting)) => {
                waiting.await;
                number
            }
            Ok(Command::Look(number, look)) => {
                look();
                number
            }
            Ok(Command::GoOn) => return,
            // Unwinds the program, without a message: it has done nothing wrong.
            Err(_) => resume_unwind(Box::new(Abandoned)),
        };
        answers.force_push(Answer::Done(done)).ok();
    }
}

impl<T: Send + 'static> Drop for Scenario<T> {
    fn drop(&mut self) {
        self.commands.close();
        let Some(thread) = self.thread.take() else {
            return;
        };
        thread.stop_because("its scenario was dropped");
        thread.stopped().wait_through();
        while let Ok(answer) = self.answers.try_pop() {
            match answer {
                Answer::Ended(Err(panic)) if !panic.is::<Abandoned>() && !panicking() => {
                    resume_unwind(panic) // invariant 3
                }
                answer => drop_caught(answer),
            }
        }
    }
}

/// A call in which the program of a [`Scenario`] stands still. It goes on when the scenario is told to.
#[must_use = "the program stands still"]
pub struct Paused<'s, M, P, T: Send + 'static> {
    scenario: &'s mut Scenario<T>,
    live: Live<M, P>,
}

impl<M: 'static, P: Moment, T: Send + 'static> Paused<'_, M, P, T> {
    /// Looks at the call, as [`Live::with`] does. The closure runs on the program's thread.
    ///
    /// # Errors
    ///
    /// [`ScenarioError::Abandoned`] or [`ScenarioError::Stopped`], if one of the threads was asked to stop.
    ///
    /// # Panics
    ///
    /// If the closure does; the program does not see it.
    pub fn with<F, X>(&mut self, look: F) -> Result<X, ScenarioError>
    where
        M: Sees<P, F, X>,
        F: Send + 'static,
        X: Send + 'static,
    {
        let mut live = self.live.again();
        self.look(move || live.with(look))
    }

    /// Answers the call, as [`Live::ret`] does.
    ///
    /// # Errors
    ///
    /// As [`with`](Self::with).
    pub fn ret<R>(mut self, result: R) -> Result<(), ScenarioError>
    where
        M: Answers<P, R>,
        R: Send + 'static,
    {
        let live = self.live.again();
        self.look(move || live.ret(result))
    }

    /// The call, for [`Wait::same`].
    #[must_use]
    pub fn live(&self) -> &Live<M, P> {
        &self.live
    }

    /// The function that was called.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.live.function()
    }

    fn look<X: Send + 'static>(
        &mut self,
        look: impl FnOnce() -> X + Send + 'static,
    ) -> Result<X, ScenarioError> {
        let place = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&place);
        let look = Box::new(move || {
            let looked = catch_unwind(AssertUnwindSafe(look));
            *seen.lock() = Some(looked);
        });
        self.scenario
            .command(|number| Command::Look(number, look), None)
            .map_err(|error| match error {
                // A program that stands still ends only by being unwound.
                ScenarioError::Ended => ScenarioError::Abandoned,
                error => error,
            })?;
        let looked = place.lock().take();
        match looked.expect("answered, so it was looked at (invariant 2)") {
            Ok(seen) => Ok(seen),
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the program of the scenario ended before it came to that"),
            Self::Expired => {
                f.write_str("the program of the scenario did not come to that in time")
            }
            Self::Stopped(stopped) => stopped.fmt(f),
            Self::Abandoned => f.write_str("the program of the scenario was asked to stop"),
        }
    }
}

impl Error for ScenarioError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Stopped(stopped) => Some(stopped),
            _ => None,
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Scenario<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario")
            .field("thread", &self.thread.as_ref().map(Thread::path))
            .finish_non_exhaustive()
    }
}

impl<M, P: Moment, T: Send + 'static> fmt::Debug for Paused<'_, M, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paused")
            .field("function", &self.live.function().path())
            .finish_non_exhaustive()
    }
}
