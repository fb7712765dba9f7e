//! Batch queues: what goes in is delivered or handed back.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use selvedge::Signal;
use selvedge::probe::{self, Event};
use selvedge::signal;
use selvedge::sync::{BatchQueue, PushError, Queue, StopError, TryPushError};
use selvedge::testing::World;
use selvedge::thread::{self, Thread};

use super::sync::until_it_waits;

const PERIOD: Duration = Duration::from_secs(1);

/// Serves `batches` by a thread of the tree that hands each batch to `delivered`.
fn served<T: Send + 'static>(batches: &BatchQueue<T>, delivered: &Queue<Vec<T>>) -> Thread<()> {
    let (batches, delivered) = (batches.clone(), delivered.clone());
    thread::spawn("server", move |_| {
        batches.serve(|batch| delivered.push(std::mem::take(batch)).map_err(|_| "closed"))?;
        Ok(())
    })
}

/// 238: a batch goes when it is full, or when its first item has waited a period.
#[test]
fn batches_go_by_size_or_by_period() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (batches, delivered) = (BatchQueue::named("size", 2, PERIOD), Queue::new());
        let server = served(&batches, &delivered);
        batches.extend([1, 2, 3]).unwrap();
        assert_eq!(delivered.pop().unwrap(), [1, 2]);
        // The period begins when the server has the item; time moves until it is over.
        while delivered.is_empty() {
            world.advance(PERIOD);
            std::thread::yield_now();
        }
        assert_eq!(delivered.pop().unwrap(), [3]);
        batches.stop().unwrap();
        server.join().unwrap();
        assert!(delivered.is_empty()); // 247: and no empty batch
    });
}

/// 239: it holds two batches; a full queue refuses, and blocks who waits.
#[test]
fn a_full_queue_grows() {
    World::new().run(|| {
        let batches = BatchQueue::named("full", 2, PERIOD);
        batches.extend(0..4).unwrap();
        assert!(matches!(batches.try_push(4), Err(TryPushError::Full(4))));
        let blocked = batches.push_until(4, &Signal::always());
        assert_eq!(blocked.unwrap_err().into_inner(), 4);
        let writer = thread::spawn("writer", {
            let batches = batches.clone();
            move |_| Ok(batches.push(4)?)
        });
        until_it_waits("writer");
        let delivered = Queue::new();
        let server = served(&batches, &delivered);
        writer.join().unwrap(); // a batch was taken
        batches.stop().unwrap();
        server.join().unwrap();
        assert_eq!(delivered.pop_all().concat(), [0, 1, 2, 3, 4]);
    });
}

/// 239: batches of 900, or a second; it holds 1800.
#[test]
fn the_defaults_are_others() {
    let world = World::with_mock_clock();
    world.run(|| {
        let (batches, delivered) = (BatchQueue::new(), Queue::new());
        batches.extend(0..1800).unwrap();
        assert!(batches.try_push(1800).is_err(), "it holds more");
        let server = served(&batches, &delivered);
        assert_eq!(delivered.pop().unwrap(), (0..900).collect::<Vec<_>>());
        assert_eq!(delivered.pop().unwrap(), (900..1800).collect::<Vec<_>>());
        let begun = Instant::now();
        batches.push(1800).unwrap();
        while delivered.is_empty() {
            world.advance(Duration::from_millis(100));
            std::thread::yield_now();
            assert!(begun.elapsed() < Duration::from_secs(30), "no period ends");
        }
        batches.stop().unwrap();
        server.join().unwrap();
        assert_eq!(delivered.pop_all(), [[1800]]);
    });
    let text = format!("{:?}", BatchQueue::<u8>::new());
    assert!(text.contains("batch: 900"), "{text}");
}

/// 240, 242: stop delivers what was pushed, twice is fine, and what comes later is refused.
#[test]
fn stop_delivers_and_then_refuses() {
    World::new().run(|| {
        let (batches, delivered) = (BatchQueue::named("stop", 8, PERIOD), Queue::new());
        batches.extend(0..12).unwrap();
        let server = served(&batches, &delivered);
        batches.stop().unwrap();
        batches.stop().unwrap();
        server.join().unwrap();
        let all = delivered.pop_all();
        assert!(all.iter().all(|batch| (1..=8).contains(&batch.len())));
        assert_eq!(all.concat(), (0..12).collect::<Vec<_>>());
        assert!(matches!(batches.push(12), Err(PushError::Closed(12))));
    });
}

