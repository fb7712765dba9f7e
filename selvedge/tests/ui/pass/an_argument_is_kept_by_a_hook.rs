//! A copy of an argument may be kept.

use selvedge::open;

#[open]
fn length(text: &str) -> usize {
    text.len()
}

fn main() {
    let mut kept: Vec<String> = Vec::new();
    length::before_here(|call| kept.push(call.args.text.to_owned()), || length("a"));
    assert_eq!(kept, ["a"]);
}
