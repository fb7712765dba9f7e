//! How a process ended.

use core::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::primitive::Arc;

/// How a process ended, and what became of its output.
#[derive(Clone)]
pub struct Exit(Arc<Facts>);

pub(super) struct Facts {
    pub(super) status: ExitStatus,
    pub(super) unread: u64,
    pub(super) lost: u64,
    pub(super) unwritten: u64,
    pub(super) is_held: bool,
    pub(super) descendants: Vec<Descendant>,
    pub(super) stderr_tail: Vec<u8>,
}

impl Exit {
    pub(super) fn new(facts: Facts) -> Self {
        Self(Arc::new(facts))
    }

    /// The status, as std has it.
    ///
    /// Where the program ignores SIGCHLD, or reaps children that it did not start, the system tells no status: it is
    /// 255 then.
    #[must_use]
    pub fn status(&self) -> ExitStatus {
        self.0.status
    }

    /// Did it end with status 0?
    #[must_use]
    pub fn success(&self) -> bool {
        self.0.status.success()
    }

    /// The exit code, or, as many languages have it, the negative number of the signal that killed it.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let sleeper = Command::new("sleep").arg("1000").spawn()?;
    ///     sleeper.kill();
    ///     assert_eq!(sleeper.wait()?.code(), -9);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    #[must_use]
    #[doc(alias = "returncode")]
    pub fn code(&self) -> i32 {
        let status = self.0.status;
        status
            .code()
            .unwrap_or_else(|| -status.signal().unwrap_or(0))
    }

    /// The signal that killed it.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        self.0.status.signal()
    }

    /// How many bytes of output nobody had read when it ended, on both streams. They are in the queues, but for
    /// those that are [lost](Self::lost).
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.0.unread
    }

    /// How many bytes of output were thrown away: there was no room for them, and nobody who could have read
    /// them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost
    }

    /// How many bytes of what was to be its input it did not take.
    #[must_use]
    pub fn unwritten(&self) -> u64 {
        self.0.unwritten
    }

    /// Was its output still held by a [descendant](Self::descendants) a second after its end? Then what that writes is not
    /// read any more.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.0.is_held
    }

    /// Processes that it started and that outlived it, as far as they were found: those that left its group, and
    /// hold its output, or were below it when it was asked to stop.
    #[must_use]
    pub fn descendants(&self) -> &[Descendant] {
        &self.0.descendants
    }

    /// The end of what it wrote to standard error, read or not: 8 KiB at most.
    #[must_use]
    pub fn stderr_tail(&self) -> &[u8] {
        &self.0.stderr_tail
    }
}

impl fmt::Debug for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exit")
            .field("status", &self.0.status)
            .field("unread", &self.0.unread)
            .field("lost", &self.0.lost)
            .field("unwritten", &self.0.unwritten)
            .field("is_held", &self.0.is_held)
            .field("descendants", &self.0.descendants)
            .field("stderr_tail", &String::from_utf8_lossy(&self.0.stderr_tail))
            .finish()
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.status.fmt(f)
    }
}

/// A process that was started by one of ours, and outlived it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descendant {
    pub(super) id: u32,
    pub(super) name: Box<str>,
}

impl Descendant {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The name of its program, as far as the system keeps it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Descendant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.id)
    }
}

/// How a process ended, and all that it wrote: what [`output`](super::Child::output) gives.
#[derive(Clone)]
#[non_exhaustive]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to standard output, as far as nobody else had read it.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, as far as nobody else had read it.
    pub stderr: Vec<u8>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("exit", &self.exit)
            .field("stdout", &String::from_utf8_lossy(&self.stdout))
            .field("stderr", &String::from_utf8_lossy(&self.stderr))
            .finish()
    }
}
