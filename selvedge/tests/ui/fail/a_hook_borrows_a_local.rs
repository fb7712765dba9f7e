//! A hook may be carried to another thread: one that borrows is for `before_here`.

use selvedge::open;

#[open]
fn one() -> u32 {
    1
}

fn main() {
    let mut calls = 0;
    let counting = one::before(|_| calls += 1);
    counting.run(one);
}
