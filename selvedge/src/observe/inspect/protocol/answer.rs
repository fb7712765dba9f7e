//! What a program says.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// An answer: the number of its request, and what is said.
///
/// # Examples
///
/// ```
/// use selvedge::observe::inspect::protocol::{Answer, Body, EndReason};
///
/// let answer = Answer::parse(r#"{"id":3,"is":{"ended":{"why":"limit","dropped":2,"and":"more"}}}"#)?;
/// assert_eq!(answer.body, Body::Ended { why: EndReason::Limit, dropped: 2 });
/// assert_eq!(Answer::parse(r#"{"id":3,"is":{"news":[]}}"#)?.body, Body::Unknown);
/// assert_eq!(answer.line(), "{\"id\":3,\"is\":{\"ended\":{\"why\":\"limit\",\"dropped\":2}}}\n");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the frame of every answer")]
pub struct Answer {
    /// The number of the request; 0 where no request could be read.
    pub id: u64,
    /// What is said.
    #[serde(rename = "is")]
    pub body: Body,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body {
    /// To `hello`.
    Hello(Hello),
    /// To `snapshot`, and again and again to `record`.
    Snapshot(Box<Snapshot>),
    /// To `tree`: each thread before its children, which are in the order of their start.
    Tree(Vec<ThreadInfo>),
    /// To `signals`.
    Signals(Vec<SignalInfo>),
    /// To `queues`.
    Queues(Vec<QueueInfo>),
    /// To `locks`.
    Locks(Vec<LockInfo>),
    /// To `processes`.
    Processes(Vec<ProcessInfo>),
    /// To `calls`.
    Calls(Vec<FunctionInfo>),
    /// To `warnings`.
    Warnings(Vec<Warning>),
    /// To `stop` and `end`.
    Done(Done),
    /// A stream has begun.
    Began,
    /// An event of a `watch`.
    Call(CallEvent),
    /// An event of a `record`.
    Happened(Happening),
    /// What came of a `profile`: its text, in the format that was asked for.
    Profile(String),
    /// A stream has ended; nothing with its number follows.
    Ended {
        /// Why.
        why: EndReason,
        /// How many events could not be sent in time, or were over the rate.
        dropped: u64,
    },
    /// The request was refused.
    Error(Problem),
    /// Something that this version of the library cannot read.
    #[serde(skip_deserializing)]
    Unknown,
}

/// Who answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hello {
    /// The version of the protocol.
    pub protocol: u32,
    /// The version of the library.
    pub selvedge: String,
    /// The name of the tree's root.
    pub program: String,
    /// The process.
    pub pid: u32,
    /// When the inspector began to serve, in microseconds since 1970: the 0 of every `at_us`.
    pub since_us: u64,
}

/// Everything of one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// When.
    pub at_us: u64,
    /// The threads.
    pub threads: Vec<ThreadInfo>,
    /// The signals that somebody waits for.
    pub signals: Vec<SignalInfo>,
    /// The queues that somebody waits at.
    pub queues: Vec<QueueInfo>,
    /// The locks that somebody waits for.
    pub locks: Vec<LockInfo>,
    /// The child processes.
    #[serde(default)]
    pub processes: Vec<ProcessInfo>,
    /// What looks wrong for as long as the request says.
    pub warnings: Vec<Warning>,
    /// In a `record`: how many events of this stream were dropped before it, since its begin.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A thread, or a scope: a place in the tree that has children but no thread of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ThreadInfo {
    /// No other thread has it while this one lives.
    pub number: u64,
    /// Its own name.
    pub name: String,
    /// The names from the root to it, joined by `/`.
    pub path: String,
    /// How far from the root.
    pub depth: usize,
    /// Is it a scope?
    pub scope: bool,
    /// Is it a child process? Then `os_id` is that of the process.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub process: bool,
    /// `prepared`, `running`, `ending`, `stopped`.
    pub state: String,
    /// How long it has been in the tree.
    pub age_us: u64,
    /// The system's number of the thread, for a debugger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_id: Option<u32>,
    /// Its processor time, if that was asked for and the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuInfo>,
    /// Why it was asked to stop, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// How long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_us: Option<u64>,
    /// What it waits for, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<WaitInfo>,
}

/// What the kernel counted for a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CpuInfo {
    /// How long it was on a processor.
    pub used_us: u64,
    /// How long it was ready to run and had none.
    pub ready_us: u64,
}

/// What a thread waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WaitInfo {
    /// `signal`, `queue`, `lock`, `use of lock`, `semaphore`, `future`, or a verb of input and output.
    pub kind: String,
    /// What it is called: by its name, or else by where it was made, or by its kind.
    pub what: String,
    /// Where in the program.
    pub at: String,
    /// For how long.
    pub for_us: u64,
    /// The number of what it waits for, as in the lists of signals, queues and locks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<u64>,
    /// The path of the thread that it waits for: whose end, or who holds the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

/// A signal that somebody waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignalInfo {
    /// No other has it while somebody waits for this one.
    pub id: u64,
    /// Its name, or where it was made.
    pub signal: String,
    /// The path of the thread whose end it is, if it is that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of: Option<String>,
    /// The paths of those who wait.
    pub waiting: Vec<String>,
}

/// A queue that somebody waits at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueueInfo {
    /// No other has it while somebody waits at this one.
    pub id: u64,
    /// Its name, or where it was made.
    pub queue: String,
    /// How many elements it has: none while somebody waits for one, `capacity` while somebody waits for room.
    pub len: usize,
    /// How many it may have; 0 for a rendezvous.
    pub capacity: usize,
    /// The paths of those who wait for an element.
    pub popping: Vec<String>,
    /// The paths of those who wait for room.
    pub pushing: Vec<String>,
}

