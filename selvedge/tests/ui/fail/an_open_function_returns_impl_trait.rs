//! `#[open]` refuses to return `impl Trait`: a handler could not name it.

use selvedge::open;

#[open]
fn numbers(n: u8) -> impl Iterator<Item = u8> {
    0..n
}

fn main() {}
