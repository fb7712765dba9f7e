//! Marked, it may be used outside of isolating blocks.

use selvedge::flyweight;
use selvedge::shared::Isolate;

#[derive(Isolate)]
#[isolate(deny)]
struct Icon;

flyweight! {
    static ICONS: u32 => Icon = |_| Icon;
}

fn main() {
    let _icon = ICONS.get(&1);
    assert_eq!(ICONS.len(), 1);
}
