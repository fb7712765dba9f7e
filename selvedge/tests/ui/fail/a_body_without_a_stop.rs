//! A thread is asked to stop: its body takes the signal.

use selvedge::thread;

fn main() {
    let _status = selvedge::run("program", |_stop| {
        let worker = thread::spawn("worker", || Ok(()));
        Ok(worker.join()?)
    });
}
