//! Who looks at the calls of open async functions: watches, logs, expectations; and bound functions that go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use selvedge::call::{self, Log, RecordEnd, Sequence};
use selvedge::{Ambient, Wrap, bind, context, open};

use super::open_async::{finish, is_send, pause, poll_once};
use super::{is_quiet, step, trail};

context! { static CACHED = "cached"; static TWICE = "twice"; }

#[open]
async fn leaf(n: u32) -> u32 {
    pause().await;
    assert_ne!(n, 13, "unlucky");
    n + 1
}

#[open]
async fn branch(n: u32) -> u32 {
    let left = leaf(n).await;
    pause().await;
    left + leaf(n + 10).await
}

/// What a watch is told while `f` runs, without the path of this module.
fn told(pattern: &str, f: impl FnOnce()) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = call::watch(pattern, {
        let seen = Arc::clone(&seen);
        move |event| {
            let text = event.to_string();
            let text = text.strip_prefix(concat!(module_path!(), "::")).unwrap();
            let indent = "  ".repeat(event.depth() as usize);
            seen.lock().unwrap().push(format!("{indent}{text}"));
        }
    });
    watch.unwrap().run(f);
    seen.lock().unwrap().clone()
}

/// Called when it is polled first, returned when it is ready; what it calls stands deeper, in whatever poll.
#[test]
fn a_watch_is_told_of_an_async_call_when_it_begins_and_when_it_is_ready() {
    let seen = told("**::async_seen::*", || {
        let unpolled = branch(7);
        assert_eq!(finish(is_send(branch(1))), 14);
        drop(unpolled); // it was never called
    });
    let lines = [
        "branch(n: 1)",
        "  leaf(n: 1)",
        "  leaf -> 2",
        "  leaf(n: 11)",
        "  leaf -> 12",
        "branch -> 14",
    ];
    assert_eq!(seen, lines);
}

#[test]
fn a_watch_is_told_of_the_panic_of_an_async_call_and_of_its_drop_once() {
    let seen = told("**::async_seen::*", || {
        assert!(catch_unwind(AssertUnwindSafe(|| finish(branch(13)))).is_err());
        let mut left = Box::pin(branch(3));
        for _ in 0..2 {
            assert!(poll_once(left.as_mut()).is_pending());
        }
        drop(left);
    });
    let lines = [
        "branch(n: 13)",
        "  leaf(n: 13)",
        "  leaf panicked: assertion `left != right` failed: unlucky\n  left: 13\n right: 13",
        "branch panicked: assertion `left != right` failed: unlucky\n  left: 13\n right: 13",
        "branch(n: 3)",
        "  leaf(n: 3)",
        "  leaf -> 4",
        "branch dropped",
    ];
    assert_eq!(seen, lines);
}

#[test]
fn calls_that_are_dropped_within_each_other_are_told_the_inner_one_first() {
    let seen = told("**::async_seen::*", || {
        let mut both = Box::pin(branch(3));
        assert!(poll_once(both.as_mut()).is_pending());
    });
    let lines = [
        "branch(n: 3)",
        "  leaf(n: 3)",
        "  leaf dropped",
        "branch dropped",
    ];
    assert_eq!(seen, lines);
}

#[test]
fn a_log_says_how_async_calls_ended_and_that_some_were_dropped() {
    let log = Log::record("**::async_seen::leaf").unwrap();
    log.run(|| {
        assert_eq!(finish(leaf(1)), 2);
        let mut left = Box::pin(leaf(2));
        assert!(poll_once(left.as_mut()).is_pending());
        assert!(log.calls()[1].is_running());
        drop(left);
        assert!(catch_unwind(AssertUnwindSafe(|| finish(leaf(13)))).is_err());
    });
    let calls = log.calls();
    let ends: Vec<_> = calls
        .iter()
        .map(|call| call.end().unwrap().clone())
        .collect();
    assert_eq!(ends[0], RecordEnd::Returned("2".to_owned()));
    assert_eq!(ends[1], RecordEnd::Dropped);
    assert!(matches!(&ends[2], RecordEnd::Panicked(text) if text.contains("unlucky")));
    assert!(calls[1].was_dropped() && calls[1].to_string().ends_with("leaf(n: 2) dropped"));
}

