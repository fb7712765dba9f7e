//! A patch may be carried to another thread: what it captures must live as long.

use selvedge::open;

#[open]
fn one() -> u32 {
    1
}

fn main() {
    let factor = 3;
    let _patch = one::around(|args, next| next.proceed(args) * factor);
}
