//! `run`: a body, its tree, and the status that says how it went.

use core::fmt;
use std::error::Error;
use std::io::Write;
use std::process::{ExitCode, Termination};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use crate::ambient::Inherited;
use crate::call::start_trace;
#[cfg(all(unix, feature = "inspect"))]
use crate::observe::inspect::Serving;
use crate::primitive::{Arc, drop_caught, source_of, text_of};
use crate::program::grace::{Grace, OnReport, flush};
#[cfg(all(unix, feature = "os"))]
use crate::program::input::Input;
use crate::program::install::{AlreadyRunning, Installed};
#[cfg(feature = "run")]
use crate::program::interrupt::{self, Interrupts};
use crate::program::report::Report;
use crate::signal::{Signal, Timer, default_timer};
use crate::thread::{Ended, Failure, Node, Outcome, run_body, set_program};

/// How long a thread may take to obey a stop.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// Is a tree running in this process? The OS signals and standard output are shared by all.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// Runs `body` as the program `name`, with everything that [`program`](crate::program) says.
///
/// `body` is given the program's stop signal. When it returns, its threads are asked to stop and joined;
/// then pending tills are set. It can be called again afterwards.
///
/// What the environment of the process brings ([`baggage`](crate::baggage)) is bound and entered for `body`, and travels
/// from there as any ambient: to children only when carried. Contexts that the parent process had entered
/// process-wide are entered process-wide until `run` returns. [`Builder::ignore_environment`] leaves both out.
///
/// # Examples
///
/// ```
/// use selvedge::thread;
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     selvedge::run("greeter", |_stop| {
///         let name = thread::spawn("asker", |_stop| Ok("Ada"));
///         println!("hello {}", name.join()?);
///         Ok(())
///     })
/// }
/// ```
#[track_caller]
pub fn run<T: Termination>(name: &str, body: impl FnOnce(Signal) -> Outcome<T>) -> ExitCode {
    Builder::new(name).run(body)
}

/// A program to be, with more choices than [`run`] has.
///
/// # Examples
///
/// ```
/// use selvedge::program;
/// use std::{process::ExitCode, time::Duration};
///
/// let status = program::Builder::new("quick")
///     .grace(Duration::from_secs(1))
///     .run(|_stop| Ok(ExitCode::from(3)));
/// assert_eq!(status, ExitCode::from(3));
/// ```
#[must_use = "nothing runs until `run`"]
pub struct Builder {
    name: Box<str>,
    grace: Duration,
    on_report: Option<OnReport>,
    reads_environment: bool,
    #[cfg(all(unix, feature = "os"))]
    exit_on_stdin: bool,
}

impl Builder {
    /// A program whose main thread is called `name`.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            grace: DEFAULT_GRACE,
            on_report: None,
            reads_environment: true,
            #[cfg(all(unix, feature = "os"))]
            exit_on_stdin: false,
        }
    }

    /// How long threads may take to end once they were asked to; 10 seconds otherwise.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Hands a [`Report`] of the end to `f`: who was asked when and by whom, when it ended, and who did not.
    ///
    /// `f` is called once, when everybody has ended, or when the grace period is over: then on a thread of its
    /// own, for which the program waits a second at most.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Signal, program, thread};
    /// use std::process::ExitCode;
    ///
    /// let program = program::Builder::new("told").on_report(|report| {
    ///     let worker = &report.threads()[0];
    ///     assert_eq!(worker.path(), "told/worker");
    ///     assert!(worker.asked().is_some() && worker.ended().is_some());
    ///     println!("{report}");
    /// });
    /// let status = program.run(|_stop| {
    ///     thread::spawn("worker", |_stop| Ok(Signal::new().wait()?)).release();
    ///     Ok(())
    /// });
    /// assert_eq!(status, ExitCode::SUCCESS);
    /// ```
    pub fn on_report(mut self, f: impl FnOnce(&Report) + Send + 'static) -> Self {
        self.on_report = Some(Box::new(f));
        self
    }

    /// Nothing is bound or entered that the environment of the process brings ([`baggage`](crate::baggage)): for a
    /// program that is started by somebody who must not choose its values and contexts.
    ///
    /// [`Ambient::from_env`](crate::Ambient::from_env) still reads it.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::{Ambient, program};
    /// use std::process::ExitCode;
    ///
    /// let status = program::Builder::new("setuid").ignore_environment().run(|_stop| {
    ///     assert!(Ambient::capture().is_empty()); // whoever started us
    ///     Ok(())
    /// });
    /// assert_eq!(status, ExitCode::SUCCESS);
    /// ```
    pub fn ignore_environment(mut self) -> Self {
        self.reads_environment = false;
        self
    }

    /// The line `exit` on standard input asks the program to stop.
    ///
    /// Everything on standard input is read for that, and nobody else may read it. Its end is no request.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use selvedge::{Signal, program};
    ///
    /// let status = program::Builder::new("server").exit_on_stdin().run(|stop| {
    ///     Ok(Signal::new().wait()?) // until somebody types `exit`, or presses Ctrl-C
    /// });
    /// # let _ = status;
    /// ```
    #[cfg(all(unix, feature = "os"))]
    pub fn exit_on_stdin(mut self) -> Self {
        self.exit_on_stdin = true;
        self
    }

    /// Runs `body`, waits for every thread, and returns the status for `main` to return.
    ///
    /// If SIGINT or SIGTERM asked for the stop this does not return: the signal is raised again with its
    /// default action, so that the parent process sees the truth.
    ///
    /// With a tree running in this process already, `body` does not run and the status is 1.
    #[track_caller]
    pub fn run<T: Termination>(self, body: impl FnOnce(Signal) -> Outcome<T>) -> ExitCode {
        let name = self.name.clone();
        let Some(wired) = Wired::begin(self) else {
            say(&format!("{name}: error: {AlreadyRunning}"));
            return ExitCode::FAILURE;
        };
        let ended = run_body(&wired.node, |stop| {
            // Whatever ends the body, a panic too: from here the children have the grace period.
            let _begin = wired.grace.begin_when_dropped();
            let ambient = &wired.inherited.ambient;
            // Without one, nothing stands between the body and the bottom of the chain.
            let value = match ambient.is_empty() {
                true => body(stop)?,
                false => ambient.run(|| body(stop))?,
            };
            // Known before the children are joined, for an exit that does not wait for them.
            let status = value.report();
            wired.grace.set_status(status);
            Ok(status)
        });
        wired.end(ended)
    }

    /// The same for a program with its own `main`: the calling thread is the root of the tree until the guard
    /// is dropped or [finished](Installed::finish).
    ///
    /// Of what the environment brings, contexts are entered that the parent process had entered process-wide. The rest
    /// needs a block: [`Ambient::from_env`](crate::Ambient::from_env) has it.
    ///
    /// # Errors
    ///
    /// [`AlreadyRunning`] – a tree is running in this process, or the thread is in one.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::program;
    /// use std::{process::ExitCode, time::Duration};
    ///
    /// let program = program::Builder::new("quick").grace(Duration::from_secs(1)).install()?;
    /// assert_eq!(program.finish(), ExitCode::SUCCESS);
    /// # Ok::<(), program::AlreadyRunning>(())
    /// ```
    #[track_caller]
    pub fn install(self) -> Result<Installed, AlreadyRunning> {
        let wired = Wired::begin(self).ok_or(AlreadyRunning)?;
        Ok(Installed::new(wired))
    }
}

