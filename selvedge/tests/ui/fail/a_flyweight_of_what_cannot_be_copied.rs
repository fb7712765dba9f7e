//! A block would have no copy of the value.

use selvedge::flyweight;

struct Icon;

flyweight! {
    static ICONS: u32 => Icon = |_| Icon;
}

fn main() {}
