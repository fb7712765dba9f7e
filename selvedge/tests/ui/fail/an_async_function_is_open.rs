//! `#[open]` refuses `async`, and says what to do instead.

use selvedge::open;

#[open]
async fn fetch(url: &str) -> String {
    url.to_owned()
}

fn main() {}
