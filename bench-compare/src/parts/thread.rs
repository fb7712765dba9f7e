//! Threads of the tree beside std's.

use std::hint::black_box;
use std::thread as std_thread;

use selvedge::thread;

use crate::measure::{Report, Row};

pub fn rows(report: &mut Report) {
    selvedge::run("bench-compare", |_stop| {
        report.row(Row {
            name: "spawn + join, named",
            ours: Box::new(|n| {
                for i in 0..n {
                    black_box(
                        thread::spawn("worker", move |_| Ok(i))
                            .join()
                            .expect("it returns"),
                    );
                }
            }),
            peers: vec![(
                "std",
                Box::new(|n| {
                    for i in 0..n {
                        let builder = std_thread::Builder::new().name("worker".to_owned());
                        black_box(
                            builder
                                .spawn(move || i)
                                .expect("a thread")
                                .join()
                                .expect("it returns"),
                        );
                    }
                }),
            )],
        });
        Ok(())
    });
}
