//! Threads that wait, beside std's: what it takes to stop a hundred, and what each of them holds.

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self as std_thread, JoinHandle, sleep};
use std::time::{Duration, Instant};

use selvedge::thread::{self, Thread};

use crate::machine::{bytes_kept, resident};
use crate::measure::{Report, Sample, Values};

const STOPPED: usize = 100;
const HELD: usize = 200;
/// The argument with which the program measures itself anew: a thread's stack stays resident when it has ended.
pub const RESIDENT: &str = "--resident";

pub fn rows(report: &mut Report) {
    report.values(Values {
        name: "stop and join 100 waiting threads",
        unit: "us",
        samples: 15,
        ours: Box::new(|| {
            let group = thread::spawn("group", |stop| {
                spawn(STOPPED).into_iter().for_each(Thread::release);
                Ok(stop.wait()?)
            });
            all_sleep();
            let start = Instant::now();
            group.stop();
            drop(group.join());
            micros(start)
        }),
        peers: vec![(
            "std, an AtomicBool, park",
            Box::new(|| {
                let (stop, threads) = by_hand(STOPPED);
                all_sleep();
                let start = Instant::now();
                end(&stop, threads);
                micros(start)
            }),
        )],
    });
    report.values(Values {
        name: "heap of a waiting thread",
        unit: "B",
        samples: 9,
        ours: Box::new(|| {
            let (bytes, threads) = bytes_kept(|| {
                let threads = spawn(HELD);
                all_sleep();
                threads
            });
            threads.iter().for_each(Thread::stop);
            drop(threads.iter().map(Thread::join).collect::<Vec<_>>());
            bytes / HELD as f64
        }),
        peers: vec![(
            "std, an AtomicBool, park",
            Box::new(|| {
                let (bytes, (stop, threads)) = bytes_kept(|| {
                    let held = by_hand(HELD);
                    all_sleep();
                    held
                });
                end(&stop, threads);
                bytes / HELD as f64
            }),
        )],
    });
    report.values(Values {
        name: "resident memory of a waiting thread",
        unit: "KiB",
        samples: 9,
        ours: anew("ours"),
        peers: vec![("std, an AtomicBool, park", anew("std"))],
    });
}

/// What a new process says of its threads.
fn anew(whose: &'static str) -> Sample<'static> {
    Box::new(move || {
        let own = std::env::current_exe().expect("this program");
        let said = Command::new(own).args([RESIDENT, whose]).output();
        let said = String::from_utf8(said.expect("it runs").stdout).expect("a number");
        said.trim().parse().expect("a number")
    })
}

/// In a process of its own: prints how many KiB became resident with each thread.
pub fn print_resident(whose: &str) -> ExitCode {
    selvedge::run("bench-compare", |_stop| {
        let more = if whose == "ours" {
            spawn(1).into_iter().for_each(Thread::release); // what is made once
            all_sleep();
            let before = resident();
            spawn(HELD).into_iter().for_each(Thread::release);
            all_sleep();
            resident() - before
        } else {
            let first = by_hand(1);
            all_sleep();
            let before = resident();
            let (stop, threads) = by_hand(HELD);
            all_sleep();
            let more = resident() - before;
            end(&stop, threads);
            end(&first.0, first.1);
            more
        };
        println!("{}", more / HELD as f64);
        Ok(())
    })
}

fn spawn(n: usize) -> Vec<Thread<()>> {
    let start = |i| thread::spawn(&format!("t{i}"), |stop| Ok(stop.wait()?));
    (0..n).map(start).collect()
}

fn by_hand(n: usize) -> (Arc<AtomicBool>, Vec<JoinHandle<()>>) {
    let stop = Arc::new(AtomicBool::new(false));
    let start = |i| {
        let stop = Arc::clone(&stop);
        let body = move || {
            while !stop.load(SeqCst) {
                std_thread::park();
            }
        };
        let named = std_thread::Builder::new().name(format!("t{i}"));
        named.spawn(body).expect("a thread")
    };
    let threads = (0..n).map(start).collect();
    (stop, threads)
}

fn end(stop: &AtomicBool, threads: Vec<JoinHandle<()>>) {
    stop.store(true, SeqCst);
    threads.iter().for_each(|thread| thread.thread().unpark());
    for thread in threads {
        thread.join().expect("it returns");
    }
}

/// Long enough for all threads to have begun and gone to sleep.
fn all_sleep() {
    sleep(Duration::from_millis(60));
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64 / 1e3
}
