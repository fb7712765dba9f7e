//! A program in which nothing happens: who wakes up all the same?

use std::thread::sleep;
use std::time::Duration;

use selvedge::sync::Queue;
use selvedge::{Signal, Till, thread};

use crate::machine::voluntary_switches;
use crate::measure::{Report, Values};

const NAME: &str = "idle program: wake-ups in 2 s";

pub fn rows(report: &mut Report) {
    if !report.wants(NAME) {
        return;
    }
    _ = selvedge::run("bench-compare", |_stop| {
        let (queue, signal) = (Queue::<usize>::new(), Signal::new());
        let far: Vec<_> = (0..1000)
            .map(|i| Till::after(Duration::from_secs(3600 + i)))
            .collect();
        let popping = ["popper 1", "popper 2"].map(|name| {
            let queue = queue.clone();
            thread::spawn(name, move |_| Ok(queue.pop().is_err()))
        });
        let waiting = thread::spawn("waiter", {
            let signal = signal.clone();
            move |_| Ok(signal.wait().is_ok())
        });
        sleep(Duration::from_millis(300)); // all of them are asleep by now
        report.values(Values {
            name: NAME,
            unit: "",
            samples: 9,
            ours: Box::new(|| {
                let before = voluntary_switches();
                sleep(Duration::from_secs(2));
                voluntary_switches() - before
            }),
            peers: Vec::new(),
        });
        queue.close();
        signal.set();
        drop(far);
        for popper in popping {
            assert!(popper.join()?, "closed and empty");
        }
        assert!(waiting.join()?, "it was set");
        Ok(())
    });
}
