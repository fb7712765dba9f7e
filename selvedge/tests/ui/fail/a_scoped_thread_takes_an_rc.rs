//! What a thread captures must be `Send`.

use std::rc::Rc;

use selvedge::thread;

fn main() {
    let count = Rc::new(1);
    let result = thread::scope("scope", |s| {
        s.spawn("worker", |_stop| Ok(println!("{count}")));
        Ok(())
    });
    result.unwrap();
}
