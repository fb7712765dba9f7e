//! `#[open]` refuses `impl Trait`: the arguments' struct needs a name for it.

use selvedge::open;

#[open]
fn show(item: impl std::fmt::Display, more: &dyn Fn(u8)) -> String {
    more(1);
    item.to_string()
}

fn main() {}
