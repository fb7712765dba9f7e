//! The marks where they may stand.

use selvedge::shared::Isolate;

#[derive(Isolate)]
struct One {
    #[isolate(share)]
    level: u8,
}

#[derive(Clone, Isolate)]
#[isolate(share)]
struct Other {
    level: u8,
}

#[derive(Clone, Copy, Isolate)]
#[isolate(share)]
union Bits {
    level: u8,
}

fn main() {
    assert_eq!(One { level: 1 }.isolate().level, 1);
    assert_eq!(Other { level: 2 }.isolate().level, 2);
    // SAFETY: it has one field.
    assert_eq!(unsafe { Bits { level: 3 }.isolate().level }, 3);
}
