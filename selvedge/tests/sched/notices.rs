//! Who sleeps elsewhere, and has a queue tell it by a notice when to look, as the engine of processes does.
//!
//! ```text
//!   pushes                 the engine
//!     | push, close          | takes all, arms a notice, sleeps
//!     v                      v
//!   queue ──── notice ────> inbox
//! ```

use selvedge::sync::{Queue, TryPopError};

use crate::{check, spawn};

#[test]
fn what_comes_while_its_notice_is_armed_is_not_overlooked() {
    check(|| {
        let queue = Queue::bounded(1);
        let engine = {
            let queue = queue.clone();
            spawn(move || {
                let inbox = Queue::bounded(16);
                let mut taken = Vec::new();
                loop {
                    match queue.try_pop() {
                        Ok(n) => {
                            taken.push(n);
                            continue;
                        }
                        Err(TryPopError::Closed) => return taken,
                        Err(TryPopError::Empty) => {}
                    }
                    let notice = inbox.clone();
                    let tell = move || notice.push(()).unwrap();
                    queue.ready().on_set(tell).forever();
                    inbox.pop().unwrap();
                }
            })
        };
        for n in 0..3 {
            queue.push(n).unwrap();
        }
        queue.close();
        assert_eq!(engine.join().unwrap(), [0, 1, 2]);
    });
}
