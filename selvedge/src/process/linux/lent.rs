//! The start of a command in a shell, and the shell while the command has it.
//!
//! # Invariants
//!
//! 1. A shell is given back only if the command has ended by itself and has left nothing behind in the shell's
//!    group. Otherwise it ends with the command, and the next gets another one.
//! 2. A command that a shell did not begin has not run: it is given to another shell, unless its caller was asked to
//!    stop. A shell that was waited for then ends, so that it does not begin later.
//!
//! A shell reads a pipe byte by byte, because what comes after a command may be for the command: that is fast for
//! a line, and slow for a long text. It gets that in a file.

use core::panic::Location;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Instant;

use rustix::event::epoll;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::ioctl_fionbio;
use rustix::process::Signal as Sig;

use crate::primitive::{Arc, clock};
use crate::process::command::{Parts, Stdin};
use crate::process::error::SpawnError;
use crate::process::life::{Life, Streams};
use crate::process::linux::engine;
use crate::process::linux::group::{self, Seen};
use crate::process::linux::host::{Heard, Host, NotBegun};
use crate::process::linux::input::Input;
use crate::process::linux::leftover::left_behind;
use crate::process::linux::orphans;
use crate::process::linux::output::Output;
use crate::process::linux::spawn::streams_of;
use crate::process::linux::target::{Target, Tenure};
use crate::process::linux::watched::{Phase, Watched};
use crate::process::process::Process;
use crate::process::shell::{Framing, Home, News, ShellError, Streams as Names};
use crate::signal::{self, Stopped, Timer, WaitSite};

/// A shell that a command has.
pub(super) struct Lent {
    pub(super) host: Host,
    home: Home,
    tenure: Tenure,
    command: u32,
    began: Instant,
}

impl Lent {
    /// May the next command have it?
    pub(super) fn is_clean(&self) -> bool {
        !left_behind(self.host.leader, self.command, clock::now() - self.began)
    }

    pub(super) fn give_back(self, timer: &Timer) {
        drop(self.tenure); // before the next command has it
        self.home.put(self.host, timer);
    }
}

/// What a command in a shell does otherwise than a process of its own.
impl Watched {
    /// A shell ends after the command that it runs.
    pub(super) fn close_shell(&mut self) {
        if let Some(lent) = &mut self.lent {
            lent.host.close();
        }
    }

    /// What a shell says about its command.
    pub(super) fn hear(&mut self, buffer: &mut [u8]) {
        let Some(lent) = &mut self.lent else {
            return;
        };
        match lent.host.hear() {
            Heard::Nothing => {}
            Heard::News(News::Ended(status)) => {
                self.said = Some(status);
                if self.phase == Phase::Running {
                    self.said_ended(buffer);
                }
            }
            Heard::End => {
                // Its own end follows.
                let _ = epoll::delete(&self.request.run.epoll, &lent.host.news); // it was added
            }
            Heard::News(News::Began(_)) | Heard::Nonsense => self.end_shell(),
        }
    }

    /// The command has ended, its shell has not (invariant 4).
    fn said_ended(&mut self, buffer: &mut [u8]) {
        let Some(lent) = self.lent.take_if(|lent| lent.is_clean()) else {
            return self.end_shell();
        };
        let epoll = &self.request.run.epoll;
        let _ = epoll::delete(epoll, &lent.host.news); // it was added
        self.adopted = orphans::sweep(self.leader, lent.host.key(), &self.below);
        let host = lent.host.request();
        lent.give_back(self.life.member.timer());
        // After it was put in: its end, when it is told, is for whoever keeps it. One that is gone hears nothing.
        if let Some(shell) = self.pidfd.take() {
            let _ = host.hears(&shell);
        }
        self.drain(false, buffer);
    }

    /// With all that is in its group.
    fn end_shell(&mut self) {
        self.phase = Phase::Killed;
        group::signal(self.leader, Sig::KILL);
    }

    /// Those of a command in a shell have the shell's mark.
    pub(super) fn sweep_orphans(&self) -> Vec<Seen> {
        let lent = self.lent.as_ref();
        let key = lent.map_or_else(|| self.key(), |lent| lent.host.key());
        orphans::sweep(self.leader, key, &self.below)
    }
}

/// The pipes of a command: our ends, and those that the shell opens by name.
struct Pipes {
    out: [PipeReader; 2],
    their_out: [PipeWriter; 2],
    input: Option<PipeWriter>,
    their_input: Option<PipeReader>,
}

impl Pipes {
    fn new(stdin: &Stdin) -> io::Result<Self> {
        let (stdout, their_stdout) = io::pipe()?;
        let (stderr, their_stderr) = io::pipe()?;
        let (their_input, input) = match stdin {
            Stdin::Null => (None, None),
            Stdin::Pipe | Stdin::Bytes(_) => {
                let (theirs, ours) = io::pipe()?;
                ioctl_fionbio(&ours, true)?;
                (Some(theirs), Some(ours))
            }
            Stdin::File(_) | Stdin::Inherit => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "a command in a shell cannot be given a file that is open here as its standard input: \
                     name the file in a script, or use a `Command`",
                ));
            }
        };
        ioctl_fionbio(&stdout, true)?;
        ioctl_fionbio(&stderr, true)?;
        Ok(Self {
            out: [stdout, stderr],
            their_out: [their_stdout, their_stderr],
            input,
            their_input,
        })
    }

    /// The command as the shell is to read it.
    fn frame(&self, framing: &dyn Framing, command: &[u8]) -> Vec<u8> {
        let null = PathBuf::from("/dev/null");
        let [stdout, stderr] = &self.their_out;
        framing.frame(
            command,
            &Names {
                stdin: &self.their_input.as_ref().map_or(null, name_of),
                stdout: &name_of(stdout),
                stderr: &name_of(stderr),
            },
        )
    }
}

