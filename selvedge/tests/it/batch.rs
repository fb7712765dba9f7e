//! Batch queues: what goes in is delivered or handed back.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge::Signal;
use selvedge::probe::{self, Event};
use selvedge::sync::{BatchQueue, PushError, Queue, StopError, TryPushError};
use selvedge::testing::World;
use selvedge::thread::{self, Thread};

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

/// 239: it holds two batches; a full queue blocks the writer.
#[test]
fn a_full_queue_refuses_who_does_not_wait() {
    let batches = BatchQueue::named("full", 2, PERIOD);
    batches.extend(0..4).unwrap();
    assert!(matches!(batches.try_push(4), Err(TryPushError::Full(4))));
    let blocked = batches.push_until(4, &Signal::always());
    assert_eq!(blocked.unwrap_err().into_inner(), 4);
    batches.close();
    batches.serve(|_| Ok::<_, Infallible>(())).unwrap();
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
    World::new().run(|| {
        let batches = BatchQueue::named("last", 2, PERIOD);
        batches.extend(0..4).unwrap();
        batches.close();
        let served = batches.serve(|batch| {
            batch.remove(0);
            Err("disk full")
        });
        let error = served.unwrap_err();
        assert!(error.to_string().contains("`last`") && error.to_string().contains("disk full"));
        let Err(StopError::Undelivered(same)) = batches.stop() else {
            panic!("it was delivered");
        };
        let mut back = same.take_items();
        back.extend(error.take_items());
        // One was delivered by each try; the first try may have come before the last flush.
        assert!(back == [1, 2, 3] || back == [2, 3], "{back:?}");
        batches.stop().unwrap();
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
