//! A bound function has the signature of the open one; it may have `next` as well.

use selvedge::{bind, context, open};

context! { static LOUD = "loud"; static LONG = "long"; }

#[open]
fn length(text: &str) -> usize {
    text.len()
}

#[bind(length, thread = LOUD)]
fn other(text: &str) -> usize {
    text.len() + 1
}

#[bind(length, thread = LONG)]
fn twice(text: &str, next: Next) -> usize {
    next.proceed((text,)) * 2
}

fn main() {
    assert_eq!([LOUD.run(|| length("abc")), LONG.run(|| length("abc"))], [4, 6]);
}
