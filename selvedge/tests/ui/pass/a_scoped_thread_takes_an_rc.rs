//! What a thread captures may be borrowed, if others may look at it meanwhile.

use std::sync::Arc;

use selvedge::thread;

fn main() {
    let count = Arc::new(1);
    let result = thread::scope("scope", |s| {
        let thread = s.spawn("worker", |_stop| Ok(*count + 1));
        Ok(thread.join()?)
    });
    assert_eq!((result.unwrap(), *count), (2, 1));
}
