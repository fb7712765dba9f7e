//! A call is answered by what its function returns; what borrows from the arguments, by a look at them.

use selvedge::{call::Groutines, open};

#[open]
fn length(text: &str) -> usize {
    text.len()
}

#[open]
fn trimmed(text: &str) -> &str {
    text.trim()
}

async fn answers() {
    length::called().await.ret(7);
    trimmed::called().await.with(|call| {
        let text = call.args.text;
        call.ret(&text[1..]);
    });
}

fn main() {
    Groutines::new().with(answers).run(|| {
        assert_eq!((length("abc"), trimmed("abc ")), (7, "bc "));
    });
}
