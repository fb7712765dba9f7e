//! A program for a build with `panic = "abort"`: errors, values and stops as ever, then a panic.

use std::process::ExitCode;

use selvedge::{Signal, thread};

struct Cleanup;

impl Drop for Cleanup {
    fn drop(&mut self) {
        eprintln!("never cleaned up");
    }
}

fn main() -> ExitCode {
    selvedge::run("prog", |_| {
        let value = thread::spawn("value", |_| Ok(7)).join()?;
        let waits = thread::spawn("waits", |_| Ok(Signal::new().wait()?));
        waits.stop_because("enough");
        let stopped = waits.join().unwrap_err();
        let why = stopped.stop_reason().and_then(|reason| reason.text());
        if std::env::args().len() > 1 {
            return Ok(ExitCode::from(4));
        }
        println!("joined {value}, stopped: {}", why.unwrap_or_default());
        let worker = thread::spawn("worker", move |_| {
            let _cleanup = Cleanup;
            if value == 7 {
                panic!("the worker panics");
            }
            Ok(())
        });
        let joined = worker.join();
        eprintln!("never joined: {joined:?}");
        Ok(ExitCode::SUCCESS)
    })
}
