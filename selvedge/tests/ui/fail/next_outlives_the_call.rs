//! `Next` cannot be kept beyond the call that it belongs to.

use std::cell::RefCell;

use selvedge::call::Next;
use selvedge::open;

#[open]
fn one() -> u32 {
    1
}

thread_local! {
    static KEPT: RefCell<Option<Next<'static, __one_args, u32>>> = const { RefCell::new(None) };
}

fn main() {
    let _patch = one::around(|_, next| {
        KEPT.set(Some(next));
        0
    });
}
