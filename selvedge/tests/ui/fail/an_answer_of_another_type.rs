//! A call is answered by what its function returns.

use selvedge::open;

#[open]
fn length(text: &str) -> usize {
    text.len()
}

#[open]
fn trimmed(text: &str) -> &str {
    text.trim()
}

async fn answers() {
    length::called().await.ret("long");
    trimmed::called().await.ret("");
}

fn main() {
    drop(answers());
}
