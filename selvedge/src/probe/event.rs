//! The closed enum of events, each with who emits it.

use core::fmt;
use core::time::Duration;

#[cfg(any(
    feature = "log",
    feature = "tracing",
    feature = "observe",
    all(selvedge_process, feature = "worker")
))]
use crate::probe::kind::Weight;
use crate::probe::kind::{Ending, Kind};

/// Something that happened in the library, with names and texts that are borrowed for the call.
///
/// `Display` is one readable line.
#[non_exhaustive]
pub enum Event<'a> {
    /// A thread, or a process, was started. Emitted by its parent's thread.
    Started {
        /// What it is.
        kind: Kind,
        /// Its path, for example `main/reader`.
        thread: &'a str,
    },
    /// A thread, or a process, was asked to stop. Emitted where it was asked, once a thread.
    StopAsked {
        /// What it is.
        kind: Kind,
        /// Its path.
        thread: &'a str,
        /// Who asked, why and where.
        reason: &'a (dyn fmt::Display + 'a),
    },
    /// A thread, or a process, failed. Emitted once, at once, by the thread itself, whoever will receive the error.
    Failed {
        /// What it is.
        kind: Kind,
        /// Its path.
        thread: &'a str,
        /// The error, or the panic's message.
        failure: &'a dyn fmt::Display,
    },
    /// A thread and its subtree, or a process, have ended. Emitted by the thread as its last act.
    Stopped {
        /// What it is.
        kind: Kind,
        /// Its path.
        thread: &'a str,
        /// How it ended.
        how: Ending,
    },
    /// A thread, or a process, has not ended though the grace period is over: the program ends without it. Emitted by a thread
    /// of the program.
    Overdue {
        /// What it is.
        kind: Kind,
        /// Its path.
        thread: &'a str,
        /// How long ago it was asked to stop, if it was.
        asked: Option<Duration>,
        /// What it waits for, and where in the program, if it does.
        waits_for: Option<&'a dyn fmt::Display>,
    },
    /// A failure has no receiver: its thread, or process, was released, or its handle dropped.
    Unreceived {
        /// What it is.
        kind: Kind,
        /// The path of what failed.
        thread: &'a str,
        /// The error, or the panic's message.
        failure: &'a dyn fmt::Display,
    },
    /// A supervised thread ended and is started again. Emitted by its supervisor.
    Restarted {
        /// The path of the supervisor.
        thread: &'a str,
        /// The error or the panic's message, or that it ended.
        failure: &'a dyn fmt::Display,
        /// How often it was started again, this time included.
        restarts: u64,
        /// How long it is waited before.
        after: Duration,
    },
    /// A run of a schedule failed, or was stopped because it took too long; the schedule goes on.
    RunFailed {
        /// The path of the schedule.
        schedule: &'a str,
        /// The error, or the panic's message.
        failure: &'a dyn fmt::Display,
    },
    /// A run of a schedule that was stopped because it took too long does not end.
    RunOverdue {
        /// The path of the run.
        thread: &'a str,
        /// How long it may take.
        limit: Duration,
    },
    /// A callback given to `on_set` panicked; the others ran. Emitted by the thread that set the signal.
    CallbackPanicked {
        /// The name of the signal, or where it was made.
        signal: &'a dyn fmt::Display,
        /// The panic's message.
        message: &'a str,
    },
    /// A context was entered for a block. Emitted outside the block, by who enters it, if somebody listens.
    Entered {
        /// The name of the context.
        context: &'a str,
        /// The path of the thread.
        thread: &'a str,
    },
    /// A context was left, after its last actions. Emitted outside the block, by who leaves it: of each entry
    /// that was an event.
    Left {
        /// The name of the context.
        context: &'a str,
        /// The path of the thread.
        thread: &'a str,
        /// Whether the block was left by a panic.
        panicking: bool,
    },
    /// An `on_exit` action of a block, or the destructor of what it owned, panicked while another panic went on
    /// already, and so goes no further; the other actions ran. Emitted where the block was left.
    ExitPanicked {
        /// Where the block was run, or wrapped around something.
        block: &'a core::panic::Location<'a>,
        /// The panic's message.
        message: &'a str,
    },
    /// A push has waited for room for a long time. Emitted by its thread every 5 seconds, unless the queue
    /// is quiet.
    QueueFull {
        /// The name of the queue, or where it was made.
        queue: &'a dyn fmt::Display,
        /// How many elements there are.
        len: usize,
        /// How long the push has waited.
        waited: Duration,
    },
    /// The sink of a batch queue failed; what it left is tried again, or handed back at the end. Emitted by
    /// the thread that serves the queue.
    SinkFailed {
        /// The name of the queue, or where it was made.
        queue: &'a dyn fmt::Display,
        /// The error, or that it panicked.
        failure: &'a dyn fmt::Display,
        /// How many items of the batch were not delivered.
        items: usize,
    },
    /// Items of a batch queue were neither delivered nor taken back, and are dropped. Emitted where the last
    /// handle or the last error that held them was dropped.
    Undelivered {
        /// The name of the queue, or where it was made.
        queue: &'a dyn fmt::Display,
        /// How many they are.
        items: usize,
    },
    /// Output of a child process was thrown away: nobody could read it any more, or somebody waited for the end of the
    /// process and nobody had asked for its output. Emitted by a thread of the library, or by who waits.
    OutputLost {
        /// The path of the process.
        process: &'a str,
        /// How many bytes.
        bytes: u64,
    },
    /// Nobody would kill the processes if this program were killed, by SIGKILL say: what watches over them cannot be
    /// started. Emitted once, where that is found.
    Unguarded {
        /// What is wrong.
        why: &'a dyn fmt::Display,
    },
    /// A singleton was written in an isolating block and the write was thrown away.
    Discarded {
        /// The path of the singleton.
        singleton: &'static str,
        /// The isolating context, or `isolated` for a block without one.
        context: &'a str,
    },
    /// A hook that heard of the panic of an open function panicked itself; the function's panic goes on.
    HookPanicked {
        /// The path of the open function.
        function: &'static str,
        /// The message of the hook's panic.
        message: &'a str,
    },
    /// Somebody who watches an open function panicked; the call was not touched by it.
    WatcherPanicked {
        /// The path of the open function.
        function: &'static str,
        /// The pattern of the watch.
        pattern: &'a str,
        /// The panic's message.
        message: &'a str,
    },
    /// A member of received baggage means a local whose type cannot read it; it travels on unread. Emitted where
    /// it was received.
    NotUnderstood {
        /// The key of the member.
        member: &'a str,
        /// The path of the local.
        local: &'static str,
        /// The error of its `from_str`.
        why: &'a dyn fmt::Display,
    },
    /// Members of baggage, or a trace context, are not read: they are malformed, or there is no room for them. Emitted
    /// where they were received.
    NotReceived {
        /// Their keys.
        members: &'a dyn fmt::Display,
        /// The reason.
        why: &'a dyn fmt::Display,
    },
    /// Members of baggage are not sent. Emitted where they were to be.
    NotSent {
        /// Their keys.
        members: &'a dyn fmt::Display,
        /// The reason.
        why: &'a dyn fmt::Display,
    },
    /// A worker has logged something. Emitted by whoever reads what it says.
    WorkerLogged {
        /// The path of the worker.
        worker: &'a str,
        /// The level, as the worker says it: `WARNING`, say.
        level: &'a str,
        /// The logger, as the worker calls it.
        logger: &'a str,
        /// What it says.
        message: &'a str,
    },
    /// A worker has written a line to standard error, where its prints go, too. Emitted by its thread.
    WorkerPrinted {
        /// The path of the worker.
        worker: &'a str,
        /// The line.
        line: &'a str,
    },
    /// A worker has sent a line that cannot be understood, and that is about no call.
    WorkerMalformed {
        /// The path of the worker.
        worker: &'a str,
        /// The beginning of the line.
        line: &'a str,
        /// What is wrong with it.
        why: &'a dyn fmt::Display,
    },
    /// Two bindings of an open function are equally specific; the later one wins.
    Tie {
        /// The path of the open function.
        function: &'static str,
    },
}

