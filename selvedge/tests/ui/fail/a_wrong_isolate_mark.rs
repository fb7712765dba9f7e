//! There are two marks; one is enough, and a union needs one.

use selvedge::shared::Isolate;

#[derive(Isolate)]
struct Both {
    #[isolate(share, deny)]
    level: u8,
}

#[derive(Isolate)]
struct Twice {
    #[isolate(share)]
    #[isolate(share)]
    level: u8,
}

#[derive(Isolate)]
struct Bare {
    #[isolate]
    level: u8,
}

#[derive(Isolate)]
struct Empty {
    #[isolate()]
    level: u8,
}

#[derive(Isolate)]
#[isolate(copy)]
struct Other {
    level: u8,
}

#[derive(Isolate)]
union Bits {
    level: u8,
}

fn main() {}