/// A root with everything that a program has around it, from the first line to the last.
pub(super) struct Wired {
    pub(super) node: Arc<Node>,
    pub(super) grace: Grace,
    timer: Timer,
    inherited: Inherited,
    #[cfg(feature = "run")]
    interrupts: Interrupts,
    #[cfg(all(unix, feature = "os"))]
    input: Option<Input>,
    #[cfg(all(unix, feature = "inspect"))]
    inspector: Option<Serving>,
}

impl Wired {
    /// None if a tree is running already.
    #[track_caller]
    fn begin(program: Builder) -> Option<Self> {
        if Node::current().is_some() || RUNNING.swap(true, SeqCst) {
            return None;
        }
        start_trace();
        let inherited = match program.reads_environment {
            true => Inherited::from_env(),
            false => Inherited::nothing(),
        };
        let timer = default_timer();
        timer.restart();
        let node = Node::root(&program.name, timer.clone());
        let grace = Grace::new(&node, program.grace, program.on_report);
        #[cfg(feature = "run")]
        let interrupts = Interrupts::begin(&node);
        #[cfg(all(unix, feature = "os"))]
        let input = program.exit_on_stdin.then(|| Input::begin(&node));
        #[cfg(all(unix, feature = "inspect"))]
        let inspector = program
            .reads_environment
            .then(|| Serving::from_env(&node))
            .flatten();
        set_program(&node);
        Some(Self {
            node,
            grace,
            timer: timer.clone(),
            inherited,
            #[cfg(feature = "run")]
            interrupts,
            #[cfg(all(unix, feature = "os"))]
            input,
            #[cfg(all(unix, feature = "inspect"))]
            inspector,
        })
    }

    /// The tree has been joined.
    pub(super) fn end(self, ended: Ended<ExitCode>) -> ExitCode {
        let how = ended.ending();
        let status = self.status(ended);
        self.node.finish_root(how);
        if self.timer.is_dispatching() {
            self.grace.begin(); // an action of a till may be stuck
        }
        self.timer.shutdown();
        #[cfg(selvedge_process)]
        crate::process::linux::quiesce(true); // the last shells ended with the tills that they were kept for
        #[cfg(all(unix, feature = "os"))]
        if let Some(input) = self.input {
            input.end();
        }
        #[cfg(all(unix, feature = "inspect"))]
        if let Some(inspector) = self.inspector {
            if inspector.is_asking() {
                self.grace.begin(); // an action of a stop may be stuck
            }
            drop(inspector);
        }
        #[cfg(feature = "run")]
        self.interrupts.end();
        self.grace.end();
        drop_caught(self.inherited); // values of the user's types
        flush();
        #[cfg(feature = "run")]
        interrupt::leave();
        RUNNING.store(false, SeqCst);
        status
    }

    fn status(&self, ended: Ended<ExitCode>) -> ExitCode {
        let node = &self.node;
        match ended {
            Ended::Finished(_) if node.unreceived() > 0 => ExitCode::FAILURE,
            Ended::Finished(status) => status,
            Ended::Stopped(_) if node.unreceived() > 0 => ExitCode::FAILURE,
            Ended::Stopped(_) => ExitCode::SUCCESS,
            Ended::Failed(failure) => self.explain(failure),
        }
    }

    /// Nobody joins the main thread: its failure is told to the user.
    fn explain(&self, failure: Failure) -> ExitCode {
        let name = self.node.path();
        match failure {
            // The panic hook has printed it.
            Failure::Panic(_) => return ExitCode::from(101),
            Failure::Error(error) => {
                let error = error.into_inner();
                say(&format!("{name}: error: {}", chain(&*error)));
                drop_caught(error);
            }
            Failure::Children(failures) => say(&format!("{name}: error: {failures}")),
        }
        ExitCode::FAILURE
    }
}

/// An error and what it says it came from, where that is not in its text already.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = text_of(error);
    let mut source = source_of(error);
    while let Some(error) = source {
        let more = text_of(error);
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = source_of(error);
    }
    text
}

/// A line for the user; nobody is left to tell when standard error is gone.
fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}
