//! The arguments that a hook sees end with the call, also for one that borrows from its block.

use selvedge::open;

#[open]
fn length(text: &str) -> usize {
    text.len()
}

fn main() {
    let mut kept: Vec<&str> = Vec::new();
    length::before_here(|call| kept.push(call.args.text), || length("a"));
}
