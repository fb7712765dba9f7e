//! The futures of an `open(?Send)` function stay on their thread, whatever its body holds: a handler's may not be `Send`.

use selvedge::open;

#[open(?Send)]
async fn fetch(n: u8) -> u8 {
    n
}

fn main() {
    fn is_send(_: impl Send) {}
    is_send(fetch(1));
}
