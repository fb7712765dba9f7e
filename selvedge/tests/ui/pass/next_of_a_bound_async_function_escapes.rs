//! It may go on when and where the call's future is polled.

use selvedge::signal::block_on;
use selvedge::{bind, context, open};

context! { static TWICE = "twice"; static NEVER = "never"; }

#[open]
async fn fetch(url: &str) -> usize {
    url.len()
}

#[bind(fetch, thread = TWICE)]
async fn twice(url: &str, next: Next) -> usize {
    let first = fetch(url).await;
    first + next.proceed((url,)).await
}

#[bind(fetch, thread = NEVER)]
async fn never(url: &str, next: Next) -> usize {
    drop(next);
    url.len() + 10
}

fn main() {
    assert_eq!(TWICE.run(|| block_on(fetch("abc"))).unwrap(), 6);
    assert_eq!(NEVER.run(|| block_on(fetch("abc"))).unwrap(), 13);
}