/// 241, 243: a thread that is asked to stop delivers what is queued.
#[test]
fn a_stop_of_the_thread_that_serves_drops_everything_still_queued() {
    World::new().run(|| {
        let (batches, delivered) = (BatchQueue::named("asked", 16, PERIOD), Queue::new());
        batches.extend(0..20).unwrap();
        let server = served(&batches, &delivered);
        server.stop();
        server.join().unwrap();
        assert_eq!(delivered.pop_all().concat(), (0..20).collect::<Vec<_>>());
        batches.stop().unwrap();
    });
}

/// 244: what a sink leaves is tried again each period, in order, and each failure is reported.
#[test]
fn a_failing_sink_is_tried_again_each_period_and_reported() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let _heard = probe::subscribe({
        let told = Arc::clone(&told);
        move |event| {
            if let Event::SinkFailed { queue, items, .. } = event
                && queue.to_string().contains("failing-244")
            {
                told.lock().unwrap().push(*items);
            }
        }
    });
    let world = World::with_mock_clock();
    world.run(|| {
        let batches = BatchQueue::named("failing-244", 3, PERIOD);
        batches.extend(1..=3).unwrap();
        let delivered = Queue::new();
        let server = thread::spawn("server", {
            let (batches, delivered) = (batches.clone(), delivered.clone());
            move |_| {
                batches.serve(|batch| {
                    delivered.push(batch.remove(0)).unwrap();
                    if batch.is_empty() {
                        Ok(())
                    } else {
                        Err("one at a time")
                    }
                })?;
                Ok(())
            }
        });
        while delivered.is_empty() {
            std::thread::yield_now(); // a period that passes before would send less than a batch
        }
        while delivered.len() < 3 {
            world.advance(PERIOD);
            std::thread::yield_now();
        }
        batches.stop().unwrap();
        server.join().unwrap();
        assert_eq!(delivered.pop_all(), [1, 2, 3]);
    });
    assert_eq!(*told.lock().unwrap(), [2, 1]);
}

/// 245: a sink that fails at the last flush ends `serve` and `stop` with its error; the items come back once.
#[test]
fn a_failing_last_flush_hangs() {
    for period in [PERIOD, Duration::ZERO] {
        let batches = BatchQueue::named("last", 2, period);
        batches.extend(0..4).unwrap();
        batches.close(); // before it is served: there is one flush, and it is the last
        let served = batches.serve(|batch| {
            batch.remove(0);
            Err("disk full")
        });
        let error = served.unwrap_err();
        assert!(error.to_string().contains("`last`") && error.to_string().contains("disk full"));
        let Err(StopError::Undelivered(same)) = batches.stop() else {
            panic!("it was delivered");
        };
        assert_eq!(same.take_items(), [1, 2, 3]);
        assert!(error.take_items().is_empty(), "they came back twice");
        batches.stop().unwrap();
    }
}

/// Without a period there is no pause in which a stop could be noticed.
#[test]
fn a_sink_that_always_fails_and_is_tried_at_once_hides_the_stop() {
    let (batches, asked) = (
        BatchQueue::named("at once", 2, Duration::ZERO),
        Signal::new(),
    );
    batches.extend(0..3).unwrap();
    let mut tries = 0;
    let served = signal::deadline(&asked, || {
        batches.serve(|_| {
            tries += 1;
            if tries == 3 {
                asked.set();
            }
            assert!(tries < 100, "it goes on");
            Err("on purpose")
        })
    });
    assert_eq!(
        (tries, served.unwrap_err().take_items()),
        (4, vec![0, 1, 2])
    );
}

