//! A recipe, not a test: threads that are started, stopped and fail at random, for as long as you like; then
//! memory, threads and descriptors are where they were.
//!
//! ```text
//! cargo run --release --example soak -- 600
//! ```
#![allow(clippy::print_stdout, reason = "it is an example program")]

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::time::Duration;

use selvedge::sync::Queue;
use selvedge::{Outcome, Signal, Till, probe, signal, thread};

fn random(end: u64) -> u64 {
    RandomState::new().hash_one(0) % end
}

/// Resident KiB, threads, descriptors.
fn used() -> (u64, usize, usize) {
    let count = |path| fs::read_dir(path).map_or(0, Iterator::count);
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|it| it.parse::<u64>().ok());
    let (tasks, descriptors) = (count("/proc/self/task"), count("/proc/self/fd"));
    (pages.unwrap_or(0) * 4, tasks, descriptors)
}

/// Does something for a moment, with children now and then; fails now and then.
fn busy(depth: u64, work: &Queue<u64>) -> Outcome<()> {
    for i in 0..random(4) {
        if depth < 4 {
            let work = work.clone();
            let child = thread::spawn(&format!("child-{i}"), move |_| busy(depth + 1, &work));
            match random(4) {
                0 => child.release(),
                1 => child.stop(),
                2 => drop(child.join()),
                _ => {}
            }
        }
    }
    let soon = Till::after(Duration::from_micros(random(3000)));
    match random(5) {
        0 => drop(work.push_until(depth, &soon)),
        1 => drop(work.pop_until(&soon)),
        2 => signal::deadline(&soon, || Signal::new().wait()).unwrap_or(()),
        3 => soon.wait()?,
        _ if random(20) == 0 => return Err("at random".into()),
        _ => {}
    }
    Ok(())
}

fn main() -> ExitCode {
    let seconds = std::env::args().nth(1).and_then(|it| it.parse().ok());
    let _quiet = probe::subscribe(|_| {}); // failures are what this is about
    let round = |length: Duration| {
        selvedge::run("soak", |stop| {
            let (over, work) = (Till::after(length) | stop, Queue::bounded(8));
            let mut rounds = 0_u64;
            while !over.is_set() {
                let top = thread::spawn("top", {
                    let work = work.clone();
                    move |_| busy(0, &work)
                });
                if random(3) == 0 {
                    top.stop();
                }
                drop(top.join());
                rounds += 1;
            }
            println!("{rounds} trees");
            Ok(())
        })
    };
    let _ = round(Duration::from_secs(1)); // what is made once is made now
    let before = used();
    let _ = round(Duration::from_secs(seconds.unwrap_or(10))); // 1, for a failure that nobody received
    let after = used();
    println!("KiB, threads, descriptors: before {before:?}, after {after:?}");
    let is_clean = (before.1, before.2) == (after.1, after.2) && after.0 < before.0 * 2;
    ExitCode::from(u8::from(!is_clean))
}
