//! One process, as the engine has it, from its start to its end.
//!
//! # States
//!
//! | state   | what happens                                       | leaves it when                              |
//! |---------|----------------------------------------------------|---------------------------------------------|
//! | running | output and input flow                              | it is asked to stop, killed, or ends        |
//! | asked   | its input is closed, its group had SIGTERM         | the grace is over, it is killed, or it ends |
//! | killed  | its group had SIGKILL                              | it ends                                     |
//! | ended   | its group is dead; the rest of its output is read  | both streams end, or a second has passed    |
//! | over    | it is reaped, its result handed over               |                                             |
//!
//! # Invariants
//!
//! 1. The leader is not reaped before the group is dealt with: until then its number is the group's.
//! 2. The guard forgets the group before the leader is reaped.
//! 3. What its descendants hold keeps a process from being over for a second at most.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::event::epoll::{self, EventFlags};
use rustix::process::{Pid, Signal as Sig, WaitId, WaitIdOptions, WaitIdStatus, waitid};

use crate::primitive::Arc;
use crate::primitive::atomic::Ordering::SeqCst;
use crate::process::command::{Parts, Unread};
use crate::process::exit::{Exit, Facts};
use crate::process::life::Life;
use crate::process::linux::engine::{Request, Ticket};
use crate::process::linux::group::{self, Seen};
use crate::process::linux::input::{self, Input};
use crate::process::linux::output::{Excess, Flow, Output};
use crate::signal::{OnSet, Signal};

/// How long descendants that hold the output may keep a process that has ended.
const DRAIN: Duration = Duration::from_secs(1);
/// How often a group is looked at again after it was killed.
const ROUNDS: usize = 3;
/// The slot of the pidfd; of output 1 and 2, of input 3.
const SELF: usize = 0;

pub(super) struct Watched {
    ticket: Ticket,
    life: Arc<Life>,
    leader: Pid,
    pidfd: OwnedFd,
    input: Option<Input>,
    out: [Option<Output>; 2],
    phase: Phase,
    grace: Duration,
    is_spilling: bool,
    leaves_group: bool,
    /// Who was below it when it was asked, or killed.
    below: Vec<Seen>,
    stop: Option<OnSet>,
    till: Option<(Signal, OnSet)>,
    unread: u64,
    lost: u64,
    unwritten: u64,
    tail: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Asked,
    Killed,
    Ended { was_forced: bool },
    Over { was_forced: bool },
}

/// What the engine is to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Its queues: one has room, another something new, or nobody holds it any more.
    Again,
    /// It is asked to stop.
    Asked,
    /// It is to be killed.
    Kill,
    /// The time that it was given has passed.
    Time,
}

impl Watched {
    #[expect(clippy::too_many_arguments, reason = "the parts of one process")]
    pub(super) fn new(
        ticket: Ticket,
        life: Arc<Life>,
        leader: Pid,
        pidfd: OwnedFd,
        input: Option<Input>,
        out: [Option<Output>; 2],
        parts: &Parts,
    ) -> Self {
        Self {
            ticket,
            life,
            leader,
            pidfd,
            input,
            out,
            phase: Phase::Running,
            grace: parts.grace,
            is_spilling: matches!(parts.unread, Unread::Spill { .. }),
            leaves_group: parts.leaves_group,
            below: Vec::new(),
            stop: None,
            till: None,
            unread: 0,
            lost: 0,
            unwritten: 0,
            tail: Vec::new(),
        }
    }

