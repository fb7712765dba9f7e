//! Neither the scope nor a handle can leave the closure.

use selvedge::thread;

fn main() {
    let thread = thread::scope("scope", |s| Ok(s.spawn("worker", |_stop| Ok(1))));
    thread.unwrap().join().unwrap();
}
