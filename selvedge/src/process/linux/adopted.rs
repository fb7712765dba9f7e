//! Orphans that live on: each is reaped at its end, whoever left it.
//!
//! The kernel does not tell whom we adopt, and a zombie does not tell whose child it was. So while the program adopts,
//! the engine looks now and then at everybody below it.
//!
//! # Invariants
//!
//! 1. Who is held was seen as the child of another, or carries our mark and is no process of ours: it is a child
//!    that this program has adopted, and not one that it started, by whatever means.
//! 2. Only who is held is reaped, by its pidfd: its number cannot be another's.

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData};
use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, waitid};

use crate::primitive::clock;
use crate::process::linux::engine::ONCE;
use crate::process::linux::group::{self, Seen};
use crate::process::linux::orphans;

/// How long after a look the next one is.
const PERIOD: Duration = Duration::from_millis(200);

/// The orphans that are known, as the engine has them.
#[derive(Default)]
pub(super) struct Adopted {
    held: Vec<(Seen, OwnedFd)>,
    /// Who was the child of another at the last look.
    below: HashSet<(u32, u64)>,
    last: Option<Instant>,
    /// Were there processes, or orphans, at the last look?
    is_busy: bool,
}

impl Adopted {
    /// How long the engine may sleep before the next look; `None`: there is none to come.
    pub(super) fn patience(&self, has_processes: bool) -> Option<Timespec> {
        if !orphans::adopts() || !(has_processes || self.is_busy) {
            return None;
        }
        let since = self.last.map(|last| clock::now() - last);
        let rest = since.map_or(Duration::ZERO, |since| PERIOD.saturating_sub(since));
        Timespec::try_from(rest).ok()
    }

    /// Is it time for a look?
    pub(super) fn is_due(&self, has_processes: bool) -> bool {
        self.patience(has_processes) == Some(Timespec::default())
    }

    /// Looks for those that were adopted. Their ends are told as `data`.
    pub(super) fn look(&mut self, leaders: &[Pid], epoll: &OwnedFd, data: EventData) {
        let mut below = HashSet::new();
        for seen in group::below(getpid()) {
            if !seen.is_ours() {
                below.insert(seen.identity());
            } else if self.is_orphan(&seen, leaders) {
                self.hold(seen, epoll, data);
            }
        }
        self.below = below;
        self.last = Some(clock::now());
        self.is_busy = !leaders.is_empty() || !self.held.is_empty();
    }

    /// One that is not held (invariant 1).
    fn is_orphan(&self, child: &Seen, leaders: &[Pid]) -> bool {
        let is_held = || self.held.iter().any(|(held, _)| held.is_same(child));
        let was_below = || self.below.contains(&child.identity());
        let is_left = || {
            let is_process = child.may_be_started() || leaders.iter().any(|it| child.is(*it));
            // Again: one that is being started had no group of its own when it was seen, and has one since it has the
            // mark.
            let now = || Seen::read(child.id).filter(|now| now.is_same(child));
            let is_marked = !is_process && orphans::is_marked_by_us(child);
            is_marked && now().is_some_and(|now| !now.may_be_started())
        };
        (was_below() || is_left()) && !is_held()
    }

    fn hold(&mut self, orphan: Seen, epoll: &OwnedFd, data: EventData) {
        let Some(pidfd) = orphan.open() else {
            return;
        };
        if epoll::add(epoll, &pidfd, data, ONCE).is_ok() {
            self.held.push((orphan, pidfd));
        }
    }

    /// Reaps those that have ended (invariant 2).
    pub(super) fn reap(&mut self) {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        // Who is no child any more was reaped together with its process.
        let lives =
            |pidfd: &OwnedFd| matches!(waitid(WaitId::PidFd(pidfd.as_fd()), look), Ok(None));
        self.held.retain(|(_, pidfd)| lives(pidfd));
    }
}
