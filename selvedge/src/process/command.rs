//! What is to be started, and how.

use core::fmt;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ambient::Ambient;
use crate::primitive::Arc;
use crate::process::error::SpawnError;
use crate::process::linux;
use crate::process::process::Process;
use crate::process::shell::before_nul;

/// How long a process may take to obey a stop.
const GRACE: Duration = Duration::from_secs(5);
/// How much unread output is kept for each stream.
const MEMORY: usize = 1 << 20;
/// From which length on a line comes in parts.
const LONGEST_LINE: usize = 8 << 20;

/// A program, its arguments, and what it runs in. It does not change: each method gives another one, cheaply.
///
/// Arguments are given as they are: no shell reads them. The environment is that of this process, with what is
/// added and without what is removed here.
///
/// # Examples
///
/// ```
/// use selvedge::process::Command;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let git = Command::new("env").env_clear().env("LANG", "C");
///     let more = git.clone().env("COLOR", "no");
///     assert_eq!(git.spawn()?.output()?.stdout, b"LANG=C\n");
///     assert_eq!(more.spawn()?.output()?.stdout.iter().filter(|byte| **byte == b'\n').count(), 2);
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[derive(Clone)]
#[must_use = "nothing starts until `spawn`"]
pub struct Command(Arc<Parts>);

#[derive(Clone)]
pub(super) struct Parts {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
    pub(super) cwd: Option<PathBuf>,
    pub(super) env: Vec<(OsString, Option<OsString>)>,
    pub(super) is_env_clear: bool,
    pub(super) has_ambient: bool,
    pub(super) name: Option<Box<str>>,
    pub(super) stdin: Stdin,
    pub(super) stdout: Stdio,
    pub(super) stderr: Stdio,
    pub(super) unread: Unread,
    pub(super) longest_line: usize,
    pub(super) grace: Duration,
    pub(super) is_unchecked: bool,
    pub(super) leaves_group: bool,
}

/// What a process has as standard input.
///
/// Text, bytes and files become one by [`From`], so that [`Command::stdin`] takes them as they are.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Stdin {
    /// Nothing: its first read finds the end.
    #[default]
    Null,
    /// What is pushed to [`Process::stdin`](super::Process::stdin), until that is closed.
    Pipe,
    /// These bytes.
    Bytes(Vec<u8>),
    /// This file, from where it stands.
    File(Arc<File>),
    /// That of this process. A process group of its own may not read from a terminal: the system would suspend it.
    Inherit,
}

/// What a process has as standard output, or standard error.
///
/// A file becomes one by [`From`], so that [`Command::stdout`] takes it as it is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Stdio {
    /// A pipe that is read here, line by line.
    #[default]
    Lines,
    /// Nothing: what it writes is gone.
    Null,
    /// This file, from where it stands.
    File(Arc<File>),
    /// That of this process.
    Inherit,
}

/// What becomes of output that nobody reads.
///
/// What is in a queue counts, and what waits to go there. Nothing is thrown away that somebody can still read. While nobody waits for the process, it is as each says.
/// When somebody [waits](super::Process::wait) for its end, or it was asked to stop, output no longer stands in the way of that: a stream
/// whose queue somebody has asked for goes on in a temporary file, from where it comes into the queue in its order;
/// of one whose queue nobody has asked for, what does not fit is thrown away and counted as
/// [`lost`](super::Exit::lost).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unread {
    /// The process waits once this many bytes of a stream are unread, and its pipe is full.
    Pressure {
        /// How many bytes.
        bytes: usize,
    },
    /// What is more than this many bytes of a stream goes to a temporary file, and comes from there into the queue.
    Spill {
        /// How many bytes.
        memory: usize,
    },
}

