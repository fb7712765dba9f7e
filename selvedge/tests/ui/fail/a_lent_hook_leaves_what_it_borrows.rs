//! A hook that borrows keeps its future where what it borrows is.

use selvedge::{Wrap as _, open};

#[open]
async fn one() -> u32 {
    1
}

fn counting() -> impl Future<Output = u32> {
    let mut calls = 0;
    one::before_lent(|_| calls += 1).wrap(async { one().await })
}

fn main() {
    drop(counting());
}
