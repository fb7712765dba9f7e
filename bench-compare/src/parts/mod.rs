//! One file per piece of the library.

mod ambient;
mod call;
mod contexts;
mod idle;
mod lock;
mod memory;
mod observe;
mod observe_inspect;
mod pipe;
mod process;
mod process_shell;
pub mod process_worker;
mod queue;
mod shared;
mod signal;
mod thread;
mod time;
pub mod tree;
mod wake;

use crate::measure::Report;

type Part = (&'static str, fn(&mut Report));

/// Every part, in the order of the layers; `idle` first, while no peer has a thread of its own.
pub const ALL: [Part; 17] = [
    ("signal/idle", idle::rows),
    ("signal/flag", signal::rows),
    ("signal/wake", wake::rows),
    ("signal/time", time::rows),
    ("sync/lock", lock::rows),
    ("sync/queue", queue::rows),
    ("sync/memory", memory::rows),
    ("thread", thread::rows),
    ("ambient", ambient::rows),
    ("ambient/contexts", contexts::rows),
    ("shared", shared::rows),
    ("call", call::rows),
    ("process", process::rows),
    ("process/shell", process_shell::rows),
    ("process/worker", process_worker::rows),
    ("observe", observe::rows),
    ("observe/inspect", observe_inspect::rows),
];
