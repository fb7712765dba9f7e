//! A hook may change what the caller of an unsafe function has vouched for: it takes an `unsafe` of its own.

use selvedge::open;

#[open]
unsafe fn read(at: *const u8) -> u8 {
    unsafe { *at }
}

fn main() {
    let _patch = read::before(|call| call.ret(1));
}
