//! A call that was dropped half-way can be looked at.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use selvedge::{Signal, call::Groutines, open};

#[open]
async fn fetch(n: u8) -> u8 {
    std::future::pending::<()>().await;
    n
}

fn main() {
    let seen = Signal::new();
    let looks = {
        let seen = seen.clone();
        move || {
            let seen = seen.clone();
            async move {
                fetch::dropped().await.with(|call| assert_eq!(call.args.n, 1));
                seen.set();
            }
        }
    };
    Groutines::new().with(looks).run(|| {
        let future = pin!(fetch(1));
        assert_eq!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
    });
    assert!(seen.is_set());
}
