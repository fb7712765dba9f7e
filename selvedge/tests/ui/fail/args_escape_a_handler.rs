//! The arguments of a call end with the call.

use std::sync::Mutex;

use selvedge::open;

#[open]
fn length(text: &str) -> usize {
    text.len()
}

static KEPT: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

fn main() {
    let _patch = length::around(|args, next| {
        KEPT.lock().unwrap().push(args.text);
        next.proceed(args)
    });
}