    pub(super) fn key(&self) -> u64 {
        self.ticket.0.key
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over { .. })
    }

    fn request(&self) -> &Request {
        &self.ticket.0
    }

    /// The engine has it from here on.
    pub(super) fn adopt(&mut self, buffer: &mut [u8]) {
        let request = self.request().clone();
        let epoll = &request.run.epoll;
        if epoll::add(epoll, &self.pidfd, request.data(SELF), EventFlags::IN).is_err() {
            // The kernel has no memory: nobody would tell us of its end.
            group::signal(self.leader, Sig::KILL);
            let _ = waitid(self.id(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            return self.ended(buffer);
        }
        self.stop = {
            let request = request.clone();
            let asked = move || request.send(Look::Asked);
            Some(self.life.member.stop().on_set(asked))
        };
        self.pump(buffer);
        self.feed();
    }

    /// One of its descriptors is ready.
    pub(super) fn ready(&mut self, slot: usize, buffer: &mut [u8]) {
        match slot {
            SELF => self.ended(buffer),
            input::SLOT => self.feed(),
            _ => self.pump_one(slot - 1, buffer),
        }
    }

    pub(super) fn look(&mut self, look: Look, buffer: &mut [u8]) {
        match (look, self.phase) {
            (Look::Again, _) => {
                if let Some(input) = &mut self.input {
                    input.arrived();
                }
                self.feed();
                self.pump(buffer);
            }
            (Look::Asked, Phase::Running) if !self.life.is_killed.load(SeqCst) => self.ask(),
            (Look::Asked | Look::Kill, Phase::Running)
            | (Look::Kill, Phase::Asked)
            | (Look::Time, Phase::Asked) => self.kill(),
            (Look::Time, Phase::Ended { was_forced }) => self.phase = Phase::Over { was_forced },
            _ => {}
        }
    }

    fn ask(&mut self) {
        self.phase = Phase::Asked;
        self.close_input();
        self.below = group::below(self.leader);
        group::signal(self.leader, Sig::TERM);
        group::signal(self.leader, Sig::CONT); // one that is suspended hears nothing
        self.give(self.grace);
    }

    fn kill(&mut self) {
        self.phase = Phase::Killed;
        self.till = None;
        self.close_input();
        group::signal(self.leader, Sig::STOP); // who forks meanwhile would be seen by nobody
        for process in group::below(self.leader) {
            if !self.below.contains(&process) {
                self.below.push(process);
            }
        }
        group::signal(self.leader, Sig::KILL);
    }

    fn give(&mut self, time: Duration) {
        let request = self.request().clone();
        let till = self.life.member.timer().after(time);
        let hook = till.on_set(move || request.send(Look::Time));
        self.till = Some((till, hook));
    }

    fn close_input(&mut self) {
        if let Some(input) = self.input.take() {
            self.unwritten += input.close();
        }
    }

    /// Moves input.
    fn feed(&mut self) {
        let request = self.request().clone();
        if let Some(input) = &mut self.input
            && (!input.pump(&request) || input.is_orphaned())
        {
            self.close_input();
        }
    }

    fn pump(&mut self, buffer: &mut [u8]) {
        for which in 0..self.out.len() {
            self.pump_one(which, buffer);
        }
    }

    /// Moves output.
    fn pump_one(&mut self, which: usize, buffer: &mut [u8]) {
        let request = self.request().clone();
        let has_ended = matches!(self.phase, Phase::Ended { .. });
        let is_awaited = self.life.is_awaited.load(SeqCst);
        let excess = if has_ended || is_awaited || self.is_spilling {
            Excess::Taken
        } else {
            Excess::Stays
        };
        let Some(output) = &mut self.out[which] else {
            return;
        };
        match output.pump(&request, buffer, excess) {
            Flow::On => {}
            Flow::Stuck => {
                self.life.is_stuck.store(true, SeqCst);
                if self.life.is_awaited.load(SeqCst) {
                    request.look_again(); // who waits may not have seen that it is stuck
                }
            }
            Flow::Ended => self.take_output(which),
        }
        if let Phase::Ended { was_forced } = self.phase
            && self.out.iter().all(Option::is_none)
        {
            self.phase = Phase::Over { was_forced };
        }
    }

    fn take_output(&mut self, which: usize) {
        if let Some(output) = self.out[which].take() {
            let (unread, lost, tail) = output.conclude();
            self.unread += unread;
            self.lost += lost;
            if which == 1 {
                self.tail = tail;
            }
        }
    }

    /// The leader has ended; it is not reaped (invariant 1).
    fn ended(&mut self, buffer: &mut [u8]) {
        let was_forced = !matches!(self.phase, Phase::Running);
        self.phase = Phase::Ended { was_forced };
        self.till = None;
        self.stop = None;
        let _ = epoll::delete(&self.request().run.epoll, &self.pidfd); // it was added
        if was_forced || !self.leaves_group {
            group::signal(self.leader, Sig::KILL);
        }
        self.close_input();
        if self.out.iter().all(Option::is_none) {
            self.phase = Phase::Over { was_forced };
            return;
        }
        self.pump(buffer);
        if !self.is_over() {
            self.give(DRAIN); // invariant 3
        }
    }

    fn id(&self) -> WaitId<'_> {
        WaitId::PidFd(self.pidfd.as_fd())
    }

    /// It is over: reaps it and hands the result over.
    pub(super) fn conclude(mut self: Box<Self>) {
        if matches!(self.phase, Phase::Over { was_forced: true }) {
            self.sweep();
        }
        for which in 0..self.out.len() {
            if let Some(output) = &mut self.out[which] {
                output.end();
            }
            self.take_output(which);
        }
        let below = core::mem::take(&mut self.below);
        let group = self.leader.as_raw_nonzero().get().unsigned_abs();
        let left = below
            .into_iter()
            .filter(|process| process.group != group && process.is_alive());
        let descendants = left.map(Seen::into_descendant).collect();
        self.request().run.guard.lock().remove(self.leader); // invariant 2
        let status = match waitid(self.id(), WaitIdOptions::EXITED) {
            Ok(Some(status)) => status_of(&status),
            _ => UNKNOWN, // somebody else has reaped it
        };
        self.life.end(Exit::new(Facts {
            status: ExitStatus::from_raw(status),
            unread: self.unread,
            lost: self.lost,
            unwritten: self.unwritten,
            descendants,
            stderr_tail: core::mem::take(&mut self.tail),
        }));
    }

    /// Looks again at a group that was killed, while anybody new is found in it.
    fn sweep(&self) {
        let mut known = Vec::new();
        for _ in 0..ROUNDS {
            let members = group::members(self.leader);
            if members.iter().all(|member| known.contains(member)) {
                return;
            }
            group::signal(self.leader, Sig::KILL);
            known = members;
        }
    }
}

/// The status of a process that somebody else has reaped, as `wait` has it: 255.
const UNKNOWN: i32 = 255 << 8;

/// As `wait` has it.
fn status_of(status: &WaitIdStatus) -> i32 {
    if let Some(code) = status.exit_status() {
        return (code & 0xff) << 8;
    }
    let core = if status.dumped() { 0x80 } else { 0 };
    status.terminating_signal().unwrap_or(0) | core
}
