//! On its thread the body, and a handler, may hold whatever they like.

use std::rc::Rc;

use selvedge::open;
use selvedge::signal::block_on;

#[open(?Send)]
async fn fetch(n: Rc<u8>) -> u8 {
    let more = Rc::clone(&n);
    std::future::ready(()).await;
    *more
}

fn main() {
    let patch = fetch::around(|args, next| {
        Box::pin(async move {
            let kept = Rc::new(1);
            next.proceed(args).await + *kept
        })
    });
    assert_eq!(patch.run(|| block_on(fetch(Rc::new(1)))).unwrap(), 2);
}
