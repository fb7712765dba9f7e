//! What every public type of the crate is: `Send`, `Sync`, `'static`, or deliberately not.
//!
//! A type may lose an auto trait by an innocent private field. The table says what each must be; a type
//! that is in no row makes the last test fail.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::Ready;
use std::marker::PhantomData;
use std::path::Path;
use std::rc::Rc;

use selvedge::ambient::{And, Entering, OnExit, To, Wrapped};
use selvedge::call::groutine::{
    AtCall, AtDrop, AtPanic, AtReturn, Exchange, Live, NotWaiting, OneOf2, OneOf3, OneOf4, Wait,
};
use selvedge::call::{
    Args, AsyncNext, AsyncNextOf, BadPattern, Binding, Breakpoint, Call, Calls, Condition, Dropped,
    Expectation, ExplainedStep, Explanation, Function, Groutines, Lending, Log, Moment, Next,
    NextOf, Own, Patch, Paused, Record, RecordEnd, Returned, Scenario, ScenarioError, Sequence,
    Suite, Tie, Unwound, Watching, What, Why,
};
use selvedge::io::{Acceptor, Incoming, Stoppable};
use selvedge::observe::logging::{self, Full, InstallError, Level, Writer};
use selvedge::observe::profile::{self, Block, Profile, Profiling, Row, ThreadProfile};
use selvedge::probe::{Ending, Event, Kind, Subscription};
use selvedge::process::worker::{
    BadArguments, BadResult, CallError, Ended, LogLevel, RemoteError, ServeError, Server, Worker,
};
use selvedge::process::{
    Command, Descendant, Exit, Failed, Line, Output, Process, Stdin, Stdio, Unread,
};
use selvedge::process::{QuoteError, Shell, ShellError};
use selvedge::program::{AlreadyRunning, Installed, Report, ThreadReport};
use selvedge::shared::{Changes, Conflict, Flyweight, Singleton};
use selvedge::signal::{Descriptor, IsSet, OnSet, Progress, Reason, SetOnDrop, WaitError};
use selvedge::sync::{
    AcquireError, AcquireUntilError, AlreadyHeld, Assigned, BatchProducer, BatchQueue,
    ChangedError, ChangedUntilError, Closed, EnterUntilError, Held, Iter, Lock, Permit, PopError,
    PopUntilError, PriorityQueue, Producer, Promise, PushError, PushUntilError, Queue, Semaphore,
    StopError, TryEnterError, TryPopError, TryPushError, Undelivered, Watch, Watcher,
};
use selvedge::testing::World;
use selvedge::thread::{
    CronError, Current, Failures, GaveUp, Job, JoinAllError, JoinError, Missed, Overlap, Panic,
    Parent, Pool, PoolBuilder, Prepared, RegisterError, Repeat, Restart, RestartStatus, RunError,
    Schedule, ScheduleStatus, Scheduled, Scope, ScopedBuilder, ScopedThread, SpawnError,
    StartError, State, Supervised, Thread, ThreadError, Tick, Tree, TreeNode,
};
use selvedge::{
    Activated, Ambient, Context, Group, Local, Resource, Signal, Stopped, Till, Unbound,
};

const fn send<T: Send>() {}
const fn sync<T: Sync>() {}
const fn lives_for_ever<T: 'static>() {}
const fn unpin<T: Unpin>() {}

/// Does `$type` implement `$trait`? An inherent constant stands before one of a trait, and the inherent one
/// is there only if the bound holds.
macro_rules! has {
    ($type:ty: $trait:ident) => {{
        #[allow(dead_code, reason = "used where the bound does not hold")]
        trait Otherwise {
            const HAS: bool = false;
        }
        struct Ask<T: ?Sized>(PhantomData<T>);
        impl<T: ?Sized> Otherwise for Ask<T> {}
        #[allow(dead_code, reason = "used where the bound holds")]
        impl<T: ?Sized + $trait> Ask<T> {
            const HAS: bool = true;
        }
        <Ask<$type>>::HAS
    }};
}

/// Checks the row of each type, and gives their names.
macro_rules! table {
    ($($kind:ident: $($type:ty),+;)*) => {{
        $($( table!(@$kind $type); )+)*
        [$($(stringify!($type)),+),*]
    }};
    (@anywhere $type:ty) => {
        const { (send::<$type>(), sync::<$type>(), lives_for_ever::<$type>(), unpin::<$type>()) }
    };
    (@borrows $type:ty) => {
        const { (send::<$type>(), sync::<$type>()) }
    };
    (@of_one_thread $type:ty) => {
        const { assert!(!has!($type: Send)); sync::<$type>() }
    };
    (@of_one_owner $type:ty) => {
        const { assert!(!has!($type: Sync)); send::<$type>() }
    };
    (@of_one_call $type:ty) => {
        const { assert!(!has!($type: Send) && !has!($type: Sync)) }
    };
}

