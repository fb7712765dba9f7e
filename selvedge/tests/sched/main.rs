//! Races of whole operations: one body each, under std's threads and under shuttle's schedules.
//!
//! ```text
//! cargo test -p selvedge --test sched
//! RUSTFLAGS="--cfg selvedge_shuttle" cargo test -p selvedge --release --test sched
//! ```
//!
//! Under shuttle each body runs under 1,000 schedules (`SELVEDGE_SCHEDULES` changes that): half of them
//! uniformly random, half with few preemptions at random places (PCT), because some mistakes need many
//! switches and others need one at the right place. A body that hangs is a deadlock there; under std it
//! fails after a minute for each hundred rounds, and shows the threads. Which mistake each model was seen to catch is in `MODELS.md`.
#![cfg(not(selvedge_loom))]

#[cfg(selvedge_shuttle)]
use shuttle::thread;
#[cfg(not(selvedge_shuttle))]
use std::thread;

mod asked;
mod async_calls;
mod await_and_set;
mod close_and_blocked;
mod combine;
mod conservation;
#[cfg(target_os = "linux")]
mod descriptor;
mod expectations;
mod expiry_and_push;
mod first_calls;
mod first_writers;
mod flyweight;
mod group;
mod groutine;
mod pool;
mod queue_ways;
mod lock;
mod log;
mod notices;
mod patches;
mod profiles;
mod scenario;
mod scope;
mod set_and_hook;
mod set_and_wait;
mod singleton;
mod small;
mod stop_and_spawn;
mod till;
mod tree;
mod trees;
mod waits;
mod watches;
#[cfg(all(selvedge_shuttle, target_os = "linux"))]
mod worker;

/// Runs `body` under many schedules.
#[cfg(selvedge_shuttle)]
fn check(body: impl Fn() + Send + Sync + 'static) {
    use shuttle::Runner;
    use shuttle::scheduler::{PctScheduler, RandomScheduler};

    // What a model has the process tell it, events say, must not come from another one: its threads are of another
    // scheduler.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);

    let schedules = std::env::var("SELVEDGE_SCHEDULES").map_or(1_000, |n| {
        n.parse::<usize>()
            .expect("SELVEDGE_SCHEDULES is a number")
            .max(2)
    });
    let config = || {
        let mut config = shuttle::Config::default();
        config.stack_size = 256 * 1024;
        config.silence_warnings = true; // about orderings, which are loom's business
        config
    };
    let body = std::sync::Arc::new(body);
    let random = std::sync::Arc::clone(&body);
    Runner::new(RandomScheduler::new(schedules / 2), config()).run(move || random());
    Runner::new(PctScheduler::new(3, schedules - schedules / 2), config()).run(move || body());
}

/// Runs `body` a hundred times; `SELVEDGE_ROUNDS` changes that.
#[cfg(not(selvedge_shuttle))]
fn check(body: impl Fn() + Send + Sync + 'static) {
    use std::sync::mpsc::{RecvTimeoutError, channel};

    let how_often = std::env::var("SELVEDGE_ROUNDS").map_or(100, |n| {
        n.parse::<u32>().expect("SELVEDGE_ROUNDS is a number")
    });
    let (running, ended) = channel::<()>();
    let rounds = spawn(move || {
        let _running = running;
        for _ in 0..how_often {
            body();
        }
    });
    // A minute for each hundred, so that more rounds are not taken for a hang.
    let limit = std::time::Duration::from_secs(60) * how_often.div_ceil(100);
    if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
        panic!(
            "it hangs; the threads and what they wait in: {:?}",
            threads()
        );
    }
    if let Err(payload) = rounds.join() {
        std::panic::resume_unwind(payload);
    }
}

/// The threads of the process, by the system, because a tree shows itself only to its threads.
#[cfg(not(selvedge_shuttle))]
fn threads() -> Vec<String> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let of = |task: &std::path::Path, what| {
        let text = std::fs::read_to_string(task.join(what)).unwrap_or_default();
        text.trim().to_owned()
    };
    tasks
        .flatten()
        .map(|task| of(&task.path(), "comm") + ": " + &of(&task.path(), "wchan"))
        .collect()
}

/// Starts a thread outside every tree, of the backend.
fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::Builder::new()
        .spawn(body)
        .expect("there is a thread to be had")
}

/// Lets others run.
fn pause() {
    thread::yield_now();
}

/// A number below `end`, which shuttle plays again with the schedule.
fn random(end: usize) -> usize {
    #[cfg(selvedge_shuttle)]
    let number = {
        use shuttle::rand::RngCore;
        shuttle::rand::thread_rng().next_u64()
    };
    #[cfg(not(selvedge_shuttle))]
    let number = {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(0)
    };
    (number % end as u64) as usize
}

/// Puts what was called first last, or not.
fn either_order(first: impl FnOnce(), second: impl FnOnce()) {
    if random(2) == 0 {
        first();
        second();
    } else {
        second();
        first();
    }
}
