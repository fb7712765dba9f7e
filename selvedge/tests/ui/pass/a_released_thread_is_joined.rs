//! That a released thread has ended is told by its `stopped`, taken before.

use std::process::ExitCode;

use selvedge::thread;

fn main() {
    let status = selvedge::run("program", |_stop| {
        let worker = thread::spawn("worker", |_stop| Ok(()));
        let ended = worker.stopped().clone();
        worker.release();
        Ok(ended.wait()?)
    });
    assert_eq!(status, ExitCode::SUCCESS);
}
