//! Calls of open async functions that go from thread to thread, while who takes part and who watches comes and goes.
//!
//! ```text
//!   attaches            calls              goes on
//!     |  install          |  polls once
//!     |                   |  ──── future ──>  |  polls it to its end, or drops it
//!     |  drop
//! ```
//!
//! At the end nothing is left, and the function is quiet.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use selvedge::call::{Log, RecordEnd};
use selvedge::open;
use selvedge::signal::block_on;

use crate::patches::is_quiet;
use crate::{check, pause, random, spawn};

#[open]
async fn fetched(n: u64) -> u64 {
    yields().await;
    n
}

#[open]
async fn watched(n: u64) -> u64 {
    yields().await;
    n
}

#[open]
fn passed(n: u64) -> u64 {
    pause();
    n
}

/// Ready at the second poll; others run meanwhile.
fn yields() -> impl Future<Output = ()> + Send {
    let mut polled = false;
    std::future::poll_fn(move |_| {
        pause();
        if std::mem::replace(&mut polled, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = poll_once(future.as_mut()) {
            return result;
        }
    }
}

#[test]
fn an_async_call_keeps_what_it_found_on_whatever_thread_it_goes_on() {
    check(|| {
        let attacher = spawn(|| {
            let patch = fetched::around(|args, next| {
                Box::pin(async move {
                    if args.n >= 1000 {
                        return 5000; // its own calls skip it, so nobody sees this
                    }
                    let own = fetched(1000).await;
                    own + next.proceed(args).await
                })
            });
            let on = patch.install();
            pause();
            drop(on);
        });
        let callers = [(); 2].map(|()| {
            spawn(|| {
                let mut future = Box::pin(fetched(1));
                assert!(poll_once(future.as_mut()).is_pending());
                let result = spawn(move || finish(future)).join().unwrap();
                assert!([1, 1001].contains(&result), "{result}");
            })
        });
        for thread in callers.into_iter().chain([attacher]) {
            thread.join().unwrap();
        }
        assert!(is_quiet(fetched::__site()));
    });
}

#[test]
fn a_watched_async_call_is_told_one_end_by_whoever_has_its_future() {
    check(|| {
        let log = Log::record("**::async_calls::watched").unwrap();
        let on = log.install();
        let mut future = Box::pin(watched(1));
        assert!(poll_once(future.as_mut()).is_pending());
        let drops = random(2) == 0;
        let other = spawn(move || {
            if drops {
                drop(future);
            } else {
                assert_eq!(finish(future), 1);
            }
        });
        drop(on);
        other.join().unwrap();
        let calls = log.calls();
        let ends: Vec<_> = calls.iter().map(|call| call.end().cloned()).collect();
        let end = if drops {
            RecordEnd::Dropped
        } else {
            RecordEnd::Returned("1".to_owned())
        };
        assert_eq!(ends, [Some(end)]);
        drop(log);
        assert!(is_quiet(watched::__site()));
    });
}

#[test]
fn a_breakpoint_wakes_whoever_awaits_it_when_another_thread_comes_to_it() {
    check(|| {
        let log = Log::record("**::async_calls::passed").unwrap();
        let on = log.install();
        let mut point = log.breakpoint(|call| call.arg("n") == Some("1"));
        assert!(poll_once(pin!(&mut point)).is_pending());
        let caller = spawn(|| (0..3).map(passed).sum::<u64>());
        let call = block_on(&mut point).unwrap();
        assert_eq!(call.arg("n"), Some("1"));
        assert_eq!(caller.join().unwrap(), 3);
        drop((on, point, log));
        assert!(is_quiet(passed::__site()));
    });
}
