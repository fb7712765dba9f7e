//! What goes wrong with processes, in words that help.

use core::fmt;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::primitive::Arc;
use crate::process::exit::Exit;
use crate::process::linux;
use crate::signal::{Reason, Stopped, WaitError};
use crate::thread;

/// The error of [`Command::spawn`](super::Command::spawn): nothing was started.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpawnError {
    /// The calling thread is in no tree, or its place in it has ended.
    NoPlace {
        /// What was to be started.
        program: Box<str>,
        /// Where, if not in the directory of this process.
        cwd: Option<PathBuf>,
        /// Why there is no place.
        source: thread::SpawnError,
    },
    /// There is no such program.
    NoProgram {
        /// What was to be started.
        program: Box<str>,
        /// Where, if not in the directory of this process.
        cwd: Option<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such directory to start it in, or it may not be entered.
    NoDirectory {
        /// What was to be started.
        program: Box<str>,
        /// Where.
        cwd: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program may not be started, or is none.
    NotExecutable {
        /// What was to be started.
        program: Box<str>,
        /// Where, if not in the directory of this process.
        cwd: Option<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
    /// There are too many processes or open files.
    Exhausted {
        /// What was to be started.
        program: Box<str>,
        /// Where, if not in the directory of this process.
        cwd: Option<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else; a NUL in an argument, for instance.
    Os {
        /// What was to be started.
        program: Box<str>,
        /// Where, if not in the directory of this process.
        cwd: Option<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
}

impl SpawnError {
    pub(super) fn of_system(program: &str, cwd: Option<&Path>, source: io::Error) -> Self {
        let program = program.into();
        let cwd = cwd.map(Path::to_owned);
        if linux::is_exhausted(&source) {
            return Self::Exhausted {
                program,
                cwd,
                source,
            };
        }
        // Looking at what is in it takes the right of entering it, as a start does; listing it takes another.
        if let Some(cwd) = &cwd
            && let Err(source) = std::fs::metadata(cwd.join("."))
        {
            let cwd = cwd.clone();
            return Self::NoDirectory {
                program,
                cwd,
                source,
            };
        }
        match source.kind() {
            ErrorKind::NotFound => Self::NoProgram {
                program,
                cwd,
                source,
            },
            kind if kind == ErrorKind::PermissionDenied || linux::is_no_program(&source) => {
                Self::NotExecutable {
                    program,
                    cwd,
                    source,
                }
            }
            _ => Self::Os {
                program,
                cwd,
                source,
            },
        }
    }

    pub(super) fn no_place(program: &str, cwd: Option<&Path>, source: thread::SpawnError) -> Self {
        Self::NoPlace {
            program: program.into(),
            cwd: cwd.map(Path::to_owned),
            source,
        }
    }

    /// What was to be started, and where, if that is another directory and not the fault itself.
    fn what(&self) -> (&str, Option<&Path>) {
        match self {
            Self::NoDirectory { program, .. } => (program, None),
            Self::NoPlace { program, cwd, .. }
            | Self::Exhausted { program, cwd, .. }
            | Self::NoProgram { program, cwd, .. }
            | Self::NotExecutable { program, cwd, .. }
            | Self::Os { program, cwd, .. } => (program, cwd.as_deref()),
        }
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (program, cwd) = self.what();
        write!(f, "process `{program}` was not started")?;
        if let Some(cwd) = cwd {
            write!(f, " in `{}`", cwd.display())?;
        }
        f.write_str(": ")?;
        match self {
            Self::NoPlace { source, .. } => match source {
                thread::SpawnError::NoTree { .. } => f.write_str(
                    "there is no tree for it to be in; start it inside `selvedge::run`, in tests inside \
                     `selvedge::testing::World`",
                ),
                thread::SpawnError::Sealed { parent, .. } => {
                    write!(f, "it comes too late, its parent `{parent}` has ended")
                }
                source => source.fmt(f),
            },
            Self::NoProgram { .. } if program.contains('/') => f.write_str(
                "there is no such file, or, if it is a script, no such program as its first line names",
            ),
            Self::NoProgram { .. } => f.write_str(
                "no such program in the directories of PATH; install it, or give its path",
            ),
            Self::NoDirectory { cwd, source, .. } => write!(
                f,
                "its directory `{}` cannot be entered: {source}",
                cwd.display()
            ),
            Self::NotExecutable { source, .. } => write!(
                f,
                "it is no program that may be run (`chmod +x`?): {source}"
            ),
            Self::Exhausted { source, .. } => write!(
                f,
                "{source}; raise the limit (`ulimit -n`, `ulimit -u`), or have fewer processes and files at a time"
            ),
            Self::Os { source, .. } => source.fmt(f),
        }
    }
}

impl Error for SpawnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoPlace { source, .. } => Some(source),
            Self::NoProgram { source, .. }
            | Self::NoDirectory { source, .. }
            | Self::NotExecutable { source, .. }
            | Self::Exhausted { source, .. }
            | Self::Os { source, .. } => Some(source),
        }
    }
}

/// A process ended, and not well.
#[derive(Clone, Debug)]
pub struct Failed {
    pub(super) process: Arc<str>,
    pub(super) exit: Exit,
}

impl Failed {
    /// The path of the process in the tree.
    #[must_use]
    pub fn process(&self) -> &str {
        &self.process
    }

    /// How it ended.
    #[must_use]
    pub fn exit(&self) -> &Exit {
        &self.exit
    }

    /// How it ended, for texts that say already which one did.
    pub(super) fn cause(&self) -> Cause<'_> {
        Cause(&self.exit)
    }
}

