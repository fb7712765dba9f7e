//! Handlers box futures that may go to another thread, so the body of an open async function must be `Send`.

use std::rc::Rc;

use selvedge::open;

#[open]
async fn fetch(n: u8) -> u8 {
    let n = Rc::new(n);
    std::future::ready(()).await;
    *n
}

fn main() {
    drop(fetch(1));
}
