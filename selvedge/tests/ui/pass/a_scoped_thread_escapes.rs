//! What a scoped thread has returned can leave the closure.

use selvedge::thread;

fn main() {
    let result = thread::scope("scope", |s| Ok(s.spawn("worker", |_stop| Ok(1)).join()?));
    assert_eq!(result.unwrap(), 1);
}