/// Who watches is found at the first poll, as what applies is, and is told to the end, wherever that is.
#[test]
fn who_watches_an_async_call_is_found_at_its_first_poll_and_kept() {
    let [made, first, later] = [(); 3].map(|()| Log::record("**::async_seen::*").unwrap());
    let mut future = Box::pin(made.run(|| branch(1)));
    assert!(first.run(|| poll_once(future.as_mut())).is_pending());
    let elsewhere = later.clone();
    std::thread::scope(|s| {
        s.spawn(move || elsewhere.run(|| assert_eq!(finish(future), 14)))
            .join()
            .unwrap();
    });
    assert!(made.calls().is_empty());
    let first = first.calls();
    let ended: Vec<_> = first.iter().map(|call| call.returned()).collect();
    assert_eq!(
        ended,
        [Some("14"), Some("2")],
        "what is called later is another's"
    );
    let later = later.calls();
    assert_eq!(later.len(), 1);
    assert_eq!((later[0].returned(), later[0].depth()), (Some("12"), 0));
}

#[test]
fn nothing_is_armed_after_an_async_call_was_watched_and_dropped() {
    #[open]
    async fn waits() {
        std::future::pending::<()>().await;
    }
    let log = Log::record("**::waits").unwrap();
    let mut future = Box::pin(waits());
    assert!(log.run(|| poll_once(future.as_mut())).is_pending());
    assert!(!format!("{:?}", waits::__site()).contains("armed: 0"));
    drop(log);
    drop(future);
    assert!(is_quiet(waits::__site()));
}

#[test]
fn async_calls_are_expected_answered_and_counted() {
    let none = leaf::expect(0).passing();
    let one = leaf::expect(1..=2)
        .with(|args| args.n == 1)
        .returning(|args| args.n + 100);
    let other = leaf::expect(1).with(|args| args.n == 11).returning(|_| 7);
    let block = none.and(one.clone()).and(other.clone());
    let result = block.run(|| {
        let result = finish(is_send(branch(1)));
        assert_eq!((one.count(), other.count()), (1, 1));
        result
    });
    assert_eq!(result, 101 + 7);
    // A call too many, whose message lists what there was.
    let once = leaf::expect(1).returning(|_| 5);
    let panic = catch_unwind(AssertUnwindSafe(|| once.run(|| finish(branch(1)))));
    let text = panic.unwrap_err().downcast::<String>().unwrap();
    assert!(
        text.contains("unexpected call") && text.contains("there were 1 already"),
        "{text}"
    );
    assert!(text.contains("leaf(n: 11)"), "{text}");
}

#[test]
fn an_expectation_that_is_wrapped_around_a_future_is_checked_at_its_end() {
    let twice = leaf::expect(2).passing();
    assert_eq!(finish(is_send(twice.clone().wrap(branch(1)))), 14);
    let panic = catch_unwind(AssertUnwindSafe(|| finish(twice.clone().wrap(leaf(1)))));
    let text = panic.unwrap_err().downcast::<String>().unwrap();
    assert!(
        text.contains("expected 2 calls") && text.contains("got 1"),
        "{text}"
    );
    assert!(
        text.contains("  1. ") && text.contains("leaf(n: 1)"),
        "{text}"
    );
    twice.run(|| {
        finish(branch(1));
        twice.checkpoint();
        finish(branch(2));
    });
}

#[test]
fn async_calls_are_expected_in_an_order() {
    let order = Sequence::new();
    let first = leaf::expect(1)
        .with(|args| args.n == 1)
        .passing()
        .in_order(&order);
    let second = leaf::expect(1)
        .with(|args| args.n == 11)
        .passing()
        .in_order(&order);
    let block = first.and(second);
    assert_eq!(block.clone().run(|| finish(branch(1))), 14);
    let panic = catch_unwind(AssertUnwindSafe(|| block.run(|| finish(leaf(11)))));
    let text = panic.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("it is too early"), "{text}");
}

/// A call is taken when its turn comes, so one that was never polled was none, and one that is dropped was one.
#[test]
fn an_expectation_counts_calls_that_are_dropped_and_not_those_that_were_never_polled() {
    let once = leaf::expect(1).passing();
    once.run(|| {
        drop(leaf(1));
        assert_eq!(once.count(), 0);
        assert!(poll_once(pin!(leaf(2))).is_pending());
        assert_eq!(once.count(), 1);
    });
}

