//! When a call was dropped half-way, there is nobody to answer.

use selvedge::{call::Groutines, open};

#[open]
async fn fetch(n: u8) -> u8 {
    n
}

fn main() {
    let answers = || async { fetch::dropped().await.ret(1) };
    Groutines::new().with(answers).run(|| ());
}
