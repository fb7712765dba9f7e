//! The report of a full queue.

use crate::sync::until_it_waits;
use selvedge::sync::{PushUntilError, Queue};
use selvedge::testing::World;
use selvedge::thread as tree;
use selvedge::{Signal, probe};
use std::sync::mpsc;
use std::time::Duration;

/// 232, 233: was: a push with a timeout of 0.3 s ends after 5 s.
#[test]
fn a_queue_that_is_full_for_5_seconds_reports_itself_and_a_quiet_one_does_not() {
    for quiet in [false, true] {
        let world = World::with_mock_clock();
        let (reported, reports) = mpsc::channel();
        let listener = probe::subscribe(move |event| {
            if let probe::Event::QueueFull { len, waited, .. } = event
                && event.to_string().contains("report-me")
            {
                reported.send((*len, *waited)).unwrap();
            }
        });
        world.run(|| {
            let queue = Queue::named("report-me", 1);
            let queue = if quiet { queue.quiet() } else { queue };
            queue.push(0).unwrap();
            let late = Signal::new();
            let blocked = tree::spawn("blocked", {
                let (queue, late) = (queue.clone(), late.clone());
                move |_| match queue.push_until(1, &late) {
                    Err(PushUntilError::Expired(1)) => Ok(()),
                    other => panic!("{other:?}"),
                }
            });
            until_it_waits("blocked");
            for round in 1..=3 {
                world.advance(Duration::from_secs(5));
                if !quiet {
                    let expected = (1, Duration::from_secs(5 * round));
                    assert_eq!(reports.recv().unwrap(), expected);
                    until_it_waits("blocked");
                }
            }
            late.set();
            blocked.join_until(&late_bound()).unwrap();
        });
        assert!(reports.try_recv().is_err(), "quiet, or nothing more to say");
        drop(listener);
    }
}

/// Of a world whose clock stands still: never.
fn late_bound() -> Signal {
    Signal::new()
}
