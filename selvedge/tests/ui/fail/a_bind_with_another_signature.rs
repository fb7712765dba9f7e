//! A bound function has the signature of the open one.

use selvedge::{bind, context, open};

context! { static LOUD = "loud"; }

#[open]
fn length(text: &str) -> usize {
    text.len()
}

#[bind(length, thread = LOUD)]
fn other(text: String) -> usize {
    text.len()
}

fn main() {}