/// `Send`, and not `Sync`: the type behind it may be used by one thread at a time.
type OneAtATime = Cell<u8>;

fn names() -> Vec<&'static str> {
    table! {
        anywhere:
            Ambient, Local<String>, Context, Entering, Resource<OneAtATime>, Group, Activated, Unbound,
            selvedge::baggage::Error,
            To<String>, And<Ambient, To<u8>>, OnExit<To<u8>, fn()>, Wrapped<Ambient, Ready<u8>>,
            Signal, Till, Stopped, Reason, OnSet, WaitError, IsSet, Progress, SetOnDrop,
            // What goes through a queue or comes out of a thread need not be `Sync`.
            Queue<OneAtATime>, PriorityQueue<OneAtATime>, Producer<OneAtATime>, Closed<u8>, PopError, TryPopError, PopUntilError,
            Descriptor, Stoppable<std::fs::File>, Acceptor<std::net::TcpListener>,
            PushError<u8>, TryPushError<u8>, PushUntilError<u8>,
            Lock<OneAtATime>, AlreadyHeld, TryEnterError, EnterUntilError,
            BatchQueue<OneAtATime>, BatchProducer<OneAtATime>, Undelivered<OneAtATime>, StopError<OneAtATime>,
            Semaphore, Permit, AcquireError, AcquireUntilError,
            Promise<u8>, Assigned<u8>, Watch<u8>, Watcher<u8>, ChangedError, ChangedUntilError,
            Thread<OneAtATime>, selvedge::thread::Builder, CronError, GaveUp, Job<OneAtATime>, Missed,
            Overlap, Pool, PoolBuilder, Repeat, Restart, RestartStatus, RunError, Schedule, ScheduleStatus, Scheduled,
            Supervised<OneAtATime>, Tick, Current, Failures, JoinError, Panic, SpawnError,
            ThreadError, State, Tree, TreeNode,
            JoinAllError, Parent, Prepared<OneAtATime>, RegisterError,
            QuoteError, Shell, ShellError,
            Scope<'static, 'static>, ScopedBuilder<'static, 'static>, ScopedThread<'static, OneAtATime>, StartError,
            Singleton<String>, Flyweight<String, String>, Changes, Conflict,
            Groutines, selvedge::call::Addr, Live<u8, AtCall>, Exchange<u8, OneAtATime>,
            NotWaiting<u8>, OneOf2<u8, u8>, OneOf3<u8, u8, u8>, OneOf4<u8, u8, u8, u8>,
            ScenarioError, AtCall, AtReturn, AtPanic, AtDrop,
            Patch, Suite, selvedge::call::Installed, Binding, Tie, Condition, Function, Own<u8>,
            selvedge::call::Watch, Watching, BadPattern, Log, Record, RecordEnd, Breakpoint,
            Calls, Expectation, Sequence, Explanation, ExplainedStep, What, Why,
            Command, Descendant, Exit, Failed, Line, Output, Process, Stdin, Stdio, Unread,
            selvedge::process::JoinError, selvedge::process::SpawnError,
            BadArguments, BadResult, CallError, Ended, RemoteError, ServeError, Server, Worker,
            selvedge::process::worker::Builder, LogLevel, selvedge::process::worker::StartError,
            selvedge::process::worker::Call<u8>,
            AlreadyRunning, Report, ThreadReport,
            Ending, Kind, Subscription,
            logging::Log, Writer, Full, Level, InstallError,
            profile::Builder, Profiling, Profile, ThreadProfile, Row, profile::RowKind, profile::StartError,
            World;
        borrows:
            Call<'_, u8, u8>, Returned<'_, u8, u8>, Dropped<'_, u8, u8>, AsyncNext<'_, u8, u8>,
            Iter<'_, OneAtATime>, Incoming<'_, std::net::TcpListener>;
        // They borrow from a call that runs on this thread.
        of_one_call:
            Unwound<'_, u8, u8>, Next<'_, u8, u8>, NextOf<'_, u8, u8>, Event<'_>,
            selvedge::call::Event<'_>, Args<'_>, Moment<'_>;
        // It stays on the thread that entered, which may lend it.
        of_one_thread:
            Held<'_, u8>;
        of_one_call:
            Installed, Block;
        // It keeps a closure until the end, which need not be `Sync`.
        of_one_owner:
            Lending<OneAtATime>, Wait<u8, AtCall>, AsyncNextOf<'static, u8, u8>, Scenario<u8>, Paused<'static, u8, AtCall, u8>,
            selvedge::program::Builder, logging::Builder;
    }
    .to_vec()
}

#[test]
fn every_public_type_is_what_the_table_says() {
    assert!(!names().is_empty()); // the rows are checked when this is compiled
}

/// The question can be answered with no; otherwise a row could not fail.
#[test]
fn the_check_can_fail() {
    const { assert!(has!(u8: Send) && has!(Cell<u8>: Send) && !has!(Cell<u8>: Sync)) }
    const { assert!(!has!(Rc<u8>: Send) && !has!(Rc<u8>: Sync)) }
}

