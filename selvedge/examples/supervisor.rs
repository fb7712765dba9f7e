//! A worker that is started again when it fails, with a pause that grows, and not for ever.

use std::process::ExitCode;
use std::time::Duration;

use selvedge::Till;
use selvedge::sync::Queue;
use selvedge::thread::{self, JoinError, Outcome};

/// How often the worker may fail before its supervisor gives up.
const PATIENCE: u32 = 3;

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
    Ok(n)
}

/// Keeps a worker alive until there are no jobs left. A stop goes through `join`, and through the pause.
fn supervise(jobs: &Queue<&'static str>) -> Outcome<usize> {
    let mut failures = 0;
    loop {
        let worker = thread::spawn("worker", {
            let jobs = jobs.clone();
            move |_stop| work(&jobs)
        });
        match worker.join() {
            Err(failure) if failure.is_failure() && failures < PATIENCE => {
                failures += 1;
                println!("{failure}; start it again");
                Till::after(Duration::from_millis(1) * 2_u32.pow(failures)).wait()?;
            }
            // A job that was popped by a failed worker is gone; the others are still in the queue.
            Err(JoinError::Failed(error)) => return Err(error.into_inner()),
            ended => return Ok(ended?),
        }
    }
}

/// Public for its test.
pub fn main() -> ExitCode {
    selvedge::run("supervisor", |_stop| {
        for days_work in [vec!["a", "bad", "b", "worse", "c"], vec!["bad"; 9]] {
            let jobs = Queue::named("jobs", 10);
            jobs.extend(days_work)?;
            jobs.close();
            let supervisor = thread::spawn("shift", move |_stop| supervise(&jobs));
            match supervisor.join() {
                Ok(n) => println!("the last worker did {n} jobs"),
                Err(error) => println!("given up: {error}"),
            }
        }
        Ok(())
    })
}
