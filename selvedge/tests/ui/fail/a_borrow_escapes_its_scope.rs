//! What a thread of a scope borrows must outlive the scope's call: what the closure owns does not.

use selvedge::thread;

fn main() {
    let result = thread::scope("scope", |s| {
        let word = "weft".to_owned();
        s.spawn("reader", |_stop| Ok(println!("{word}")));
        Ok(())
    });
    result.unwrap();
}