impl Event<'_> {
    #[cfg(any(
        feature = "log",
        feature = "tracing",
        feature = "observe",
        all(selvedge_process, feature = "worker")
    ))]
    pub(crate) fn weight(&self) -> Weight {
        match self {
            Self::WorkerLogged { level, .. } => weight_of(level),
            Self::Failed { .. }
            | Self::Unreceived { .. }
            | Self::CallbackPanicked { .. }
            | Self::ExitPanicked { .. }
            | Self::HookPanicked { .. }
            | Self::WatcherPanicked { .. }
            | Self::SinkFailed { .. }
            | Self::Undelivered { .. }
            | Self::OutputLost { .. } => Weight::Error,
            Self::Overdue { .. }
            | Self::Restarted { .. }
            | Self::RunFailed { .. }
            | Self::RunOverdue { .. }
            | Self::QueueFull { .. }
            | Self::NotUnderstood { .. }
            | Self::NotReceived { .. }
            | Self::NotSent { .. }
            | Self::WorkerMalformed { .. }
            | Self::Unguarded { .. }
            | Self::Tie { .. } => Weight::Warning,
            Self::Started { .. }
            | Self::StopAsked { .. }
            | Self::Stopped { .. }
            | Self::Entered { .. }
            | Self::Left { .. }
            | Self::Discarded { .. } => Weight::Detail,
            Self::WorkerPrinted { .. } => Weight::Info,
        }
    }

    /// The path of the thread that it is about.
    #[cfg(any(feature = "log", feature = "tracing", feature = "observe"))]
    pub(crate) fn thread(&self) -> Option<&str> {
        match self {
            Self::Started { thread, .. }
            | Self::StopAsked { thread, .. }
            | Self::Failed { thread, .. }
            | Self::Stopped { thread, .. }
            | Self::Overdue { thread, .. }
            | Self::Restarted { thread, .. }
            | Self::RunOverdue { thread, .. }
            | Self::Entered { thread, .. }
            | Self::Left { thread, .. }
            | Self::Unreceived { thread, .. } => Some(thread),
            Self::WorkerLogged { worker, .. }
            | Self::WorkerPrinted { worker, .. }
            | Self::WorkerMalformed { worker, .. } => Some(worker),
            _ => None,
        }
    }

    /// The name of the context that it is about: these have a target of their own.
    #[cfg(any(feature = "log", feature = "tracing", feature = "inspect"))]
    pub(crate) fn context(&self) -> Option<&str> {
        match self {
            Self::Entered { context, .. } | Self::Left { context, .. } => Some(context),
            _ => None,
        }
    }

    /// Must this be printed when nobody listens?
    pub(super) fn is_loss(&self) -> bool {
        if let Self::WorkerLogged { level, .. } = self {
            return !["DEBUG", "INFO", "TRACE", "NOTSET"].contains(level);
        }
        matches!(
            self,
            Self::Unreceived { .. }
                | Self::Restarted { .. }
                | Self::RunFailed { .. }
                | Self::RunOverdue { .. }
                | Self::CallbackPanicked { .. }
                | Self::ExitPanicked { .. }
                | Self::HookPanicked { .. }
                | Self::WatcherPanicked { .. }
                | Self::QueueFull { .. }
                | Self::SinkFailed { .. }
                | Self::Undelivered { .. }
                | Self::OutputLost { .. }
                | Self::Unguarded { .. }
                | Self::NotSent { .. }
                | Self::WorkerPrinted { .. }
                | Self::WorkerMalformed { .. }
                | Self::Tie { .. }
        )
    }
}

/// That of a level of Python's `logging`, or of the crate `log`.
#[cfg(any(
    feature = "log",
    feature = "tracing",
    feature = "observe",
    all(selvedge_process, feature = "worker")
))]
fn weight_of(level: &str) -> Weight {
    match level {
        "CRITICAL" | "FATAL" | "ERROR" => Weight::Error,
        "INFO" => Weight::Info,
        "DEBUG" | "TRACE" | "NOTSET" => Weight::Detail,
        _ => Weight::Warning,
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({self})")
    }
}
