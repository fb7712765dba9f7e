//! What the kernel says about processes, this one among them.
#![allow(dead_code, reason = "each binary uses its part")]

use std::fs::{read_dir, read_to_string};
use std::thread::yield_now;
use std::time::{Duration, Instant};

/// How long the kernel may take for what it is about to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// The state and the group of a process, if there is such a process.
fn stat(pid: u32) -> Option<(String, u32)> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.to_owned();
    Some((state, fields.nth(1)?.parse().ok()?))
}

/// Does it run? One that waits to be reaped does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// Who runs in a process group.
pub(crate) fn members(group: u32) -> Vec<u32> {
    let names = read_dir("/proc").unwrap().flatten();
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|(_, of)| of == group) && is_alive(*pid))
        .collect()
}

/// Waits until the system has come to it.
#[track_caller]
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    until_explained(is_so, || what.to_owned());
}

/// The same, with more words.
#[track_caller]
pub(crate) fn until_explained(is_so: impl Fn() -> bool, what: impl Fn() -> String) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it never was so: {}", what());
        yield_now();
    }
}

/// A field of `/proc/self/status`, in KiB or as a plain number.
pub(crate) fn status(field: &str) -> u64 {
    let status = read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let value = line.unwrap().trim_start_matches(':').split_whitespace();
    value.map(|word| word.parse().unwrap()).next().unwrap()
}

/// How often the thread of this process that is called so has gone to sleep, if there is one.
pub(crate) fn sleeps(thread: &str) -> Option<u64> {
    let tasks = read_dir("/proc/self/task").unwrap().flatten();
    let mut all = tasks.filter_map(|task| read_to_string(task.path().join("status")).ok());
    let name = format!("Name:\t{thread}");
    let status = all.find(|status| status.lines().next() == Some(&name))?;
    let mut lines = status.lines();
    let sleeps = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    Some(sleeps?.trim().parse().unwrap())
}

/// What this process holds of the system.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held {
    threads: u64,
    descriptors: usize,
    children: String,
}

impl Held {
    pub(crate) fn now() -> Self {
        let tasks = read_dir("/proc/self/task").unwrap().flatten();
        let children = tasks.filter_map(|task| read_to_string(task.path().join("children")).ok());
        Self {
            threads: status("Threads"),
            descriptors: read_dir("/proc/self/fd").unwrap().count(),
            children: children.collect(),
        }
    }

    /// Is it no more than that, of anything?
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let is_less = self.threads <= other.threads && self.descriptors <= other.descriptors;
        is_less && self.children == other.children
    }
}