/// A text that is so long is given in a file.
const LONG: usize = 2 << 10;

/// What to send to a shell, and the file that it names, which is to be there until the shell has begun.
fn shortened(framing: &dyn Framing, frame: Vec<u8>) -> io::Result<(Vec<u8>, Option<File>)> {
    if frame.len() < LONG {
        return Ok((framing.sent(frame), None));
    }
    let mut file = File::from(memfd_create(c"selvedge-command", MemfdFlags::CLOEXEC)?);
    file.write_all(&frame)?;
    Ok((framing.sent_by_name(&name_of(&file)), Some(file)))
}

/// What another process can open a file of ours by.
fn name_of(file: impl AsFd) -> PathBuf {
    let (process, number) = (std::process::id(), file.as_fd().as_raw_fd());
    PathBuf::from(format!("/proc/{process}/fd/{number}"))
}

/// Starts a command, which the shell can read, in a shell from `home`.
pub(in crate::process) fn run(
    parts: &Parts,
    name: &str,
    home: Home,
    framing: &'static dyn Framing,
    command: &[u8],
    at: &'static Location<'static>,
) -> Result<Process, ShellError> {
    let shell = home.key().program.to_string_lossy();
    let cwd = Some(&*home.key().cwd);
    let of_system =
        |error| ShellError::Spawn(SpawnError::of_system(&shell, cwd, parts.with_place(error)));
    let ticket = engine::enter().map_err(of_system)?;
    let streams = streams_of(name);
    let life = Life::new(name, parts, ticket.request.clone())
        .map_err(|source| ShellError::Spawn(SpawnError::no_place(&shell, cwd, source)))?;
    let started = Pipes::new(&parts.stdin)
        .map_err(of_system)
        .and_then(|pipes| {
            let frame = pipes.frame(framing, command);
            let (text, file) = shortened(framing, frame).map_err(of_system)?;
            let (host, id) = begin(&home, framing, &text, of_system, at)?;
            drop(file); // it has read it
            Ok((pipes, host, id))
        });
    let (pipes, host, id) = match started {
        Ok(started) => started,
        Err(error) => {
            life.give_up();
            return Err(error);
        }
    };
    life.member.begin(id);
    let life = Arc::new(life);
    let (input, out) = attach(pipes, parts, &streams);
    let (leader, pidfd) = (host.leader, Arc::clone(&host.pidfd));
    let (target, tenure) = Target::command(id, leader);
    let lent = Lent {
        host,
        home,
        tenure,
        command: id,
        began: clock::now(),
    };
    ticket.begin(|ticket| {
        Watched::new(ticket, Arc::clone(&life), leader, pidfd, input, out, parts).in_shell(lent)
    });
    Ok(Process::new(life, streams, id, target))
}

/// Finds a shell that begins the command (invariant 2).
fn begin(
    home: &Home,
    framing: &'static dyn Framing,
    text: &[u8],
    of_system: impl Fn(io::Error) -> ShellError,
    at: &'static Location<'static>,
) -> Result<(Host, u32), ShellError> {
    let stop = signal::stop();
    let program = home.key().program.to_string_lossy();
    loop {
        if stop.is_set() {
            return Err(ShellError::Stopped(Stopped::by(&stop))); // it costs no shell
        }
        let kept = home.take();
        let was_kept = kept.is_some();
        let mut host = match kept {
            Some(host) if !host.is_fit(home.key()) => continue, // it ends here
            Some(host) => host,
            None => Host::start(home, framing).map_err(&of_system)?,
        };
        let site = || WaitSite::new("begin of a command in shell", Some(&program), at);
        let said = match host.begin(text, &stop, site) {
            Ok(id) => return Ok((host, id)),
            Err(NotBegun::Broken(_)) if was_kept => continue,
            Err(NotBegun::Broken(said) | NotBegun::Refused(said)) => said,
            Err(NotBegun::Stopped(stopped)) => return Err(ShellError::Stopped(stopped)),
            Err(NotBegun::Unable(error)) => return Err(of_system(error)),
        };
        return Err(ShellError::NotBegun {
            shell: program.into(),
            said: said.into(),
        });
    }
}

/// Our ends go to the engine; theirs are closed, now that the shell has its own.
fn attach(pipes: Pipes, parts: &Parts, streams: &Streams) -> (Option<Input>, [Option<Output>; 2]) {
    if let Stdin::Bytes(bytes) = &parts.stdin {
        let _ = streams.stdin.try_push(bytes.clone()); // it is empty
    }
    if !matches!(parts.stdin, Stdin::Pipe) {
        streams.stdin.close();
    }
    let input = pipes.input.map(OwnedFd::from);
    let input = input.map(|fd| Input::new(fd, streams.stdin.clone()));
    let [stdout, stderr] = pipes.out.map(OwnedFd::from);
    let out = [
        Some(Output::new(0, stdout, streams.stdout.clone(), parts)),
        Some(Output::new(1, stderr, streams.stderr.clone(), parts)),
    ];
    (input, out)
}
