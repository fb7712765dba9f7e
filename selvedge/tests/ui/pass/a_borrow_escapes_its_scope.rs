//! What is owned outside may be borrowed.

use selvedge::thread;

fn main() {
    let word = "weft".to_owned();
    let result = thread::scope("scope", |s| {
        s.spawn("reader", |_stop| Ok(println!("{word}")));
        Ok(())
    });
    result.unwrap();
}
