//! Process groups: signals to them, and who is in them.

use std::fs;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::process::exit::Descendant;

/// Sends a signal to the group. The caller holds its leader unreaped, so that the number is the group's.
pub(super) fn signal(leader: Pid, signal: Signal) {
    let _ = kill_process_group(leader, signal); // there is nobody left to tell
}

/// A process, as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: u32,
    parent: u32,
    pub(super) group: u32,
    /// When it was started, by which it differs from a later one with the same number.
    since: u64,
    is_dead: bool,
    name: Box<str>,
}

impl Seen {
    fn read(id: u32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{id}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        let (before, after) = stat.rsplit_once(") ")?;
        let (_, name) = before.split_once(" (")?;
        let mut fields = after.split(' ');
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let since = fields.nth(16)?.parse().ok()?;
        Some(Self {
            id,
            parent,
            group,
            since,
            is_dead: matches!(state, "Z" | "X"),
            name: name.into(),
        })
    }

    /// Does it still run?
    pub(super) fn is_alive(&self) -> bool {
        Self::read(self.id).is_some_and(|now| now.since == self.since && !now.is_dead)
    }

    pub(super) fn into_descendant(self) -> Descendant {
        let (id, name) = (self.id, self.name);
        Descendant { id, name }
    }
}

/// All processes that we may see.
fn all() -> Vec<Seen> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let ids = names.filter_map(|name| name.to_str()?.parse().ok());
    ids.filter_map(Seen::read).collect()
}

/// Who is below a process at this moment, it not included.
pub(super) fn below(leader: Pid) -> Vec<Seen> {
    let (all, mut found) = (all(), Vec::new());
    let mut parents = vec![leader.as_raw_nonzero().get().unsigned_abs()];
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            parents.push(process.id);
            found.push(process.clone());
        }
    }
    found
}

/// Who is in a group and alive, its leader not included.
pub(super) fn members(leader: Pid) -> Vec<Seen> {
    let leader = leader.as_raw_nonzero().get().unsigned_abs();
    let mut all = all();
    all.retain(|process| process.group == leader && process.id != leader && !process.is_dead);
    all
}
