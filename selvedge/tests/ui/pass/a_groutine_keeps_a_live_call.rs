//! A groutine may keep what it owns, and a handle of the call.

use selvedge::call::Groutines;
use selvedge::open;

#[open]
fn length(text: &str) -> usize {
    text.len()
}

async fn keeps() {
    let mut kept = Vec::new();
    loop {
        let mut call = length::called().await;
        call.with(|call| kept.push(call.args.text.to_owned()));
        length::returned().same(&call).await.ret(kept.len());
    }
}

fn main() {
    let lengths = Groutines::new().with(keeps).run(|| (length("abc"), length("")));
    assert_eq!(lengths, (1, 2));
}