/// What is ready is handed out before a stop counts: with producers that are always quicker, for ever.
#[test]
fn a_steady_producer_hides_the_stop() {
    let (batches, asked) = (BatchQueue::named("steady", 2, PERIOD), Signal::new());
    batches.extend([0, 0]).unwrap();
    let (mut calls, mut delivered, mut pushed) = (0, 0, 2);
    let served = signal::deadline(&asked, || {
        batches.serve(|batch| {
            calls += 1;
            assert!(calls < 100, "it goes on");
            delivered += batch.drain(..).count();
            pushed += (0..4).filter(|_| batches.try_push(calls).is_ok()).count();
            if calls == 3 {
                asked.set();
            }
            Ok::<_, Infallible>(())
        })
    });
    served.unwrap();
    assert_eq!((delivered, calls), (pushed, 5)); // the queue was full when it was asked: two batches
}

/// The same by functions, which never fill a batch.
#[test]
fn a_steady_pusher_of_functions_hides_the_stop_and_the_period() {
    fn again(batches: BatchQueue<u8>, asked: Signal, calls: Arc<Mutex<usize>>) {
        let mut now = calls.lock().unwrap();
        *now += 1;
        if *now == 3 {
            asked.set();
        }
        assert!(*now < 100, "it goes on");
        drop(now);
        let next = batches.clone();
        _ = batches.after_batch(move || again(next, asked, calls));
    }
    let batches = BatchQueue::named("functions", 2, PERIOD);
    let (asked, calls) = (Signal::new(), Arc::new(Mutex::new(0)));
    again(batches.clone(), asked.clone(), Arc::clone(&calls));
    signal::deadline(&asked, || batches.serve(|_| Ok::<_, Infallible>(()))).unwrap();
    assert!((3..=4).contains(&*calls.lock().unwrap()));
}

/// 243: what a failing block has pushed is delivered: its failure stops the thread that serves.
#[test]
fn a_failing_block_drops_what_it_has_pushed() {
    World::new().run(|| {
        let delivered = Queue::new();
        let failing = thread::spawn("failing", {
            let delivered = delivered.clone();
            move |_| -> thread::Outcome<()> {
                let batches = BatchQueue::named("block", 16, PERIOD);
                let _server = served(&batches, &delivered);
                batches.extend(0..20).unwrap();
                Err("broken".into())
            }
        });
        assert!(failing.join().is_err());
        assert_eq!(delivered.pop_all().concat(), (0..20).collect::<Vec<_>>());
    });
}

/// 243: with a producer of its own, also while others still run.
#[test]
fn the_last_producer_closes_also_by_a_panic() {
    World::new().run(|| {
        let (batches, delivered) = (BatchQueue::named("producers", 16, PERIOD), Queue::new());
        let server = served(&batches, &delivered);
        let first = batches.producer();
        let panicking = thread::spawn("panicking", {
            let producer = first.clone();
            move |_| -> thread::Outcome<()> {
                producer.extend(0..3).unwrap();
                panic!("on purpose");
            }
        });
        assert!(panicking.join().is_err());
        assert!(!batches.is_closed(), "another one may push");
        first.push(3).unwrap();
        drop(first);
        server.join().unwrap(); // by itself
        assert_eq!(delivered.pop_all().concat(), [0, 1, 2, 3]);
        assert!(matches!(batches.push(4), Err(PushError::Closed(4))));
    });
}

#[test]
fn a_panicking_sink_loses_the_items() {
    let batches = BatchQueue::named("panicking", 2, PERIOD);
    batches.extend(0..4).unwrap();
    let served = catch_unwind(AssertUnwindSafe(|| {
        batches.serve(|batch| -> Result<(), Infallible> {
            batch.remove(0);
            panic!("on purpose");
        })
    }));
    assert!(served.is_err());
    let Err(StopError::Undelivered(lost)) = batches.stop() else {
        panic!("it was delivered");
    };
    assert_eq!(lost.take_items(), [1, 2, 3]);
}

