//! Whom a handle's signals go to.
//!
//! # Invariants
//!
//! 1. A process of its own is signalled by its pidfd, which is there until it is reaped, and never means another.
//! 2. A command in a shell is a child of the shell, and as long as the shell is the command's the only one: what is
//!    opened by its number, is a child of the shell, and was opened before the shell was seen to be the command's
//!    still, is the command.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, pidfd_send_signal};

use crate::primitive::atomic::{AtomicBool, Ordering::SeqCst};
use crate::primitive::{Arc, Weak};
use crate::process::linux::group::Seen;

pub(in crate::process) enum Target {
    Process(Weak<OwnedFd>),
    Command {
        id: u32,
        shell: Pid,
        is_over: Arc<AtomicBool>,
    },
}

/// A command has a shell until this is dropped.
pub(super) struct Tenure(Arc<AtomicBool>);

impl Target {
    /// A process of its own.
    pub(super) fn process(pidfd: &Arc<OwnedFd>) -> Self {
        Self::Process(Arc::downgrade(pidfd))
    }

    /// The command with this number, which has the shell.
    pub(super) fn command(id: u32, shell: Pid) -> (Self, Tenure) {
        let is_over = Arc::new(AtomicBool::new(false));
        let tenure = Tenure(Arc::clone(&is_over));
        (Self::Command { id, shell, is_over }, tenure)
    }

    /// Was it there to be signalled?
    pub(in crate::process) fn signal(&self, number: i32) -> io::Result<bool> {
        let Some(signal) = Signal::from_named_raw(number) else {
            let why = format!(
                "{number} is no signal that a program may send; those have the numbers 1 to 31"
            );
            return Err(io::Error::new(ErrorKind::InvalidInput, why));
        };
        let sent = match self {
            Self::Process(pidfd) => pidfd
                .upgrade()
                .map(|pidfd| pidfd_send_signal(pidfd, signal)),
            Self::Command { id, shell, is_over } => opened(*id, *shell)
                .filter(|_| !is_over.load(SeqCst)) // invariant 2
                .map(|pidfd| pidfd_send_signal(pidfd, signal)),
        };
        match sent {
            None | Some(Err(Errno::SRCH)) => Ok(false),
            Some(sent) => Ok(sent.map(|()| true)?),
        }
    }
}

/// The process with this number, if it is the shell's.
fn opened(id: u32, shell: Pid) -> Option<OwnedFd> {
    let seen = Seen::read(id).filter(|seen| seen.is_child_of(shell) && !seen.is_dead)?;
    seen.open()
}

impl Drop for Tenure {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
