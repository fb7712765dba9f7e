//! Threads that never unravel, and an ambient that never leaks.
//!
//! ```
//! use selvedge::{Till, local, sync::Queue, thread};
//! use std::{process::ExitCode, time::Duration};
//!
//! local! { static USER: String; }
//!
//! fn greet() -> Result<(), selvedge::Unbound> {
//!     USER.with(|user| println!("hello {user}")) // no argument was passed
//! }
//!
//! fn main() -> ExitCode {
//!     selvedge::run("greeter", |_stop| {
//!         let names = Queue::new();
//!         let mine = names.clone();
//!         let worker = thread::spawn("worker", move |_stop| {
//!             for name in &mine {
//!                 USER.bind(name, greet)?;
//!             }
//!             Ok(())
//!         });
//!         names.push("Ada".to_owned())?;
//!         names.close();
//!         worker.join_until(&Till::after(Duration::from_secs(5)))?;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! # What selvedge gives you
//!
//! - A thread has a name, a parent and a stop signal; a parent ends after its children; errors and panics
//!   reach somebody.
//! - One word for stop, completion and time: the [`Signal`], set once, combined with `|` and `&`.
//! - Values and contexts that live for a block and all that it calls, and travel only when carried.
//! - Functions whose body depends on where they are called, patched for a block and nobody else.
//!
//! # Parts
//!
//! | part         | what it is about                                            |
//! |--------------|-------------------------------------------------------------|
//! | the root     | [`run`], [`install`], [`Signal`], [`Till`], [`Outcome`]         |
//! | [`ambient`]  | values, contexts, groups, blocks as values, carrying        |
//! | [`thread`]   | the tree: spawn, join, release, stop                        |
//! | [`signal`]   | combining, stopping, shielding                              |
//! | [`sync`]     | locks, queues, semaphores, promises                         |
//! | `io`         | input and output that a stop ends (unix, feature `os`)      |
//! | [`baggage`]  | the ambient as text: headers, child processes               |
//! | [`shared`]   | singletons, flyweights, copies of them for isolating blocks |
//! | [`call`]     | open functions: bindings, hooks, watching, expectations, groutines |
//! | [`program`]  | the end of the program: OS signals, grace, exit status      |
//! | [`probe`]    | what happened, as events                                    |
//! | `process`    | child processes, shells that are kept, workers (Linux, feature `process`) |
//! | `observe`    | logging and profiling (feature `observe`), looking into a running program (`inspect`) |
//! | [`guide`]    | what to use for what, signals, stopping, shutdown, contexts, propagation, isolation, open functions, groutines, processes, observing |
//! | `testing`    | a tree, a clock and an event list for one test (feature `testing`) |
//!
//! # What it does not do
//!
//! No async executor (but everything works inside futures' closures), no detached threads, no re-entrant
//! locks, no clearing of signals, no setter for locals, no timeout arguments, no patching of functions that
//! did not ask to be open, no sandbox for hostile native code.
//!
//! # Features
//!
//! | feature    | default | why                                                            |
//! |------------|---------|----------------------------------------------------------------|
//! | `os`       | yes     | signals as descriptors, `io`, punctual tills                   |
//! | `run`      | yes     | SIGINT and SIGTERM ask the program to stop                     |
//! | `macros`   | yes     | `#[open]`, `#[bind]`, `open_use!`, `#[derive(Isolate)]`        |
//! | `discover` | yes     | `#[bind]` finds its way into the program by being linked       |
//! | `observe`  | yes     | `observe`: logging, and profiles of a running program          |
//! | `process`  | yes     | child processes as members of the tree (Linux)                 |
//! | `worker`   | no      | `process::worker`: programs that take calls, in Python or Rust |
//! | `inspect`  | no      | `observe::inspect`: looking into a running program (unix)      |
//! | `testing`  | no      | `World`: a tree and a clock for one test                       |
//! | `jiff`     | no      | `Till::at_timestamp`: dates as tills                           |
//! | `log`      | no      | events of [`probe`] go to the program's logger                 |
//! | `tracing`  | no      | events of [`probe`] go to the thread's subscriber              |
//! | `cron`     | no      | `thread::Schedule::cron`: schedules by patterns of cron        |
//! | `detour`   | no      | `detour!`: tests patch functions that are not open (x86-64 Linux) |
//!
//! # Versions
//!
//! Rust 1.91 or later. Two versions of selvedge in one program would be two trees that cannot see each
//! other; Cargo refuses that, because both link `selvedge`:
//!
//! ```text
//! error: failed to select a version for `selvedge` … package links to the native library `selvedge`
//! ```
#![deny(unsafe_code)]

// The macros name this crate; so do our own tests of them.
extern crate self as selvedge;

mod macros;
#[doc(hidden)]
pub mod __private;

mod primitive;
pub mod probe;
pub mod ambient;
pub mod signal;
pub mod sync;
#[cfg(all(unix, feature = "os"))]
pub mod io;
pub mod thread;
pub mod shared;
#[cfg(selvedge_process)]
pub mod process;
#[cfg(all(selvedge_worker, not(selvedge_process)))]
#[doc(hidden)]
#[path = "process/model.rs"]
pub mod process;
pub mod call;
#[cfg(feature = "observe")]
pub mod observe;
pub mod program;
pub mod guide;
#[cfg(feature = "testing")]
pub mod testing;

pub use crate::ambient::baggage;
pub use crate::ambient::{
    Activated, Ambient, Carry, Context, Enter, Group, Local, Resource, Unbound, Wrap,
};
pub use crate::program::{install, run};
pub use crate::signal::{Signal, Stopped, Till};
pub use crate::thread::Outcome;
#[cfg(all(feature = "macros", feature = "testing"))]
pub use selvedge_macros::test;
#[cfg(feature = "macros")]
pub use selvedge_macros::{bind, event, groutine, open, open_use};

/// The programs of the README are tests too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
