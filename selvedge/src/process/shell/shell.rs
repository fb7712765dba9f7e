//! A shell that is asked to run commands.

use core::fmt;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use crate::primitive::Arc;
use crate::process::command::{Command, Stdin, Unread};
use crate::process::error::SpawnError;
use crate::process::linux::{self, Host};
use crate::process::process::Process;
use crate::process::shell::error::ShellError;
use crate::process::shell::framing::{Bash, Framing};
use crate::process::shell::home::{Home, Keeping, Key};
use crate::process::shell::pool::Pool;

/// How many shells wait for commands.
const MOST: usize = 8;
/// How long one waits.
const TIME: Duration = Duration::from_secs(60);

/// Runs commands in a bash that is kept for the next one.
///
/// A command is a [`Process`], with all that it can do, as if a `bash -c` had been started for it; but the shell
/// is there already. Shells are kept by program, directory and environment: a command never gets one that differs in
/// one of these. Two commands at once get two shells.
///
/// A `Shell` does not change: each method gives another one, and they and all clones keep their shells together.
/// When the last is dropped the shells end; and when the program does.
///
/// # What a command finds
///
/// - A subshell of its own. What it does to variables, the directory, traps, descriptors, limits, and `exit`,
///   ends with it.
/// - The shell's variables as they were, `$$` as the number of the shell, and `$LINENO` as any number.
///   No start-up file is read, and no function comes from the environment (`bash -p`).
/// - The umask and the limits that this process had when the shell was started.
/// - Its own pipes for output, which it opens by their names in `/proc`. So a shell needs that, and a program that
///   may be looked at by its own children: one that is setuid may not.
/// - No input, unless [`stdin`](Self::stdin) gives it some.
///
/// # How a command ends
///
/// Its status is what `$?` would be: 127 for a program that does not exist, 128 + n for one that signal n
/// killed. The shell says it on a descriptor that commands do not have, so nothing that a command prints is taken
/// for it. (This is not for hostile code. A command runs as the same user, and can do to its shell whatever it
/// can do to this program, by `/proc` or a debugger.)
///
/// A command that has ended by itself, and left nothing behind in the shell's process group, gives its shell
/// back. Whatever it left there is killed, as for every [`Process`], and the shell with it. So is the
/// shell of a command that was stopped or killed: a stop or a timeout costs one shell, which is nobody else's. A
/// shell that is found to have ended is replaced.
///
/// # Examples
///
/// ```
/// use selvedge::process::Shell;
///
/// # let status =
/// selvedge::run("example", |_stop| {
///     let shell = Shell::new().env("GREETING", "hello");
///     let name = "$(reboot); 'or' \"so\"";
///     let said = shell.run(["echo", "to", name])?.output()?;
///     assert_eq!(said.stdout, format!("to {name}\n").into_bytes());
///
///     let said = shell.run_script("echo $GREETING; exit 3")?;
///     let lines: Vec<_> = said.stdout().iter().collect();
///     assert_eq!(*lines[0], *b"hello");
///     assert_eq!(said.wait()?.code(), 3); // and `join` is an error
///     Ok(())
/// });
/// # assert_eq!(status, std::process::ExitCode::SUCCESS);
/// ```
#[derive(Clone)]
#[must_use = "nothing runs until `run`"]
#[doc(alias = "bash")]
pub struct Shell {
    /// What the shell is started with, and a command is looked after by.
    command: Command,
    keeping: Keeping,
    pool: Arc<Pool<Key, Host>>,
}

impl Shell {
    /// The `bash` in a directory of `PATH`.
    pub fn new() -> Self {
        Self {
            command: Command::new("bash"),
            keeping: Keeping {
                most: MOST,
                time: TIME,
            },
            pool: Pool::new(),
        }
    }

    fn with(mut self, change: impl FnOnce(Command) -> Command) -> Self {
        self.command = change(self.command);
        self
    }

    /// Another bash, 4.0 or later.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Shell;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let error = Shell::new().program("/no/bash").run(["true"]).unwrap_err();
    ///     assert!(error.to_string().contains("/no/bash"));
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn program(self, program: impl AsRef<OsStr>) -> Self {
        self.with(|command| command.program(program.as_ref()))
    }

    /// The directory that commands run in; that of this process otherwise.
    pub fn cwd(self, cwd: impl AsRef<Path>) -> Self {
        self.with(|command| command.cwd(cwd))
    }