/// How a process ended, and the end of what it said.
pub(super) struct Cause<'e>(&'e Exit);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        let tail = String::from_utf8_lossy(self.0.stderr_tail());
        match tail.trim_end() {
            "" => Ok(()),
            tail => write!(f, "; its standard error ends: {tail}"),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process `{}` failed, {}", self.process, self.cause())
    }
}

impl Error for Failed {}

/// The error of [`join`](super::Child::join).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// It ended with a status that is not 0, or by a signal.
    Failed(Failed),
    /// The same, after it was asked to.
    Stopped {
        /// The path of the process.
        process: Arc<str>,
        /// How it ended.
        exit: Exit,
        /// Why it was asked.
        stopped: Stopped,
    },
    /// The signal given to `join_until` was set first; the process goes on.
    Expired {
        /// The path of the process.
        process: Arc<str>,
    },
    /// The *calling* thread was asked to stop; the process goes on.
    Interrupted(Stopped),
}

impl JoinError {
    /// The wait for the end of `process` was given up.
    pub(super) fn of_wait(process: &str, error: WaitError) -> Self {
        match error {
            WaitError::Expired => Self::Expired {
                process: process.into(),
            },
            WaitError::Stopped(stopped) => Self::Interrupted(stopped),
        }
    }

    /// How the process ended, if it did.
    #[must_use]
    pub fn exit(&self) -> Option<&Exit> {
        match self {
            Self::Failed(failed) => Some(&failed.exit),
            Self::Stopped { exit, .. } => Some(exit),
            Self::Expired { .. } | Self::Interrupted(_) => None,
        }
    }

    /// Has the process failed, rather than the join?
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// Did the process end because it was asked to? With the reason.
    #[must_use]
    pub fn stop_reason(&self) -> Option<&Reason> {
        match self {
            Self::Stopped { stopped, .. } => Some(stopped.reason()),
            _ => None,
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failed) => failed.fmt(f),
            Self::Stopped {
                process, stopped, ..
            } => write!(f, "process `{process}` was {stopped}"),
            Self::Expired { process } => write!(f, "the join of process `{process}` expired"),
            Self::Interrupted(stopped) => write!(f, "while joining, this thread was {stopped}"),
        }
    }
}

impl Error for JoinError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(_) | Self::Expired { .. } => None,
            Self::Stopped { stopped, .. } | Self::Interrupted(stopped) => Some(stopped),
        }
    }
}
