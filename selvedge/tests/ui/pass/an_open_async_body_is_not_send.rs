//! What is not `Send` may be there between two awaits.

use std::rc::Rc;

use selvedge::open;

#[open]
async fn fetch(n: u8) -> u8 {
    let n = *Rc::new(n);
    std::future::ready(()).await;
    n
}

fn main() {
    fn is_send(_: impl Send) {}
    is_send(fetch(1));
}
