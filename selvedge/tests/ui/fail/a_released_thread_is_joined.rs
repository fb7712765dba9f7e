//! Who releases a thread has no handle left to join.

use selvedge::thread;

fn main() {
    let _status = selvedge::run("program", |_stop| {
        let worker = thread::spawn("worker", |_stop| Ok(()));
        worker.release();
        Ok(worker.join()?)
    });
}
