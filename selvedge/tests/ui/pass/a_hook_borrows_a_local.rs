//! A hook for one block may borrow, and change what it borrows.

use selvedge::open;

#[open]
fn one() -> u32 {
    1
}

fn main() {
    let mut calls = 0;
    assert_eq!(one::before_here(|_| calls += 1, one), 1);
    assert_eq!(calls, 1);
}
