//! A patch may capture by value.

use selvedge::open;

#[open]
fn one() -> u32 {
    1
}

fn main() {
    let factor = 3;
    let patch = one::around(move |args, next| next.proceed(args) * factor);
    assert_eq!(patch.run(one), 3);
}
