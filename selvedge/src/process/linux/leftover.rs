//! Whether a command has left processes behind in its shell's group.
//!
//! Numbers of processes are given out in order. Whatever a command started came after it, so only the
//! processes since then have to be looked at: mostly none, and all of them only where a lot was started
//! meanwhile, or the numbers began again.
//!
//! # Invariants
//!
//! 1. The answer is "yes" whenever it is not known.

use std::fs;

use rustix::process::Pid;

use crate::process::linux::group::{self, Seen};

/// So many are looked at one by one.
const FEW: u32 = 64;

/// So often it is looked at what was started while others were looked at.
const ROUNDS: usize = 8;

/// Has the group of `shell` a member that came after `command`, itself included?
pub(super) fn left_behind(shell: Pid, command: u32) -> bool {
    let mut first = command;
    for _ in 0..ROUNDS {
        let Some(last) = last_process() else {
            return true; // invariant 1
        };
        if last < first || last - first > FEW {
            return !group::members(shell).is_empty();
        }
        let is_left = |process: Seen| process.is_of(shell) && !process.is_dead;
        if (first..=last).filter_map(Seen::read).any(is_left) {
            return true;
        }
        if last == first {
            return false;
        }
        first = last; // whoever was looked at may have started another one and ended
    }
    true // invariant 1
}

/// The number that was given out last.
fn last_process() -> Option<u32> {
    let load = fs::read_to_string("/proc/loadavg").ok()?;
    load.split_ascii_whitespace().next_back()?.parse().ok()
}
