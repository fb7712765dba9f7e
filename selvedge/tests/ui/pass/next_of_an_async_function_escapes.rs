//! It may be awaited later, within the call.

use selvedge::open;

#[open]
async fn fetch(url: &str) -> usize {
    url.len()
}

fn main() {
    let patch = fetch::around(|args, next| {
        let late = next.proceed(args);
        Box::pin(async move { late.await + 1 })
    });
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut future = Box::pin(fetch("abc"));
    let result = patch.run(|| future.as_mut().poll(&mut context));
    assert_eq!(result, std::task::Poll::Ready(4));
}
