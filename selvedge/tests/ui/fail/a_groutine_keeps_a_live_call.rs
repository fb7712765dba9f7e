//! What a groutine sees of a call ends with the look.

use selvedge::call::Groutines;
use selvedge::open;

#[open]
fn length(text: &str) -> usize {
    text.len()
}

async fn keeps() {
    let mut kept = Vec::new();
    loop {
        length::called().await.with(|call| kept.push(call.args.text));
    }
}

fn main() {
    Groutines::new().with(keeps).run(|| length("abc"));
}
