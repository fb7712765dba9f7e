//! Threads and futures: each sees the resources that it entered or was given.

use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context as Task, Poll, Waker};

use selvedge::{Ambient, Wrap};

use super::super::{elsewhere, panic_of};
use super::{APP, config};

/// 79, 91: two applications that are set up differently, at the same time, one to each thread.
#[test]
fn two_threads_see_their_own_application_at_the_same_time() {
    let together = Barrier::new(2);
    let serve = &|name| {
        APP.enter().config(name).run(|| {
            together.wait();
            let seen = config().unwrap();
            together.wait();
            seen
        })
    };
    let seen = std::thread::scope(|s| {
        let threads = ["blog", "shop"].map(|name| s.spawn(move || serve(name)));
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(seen, ["blog", "shop"]);
}

#[test]
fn an_overlay_around_a_future_takes_its_base_at_the_first_poll_and_keeps_it() {
    let mut task = Task::from_waker(Waker::noop());
    let mut first = true;
    let mut future = pin!(
        APP.overlay()
            .numbers(vec![1])
            .wrap(std::future::poll_fn(move |_| {
                match std::mem::take(&mut first) {
                    true => {
                        assert_eq!(config(), Ok("first"));
                        Poll::Pending
                    }
                    false => Poll::Ready(config()),
                }
            }))
    );
    let polled = APP
        .enter()
        .config("first")
        .run(|| future.as_mut().poll(&mut task));
    assert!(polled.is_pending());
    let polled = APP
        .enter()
        .config("second")
        .run(|| future.as_mut().poll(&mut task));
    assert_eq!(polled, Poll::Ready(Ok("first")));
}

/// 92, 110: a thread that is started inside sees nothing, unless the ambient is carried there; one that ends inside
/// leaves nothing.
#[test]
fn another_thread_sees_resources_only_if_they_are_carried_there() {
    APP.enter().config("mine").numbers(vec![3]).run(|| {
        assert!(elsewhere(|| config().is_err()));
        let ambient = Ambient::capture();
        let carried = elsewhere(move || {
            ambient.run(|| {
                let overlaid = APP
                    .overlay()
                    .config("theirs")
                    .run(|| APP.numbers.with(|it| it[0]));
                (config(), overlaid)
            })
        });
        assert_eq!(carried, (Ok("mine"), Ok(3)));
    });
    for _ in 0..10 {
        let fresh = elsewhere(|| {
            let fresh = config().is_err();
            panic_of(|| APP.enter().config("ends").run(|| panic!("inside")));
            fresh
        });
        assert!(fresh);
    }
}

/// 93: two flows on one thread do not see each other's, whatever the order in which they go on.
#[test]
fn futures_on_one_thread_are_isolated_from_each_other() {
    let step = || {
        let mut steps = 0;
        std::future::poll_fn(move |_| {
            steps += 1;
            if steps < 3 {
                Poll::Pending
            } else {
                Poll::Ready(config())
            }
        })
    };
    let mut task = Task::from_waker(Waker::noop());
    let mut a = pin!(APP.enter().config("a").wrap(step()));
    let mut b = pin!(APP.enter().config("b").wrap(step()));
    for _ in 0..2 {
        assert!(a.as_mut().poll(&mut task).is_pending());
        assert!(b.as_mut().poll(&mut task).is_pending());
        assert!(config().is_err());
    }
    assert_eq!(a.as_mut().poll(&mut task), Poll::Ready(Ok("a")));
    assert_eq!(b.as_mut().poll(&mut task), Poll::Ready(Ok("b")));
}
