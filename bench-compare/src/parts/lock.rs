//! Locks beside std's and parking_lot's.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use selvedge::sync::Lock;

use crate::measure::{Report, Row, Sample, Values, repeats, span, whole};

pub fn rows(report: &mut Report) {
    let ours = Lock::new(0_u64);
    let std = std::sync::Mutex::new(0_u64);
    let parking_lot = parking_lot::Mutex::new(0_u64);
    report.row(Row {
        name: "lock + unlock",
        ours: Box::new(|n| (0..n).for_each(|_| *black_box(&ours).enter() += 1)),
        peers: vec![
            (
                "std Mutex",
                Box::new(|n| (0..n).for_each(|_| *black_box(&std).lock().expect("sound") += 1)),
            ),
            (
                "parking_lot Mutex",
                Box::new(|n| (0..n).for_each(|_| *black_box(&parking_lot).lock() += 1)),
            ),
        ],
    });
    let name = "lock + unlock, two threads contending";
    if report.wants(name) {
        report.values(Values {
            name,
            unit: "ns",
            samples: 9,
            ours: contended(|| *ours.enter() += 1),
            peers: vec![
                ("std Mutex", contended(|| *std.lock().expect("sound") += 1)),
                ("parking_lot Mutex", contended(|| *parking_lot.lock() += 1)),
            ],
        });
    }
}

/// Time on the wall for each of the operations of two threads together.
fn contended<'l>(operation: impl Fn() + Sync + 'l) -> Sample<'l> {
    let run = move |n: u64| {
        let ready = Barrier::new(2);
        let work = || span(&ready, || (0..n).for_each(|_| operation()));
        thread::scope(|s| {
            let threads = [s.spawn(work), s.spawn(work)];
            whole(&threads.map(|thread| thread.join().expect("it counts")))
        })
    };
    let n = repeats(Duration::from_millis(40), &run);
    Box::new(move || run(n).as_nanos() as f64 / (2 * n) as f64)
}
