//! `#[bind]` knows `thread` and `process`.

use selvedge::{bind, context, open};

context! { static LOUD = "loud"; }

#[open]
fn one() -> u32 {
    1
}

#[bind(one, threads = LOUD)]
fn two() -> u32 {
    2
}

#[bind]
fn three() -> u32 {
    3
}

fn main() {
    two();
    three();
}
