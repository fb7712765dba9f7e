//! `#[bind]` knows `thread`, `group` and `process`.

use selvedge::{bind, context, open};

context! { static LOUD = "loud"; static NIGHT = "night"; }

#[open]
fn one() -> u32 {
    1
}

#[bind(one, thread = LOUD)]
fn two() -> u32 {
    2
}

#[bind(one, process = NIGHT)]
fn three() -> u32 {
    3
}

#[bind(one, group = NIGHT)]
fn four() -> u32 {
    4
}

fn main() {
    assert_eq!((one(), LOUD.run(one)), (1, 2));
    let _night = NIGHT.enter_process();
    assert_eq!(one(), 3);
    assert_eq!((two(), three(), four()), (2, 3, 4)); // themselves
}