/// 246: what is to run after a batch runs when what was pushed before it is delivered.
#[test]
fn functions_run_after_what_was_pushed_before_them() {
    let batches = BatchQueue::named("after", 2, PERIOD);
    let steps = Arc::new(Mutex::new(Vec::new()));
    let note = |text: &'static str| {
        let steps = Arc::clone(&steps);
        move || steps.lock().unwrap().push(text.to_owned())
    };
    batches.after_batch(note("first")).unwrap();
    batches.push(1).unwrap();
    batches.after_batch(note("after 1")).unwrap();
    batches.push(2).unwrap();
    batches.close();
    batches
        .serve(|batch| {
            steps.lock().unwrap().push(format!("{batch:?}"));
            Ok::<_, Infallible>(())
        })
        .unwrap();
    assert_eq!(*steps.lock().unwrap(), ["first", "[1, 2]", "after 1"]);
}

#[test]
fn what_nobody_serves_is_reported() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let _heard = probe::subscribe({
        let told = Arc::clone(&told);
        move |event| {
            if let Event::Undelivered { queue, items } = event
                && queue.to_string().contains("unserved")
            {
                told.lock().unwrap().push(*items);
            }
        }
    });
    let batches = BatchQueue::named("unserved", 4, PERIOD);
    batches.extend(0..3).unwrap();
    drop(batches);
    assert_eq!(*told.lock().unwrap(), [3]);
}

/// What a sink does at one of its calls.
#[derive(Clone, Copy, Debug)]
enum Call {
    Takes,
    /// Takes so many, and fails.
    Fails(usize),
    Panics(usize),
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        6 => Just(Call::Takes),
        3 => (0_usize..4).prop_map(Call::Fails),
        1 => (0_usize..4).prop_map(Call::Panics),
    ];
    proptest::collection::vec(call, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// In is delivered plus handed back, in the order of each producer, however it ends.
    #[test]
    fn items_are_lost_between_producers_and_a_sink(
        (batch, bound) in (1_usize..5, 1_usize..9),
        calls in calls(),
        ends in 0_usize..3,
        stop_after in 0_usize..30,
    ) {
        let _quiet = probe::subscribe(|_| ());
        let world = World::new();
        let delivered = Arc::new(Mutex::new(Vec::new()));
        let (accepted, back) = world.run(|| {
            let batches = BatchQueue::bounded("conserved", batch, Duration::ZERO, bound);
            let server = thread::spawn("server", {
                let (batches, delivered, mut calls) =
                    (batches.clone(), Arc::clone(&delivered), calls.clone().into_iter());
                move |_| {
                    let served = catch_unwind(AssertUnwindSafe(|| batches.serve(|batch| {
                        let call = calls.next().unwrap_or(Call::Takes);
                        let n = match call {
                            Call::Takes => batch.len(),
                            Call::Fails(n) | Call::Panics(n) => n.min(batch.len()),
                        };
                        delivered.lock().unwrap().extend(batch.drain(..n));
                        match call {
                            Call::Takes => Ok(()),
                            Call::Fails(_) => Err("on purpose"),
                            Call::Panics(_) => std::panic::resume_unwind(Box::new("on purpose")),
                        }
                    })));
                    drop(served);
                    Ok(())
                }
            });
            let producers = [0, 1, 2, 3].map(|producer| {
                let batches = batches.clone();
                thread::spawn("producer", move |_| {
                    let pushed = |n: &u32| batches.push((producer, *n)).is_ok();
                    Ok((0..20).take_while(pushed).count() as u32)
                })
            });
            for _ in 0..stop_after {
                std::thread::yield_now();
            }
            match ends {
                0 => server.stop(),
                1 => producers[stop_after % 4].stop(),
                _ => batches.close(),
            }
            let accepted = producers.map(|producer| producer.join().unwrap());
            let back = match batches.stop() {
                Ok(()) => Vec::new(),
                Err(StopError::Undelivered(lost)) => lost.take_items(),
                Err(other) => panic!("{other}"),
            };
            server.join().unwrap();
            (accepted, back)
        });
        let mut all = std::mem::take(&mut *delivered.lock().unwrap());
        all.extend(back);
        for (producer, accepted) in accepted.into_iter().enumerate() {
            let of = all.iter().filter(|(other, _)| *other == producer).map(|(_, n)| *n);
            prop_assert_eq!(of.collect::<Vec<_>>(), (0..accepted).collect::<Vec<_>>());
        }
    }
}