/// A lock that somebody waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LockInfo {
    /// No other has it while somebody waits for this one.
    pub id: u64,
    /// Its name, or where it was made.
    pub lock: String,
    /// The path of the thread that holds it, if one does; `?` for one outside of the tree, or one that has come or gone just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Where the holder entered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered: Option<String>,
    /// The paths of those who wait to enter.
    pub entering: Vec<String>,
    /// The paths of those who wait inside for its use.
    pub waiting: Vec<String>,
}

/// A child process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// The process.
    pub pid: u32,
    /// Its place in the tree.
    pub path: String,
    /// Its program and arguments, as the system has them; its name in the tree where it has none.
    pub command: String,
    /// Where it is in its life: as of a thread.
    pub state: String,
    /// How long it has been in the tree.
    pub age_us: u64,
}

/// An open function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FunctionInfo {
    /// Its path.
    pub function: String,
    /// Where it is defined.
    pub at: String,
    /// How many causes its calls have, anywhere, to look further than at its body: patches that exist, once more while
    /// they are installed, hooks that are lent, bindings, watches, profiles and waits of groutines. What makes every
    /// function look adds one each: that a strict context was ever entered, and that a groutine was woken and has not
    /// gone on.
    pub armed: u64,
    /// How many of them are watches.
    pub watched: u64,
    /// How often it was called since this connection's `count` began; the largest where several match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// How many of these ended by a panic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panics: Option<u64>,
}

/// Something that looks wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Warning {
    /// What.
    pub kind: WarningKind,
    /// The path of the thread that suffers.
    pub thread: String,
    /// How long it has lasted.
    pub for_us: u64,
    /// All of it as a line for people.
    pub text: String,
}

/// What looks wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningKind {
    /// A thread waits for a lock.
    LongWait,
    /// A thread waits for room in a queue.
    QueueFull,
    /// A thread was asked to stop, and its body has not ended.
    StopIgnored,
    /// Threads wait for one another in a circle.
    Deadlock,
    /// Something that this version of the library does not know.
    #[serde(other)]
    Unknown,
}

/// It was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Done {
    /// What, as a line for people.
    pub text: String,
}

/// A call of an open function began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallEvent {
    /// When.
    pub at_us: u64,
    /// The path of the calling thread.
    pub thread: String,
    /// Both events of a call have it, and no other call.
    pub number: u64,
    /// How many calls of this stream are running around this one.
    pub depth: u32,
    /// The path of the function.
    pub function: String,
    /// Did it begin or end?
    pub moment: CallMoment,
    /// The call as a line: arguments, result or the panic's message.
    pub text: String,
    /// How many events of this stream were dropped before this one, since its begin.
    #[serde(default)]
    pub dropped: u64,
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallMoment {
    /// It begins.
    Called,
    /// It has returned.
    Returned,
    /// It has panicked.
    Panicked,
    /// It is asynchronous, and was dropped before its end.
    Dropped,
    /// Something that this version of the library does not know.
    #[serde(other)]
    Unknown,
}

/// An event of [`probe`](crate::probe).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Happening {
    /// When.
    pub at_us: u64,
    /// The path of the thread on which it happened.
    pub thread: String,
    /// What, as a line for people.
    pub text: String,
    /// How many events of this stream were dropped before this one, since its begin.
    #[serde(default)]
    pub dropped: u64,
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndReason {
    /// `max` events were sent.
    Limit,
    /// `for_ms` is over.
    Time,
    /// `end` was asked for.
    Asked,
    /// The inspector ends, and perhaps the program.
    Closing,
    /// Something that this version of the library does not know.
    #[serde(other)]
    Unknown,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// For programs.
    pub kind: ProblemKind,
    /// For people: what is wrong and what to do.
    pub message: String,
}

/// Why a request was refused, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// The line is no request.
    Malformed,
    /// The line is too long; the connection is closed.
    TooLong,
    /// The client's version is not spoken.
    Version,
    /// There are too many connections; this one is closed.
    Busy,
    /// The client is another user; the connection is closed.
    Refused,
    /// The pattern is wrong.
    Pattern,
    /// A limit is missing.
    Unlimited,
    /// There are too many streams, or one with this number.
    Streams,
    /// There is no thread, or no stream, of that name.
    NotFound,
    /// Several threads have that path.
    Ambiguous,
    /// This build of the program cannot do that.
    Unsupported,
    /// Something that this version of the library does not know.
    #[serde(other)]
    Unknown,
}

impl Answer {
    /// Reads an answer from a line; [`Body::Unknown`] if it says something that this version cannot read.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn parse(line: &str) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Frame {
            id: u64,
            #[serde(rename = "is")]
            _body: IgnoredAny,
        }
        serde_json::from_str(line).or_else(|_| {
            let frame: Frame = serde_json::from_str(line)?;
            Ok(Self {
                id: frame.id,
                body: Body::Unknown,
            })
        })
    }

    /// The answer as a line, with its end.
    #[must_use]
    pub fn line(&self) -> String {
        to_line(self)
    }
}

/// A value of this protocol as a line.
pub(super) fn to_line(value: &impl Serialize) -> String {
    // Strings, numbers and lists: nothing in them that JSON cannot say.
    let mut line = serde_json::to_string(value).expect("a value of the protocol is JSON");
    line.push('\n');
    line
}
