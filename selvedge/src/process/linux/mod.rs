//! Processes on Linux: the one folder of this part that asks the operating system.
//!
//! One thread, the [`engine`], looks after all processes of the program: it reads their output, writes their
//! input, stops them and reaps them. It waits for all of that at once, by epoll; a process is a pidfd there. It is
//! started with the first process and ends with the program. A process that a thread just waits for is looked after by
//! [that thread](attend) meanwhile.

mod adopted;
mod attend;
mod engine;
mod fault;
mod group;
mod guard;
mod hands;
mod host;
mod input;
mod leftover;
mod lent;
mod orphans;
mod output;
mod spawn;
mod spill;
mod target;
mod watched;

pub(super) use engine::Request;
pub(crate) use engine::quiesce;
pub(super) use fault::{is_exhausted, is_no_program};
pub(super) use host::Host;
pub(super) use lent::run as run_in_shell;
pub use orphans::adopt_orphans;
pub(super) use spawn::spawn;
pub(super) use target::Target;
