//! A worker that is started again when it fails, with a pause that grows, and not for ever.
//!
//! `cargo run --example supervisor wait`: it waits for more jobs at the end, until Ctrl-C.

use std::process::ExitCode;
use std::time::Duration;

use selvedge::probe::{self, Event};
use selvedge::sync::Queue;
use selvedge::thread::{self, Outcome, Restart};

/// The fourth failure within ten seconds is one too many.
const RESTART: Restart = Restart::on_failure()
    .at_most(3, Duration::from_secs(10))
    .backoff(Duration::from_millis(1), Duration::from_millis(100));

/// What the worker does; some jobs are bad for it.
fn work(jobs: &Queue<&'static str>) -> Outcome<usize> {
    let mut n = 0;
    for job in jobs {
        match job {
            "bad" => return Err("cannot do a bad job".into()),
            "worse" => panic!("{job} than bad"),
            job => println!("  {job} is done"),
        }
        n += 1;
    }
    Ok(n) // there are no more, or it was asked to stop
}

/// Public for its test.
pub fn supervise(waits_for_more: bool) -> ExitCode {
    selvedge::run("supervisor", |_stop| {
        let _told = probe::subscribe(|event| {
            if let Event::Restarted { failure, .. } = event {
                println!("{failure}; start it again");
            }
        });
        for days_work in [vec!["a", "bad", "b", "worse", "c"], vec!["bad"; 9]] {
            let jobs = Queue::named("jobs", 10);
            jobs.extend(days_work)?;
            jobs.close();
            // A job that was popped by a failed worker is gone; the others are still in the queue.
            let shift = thread::supervise("shift", RESTART, move |_stop| work(&jobs));
            match shift.thread().join() {
                Err(error) if error.is_failure() => println!("{error}"),
                ended => println!("the last worker did {} jobs", ended?),
            }
        }
        if waits_for_more {
            let jobs = Queue::named("jobs", 10);
            jobs.push("d")?;
            let shift = thread::supervise("shift", RESTART, move |_stop| work(&jobs));
            shift.into_thread().join()?; // until the program is asked to stop
        }
        Ok(())
    })
}

fn main() -> ExitCode {
    supervise(std::env::args().nth(1).as_deref() == Some("wait"))
}
