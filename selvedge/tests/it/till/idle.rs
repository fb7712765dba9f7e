//! What idles.

use selvedge::Till;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::{HOUR, millis, pass};

/// B6: ten wake-ups a second while nothing was due. Alone in a process, with one timer thread.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_timer_does_not_wake_up() {
    const ALONE: &str = "SELVEDGE_TEST_IDLE_TIMER";
    if std::env::var_os(ALONE).is_none() {
        let test = "till::idle::an_idle_timer_does_not_wake_up";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        let failed = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{said}\n{failed}");
        assert!(said.contains("1 passed"), "{said}");
        return;
    }
    let far: Vec<_> = (0..1000u32)
        .map(|n| Till::after(HOUR + millis(600) * n))
        .collect();
    let wall = Till::at_system(SystemTime::now() + HOUR);
    let before = settled();
    pass(millis(400));
    assert_eq!(asleep(), before, "nothing is due for an hour");

    let early = Till::after(millis(300));
    let before = settled(); // for the early one
    drop(early);
    pass(millis(600));
    let after = asleep();
    for (thread, count) in after {
        let more = count - before[&thread];
        assert!(more <= 1, "thread {thread} woke up {more} times");
    }
    // Neither making nor dropping what is later wakes it.
    let before = settled();
    for n in 0..1000u32 {
        drop(Till::after(HOUR * 2 + millis(1) * n));
    }
    assert_eq!(asleep(), before);
    assert!(!wall.is_set() && far.iter().all(|till| !till.is_set()));
}

/// The same, when they have done what they were woken for: one that waits for a lock sleeps as well.
#[cfg(target_os = "linux")]
fn settled() -> std::collections::BTreeMap<String, u64> {
    loop {
        let before = asleep();
        pass(millis(50));
        if asleep() == before {
            return before;
        }
    }
}

/// How often each of our service threads has gone to sleep, when all of them do.
#[cfg(target_os = "linux")]
fn asleep() -> std::collections::BTreeMap<String, u64> {
    let field = |status: &str, name: &str| -> String {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let mut counts = std::collections::BTreeMap::new();
        let mut all_sleep = true;
        for task in std::fs::read_dir("/proc/self/task").unwrap() {
            let path = task.unwrap().path().join("status");
            let Ok(status) = std::fs::read_to_string(path) else {
                continue; // it has ended
            };
            let name = field(&status, "Name:");
            if name.starts_with("selvedge-") {
                all_sleep &= field(&status, "State:").starts_with('S');
                let count = field(&status, "voluntary_ctxt_switches:").parse().unwrap();
                counts.insert(name, count);
            }
        }
        if all_sleep && counts.contains_key("selvedge-timer") {
            return counts;
        }
        assert!(Instant::now() < end, "the timer thread does not sleep");
        thread::yield_now();
    }
}
