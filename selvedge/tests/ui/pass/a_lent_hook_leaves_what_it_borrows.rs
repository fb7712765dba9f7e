//! A hook that borrows may go with its future wherever what it borrows is, also to another thread.

use selvedge::{Wrap as _, open, signal::block_on};

#[open]
async fn one() -> u32 {
    1
}

fn counting(calls: &mut u32) -> impl Future<Output = u32> + Send {
    one::before_lent(|_| *calls += 1).wrap(async { one().await })
}

fn main() {
    let mut calls = 0;
    let work = counting(&mut calls);
    let other = || std::thread::scope(|scope| scope.spawn(|| block_on(work)).join());
    assert_eq!(other().unwrap().unwrap(), 1);
    assert_eq!(calls, 1);
}
