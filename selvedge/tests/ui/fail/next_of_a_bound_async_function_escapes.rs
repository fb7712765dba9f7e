//! What a bound async function proceeds to belongs to the call; and an async function is bound to async ones.

use selvedge::{bind, open};

#[open]
async fn fetch(url: &str) -> usize {
    url.len()
}

#[open]
fn plain(url: &str) -> usize {
    url.len()
}

#[bind(fetch)]
async fn late(url: &str, next: Next) -> usize {
    std::thread::spawn(move || drop(next.proceed((url,))));
    0
}

#[bind(plain)]
async fn other_kind(url: &str, next: Next) -> usize {
    next.proceed((url,)).await
}

fn main() {}
