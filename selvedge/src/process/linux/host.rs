//! A shell that serves one command after another.
//!
//! # Invariants
//!
//! 1. It leads a group of its own, which the guard knows, and is not reaped before its group is dealt with: so
//!    the number is the group's for as long as there is a host. Whoever has it reaped otherwise says so.
//! 2. The engine does not end while there is one: its ticket counts. It hears of the shell's end as long as there
//!    is one: it is told by whose number, when the shell is put to work and when it is given back.
//! 3. What the shell itself says as an error never makes it wait: its end of that pipe does not block.
//! 4. The names of a command's streams mean those streams until the shell has opened them: our ends of both
//!    sides stay open until it says that the command has begun, or that it will not.

use core::fmt;
use std::fs;
use std::io::{self, ErrorKind, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{self, ChildStdin, ChildStdout};

use rustix::event::epoll;
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal as Sig, WaitId, WaitIdOptions, waitid};

use crate::primitive::Arc;
use crate::primitive::sys::descriptor::Interest;
use crate::process::linux::engine::{self, Request, Ticket};
use crate::process::linux::group;
use crate::process::linux::orphans;
use crate::process::linux::spawn::start;
use crate::process::linux::watched::SELF;
use crate::process::shell::{Framing, Home, Key, News};
use crate::signal::{Ready, Signal, Stopped, WaitSite, wait_ready};

/// How much of what the shell itself says as an error is kept.
const SAID: usize = 1 << 10;

pub(in crate::process) struct Host {
    pub(super) leader: Pid,
    pub(super) pidfd: Arc<OwnedFd>,
    /// Where it reads commands from; closed when it is to end.
    input: Option<ChildStdin>,
    pub(super) news: ChildStdout,
    errors: PipeReader,
    framing: &'static dyn Framing,
    /// News, as far as they have come.
    heard: Vec<u8>,
    is_new: bool,
    is_marked: bool,
    /// Somebody else has reaped it, and told the guard (invariant 1).
    is_over: bool,
    ticket: Ticket,
}

/// Why a command has not begun.
pub(super) enum NotBegun {
    /// The shell is no more, or makes no sense. With what it said.
    Broken(String),
    /// The command's streams could not be opened. With what the shell said.
    Refused(String),
    /// The stop came first.
    Stopped(Stopped),
    /// It could not be waited for.
    Unable(io::Error),
}

/// What a shell has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    News(News),
    /// Nothing for now.
    Nothing,
    /// It says nothing any more.
    End,
    Nonsense,
}

impl Host {
    pub(super) fn start(home: &Home, framing: &'static dyn Framing) -> io::Result<Self> {
        let (key, ticket) = (home.key(), engine::enter()?);
        let (errors, theirs) = io::pipe()?;
        ioctl_fionbio(&errors, true)?;
        ioctl_fionbio(&theirs, true)?; // invariant 3
        let mut command = process::Command::new(&key.program);
        command
            .args(framing.arguments())
            .env_clear()
            .envs(&key.env)
            .current_dir(&key.cwd)
            .process_group(0)
            .stdin(process::Stdio::piped())
            .stdout(process::Stdio::piped())
            .stderr(theirs);
        let mark = orphans::mark(ticket.request.key);
        let is_marked = mark.is_some();
        if let Some(mark) = mark {
            command.env(orphans::MARK, mark);
        }
        let started = start(&mut command);
        drop(command); // closes its end
        let (mut child, leader, pidfd) = started?;
        ticket.request.run.guard(leader); // invariant 1
        let (Some(input), Some(news)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both are pipes");
        };
        ioctl_fionbio(&input, false)?;
        let host = Self {
            leader,
            pidfd: Arc::new(pidfd),
            input: Some(input),
            news,
            errors,
            framing,
            heard: Vec::new(),
            is_new: true,
            is_marked,
            is_over: false,
            ticket,
        };
        let Request { run, key } = &host.ticket.request;
        run.enter_shell(*key, home.forgets(*key));
        let data = host.ticket.request.data(SELF);
        epoll::add(&run.epoll, &host.pidfd, data, engine::ONCE)?;
        Ok(host)
    }

