//! A handler may keep what it owns.

use std::sync::Mutex;

use selvedge::open;

#[open]
fn length(text: &str) -> usize {
    text.len()
}

static KEPT: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn main() {
    let patch = length::around(|args, next| {
        KEPT.lock().unwrap().push(args.text.to_owned());
        next.proceed(args)
    });
    let text = "abc".to_owned();
    assert_eq!(patch.run(|| length(&text)), 3);
    assert_eq!(*KEPT.lock().unwrap(), ["abc"]);
}
