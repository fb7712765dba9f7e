//! A program to look at: `SELVEDGE_INSPECT= cargo run -p selvedge-cli --example inspected`, then `selvedge top`.
//!
//! Two workers take jobs from a queue and call an open function; an auditor waits for a lock that somebody keeps;
//! one thread has a name that is no good for terminals and browsers; and there is a child process, where there can be.

use std::process::ExitCode;
use std::time::Duration;

#[cfg(target_os = "linux")]
use selvedge::process;
use selvedge::sync::{Lock, Queue};
use selvedge::{Outcome, Signal, Till, open, thread};

/// How long there is between two jobs.
const PACE: Duration = Duration::from_millis(20);

/// What a worker does with a job.
#[open]
fn weave(job: u64) -> u64 {
    thread_of(job) + 1
}

/// What it needs for that.
#[open]
fn thread_of(job: u64) -> u64 {
    (0..20_000 + job % 7).fold(job, |sum, n| sum.wrapping_mul(31).wrapping_add(n))
}

/// Runs until it is asked to stop.
pub(crate) fn main() -> ExitCode {
    selvedge::run("inspected", |_stop| {
        let jobs = Queue::named("jobs", 4);
        let ledger = Lock::named("ledger", 0_u64);
        let kept = Signal::named("kept");
        #[cfg(target_os = "linux")]
        process::Command::new("sleep")
            .arg("infinity")
            .named("shuttle")
            .spawn()?
            .release();
        thread::scope("loom", |s| {
            let (jobs, ledger, kept) = (&jobs, &ledger, &kept);
            for n in 1..=2 {
                s.spawn(&format!("worker-{n}"), move |_stop| work(jobs));
            }
            s.spawn("keeper", move |_stop| {
                let _held = ledger.enter();
                kept.set();
                Ok(Signal::named("the end of the day").wait()?)
            });
            s.spawn("auditor", move |_stop| {
                kept.wait()?;
                let late = ledger.enter_until(&Signal::never());
                Ok(late.map(drop)?)
            });
            s.spawn("<img src=x onerror=alert(1)>\u{1b}[31m", |_stop| {
                Ok(Signal::new().wait()?)
            });
            feed(jobs)
        })?;
        Ok(())
    })
}

fn feed(jobs: &Queue<u64>) -> Outcome<()> {
    for job in 0.. {
        jobs.push(job)?;
        let _ = selvedge::signal::stop().wait_until(&Till::after(PACE));
    }
    Ok(())
}

fn work(jobs: &Queue<u64>) -> Outcome<()> {
    for job in jobs {
        weave(job);
    }
    Ok(())
}
