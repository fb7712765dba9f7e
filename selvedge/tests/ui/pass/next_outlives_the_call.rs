//! `Next` may be handed on inside the call.

use selvedge::call::Next;
use selvedge::open;

#[open]
fn one() -> u32 {
    1
}

fn twice(args: &mut __one_args, next: Next<'_, __one_args, u32>) -> u32 {
    next.proceed(args) * 2
}

fn main() {
    assert_eq!(one::around(|args, next| twice(args, next)).run(one), 2);
}
