//! Behaviour through the public API, one file per part, safe to run in parallel.

mod ambient;
mod auto_traits;
mod batch;
mod builder;
mod call;
mod deadline;
mod future;
#[cfg(unix)]
mod io;
mod lock;
mod panics;
mod pool;
mod probe;
mod progress;
mod promise;
mod queue_verbs;
mod repeat;
mod restart;
mod schedule;
mod scope;
mod semaphore;
mod shared;
mod signal;
mod sync;
mod thread;
mod tidy;
mod till;
mod tree;
mod watch;
