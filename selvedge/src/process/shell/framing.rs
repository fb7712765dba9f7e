//! How a shell is told to run one command apart from all others, and how it says what became of it.
//!
//! A shell that serves commands reads text on its standard input. What it says about a command goes to a
//! descriptor that the command does not have, so nothing that a command prints can be mistaken for it, and
//! the command's own streams are pipes of its own, so that they need no marks: they end when they end.
//!
//! # Invariants
//!
//! 1. A framed command cannot change the shell: it runs in a subshell.
//! 2. A framed command has no descriptor of the shell's: not its input, not the one for news.
//! 3. Text that does not parse fails as a command, not as a frame: a script is an argument of `eval`.
//! 4. The shell outlives a signal to its group that asks to end; the command does not.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::process::shell::quote::{self, QuoteError};

/// What a shell says on its own descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::process) enum News {
    /// The command has its streams and runs, as this process.
    Began(u32),
    /// It has ended.
    Ended(i32),
}

/// Where a command's streams come from and go to: names that the shell can open, and that need no quotes.
pub(in crate::process) struct Streams<'a> {
    pub(in crate::process) stdin: &'a Path,
    pub(in crate::process) stdout: &'a Path,
    pub(in crate::process) stderr: &'a Path,
}

/// The language of one kind of shell.
pub(in crate::process) trait Framing: Send + Sync {
    /// What makes it read commands from its standard input, and nothing from anywhere else.
    fn arguments(&self) -> &'static [&'static str];

    /// The first that it reads.
    fn setup(&self) -> &'static [u8];

    /// Words as a command.
    fn words(&self, words: &[&OsStr]) -> Result<Vec<u8>, QuoteError>;

    /// A text of the shell's own language as a command.
    fn script(&self, script: &OsStr) -> Result<Vec<u8>, QuoteError>;

    /// What to send so that it runs `command`.
    fn frame(&self, command: &[u8], streams: &Streams<'_>) -> Vec<u8>;

    /// What a line of its news means; `None` is no news, and the shell is not to be trusted any more.
    fn news(&self, line: &[u8]) -> Option<News>;
}

/// GNU bash, 4 or later.
#[derive(Debug)]
pub(super) struct Bash;

impl Framing for Bash {
    fn arguments(&self) -> &'static [&'static str] {
        // `-p`: no functions and no shell options from the environment, no `BASH_ENV`.
        &["--noprofile", "--norc", "-p", "-s"]
    }

    fn setup(&self) -> &'static [u8] {
        // A trap that does nothing is the default again in a subshell (invariant 4); an ignored signal would
        // be ignored there as well. The news go to 3; whatever else the shell might print, to its errors.
        b"trap : HUP INT TERM; exec 3>&1 1>&2\n"
    }

    fn words(&self, words: &[&OsStr]) -> Result<Vec<u8>, QuoteError> {
        quote::words(words)
    }

    fn script(&self, script: &OsStr) -> Result<Vec<u8>, QuoteError> {
        let mut text = b"eval -- ".to_vec();
        text.extend_from_slice(&quote::quoted(script.as_bytes(), None)?);
        Ok(text)
    }

    fn frame(&self, command: &[u8], streams: &Streams<'_>) -> Vec<u8> {
        let name = |path: &'_ Path| path.as_os_str().as_bytes().to_vec();
        let Streams {
            stdin,
            stdout,
            stderr,
        } = streams;
        // One line as far as the shell is concerned: it has read all of it before it runs it, so the status is
        // reported although its input is closed meanwhile.
        [
            &b"( printf '+%d\\n' \"$BASHPID\" >&3; exec 3>&-\n"[..],
            command,
            b"\n) <",
            &name(stdin),
            b" >",
            &name(stdout),
            b" 2>",
            &name(stderr),
            b"; printf '=%d\\n' \"$?\" >&3\n",
        ]
        .concat()
    }

    fn news(&self, line: &[u8]) -> Option<News> {
        let (kind, number) = line.split_first()?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = str::from_utf8(number).ok()?;
        match kind {
            b'+' => number.parse().ok().map(News::Began),
            b'=' => number.parse().ok().map(News::Ended),
            _ => None,
        }
    }
}
