//! Pools: what a job gives, who is told of its failure, and that nothing waits for itself.

mod ambient;
mod end;
mod failures;
mod results;
mod room;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use selvedge::thread::{Job, Pool};
use selvedge::{Signal, Till, signal};

/// A bound for what should take no time at all.
fn soon() -> Signal {
    Till::after(Duration::from_secs(10))
}

/// A job that has begun and ends when `go` is set, through a stop.
fn stuck(pool: &Pool, go: &Signal) -> Job<()> {
    let (begun, go) = (Signal::new(), go.clone());
    let begin = begun.clone();
    let job = pool.run(move |_stop| {
        begin.set();
        signal::shield(|| go.wait())?;
        Ok(())
    });
    begun.wait_until(&soon()).unwrap();
    job.unwrap()
}

/// Counts how often it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}
