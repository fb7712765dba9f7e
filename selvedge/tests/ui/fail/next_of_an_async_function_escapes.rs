//! What a handler of an async function proceeds to belongs to the call.

use selvedge::open;

#[open]
async fn fetch(url: &str) -> usize {
    url.len()
}

fn main() {
    let _patch = fetch::around(|args, next| {
        let late = std::thread::spawn(move || drop(next.proceed(args)));
        Box::pin(async move {
            late.join().unwrap();
            0
        })
    });
}