    /// A variable that is added to the inherited ones.
    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.with(|command| command.env(name, value))
    }

    /// Variables that are added to the inherited ones.
    pub fn envs(
        self,
        vars: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        self.with(|command| command.envs(vars))
    }

    /// A variable that is not inherited.
    pub fn env_remove(self, name: impl AsRef<OsStr>) -> Self {
        self.with(|command| command.env_remove(name))
    }

    /// Nothing is inherited, and what was added so far is taken back.
    pub fn env_clear(self) -> Self {
        self.with(Command::env_clear)
    }

    /// The name of commands in the tree. Otherwise that of the program that they run; of scripts, the shell's.
    pub fn named(self, name: &str) -> Self {
        self.with(|command| command.named(name))
    }

    /// The standard input of commands: [`Null`](Stdin::Null) otherwise, or a pipe, or bytes. A file that is open
    /// here cannot be given, only be named in a script.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Shell;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let shell = Shell::new().stdin("b\na\n");
    ///     assert_eq!(shell.run(["sort"])?.output()?.stdout, b"a\nb\n");
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn stdin(self, stdin: impl Into<Stdin>) -> Self {
        self.with(|command| command.stdin(stdin))
    }

    /// What becomes of output that nobody reads: see [`Command::unread`].
    pub fn unread(self, unread: Unread) -> Self {
        self.with(|command| command.unread(unread))
    }

    /// From how many bytes on a line comes in parts: see [`Command::longest_line`].
    pub fn longest_line(self, bytes: usize) -> Self {
        self.with(|command| command.longest_line(bytes))
    }

    /// How long a command may take to end once it was asked to stop: see [`Command::grace`].
    pub fn grace(self, grace: Duration) -> Self {
        self.with(|command| command.grace(grace))
    }

    /// A failing command is none: see [`Command::unchecked`].
    pub fn unchecked(self) -> Self {
        self.with(Command::unchecked)
    }

    /// How many shells are kept for commands to come, whatever they were started with; 8 otherwise. When there
    /// are more, the oldest end. It is no limit of how many commands run at once: for that take a
    /// [`Semaphore`](crate::sync::Semaphore).
    pub fn keep(mut self, most: usize) -> Self {
        self.keeping.most = most;
        self
    }

    /// How long a shell is kept for a command to come; a minute otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Shell;
    /// use selvedge::testing::World;
    /// use std::time::Duration;
    ///
    /// let world = World::with_mock_clock();
    /// world.run(|| {
    ///     let shell = Shell::new().keep_for(Duration::from_secs(5));
    ///     shell.run(["true"]).unwrap().join().unwrap();
    ///     assert_eq!(shell.kept(), 1);
    ///     world.advance(Duration::from_secs(5));
    ///     while shell.kept() > 0 {
    ///         std::thread::yield_now();
    ///     }
    /// });
    /// ```
    pub fn keep_for(mut self, time: Duration) -> Self {
        self.keeping.time = time;
        self
    }

    /// How many shells wait for a command at this moment.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.pool.len()
    }

    /// Runs a program, or a command of the shell's own, as a child of the calling thread. The first word is its
    /// name, the others are its arguments.
    ///
    /// Words are exact: every byte of them arrives, and none of them means anything to the shell.
    ///
    /// It returns when a shell has begun the command, which nothing interrupts, as the start of a
    /// [`Command`]. From then on the command is asked to stop with its parent.
    ///
    /// # Errors
    ///
    /// See [`ShellError`]; the command was not run.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Shell;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let shell = Shell::new();
    ///     let all = shell.run(["printf", "%s|", "*", "a b", "$HOME"])?.output()?;
    ///     assert_eq!(all.stdout, b"*|a b|$HOME|");
    ///
    ///     let error = shell.run(["echo", "a\0b"]).unwrap_err();
    ///     assert!(error.to_string().contains("argument 1 has a NUL after \"a\""));
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn run(
        &self,
        words: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Process, ShellError> {
        let words: Vec<_> = words.into_iter().collect();
        let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
        let command = Bash.words(&words)?;
        self.begin(words[0], &command)
    }

    /// Runs a text of the shell's language. **Dangerous**: whatever stands in it is run. Never paste a value into
    /// it that comes from outside; give it as a variable by [`env`](Self::env), and use that in quotes:
    /// `"$NAME"`.
    ///
    /// A text that does not parse is a command that fails, with status 2.
    ///
    /// # Errors
    ///
    /// See [`ShellError`]; the script was not run.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::process::Shell;
    ///
    /// # let status =
    /// selvedge::run("example", |_stop| {
    ///     let shell = Shell::new();
    ///     let sum = shell.run_script("seq 4 | { while read -r n; do s=$((s + n)); done; echo $s; }")?;
    ///     assert_eq!(sum.output()?.stdout, b"10\n");
    ///     assert_eq!(shell.run_script("if true; the")?.wait()?.code(), 2);
    ///     Ok(())
    /// });
    /// # assert_eq!(status, std::process::ExitCode::SUCCESS);
    /// ```
    pub fn run_script(&self, script: impl AsRef<OsStr>) -> Result<Process, ShellError> {
        let command = Bash.script(script.as_ref())?;
        self.begin(&self.command.parts().program, &command)
    }

    fn begin(&self, program: &OsStr, command: &[u8]) -> Result<Process, ShellError> {
        let parts = self.command.parts();
        let key = Key::of(parts).map_err(|source| {
            let program = parts.program.to_string_lossy().into();
            let cwd = parts.cwd.as_deref().unwrap_or(Path::new(".")).to_owned();
            ShellError::Spawn(SpawnError::NoDirectory {
                program,
                cwd,
                source,
            })
        })?;
        let home = Home::new(&self.pool, key, self.keeping);
        let name = parts.name_for(program);
        linux::run_in_shell(parts, &name, home, &Bash, command)
    }
}

impl Default for Shell {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shell")
            .field("command", &self.command)
            .field("keeping", &self.keeping)
            .field("kept", &self.kept())
            .finish_non_exhaustive()
    }
}