impl From<Vec<u8>> for Stdin {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Stdin {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl<const N: usize> From<&[u8; N]> for Stdin {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<String> for Stdin {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&str> for Stdin {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<File> for Stdin {
    fn from(file: File) -> Self {
        Self::File(Arc::new(file))
    }
}

impl From<File> for Stdio {
    fn from(file: File) -> Self {
        Self::File(Arc::new(file))
    }
}

impl Default for Unread {
    fn default() -> Self {
        Self::Pressure { bytes: MEMORY }
    }
}

impl Command {
    /// The program with this path, or with this name in a directory of `PATH`. A relative path with a `/` begins in the
    /// directory that the program [runs in](Self::cwd).
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self(Arc::new(Parts {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            cwd: None,
            env: Vec::new(),
            is_env_clear: false,
            has_ambient: false,
            name: None,
            stdin: Stdin::default(),
            stdout: Stdio::default(),
            stderr: Stdio::default(),
            unread: Unread::default(),
            longest_line: LONGEST_LINE,
            grace: GRACE,
            is_unchecked: false,
            leaves_group: false,
        }))
    }

    /// Another program with the same choices.
    pub(super) fn program(self, program: &OsStr) -> Self {
        self.with(|parts| parts.program = program.to_owned())
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0
    }

    fn with(mut self, change: impl FnOnce(&mut Parts)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// One more argument.
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.with(|parts| parts.args.push(arg.as_ref().to_owned()))
    }

    /// More arguments.
    pub fn args(self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.with(|parts| {
            let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
            parts.args.extend(args);
        })
    }

    /// The directory that it runs in; that of this process otherwise.
    #[doc(alias = "current_dir")]
    pub fn cwd(self, cwd: impl AsRef<Path>) -> Self {
        self.with(|parts| parts.cwd = Some(cwd.as_ref().to_owned()))
    }

    /// A variable that is added to the inherited ones.
    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let pair = (name.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self.with(|parts| parts.env.push(pair))
    }

    /// Variables that are added to the inherited ones.
    pub fn envs(
        self,
        vars: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        self.with(|parts| {
            let vars = vars.into_iter();
            let vars = vars.map(|(n, v)| (n.as_ref().to_owned(), Some(v.as_ref().to_owned())));
            parts.env.extend(vars);
        })
    }

    /// A variable that is not inherited.
    pub fn env_remove(self, name: impl AsRef<OsStr>) -> Self {
        self.with(|parts| parts.env.push((name.as_ref().to_owned(), None)))
    }

    /// Nothing is inherited, and what was added so far is taken back.
    pub fn env_clear(self) -> Self {
        self.with(|parts| {
            parts.is_env_clear = true;
            parts.env.clear();
        })
    }

    /// Its name in the tree; that of the program otherwise.
    pub fn named(self, name: &str) -> Self {
        self.with(|parts| parts.name = Some(name.into()))
    }

    /// Its standard input; nothing otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let sorted = Command::new("sort").stdin("b\na\n").spawn()?.output()?;
    ///     assert_eq!(sorted.stdout, b"a\nb\n");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn stdin(self, stdin: impl Into<Stdin>) -> Self {
        let stdin = stdin.into();
        self.with(|parts| parts.stdin = stdin)
    }

    /// Its standard output; [`Lines`](Stdio::Lines) otherwise.
    pub fn stdout(self, stdout: impl Into<Stdio>) -> Self {
        let stdout = stdout.into();
        self.with(|parts| parts.stdout = stdout)
    }

    /// Its standard error; [`Lines`](Stdio::Lines) otherwise.
    pub fn stderr(self, stderr: impl Into<Stdio>) -> Self {
        let stderr = stderr.into();
        self.with(|parts| parts.stderr = stderr)
    }

    /// What becomes of output that nobody reads; it waits at 1 MiB of a stream otherwise.
    pub fn unread(self, unread: Unread) -> Self {
        self.with(|parts| parts.unread = unread)
    }

    /// From how many bytes on a line comes in parts; 8 MiB otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let long = Command::new("echo").arg("abcdef").longest_line(4).spawn()?;
    ///     let parts: Vec<_> = long.stdout().iter().collect();
    ///     assert_eq!((&*parts[0], parts[0].goes_on()), (&b"abcd"[..], true));
    ///     assert_eq!((&*parts[1], parts[1].has_newline()), (&b"ef"[..], true));
    ///     long.join()?;
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn longest_line(self, bytes: usize) -> Self {
        self.with(|parts| parts.longest_line = bytes.max(1))
    }

