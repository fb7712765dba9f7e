//! Whether a command has left processes behind in its shell's group.
//!
//! Numbers of processes are given out in order. Whatever a command started came after it, so only the
//! processes since then have to be looked at: mostly none, and all of them only where a lot was started
//! meanwhile, or the numbers may have begun again.
//!
//! # Invariants
//!
//! 1. The answer is "yes" whenever it is not known.

use std::fs;
use std::io::{self, ErrorKind};
use std::time::Duration;

use rustix::process::Pid;

use crate::process::linux::group::{self, Seen};

/// So many are looked at one by one.
const FEW: u32 = 64;

/// So often it is looked at what was started while others were looked at.
const ROUNDS: usize = 8;

/// Numbers do not begin again, and come as far as they were, in so short a time.
const SHORT: Duration = Duration::from_millis(100);

/// Has the group of `shell` a member that came after `command`, itself included, which ran for `time`?
pub(super) fn left_behind(shell: Pid, command: u32, time: Duration) -> bool {
    match time < SHORT {
        true => any_since(shell, command).unwrap_or(true), // invariant 1
        false => any_of_all(shell).unwrap_or(true),        // as above
    }
}

fn any_since(shell: Pid, command: u32) -> io::Result<bool> {
    let mut first = command;
    for _ in 0..ROUNDS {
        let last = last_process()?;
        if last < first || last - first > FEW {
            return any_of_all(shell);
        }
        if any_among(shell, first..=last)? {
            return Ok(true);
        }
        if last == first {
            return Ok(false);
        }
        first = last; // whoever was looked at may have started another one and ended
    }
    Ok(true) // invariant 1
}

fn any_of_all(shell: Pid) -> io::Result<bool> {
    any_among(shell, group::numbers()?)
}

fn any_among(shell: Pid, numbers: impl IntoIterator<Item = u32>) -> io::Result<bool> {
    for number in numbers {
        if let Some(process) = Seen::look(number)?
            && process.is_of(shell)
            && !process.is_leader()
            && !process.is_dead
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The number that was given out last.
fn last_process() -> io::Result<u32> {
    let load = fs::read_to_string("/proc/loadavg")?;
    let last = load.split_ascii_whitespace().next_back();
    let number = last.and_then(|last| last.parse().ok());
    number.ok_or_else(|| ErrorKind::InvalidData.into())
}
