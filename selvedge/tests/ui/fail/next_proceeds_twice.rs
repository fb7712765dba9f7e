//! `proceed` can be called once: the second body would have no arguments.

use selvedge::{bind, context, open};

context! { static LOUD = "loud"; }

#[open]
fn greet(name: String) -> String {
    name
}

#[bind(greet, thread = LOUD)]
fn twice(name: String, next: Next) -> String {
    next.proceed((name.clone(),)) + &next.proceed((name,))
}

fn main() {}