    /// Is it there, and where it is to be? A directory may have been replaced by another of that name. And will
    /// the orphans of its commands be known?
    pub(super) fn is_fit(&self, key: &Key) -> bool {
        if orphans::adopts() != self.is_marked {
            return false;
        }
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if !matches!(waitid(self.id(), look), Ok(None)) {
            return false;
        }
        group::signal(self.leader, Sig::CONT); // one that somebody has suspended would not begin
        let theirs = fs::metadata(format!("/proc/{}/cwd", self.leader.as_raw_nonzero()));
        match (theirs, fs::metadata(&key.cwd)) {
            (Ok(theirs), Ok(wanted)) => {
                (theirs.dev(), theirs.ino()) == (wanted.dev(), wanted.ino())
            }
            _ => false,
        }
    }

    /// Has it run a framed command: waits until that has its streams, and returns its process. When `stop` is set first
    /// the shell is ended, and may have begun all the same.
    pub(super) fn begin(
        &mut self,
        frame: &[u8],
        stop: &Signal,
        site: impl Fn() -> WaitSite<'static>,
    ) -> Result<u32, NotBegun> {
        self.said(); // about others
        let setup = if self.is_new {
            self.framing.setup()
        } else {
            &[]
        };
        self.is_new = false;
        let text = [setup, frame].concat();
        let written = self.input.as_mut().map(|input| input.write_all(&text));
        if !matches!(written, Some(Ok(()))) {
            return Err(NotBegun::Broken(self.said()));
        }
        let mut is_ended = false;
        loop {
            match self.hear() {
                Heard::News(News::Began(0)) => {
                    let said = "it has no BASHPID: no bash, or one before 4.0".to_owned();
                    return Err(NotBegun::Broken(said));
                }
                Heard::News(News::Began(id)) => return Ok(id),
                Heard::News(News::Ended(_)) => return Err(NotBegun::Refused(self.said())),
                _ if is_ended => return Err(NotBegun::Stopped(Stopped::by(stop))),
                Heard::Nothing => {
                    let spare = &self.ticket.request.run.spare;
                    match wait_ready(
                        &[(self.news.as_fd(), Interest::Read)],
                        &[stop],
                        spare,
                        &site,
                    ) {
                        Ok(Ready::Source) => {}
                        Ok(Ready::Signal(_)) => {
                            self.end(); // and then we look whether it has begun
                            is_ended = true;
                        }
                        Err(error) => return Err(NotBegun::Unable(error)),
                    }
                }
                Heard::End | Heard::Nonsense => return Err(NotBegun::Broken(self.said())),
            }
        }
    }

    /// The next of its news.
    pub(super) fn hear(&mut self) -> Heard {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<_> = self.heard.drain(..=end).collect();
                let news = self.framing.news(&line[..end]);
                return news.map_or(Heard::Nonsense, Heard::News);
            }
            let mut buffer = [0; 64];
            match self.news.read(&mut buffer) {
                Ok(0) => return Heard::End,
                Ok(n) => self.heard.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Heard::Nothing,
                Err(_) => return Heard::End,
            }
        }
    }

    /// The end of what it has said as errors since the last look.
    fn said(&mut self) -> String {
        let mut said = Vec::new();
        let _ = self.errors.read_to_end(&mut said); // until it would wait
        let said = &said[said.len().saturating_sub(SAID)..];
        String::from_utf8_lossy(said).trim().to_owned()
    }

    /// Ends it, with all that is in its group. It is not reaped (invariant 1).
    fn end(&self) {
        group::signal(self.leader, Sig::KILL);
        let _ = waitid(self.id(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT); // at once
    }

    /// It gets no more commands, and ends after the one that it runs.
    pub(super) fn close(&mut self) {
        self.input = None;
    }

    /// Under which its end is told while no command has it.
    pub(super) fn request(&self) -> Request {
        self.ticket.request.clone()
    }

    /// By which its mark is known.
    pub(in crate::process) fn key(&self) -> u64 {
        self.ticket.request.key
    }

    /// It was reaped, and the guard told.
    pub(super) fn set_over(&mut self) {
        self.is_over = true;
    }

    fn id(&self) -> WaitId<'_> {
        WaitId::PidFd(self.pidfd.as_fd())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.ticket.request.run.leave_shell(self.key());
        if self.is_over {
            return;
        }
        let _ = epoll::delete(&self.ticket.request.run.epoll, &self.pidfd); // it was added
        self.end();
        self.ticket.request.run.unguard(self.leader);
        let _ = waitid(self.id(), WaitIdOptions::EXITED);
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.leader).finish()
    }
}