    /// How long it may take to end once it was asked to stop; 5 seconds otherwise.
    pub fn grace(self, grace: Duration) -> Self {
        self.with(|parts| parts.grace = grace)
    }

    /// A failing end is none: [`join`](super::Process::join) accepts every status.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     assert_eq!(Command::new("false").unchecked().spawn()?.join()?.code(), 1);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn unchecked(self) -> Self {
        self.with(|parts| parts.is_unchecked = true)
    }

    /// What it has started in its process group may outlive it, when it ends by itself. Otherwise the group is
    /// killed when the process has ended.
    #[doc(alias = "daemon")]
    pub fn leave_group(self) -> Self {
        self.with(|parts| parts.leaves_group = true)
    }

    /// It gets the [baggage](crate::baggage) of the block that starts it, by its environment: the names of contexts, locals
    /// with a key, the trace. A program that begins with [`run`](crate::run) picks that up. Values do not follow later
    /// changes. A variable that is [given](Self::env) besides is as it is given.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// selvedge::context! { static DRY_RUN = "dry-run"; }
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let say = Command::new("sh").args(["-c", "echo $BAGGAGE"]).with_ambient();
    ///     let said = DRY_RUN.run(|| say.spawn())?.output()?;
    ///     assert_eq!(said.stdout, b"selvedge-contexts=dry-run\n");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn with_ambient(self) -> Self {
        self.with(|parts| parts.has_ambient = true)
    }

    /// Starts it as a child of the calling thread.
    ///
    /// It has a process group of its own: what the terminal sends, Ctrl-C say, does not reach it; the program is
    /// asked to stop by that, and asks it. It begins with no signal blocked, whatever the calling thread blocks. A
    /// thread that does block one starts it in a slower way, in which the size of this program counts.
    ///
    /// If this program dies, by SIGKILL even, the group is killed. A process that is started in the very moment, before
    /// its group is in the guard's list, some microseconds, may survive; the first one, as long as the guard starts.
    /// The guard is a `/bin/sh`: where there is none that can be started, all survive that, and one event
    /// [`Unguarded`](crate::probe::Event::Unguarded) says so.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`]; nothing was started.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Command;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let error = Command::new("no-such-program").spawn().unwrap_err();
    ///     assert!(error.to_string().contains("no-such-program"));
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn spawn(&self) -> Result<Process, SpawnError> {
        linux::spawn(&self.0)
    }
}

impl Parts {
    /// What it is called in the tree.
    pub(super) fn name(&self) -> Box<str> {
        self.name_for(&self.program)
    }

    /// The same, if it runs this program.
    pub(super) fn name_for(&self, program: &OsStr) -> Box<str> {
        let of_program = || {
            let program = Path::new(program);
            let name = program.file_name().unwrap_or(program.as_os_str());
            name.to_string_lossy().into()
        };
        self.name.clone().unwrap_or_else(of_program)
    }

    /// The variables to set, and to remove, on top of the inherited ones.
    pub(super) fn carried(&self) -> Vec<(&'static str, String)> {
        if !self.has_ambient {
            return Vec::new();
        }
        Ambient::capture().to_env().into()
    }

    /// The system refuses a NUL, and does not say where it is.
    pub(super) fn with_place(&self, error: io::Error) -> io::Error {
        if error.kind() != ErrorKind::InvalidInput {
            return error;
        }
        let args = self.args.iter().enumerate();
        let in_args = args.map(|(n, arg)| (arg, format!("argument {}", n + 1)));
        let vars = self.env.iter().filter_map(|(name, value)| {
            let shown = name.display();
            Some([
                (name, format!("the name of the variable `{shown}`")),
                (value.as_ref()?, format!("the variable `{shown}`")),
            ])
        });
        for (text, place) in in_args.chain(vars.flatten()) {
            if text.as_bytes().contains(&0) {
                let before = before_nul(text.as_bytes());
                let why = format!(
                    "{place} has a NUL after {before:?}: remove it, no program can be given one"
                );
                return io::Error::new(ErrorKind::InvalidInput, why);
            }
        }
        error
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.0.program)
            .field("args", &self.0.args)
            .field("cwd", &self.0.cwd)
            .finish_non_exhaustive()
    }
}
