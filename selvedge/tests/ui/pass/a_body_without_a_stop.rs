//! A body takes its stop, and need not use it.

use std::process::ExitCode;

use selvedge::thread;

fn main() {
    let status = selvedge::run("program", |_stop| {
        let worker = thread::spawn("worker", |_stop| Ok(()));
        Ok(worker.join()?)
    });
    assert_eq!(status, ExitCode::SUCCESS);
}
