//! Groutines that hear the calls of open async functions: begun, ready, panicked, dropped.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use selvedge::call::Groutines;
use selvedge::call::groutine::{OneOf3, all, any};
use selvedge::{Wrap, open};

use super::is_quiet;
use super::open_async::{finish, is_send, pause, poll_once};

#[open]
async fn fetch(url: String) -> usize {
    pause().await;
    assert_ne!(url, "down", "the network is down");
    pause().await;
    url.len()
}

#[open]
async fn page() -> usize {
    fetch("a".to_owned()).await + fetch("bc".to_owned()).await
}

type Notes = Arc<Mutex<Vec<String>>>;
type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A groutine that has notes, and the notes.
fn noting<F: Future<Output = ()> + Send + 'static>(
    body: impl Fn(Notes) -> F + Send + Sync + 'static,
) -> (impl Fn() -> Body + Send + Sync, impl Fn() -> Vec<String>) {
    let notes = Notes::default();
    let kept = Arc::clone(&notes);
    let make = move || -> Body { Box::pin(body(Arc::clone(&notes))) };
    (make, move || std::mem::take(&mut *kept.lock().unwrap()))
}

fn note(notes: &Notes, text: impl Into<String>) {
    notes.lock().unwrap().push(text.into());
}

/// Notes each call and its end.
async fn follow(notes: Notes) {
    loop {
        let mut call = fetch::called().await;
        let url = call.with(|call| String::clone(&call.args.url));
        note(&notes, format!("{url}.."));
        let ends = any((
            fetch::returned().same(&call),
            fetch::panicked().same(&call),
            fetch::dropped().same(&call),
        ));
        let end = match ends.await {
            OneOf3::A(mut end) => end.with(|end| end.result.to_string()),
            OneOf3::B(mut end) => end.with(|end| end.message().to_owned()),
            OneOf3::C(mut end) => end.with(|end| {
                assert_eq!(end.function().path(), concat!(module_path!(), "::fetch"));
                let taken = end.args.url.is_taken();
                format!("dropped, {}", if taken { "taken" } else { "not taken" })
            }),
        };
        note(&notes, end);
    }
}

/// 120, 129, 130, 149: a call is heard when it is polled first, and when it is ready, at whatever poll.
#[test]
fn an_async_call_is_heard_from_its_first_poll_to_its_end() {
    let (groutine, notes) = noting(follow);
    let all = Groutines::new().with(groutine);
    assert_eq!(finish(is_send(all.wrap(page()))), 3);
    assert_eq!(notes(), ["a..", "1", "bc..", "2"]);
    assert!(is_quiet(fetch::__site()));
}

#[test]
fn an_async_call_that_was_never_polled_is_not_heard() {
    let (groutine, notes) = noting(follow);
    Groutines::new()
        .with(groutine)
        .run(|| drop(fetch("a".to_owned())));
    assert!(notes().is_empty());
}

/// 131
#[test]
fn a_panic_at_a_later_poll_is_heard() {
    let (groutine, notes) = noting(follow);
    let block = Groutines::new().with(groutine);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        block.run(|| finish(fetch("down".to_owned())));
    }));
    assert!(ended.is_err());
    let notes = notes();
    assert!(
        notes.len() == 2 && notes[1].contains("the network is down"),
        "{notes:?}"
    );
}

#[test]
fn a_call_that_is_dropped_half_way_is_heard_and_its_groutine_does_not_wait_for_ever() {
    let (groutine, notes) = noting(follow);
    Groutines::new().with(groutine).run(|| {
        let mut future = Box::pin(fetch("abc".to_owned()));
        assert!(poll_once(future.as_mut()).is_pending());
        assert_eq!(notes(), ["abc.."]);
        drop(future);
        assert_eq!(notes(), ["dropped, taken"]);
        assert_eq!(finish(fetch("d".to_owned())), 1, "and it goes on");
        assert_eq!(notes(), ["d..", "1"]);
    });
    // With the whole of a wrapped future, before its groutines are killed.
    let (groutine, notes) = noting(follow);
    let mut wrapped = Box::pin(Groutines::new().with(groutine).wrap(page()));
    assert!(poll_once(wrapped.as_mut()).is_pending());
    drop(wrapped);
    assert_eq!(notes(), ["a..", "dropped, taken"]);
}

#[test]
fn a_future_that_was_wrapped_in_groutines_and_never_polled_is_dropped_without_a_panic() {
    let (groutine, notes) = noting(follow);
    drop(Groutines::new().with(groutine).wrap(page()));
    assert!(notes().is_empty());
}

/// 124, 126, 128, 148
#[test]
fn a_groutine_answers_an_async_call_and_the_body_does_not_run() {
    let answers = || async {
        let call = fetch::called().when(|call| *call.args.url == "down").await;
        call.ret(7);
    };
    let block = Groutines::new().with(answers);
    assert_eq!(finish(is_send(block.wrap(fetch("down".to_owned())))), 7);
    let replaces = || async {
        fetch::returned().await.ret(70);
        fetch::panicked().await.ret(700);
    };
    let sum = async { fetch("abc".to_owned()).await + fetch("down".to_owned()).await };
    assert_eq!(finish(Groutines::new().with(replaces).wrap(sum)), 770);
}

/// Two calls of one function at once are told apart.
#[test]
fn calls_that_are_interleaved_are_told_apart() {
    let (groutine, notes) = noting(|notes: Notes| async move {
        let _first = fetch::called().await;
        let second = fetch::called().await;
        let same = fetch::returned().same(&second);
        let mut end = same.await;
        note(&notes, end.with(|end| end.result.to_string()));
    });
    Groutines::new().with(groutine).run(|| {
        let [mut one, mut two] = ["a", "bc"].map(|url| Box::pin(fetch(url.to_owned())));
        assert!(poll_once(one.as_mut()).is_pending() && poll_once(two.as_mut()).is_pending());
        assert_eq!(finish(one), 1);
        assert!(notes().is_empty(), "it waits for the end of the other one");
        assert_eq!(finish(two), 2);
        assert_eq!(notes(), ["2"]);
    });
}