#[test]
fn what_holds_an_element_is_as_the_element_is() {
    const { assert!(!has!(Queue<Rc<u8>>: Send) && !has!(Queue<Rc<u8>>: Sync)) }
    const { assert!(!has!(Producer<Rc<u8>>: Send) && !has!(PriorityQueue<Rc<u8>>: Sync)) }
    const { assert!(!has!(Thread<Rc<u8>>: Send) && !has!(Thread<Rc<u8>>: Sync)) }
    const { assert!(!has!(ScopedThread<'static, Rc<u8>>: Send)) }
    const { assert!(!has!(PushError<Rc<u8>>: Send) && !has!(Iter<'static, Rc<u8>>: Send)) }
    const { assert!(!has!(Lock<Rc<u8>>: Send) && !has!(Lock<Rc<u8>>: Sync)) }
    const { assert!(!has!(Held<'static, Cell<u8>>: Sync)) }
    const { assert!(!has!(Own<Rc<u8>>: Send) && !has!(Own<Cell<u8>>: Sync)) }
    const { assert!(!has!(Singleton<Cell<u8>>: Sync) && !has!(Local<Cell<u8>>: Sync)) }
    const { assert!(!has!(Local<Rc<u8>>: Sync) && !has!(Singleton<Rc<u8>>: Sync)) }
}

#[test]
fn errors_go_where_any_error_goes() {
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    error::<Unbound>();
    error::<Stopped>();
    error::<WaitError>();
    error::<PopError>();
    error::<TryPopError>();
    error::<PopUntilError>();
    error::<PushError<u8>>();
    error::<TryPushError<u8>>();
    error::<PushUntilError<u8>>();
    error::<AlreadyHeld>();
    error::<TryEnterError>();
    error::<EnterUntilError>();
    error::<AcquireError>();
    error::<AcquireUntilError>();
    error::<Assigned<u8>>();
    error::<ChangedError>();
    error::<ChangedUntilError>();
    error::<Undelivered<Cell<u8>>>();
    error::<StopError<Cell<u8>>>();
    error::<JoinError>();
    error::<SpawnError>();
    error::<StartError>();
    error::<InstallError>();
    error::<profile::StartError>();
    error::<ThreadError>();
    error::<Failures>();
    error::<Panic>();
    error::<NotWaiting<u8>>();
    error::<ScenarioError>();
    error::<Conflict>();
    error::<selvedge::baggage::Error>();
    error::<BadPattern>();
    error::<selvedge::process::JoinError>();
    error::<selvedge::process::SpawnError>();
    error::<Failed>();
    error::<ShellError>();
    error::<QuoteError>();
}

/// Types that are public for the expansion of macros or for doctests alone.
const HIDDEN: [&str; 54] = [
    "Expected",
    "Found",
    "Visit",
    "When",
    "Site",
    "Discovered",
    "Code",
    "HookRef",
    "Kind",
    "Peek",
    "Step",
    "AsyncCode",
    "AnyThread",
    "OneThread",
    "Turned",
    "Turn",
    // Behind the feature `detour`, whose own test says what they are.
    "Detour",
    "DetourError",
    "Detoured",
    // Behind the feature `inspect`, likewise.
    "Answer",
    "AskError",
    "Body",
    "CallEvent",
    "CallMoment",
    "Client",
    "CpuInfo",
    "Done",
    "EndReason",
    "FunctionInfo",
    "Happening",
    "Hello",
    "LockInfo",
    "Problem",
    "ProblemKind",
    "ProcessInfo",
    "ProfileFormat",
    "QueueInfo",
    "Request",
    "ServeError",
    "Serving",
    "SignalInfo",
    "Snapshot",
    "ThreadInfo",
    "WaitInfo",
    "Warning",
    "WarningKind",
    "Declared",
    "Named",
    "Readme",
    "Kept",
    "Loan",
    "Closure",
    "Polled",
    // In models alone.
    "Wire",
];

#[test]
fn no_public_type_is_missing_in_the_table() {
    let table: BTreeSet<&str> = names()
        .into_iter()
        .map(|name| name.split('<').next().unwrap().trim())
        .map(|name| name.rsplit("::").next().unwrap().trim())
        .collect();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut declared = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            for line in text.lines() {
                let name = line
                    .strip_prefix("pub struct ")
                    .or_else(|| line.strip_prefix("pub enum "));
                let end = |c: char| !(c.is_alphanumeric() || c == '_');
                declared.extend(
                    name.and_then(|name| name.split(end).next())
                        .map(str::to_owned),
                );
            }
        }
    }
    assert!(declared.len() > 30, "{declared:?}");
    let missing: Vec<_> = declared
        .iter()
        .filter(|name| !table.contains(name.as_str()) && !HIDDEN.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
}
