//! Whoever makes the hook says that it keeps the contract.

use selvedge::open;

#[open]
unsafe fn read(at: *const u8) -> u8 {
    unsafe { *at }
}

fn main() {
    let patch = unsafe { read::before(|call| call.ret(1)) };
    assert_eq!(patch.run(|| unsafe { read(&2) }), 1);
}
