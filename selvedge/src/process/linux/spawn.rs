//! The start of a process, on the thread that wants it.
//!
//! # Invariants
//!
//! 1. The guard knows the group before the engine has the process, so before it can be reaped.
//! 2. Everything that we open is closed on exec: by std, by the kernel (pidfds), by the flags that we give.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{self, Child};

use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use crate::primitive::Arc;
use crate::primitive::sys::mask;
use crate::process::command::{Parts, Stdin, Stdio};
use crate::process::error::SpawnError;
use crate::process::life::{Life, Streams};
use crate::process::linux::engine;
use crate::process::linux::group;
use crate::process::linux::input::Input;
use crate::process::linux::orphans;
use crate::process::linux::output::Output;
use crate::process::linux::target::Target;
use crate::process::linux::watched::Watched;
use crate::process::process::Process;
use crate::sync::Queue;

/// How many lines of a stream are kept in memory.
const LINES: usize = 1024;
/// How many pieces of input are kept in memory.
const PIECES: usize = 64;

pub(in crate::process) fn spawn(parts: &Parts) -> Result<Process, SpawnError> {
    let program = parts.program.to_string_lossy();
    let cwd = parts.cwd.as_deref();
    let of_system = |error| SpawnError::of_system(&program, cwd, parts.with_place(error));
    let mut command = command_of(parts).map_err(of_system)?; // runs code of the user: before anything has begun
    let ticket = engine::enter().map_err(of_system)?;
    if let Some(mark) = orphans::mark(ticket.request.key) {
        command.env(orphans::MARK, mark);
    }
    let name = parts.name();
    let streams = streams_of(&name);
    let requests = ticket.request.clone();
    let life = Life::new(&name, parts, requests)
        .map_err(|source| SpawnError::no_place(&program, cwd, source))?;
    let started = start(&mut command);
    drop(command); // closes the files that it was given
    let (mut child, pid, pidfd) = match started {
        Ok(started) => started,
        Err(error) => {
            life.give_up();
            return Err(of_system(error));
        }
    };
    ticket.request.run.guard(pid); // invariant 1
    life.member.begin(child.id());
    let life = Arc::new(life);
    let id = child.id();
    let stdin = child.stdin.take().map(OwnedFd::from);
    if let Stdin::Bytes(bytes) = &parts.stdin {
        let _ = streams.stdin.try_push(bytes.clone()); // it is empty
    }
    if !matches!(parts.stdin, Stdin::Pipe) {
        streams.stdin.close();
    }
    let input = stdin.map(|fd| Input::new(fd, streams.stdin.clone()));
    let output = |which, fd: Option<OwnedFd>, queue: &Queue<_>| match fd {
        Some(fd) => Some(Output::new(which, fd, queue.clone(), parts)),
        None => {
            queue.close();
            None
        }
    };
    let out = [
        output(0, child.stdout.take().map(OwnedFd::from), &streams.stdout),
        output(1, child.stderr.take().map(OwnedFd::from), &streams.stderr),
    ];
    let pidfd = Arc::new(pidfd);
    let target = Target::process(&pidfd);
    ticket.begin(|ticket| Watched::new(ticket, Arc::clone(&life), pid, pidfd, input, out, parts));
    Ok(Process::new(life, streams, id, target))
}

/// The queues of the process called so.
pub(super) fn streams_of(name: &str) -> Streams {
    let queue_name = |stream| format!("{stream} of {name}");
    Streams {
        stdin: Queue::named(&queue_name("standard input"), PIECES)
            .quiet()
            .elastic(),
        stdout: Queue::named(&queue_name("standard output"), LINES)
            .quiet()
            .elastic(),
        stderr: Queue::named(&queue_name("standard error"), LINES)
            .quiet()
            .elastic(),
    }
}

/// The same for std, which closes on exec what the process is not to have.
fn command_of(parts: &Parts) -> io::Result<process::Command> {
    let mut command = process::Command::new(&parts.program);
    command.args(&parts.args).process_group(0);
    if let Some(cwd) = &parts.cwd {
        command.current_dir(cwd);
    }
    if parts.is_env_clear {
        command.env_clear();
    }
    command.envs(parts.carried());
    for (name, value) in &parts.env {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(match &parts.stdin {
        Stdin::Null => process::Stdio::null(),
        Stdin::Pipe | Stdin::Bytes(_) => process::Stdio::piped(),
        Stdin::File(file) => file.try_clone()?.into(),
        Stdin::Inherit => process::Stdio::inherit(),
    });
    command.stdout(stdio_of(&parts.stdout)?);
    command.stderr(stdio_of(&parts.stderr)?);
    Ok(command)
}

fn stdio_of(stdio: &Stdio) -> io::Result<process::Stdio> {
    Ok(match stdio {
        Stdio::Lines => process::Stdio::piped(),
        Stdio::Null => process::Stdio::null(),
        Stdio::File(file) => file.try_clone()?.into(),
        Stdio::Inherit => process::Stdio::inherit(),
    })
}

/// Starts it, with pipes that do not block at our ends.
pub(super) fn start(command: &mut process::Command) -> io::Result<(Child, Pid, OwnedFd)> {
    mask::clear_for(command);
    let mut child = command.spawn()?;
    match prepare(&child) {
        Ok((pid, pidfd)) => Ok((child, pid, pidfd)),
        Err(error) => {
            // It is ours, and not reaped: the number is its group's.
            group::signal(Pid::from_child(&child), Signal::KILL);
            let _ = child.wait();
            Err(error)
        }
    }
}

fn prepare(child: &Child) -> io::Result<(Pid, OwnedFd)> {
    let pid = Pid::from_child(child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let ends = [
        child.stdin.as_ref().map(AsFd::as_fd),
        child.stdout.as_ref().map(AsFd::as_fd),
        child.stderr.as_ref().map(AsFd::as_fd),
    ];
    for end in ends.into_iter().flatten() {
        ioctl_fionbio(end, true)?;
    }
    Ok((pid, pidfd))
}
