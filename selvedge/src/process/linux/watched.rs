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
//! | over    | it is reaped, its result handed over               | at once                                     |
//! | rest    | spilled output goes to who reads it                | all is read, or nobody can read it          |
//!
//! # Invariants
//!
//! 1. The leader is not reaped before the group is dealt with: until then its number is the group's.
//! 2. The guard forgets the group before the leader is reaped.
//! 3. What its descendants hold keeps a process from being over for a second at most.
//! 4. A command in a shell ends when the shell says so, with the status that it says, and then the shell is given
//!    back and is not ours any more; or with its shell, as the leader that it is until then.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::event::epoll::{self, EventFlags};
use rustix::process::{Pid, Signal as Sig, WaitId, WaitIdOptions, WaitIdStatus, waitid};

use crate::primitive::Arc;
use crate::primitive::atomic::Ordering::{Relaxed, SeqCst};
use crate::probe::{self, Event};
use crate::process::command::{Parts, Unread};
use crate::process::exit::{Exit, Facts};
use crate::process::life::Life;
use crate::process::linux::engine::{Request, Ticket};
use crate::process::linux::group::{self, Seen};
use crate::process::linux::host::Heard;
use crate::process::linux::input::{self, Input};
use crate::process::linux::lent::Lent;
use crate::process::linux::output::{Excess, Flow, Output};
use crate::process::shell::News;
use crate::signal::{OnSet, Signal};

/// How long descendants that hold the output may keep a process that has ended.
const DRAIN: Duration = Duration::from_secs(1);
/// The slot of the pidfd; of output 1 and 2, of input 3, of a shell's news 4.
pub(super) const SELF: usize = 0;
pub(super) const NEWS: usize = 4;

pub(super) struct Watched {
    pub(super) request: Request,
    ticket: Ticket,
    pub(super) life: Arc<Life>,
    pub(super) leader: Pid,
    /// Until it is reaped.
    pub(super) pidfd: Option<Arc<OwnedFd>>,
    pub(super) input: Option<Input>,
    pub(super) out: [Option<Output>; 2],
    pub(super) phase: Phase,
    grace: Duration,
    is_spilling: bool,
    leaves_group: bool,
    /// Who was below it when it was asked, or killed.
    pub(super) below: Vec<Seen>,
    /// Who was found, and ended, outside its group.
    pub(super) adopted: Vec<Seen>,
    stop: Option<OnSet>,
    pub(super) till: Option<(Signal, OnSet)>,
    unwritten: u64,
    /// Does the kernel tell of its end?
    pub(super) is_told: bool,
    /// The shell that it is a command of, until that is given back.
    pub(super) lent: Option<Lent>,
    /// What the shell says about its end.
    pub(super) said: Option<i32>,
    /// How many bytes of output were known to be lost when it was over.
    told: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    Asked,
    Killed,
    Ended {
        was_forced: bool,
    },
    Over {
        was_forced: bool,
    },
    /// It was reaped; output that was spilled waits for who reads it.
    Rest,
}

/// What the engine is to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// All its queues: somebody waits for its end, or holds its handle no more.
    Again,
    /// The queue of this output has room, or is gone.
    Room(usize),
    /// There is input, or no more of it.
    Input,
    /// It is asked to stop.
    Asked,
    /// It is to be killed.
    Kill,
    /// The time that it was given has passed.
    Time,
}

impl Watched {
    pub(super) fn new(
        ticket: Ticket,
        life: Arc<Life>,
        leader: Pid,
        pidfd: Arc<OwnedFd>,
        input: Option<Input>,
        out: [Option<Output>; 2],
        parts: &Parts,
    ) -> Self {
        Self {
            request: ticket.request.clone(),
            ticket,
            life,
            leader,
            pidfd: Some(pidfd),
            input,
            out,
            phase: Phase::Running,
            grace: parts.grace,
            is_spilling: matches!(parts.unread, Unread::Spill { .. }),
            leaves_group: parts.leaves_group,
            below: Vec::new(),
            adopted: Vec::new(),
            stop: None,
            till: None,
            unwritten: 0,
            is_told: false,
            lent: None,
            said: None,
            told: 0,
        }
    }

    /// As a command in a shell.
    pub(super) fn in_shell(mut self, lent: Lent) -> Self {
        self.lent = Some(lent);
        self
    }

    pub(super) fn key(&self) -> u64 {
        self.request.key
    }

    fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Asked | Phase::Killed)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over { .. })
    }

    /// Is nothing left of it?
    pub(super) fn is_done(&self) -> bool {
        self.phase == Phase::Rest && self.out.iter().flatten().all(Output::is_done)
    }

    fn has_output(&self) -> bool {
        self.out
            .iter()
            .flatten()
            .any(|output| output.pipe().is_some())
    }

    /// Has the engine told when it is asked to stop.
    pub(super) fn hear_of_stop(&mut self) -> Signal {
        let request = self.request.clone();
        let stop = self.life.member.stop().clone();
        self.stop = Some(stop.on_set(move || request.send(Look::Asked)));
        stop
    }

    /// Has the kernel tell what happens to it. Is there nothing to do before that?
    pub(super) fn listen(&mut self) -> bool {
        if self.lent.is_some() {
            return false; // who has the shell's end told changes that (invariant 4), on the engine's thread
        }
        let request = &self.request;
        let (epoll, data) = (&request.run.epoll, request.data(SELF));
        let pidfd = self.pidfd.as_ref();
        self.is_told =
            pidfd.is_some_and(|pidfd| epoll::add(epoll, pidfd, data, EventFlags::IN).is_ok());
        let mut outputs = self.out.iter_mut().flatten();
        let is_listening = outputs.all(|output| output.listen(request));
        self.is_told && is_listening && self.input.is_none()
    }

    /// The engine has it from here on.
    pub(super) fn adopt(&mut self, buffer: &mut [u8]) {
        let request = self.request.clone();
        let epoll = &request.run.epoll;
        if let (Some(_), Some(pidfd)) = (&self.lent, &self.pidfd) {
            self.is_told = request.hears(pidfd).is_ok();
        }
        if !self.is_told {
            // The kernel has no memory: nobody would tell us of its end.
            group::signal(self.leader, Sig::KILL);
            let _ = self.wait(WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            return self.ended(buffer);
        }
        if let Some(lent) = &self.lent {
            let added = epoll::add(epoll, &lent.host.news, request.data(NEWS), EventFlags::IN);
            if added.is_err() {
                group::signal(self.leader, Sig::KILL); // as above; its end is told
            }
        }
        self.pump(buffer);
        self.feed();
        self.hear(buffer); // the rest of what came with its begin
    }

    /// One of its descriptors is ready.
    pub(super) fn ready(&mut self, slot: usize, buffer: &mut [u8]) {
        match slot {
            SELF if self.is_running() => self.ended(buffer),
            SELF => {} // its shell, which is not ours any more (invariant 4)
            input::SLOT if self.input.as_ref().is_some_and(Input::is_refused) => self.close_input(),
            input::SLOT => self.feed(),
            NEWS => self.hear(buffer),
            _ => self.pump_one(slot - 1, buffer),
        }
    }

    pub(super) fn look(&mut self, look: Look, buffer: &mut [u8]) {
        match (look, self.phase) {
            (Look::Again, _) => {
                self.feed();
                self.pump(buffer);
            }
            (Look::Room(which), _) => {
                if let Some(output) = &mut self.out[which] {
                    output.noticed();
                }
                self.pump_one(which, buffer);
            }
            (Look::Input, _) => {
                if let Some(input) = &mut self.input {
                    input.noticed();
                }
                self.feed();
            }
            (Look::Asked, Phase::Running) if !self.life.is_killed.load(SeqCst) => {
                self.ask();
                self.pump(buffer); // what it wrote, and nobody read, must not keep it
            }
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
        self.close_shell();
        self.below = group::below(self.leader);
        group::signal(self.leader, Sig::TERM);
        group::signal(self.leader, Sig::CONT); // one that is suspended hears nothing
        self.give(self.grace);
    }

    fn kill(&mut self) {
        self.phase = Phase::Killed;
        self.till = None;
        self.close_input();
        self.close_shell();
        group::signal(self.leader, Sig::STOP); // who forks meanwhile would be seen by nobody
        for process in group::below(self.leader) {
            if !self.below.contains(&process) {
                self.below.push(process);
            }
        }
        group::signal(self.leader, Sig::KILL);
    }

    fn give(&mut self, time: Duration) {
        let till = self.life.member.timer().after_or_at_once(time);
        // Not an action: those of tills delay one another.
        let hook = till.raise(&self.request.run.event);
        self.till = Some((till, hook));
    }

    /// Has the time passed that it was given?
    pub(super) fn is_due(&self) -> bool {
        self.till.as_ref().is_some_and(|(till, _)| till.is_set())
    }

    fn close_input(&mut self) {
        if let Some(input) = self.input.take() {
            self.unwritten += input.close();
        }
    }

    /// Moves input.
    fn feed(&mut self) {
        let request = self.request.clone();
        if let Some(input) = &mut self.input
            && !input.pump(&request)
        {
            self.close_input();
        }
    }

    pub(super) fn pump(&mut self, buffer: &mut [u8]) {
        for which in 0..self.out.len() {
            self.pump_one(which, buffer);
        }
    }

    /// Moves output.
    fn pump_one(&mut self, which: usize, buffer: &mut [u8]) {
        let excess = self.excess(which);
        let Some(output) = &mut self.out[which] else {
            return;
        };
        output.collect(&self.life.collected[which], buffer);
        if output.pump(&self.request, buffer, excess) == Flow::Stuck {
            self.life.is_stuck.store(true, SeqCst);
            if self.life.is_awaited.load(SeqCst) {
                self.request.look_again(); // who waits may not have seen that it is stuck
            }
        }
        if let Phase::Ended { was_forced } = self.phase
            && !self.has_output()
        {
            self.phase = Phase::Over { was_forced };
        }
    }

    /// What is to become of output for which there is no room.
    fn excess(&self, which: usize) -> Excess {
        let is_to_end = self.phase != Phase::Running || self.life.is_awaited.load(SeqCst);
        if self.is_spilling {
            Excess::Spills
        } else if !is_to_end {
            Excess::Stays
        } else if self.life.is_wanted[which].load(Relaxed) {
            Excess::Spills
        } else {
            Excess::IsLost
        }
    }

    /// The leader has ended; it is not reaped (invariant 1).
    fn ended(&mut self, buffer: &mut [u8]) {
        let was_forced = !matches!(self.phase, Phase::Running);
        self.unwatch();
        if was_forced || !self.leaves_group {
            group::signal(self.leader, Sig::KILL);
            self.adopted = self.sweep_orphans();
        }
        if let Some(lent) = &mut self.lent
            && let Heard::News(News::Ended(status)) = lent.host.hear()
        {
            self.said = Some(status); // the last that it said
        }
        self.drain(was_forced, buffer);
    }

    /// Nobody but descendants has its output any more.
    pub(super) fn drain(&mut self, was_forced: bool, buffer: &mut [u8]) {
        self.phase = Phase::Ended { was_forced };
        self.till = None;
        self.stop = None;
        self.close_input();
        if !self.has_output() {
            self.phase = Phase::Over { was_forced };
            return;
        }
        self.pump(buffer);
        if !self.is_over() {
            self.give(DRAIN); // invariant 3
        }
    }

    fn wait(&self, options: WaitIdOptions) -> Option<WaitIdStatus> {
        let pidfd = self.pidfd.as_ref()?;
        waitid(WaitId::PidFd(pidfd.as_fd()), options).ok()?
    }

    /// Its end is not told any more.
    pub(super) fn unwatch(&self) {
        if let Some(pidfd) = &self.pidfd {
            let _ = epoll::delete(&self.request.run.epoll, pidfd); // it was added
        }
    }

    /// It is over: reaps it and hands the result over.
    pub(super) fn conclude(&mut self) {
        let has_below = !self.below.is_empty();
        let mut left = core::mem::take(&mut self.below);
        left.retain(|process| !process.is_of(self.leader) && process.is_alive());
        left.append(&mut self.adopted);
        if matches!(self.phase, Phase::Over { was_forced: true }) && has_below {
            group::kill_again(self.leader);
        }
        let is_held = self.has_output();
        for output in self.out.iter_mut().flatten() {
            if let Some(pipe) = output.pipe() {
                left.extend(group::holders(pipe));
            }
            output.end();
        }
        left.sort();
        left.dedup_by(|a, b| a.is_same(b)); // it may have another parent by now
        self.phase = Phase::Rest;
        self.till = None;
        let said = self.said.map(|code| (code & 0xff) << 8);
        let status = match said {
            Some(said) if self.lent.is_none() => said, // invariant 4
            _ => {
                let status = self.reap();
                said.unwrap_or(status)
            }
        };
        let out = || self.out.iter().flatten();
        let tail = self.out[1].as_ref().map_or(&[][..], Output::tail);
        let exit = Exit::new(Facts {
            status: ExitStatus::from_raw(status),
            unread: out().map(Output::unread).sum(),
            lost: out().map(Output::lost).sum(),
            unwritten: self.unwritten,
            is_held,
            descendants: left.into_iter().map(Seen::into_descendant).collect(),
            stderr_tail: tail.to_vec(),
        });
        self.tell_lost();
        if self.is_done() {
            self.life.settled.set(); // before its end is told: who wants all waits once
        }
        self.ticket.become_rest(); // before others hear of it: the engine may end
        self.life.end(exit);
    }

    /// Output that nobody can read is told.
    fn tell_lost(&mut self) {
        let lost = self.out.iter().flatten().map(Output::lost).sum::<u64>();
        if lost > self.told {
            probe::emit(&Event::OutputLost {
                process: self.life.member.path(),
                bytes: lost - self.told,
            });
            self.told = lost;
        }
    }

    /// With its group dealt with (invariant 1).
    fn reap(&mut self) -> i32 {
        self.request.run.unguard(self.leader); // invariant 2
        if let Some(mut lent) = self.lent.take() {
            lent.host.set_over();
        }
        let status = self.wait(WaitIdOptions::EXITED);
        self.pidfd = None; // before others hear of its end: who is short of descriptors can start another one
        status.map_or(UNKNOWN, |status| status_of(&status)) // or somebody else has reaped it
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        for output in self.out.iter_mut().flatten() {
            output.abandon();
        }
        self.tell_lost(); // what was lost since it was over
        self.life.settled.set();
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