/// The sets stand among the patches where their blocks do, as for plain functions.
#[test]
fn groutines_and_patches_of_an_async_function_nest() {
    let (groutine, notes) = noting(|notes: Notes| async move {
        loop {
            let mut call = fetch::called().await;
            note(&notes, call.with(|call| String::clone(&call.args.url)));
            fetch::returned()
                .same(&call)
                .await
                .with(|end| *end.result *= 10);
        }
    });
    let patch = fetch::around(|args, next| {
        Box::pin(async move {
            args.url.push('!');
            next.proceed(args).await + 1
        })
    });
    let block = Groutines::new().with(groutine);
    let go = || finish(fetch("ab".to_owned()));
    assert_eq!(
        block.clone().run(|| patch.run(go)),
        31,
        "the patch is outside of the set"
    );
    assert_eq!(notes(), ["ab!"]);
    assert_eq!(patch.run(|| block.run(go)), 40);
    assert_eq!(notes(), ["ab"]);
}

/// 146, 147: the first answer counts, others hear of it all the same, unless it is consumed.
#[test]
fn several_sets_hear_an_async_call_and_the_first_answer_counts() {
    let answering = |n: usize, consumes: bool| {
        noting(move |notes: Notes| async move {
            let call = fetch::called().await;
            note(&notes, "called");
            if consumes {
                call.consume(n)
            } else {
                call.ret(n)
            };
            fetch::returned().await;
            note(&notes, "returned");
        })
    };
    for consumes in [false, true] {
        let ((inner, of_inner), (outer, of_outer)) = (answering(1, consumes), answering(2, false));
        let [inner, outer] = [Groutines::new().with(inner), Groutines::new().with(outer)];
        let block = || inner.run(|| finish(fetch("abc".to_owned())));
        assert_eq!(outer.run(block), 1);
        assert_eq!(of_inner(), ["called", "returned"]);
        let heard: &[&str] = if consumes {
            &[]
        } else {
            &["called", "returned"]
        };
        assert_eq!(of_outer(), heard);
    }
}

/// 132, 133: an error of a groutine rises in the caller: at the poll that it heard.
#[test]
fn a_groutine_that_fails_fails_the_poll() {
    let fails = || async {
        fetch::returned().await;
        Err::<(), _>("no".to_owned())
    };
    let block = Groutines::new().with(fails);
    block.run(|| {
        let mut future = Box::pin(fetch("a".to_owned()));
        assert!(poll_once(future.as_mut()).is_pending());
        let ended = catch_unwind(AssertUnwindSafe(|| finish(future)));
        let text = ended.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("failed: no"), "{text}");
        assert_eq!(finish(fetch("abc".to_owned())), 3);
    });
}

#[test]
fn a_groutine_that_fails_at_a_drop_fails_whoever_drops() {
    let fails = || async {
        fetch::dropped().await;
        Err::<(), _>("dropped!".to_owned())
    };
    let block = || {
        let mut future = Box::pin(fetch("a".to_owned()));
        assert!(poll_once(future.as_mut()).is_pending());
        future
    };
    Groutines::new().with(fails).run(|| {
        let future = block();
        let ended = catch_unwind(AssertUnwindSafe(|| drop(future)));
        let text = ended.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("failed: dropped!"), "{text}");
    });
    // Not while another panic goes on.
    let ended = catch_unwind(AssertUnwindSafe(|| {
        Groutines::new().with(fails).run(|| {
            let _future = block();
            panic!("the first one");
        });
    }));
    assert_eq!(
        *ended.unwrap_err().downcast::<&str>().unwrap(),
        "the first one"
    );
}

/// A set belongs to one flow: what ends outside of it is not heard, and does no harm.
#[test]
fn a_call_that_ends_outside_of_the_flow_is_not_heard() {
    let (groutine, notes) = noting(follow);
    let mut future = Box::pin(fetch("a".to_owned()));
    Groutines::new().with(groutine).run(|| {
        assert!(poll_once(future.as_mut()).is_pending());
    });
    let elsewhere = std::thread::scope(|s| s.spawn(|| finish(future)).join().unwrap());
    assert_eq!(elsewhere, 1);
    assert_eq!(notes(), ["a.."]);
}

/// A groutine may await open async functions itself, and others hear them.
#[test]
fn a_groutine_calls_an_async_function() {
    let (hears, notes) = noting(follow);
    let calls = || async {
        let answered = fetch("of a groutine".to_owned()).await;
        assert_eq!(answered, 13);
    };
    Groutines::new().with(hears).with(calls).run(|| {
        for _ in 0..3 {
            tick();
        }
    });
    assert_eq!(notes(), ["of a groutine..", "13"]);
}

#[open]
fn tick() {}

/// A task of an executor takes its groutines along, from thread to thread.
#[test]
fn on_executors_a_task_has_its_groutines() {
    let task = || {
        let (groutine, notes) = noting(|notes: Notes| async move {
            let _two = all((fetch::returned(), fetch::returned())).await;
            note(&notes, "both");
        });
        (Groutines::new().with(groutine).wrap(page()), notes)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..8).map(|_| task()).collect();
    for (task, notes) in tasks {
        let result = runtime.block_on(async { tokio::spawn(task).await.unwrap() });
        assert_eq!((result, notes().len()), (3, 1));
    }
    let (task, notes) = task();
    assert_eq!(smol::block_on(smol::spawn(task)), 3);
    assert_eq!(notes(), ["both"]);
}