static FETCHED: AtomicU32 = AtomicU32::new(0);

struct Store {
    name: String,
}

#[open]
impl Store {
    async fn load(&self, key: String, tries: &mut u32) -> Option<&str> {
        FETCHED.fetch_add(1, Relaxed);
        pause().await;
        *tries += 1;
        (key == "found").then_some(&*self.name)
    }
}

#[bind(store::load, thread = CACHED)]
async fn load_cached<'a>(
    this: &'a Store,
    mut key: String,
    tries: &mut u32,
    next: Next,
) -> Option<&'a str> {
    step("bound");
    pause().await;
    key.push('d');
    let loaded = next.proceed((this, key, &mut *tries)).await;
    step("bound, at the end");
    loaded.map(|name| &name[1..])
}

#[bind(leaf, thread = TWICE)]
async fn leaf_or_not(n: u32, next: Next) -> u32 {
    if n == 0 {
        77
    } else {
        leaf(n).await + next.proceed((n * 2,)).await
    }
}

/// 29: arguments, the receiver among them, and the result pass through.
#[test]
fn an_async_function_that_is_bound_goes_on_with_next() {
    let store = Store {
        name: "xyz".to_owned(),
    };
    let mut tries = 0;
    let load =
        |tries: &mut u32| finish(is_send(store.load("foun".to_owned(), tries))).map(str::len);
    assert_eq!(load(&mut tries), None);
    assert_eq!(CACHED.run(|| load(&mut tries)), Some(2));
    assert_eq!((tries, FETCHED.load(Relaxed)), (2, 2));
    assert_eq!(trail(), ["bound", "bound, at the end"]);
    // It may leave it, and its own calls skip it.
    assert_eq!(TWICE.run(|| finish(leaf(0))), 77);
    assert_eq!(TWICE.run(|| finish(leaf(3))), 4 + 7);
    let more = leaf::after(|returned| *returned.result += 1000);
    assert_eq!(TWICE.run(|| more.run(|| finish(leaf(0)))), 1077);
}

#[test]
fn a_bound_async_function_that_is_dropped_drops_what_it_proceeded_to() {
    let log = Log::record("**::async_seen::leaf").unwrap();
    log.run(|| {
        TWICE.run(|| {
            let mut future = Box::pin(leaf(5));
            for _ in 0..2 {
                assert!(poll_once(future.as_mut()).is_pending());
            }
        });
    });
    let calls = log.calls();
    let texts: Vec<_> = calls
        .iter()
        .map(|call| (call.arg("n"), call.end()))
        .collect();
    let ended = RecordEnd::Returned("6".to_owned());
    assert_eq!(
        texts,
        [
            (Some("5"), Some(&RecordEnd::Dropped)),
            (Some("5"), Some(&ended))
        ]
    );
}

/// A task goes from thread to thread of an executor, with who watches it.
#[test]
fn on_executors_a_task_is_watched_and_expected() {
    let body = || async {
        tokio_or_smol().await;
        branch(1).await
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for executor in ["tokio", "smol"] {
        let log = Log::record("**::async_seen::*").unwrap();
        let two = leaf::expect(2).passing();
        let task = log.clone().and(two).wrap(body());
        let result = match executor {
            "tokio" => runtime.block_on(async { tokio::spawn(task).await.unwrap() }),
            _ => smol::block_on(smol::spawn(task)),
        };
        assert_eq!(result, 14);
        assert_eq!(log.calls().len(), 3, "on {executor}");
        assert_eq!(log.calls()[2].depth(), 1);
    }
    // Aborted half-way.
    let log = Log::record("**::async_seen::*").unwrap();
    let installed = log.install();
    // Installed for all, it hears of other tests as well.
    let own_calls = || {
        let mut calls = log.calls();
        calls.retain(|call| call.arg("n") == Some("40"));
        calls
    };
    runtime.block_on(async {
        let task = tokio::spawn(Ambient::capture().wrap(async {
            Box::pin(branch(40)).await;
            std::future::pending::<()>().await;
        }));
        while own_calls().len() < 2 {
            tokio::task::yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    drop(installed);
    let calls = own_calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls.iter().all(|call| !call.is_running()), "{calls:?}");
}

/// Goes to the end of the executor's queue.
fn tokio_or_smol() -> impl Future<Output = ()> + Send {
    pause()
}
