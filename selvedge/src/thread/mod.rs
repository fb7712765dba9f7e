//! The tree of threads.
//!
//! Every thread has a name, a parent and a stop signal. A parent ends after its children; errors and
//! panics always reach somebody.
//!
//! # The life of a thread
//!
//! | state    | what happens                                             | leaves it when                     |
//! |----------|----------------------------------------------------------|------------------------------------|
//! | running  | its body runs; it may have children                      | the body returned or panicked      |
//! | ending   | its subtree was asked to stop, newest first, and is joined | no child is left                  |
//! | sealed   | it can have no children any more                         | the result was handed over         |
//! | stopped  | `stopped` is set                                         |                                    |
//!
//! # Who gets a failure
//!
//! An error or a panic is one [`Event::Failed`](crate::probe::Event::Failed) at once. The value goes to one
//! joiner, whole. If nobody joins, it fails the parent; of a released thread it is reported and makes the
//! program's exit status 1. A body that ends with [`Stopped`](crate::Stopped) because it was asked to has
//! not failed.
//!
//! # Panics
//!
//! A panic of a body, of a closure that it captured, or of what it was given is a failure of the thread, whatever
//! the payload. What the library itself calls or drops of yours, the text of an error that is told, say, or a
//! result that nobody wants, may panic as well: the panic hook tells it, and nobody else is disturbed. These end the
//! process by `abort`, as Rust has it for every thread: a destructor that panics while another panic unwinds; a
//! destructor of a thread-local that panics at the thread's end; and every panic in a build with
//! `panic = "abort"`, of which [`program`](crate::program) says more.
//!
//! # Not here
//!
//! `selvedge::run`, which makes the root ([`program`](crate::program)). Detached threads: there are none.

mod current;
mod draw;
mod end;
mod error;
mod first_success;
mod group;
mod handle;
mod join_all;
mod member;
#[cfg(selvedge_process)]
mod outside;
mod prepared;
mod register;
mod job;
mod map;
mod pool;
mod repeat;
mod restart;
mod schedule;
mod scope;
mod scope_builder;
mod scope_handle;
mod scope_shared;
mod scope_start;
mod spawn;
mod state;
mod tree;

pub use current::{Current, Parent, current};
pub use draw::{Tree, TreeNode, tree};
pub use error::{Failures, JoinError, Outcome, Panic, SpawnError, ThreadError};
pub use first_success::first_success;
pub use handle::Thread;
pub use job::{Job, RunError};
pub use join_all::{JoinAllError, join_all, join_all_until};
pub use pool::{Pool, PoolBuilder};
pub use prepared::Prepared;
pub use register::{RegisterError, register};
pub use repeat::{Missed, Repeat, Tick};
pub use restart::{GaveUp, Restart, RestartStatus, Supervised, supervise};
#[cfg(feature = "cron")]
pub use schedule::CronError;
pub use schedule::{Overlap, Schedule, ScheduleStatus, Scheduled};
pub use scope::{Scope, scope};
pub use scope_builder::ScopedBuilder;
pub use scope_handle::ScopedThread;
pub use scope_start::{StartError, Started};
pub use spawn::{Builder, spawn};
pub use tree::State;

pub(crate) use end::{Ended, OpenBody, run_body};
pub(crate) use error::Failure;
#[cfg(selvedge_process)]
pub(crate) use outside::{Member, Unreceived};
pub(crate) use register::set_program;
pub(crate) use tree::Node;
