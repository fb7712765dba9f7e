//! Threads of the tree beside std's.

use std::hint::black_box;
use std::thread as std_thread;

use selvedge::thread;

use super::tree;
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
        scopes(report);
        tree::rows(report);
        pools(report)?;
        Ok(())
    });
}

fn scopes(report: &mut Report) {
    for threads in [1, 100, 1_000] {
        let names: Vec<_> = (0..threads).map(|i| format!("t{i}")).collect();
        report.row(Row {
            name: match threads {
                1 => "a scope of 1 thread",
                100 => "a scope of 100 threads",
                _ => "a scope of 1,000 threads",
            },
            ours: Box::new(|n| {
                for _ in 0..n {
                    thread::scope("scope", |s| {
                        for name in &names {
                            s.spawn(name, |_| Ok(black_box(1)));
                        }
                        Ok(())
                    })
                    .expect("nobody fails");
                }
            }),
            peers: vec![(
                "std scope, named",
                Box::new(|n| {
                    for _ in 0..n {
                        std_thread::scope(|s| {
                            for name in &names {
                                std_thread::Builder::new()
                                    .name(name.clone())
                                    .spawn_scoped(s, || black_box(1))
                                    .expect("a thread");
                            }
                        });
                    }
                }),
            )],
        });
    }
}

/// A job, and a thousand, on two workers.
fn pools(report: &mut Report) -> thread::Outcome<()> {
    let ours = thread::Pool::new("pool", 2);
    let theirs = threadpool::ThreadPool::new(2);
    let (job_in, job_out) = crossbeam_channel::bounded::<Box<dyn FnOnce() + Send>>(1024);
    let by_hand: Vec<_> = (0..2)
        .map(|_| {
            let jobs = job_out.clone();
            std_thread::spawn(move || jobs.iter().for_each(|job| job()))
        })
        .collect();
    for (name, jobs) in [
        ("1 job on a pool, joined", 1),
        ("1,000 jobs on a pool, joined", 1_000_u64),
    ] {
        report.row(Row {
            name,
            ours: Box::new(|n| {
                for _ in 0..n {
                    let jobs: Vec<_> = (0..jobs)
                        .map(|i| ours.run(move |_| Ok(black_box(i))).expect("it is open"))
                        .collect();
                    for job in jobs {
                        black_box(job.join().expect("nobody fails"));
                    }
                }
            }),
            peers: vec![
                (
                    "threadpool, by a channel",
                    Box::new(|n| {
                        for _ in 0..n {
                            let (sender, receiver) = std::sync::mpsc::channel();
                            for i in 0..jobs {
                                let sender = sender.clone();
                                theirs.execute(move || sender.send(black_box(i)).expect("open"));
                            }
                            drop(sender);
                            assert_eq!(receiver.iter().count() as u64, jobs);
                        }
                    }),
                ),
                (
                    "crossbeam, by hand",
                    Box::new(|n| {
                        for _ in 0..n {
                            let (sender, receiver) = crossbeam_channel::bounded(1024);
                            for i in 0..jobs {
                                let sender = sender.clone();
                                let job = move || sender.send(black_box(i)).expect("open");
                                job_in.send(Box::new(job)).expect("open");
                            }
                            drop(sender);
                            assert_eq!(receiver.iter().count() as u64, jobs);
                        }
                    }),
                ),
            ],
        });
    }
    drop(job_in);
    for worker in by_hand {
        worker.join().expect("it returns");
    }
    ours.finish()?;
    Ok(())
}
